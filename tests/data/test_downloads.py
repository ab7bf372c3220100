"""Downloads from a server that breaks off, redirects, refuses, or sends another file."""

import hashlib
import resource
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from hidden_gaussian import settings
from hidden_gaussian.data import downloads, known_archives
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Download
from smoke_study import ROOT

CONTENT = np.random.default_rng(0).integers(0, 256, 3_000_000, np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT under several names, each with its own fault, and records the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        span = self.headers.get("Range", "")
        self.server.requests.append((self.path, span))
        start = int(span.removeprefix("bytes=").removesuffix("-") or 0)
        match self.path:
            case "/moved":
                self._answer(302, Location="/whole")
            case "/elsewhere":
                self._answer(302, Location="file:///etc/passwd")
            case "/circle":
                self._answer(302, Location="/circle")
            case "/absent" | "/forbidden":
                self._answer({"/absent": 404, "/forbidden": 403}[self.path])
            case "/busy" if len(self.server.requests) < 3:
                self._answer(503)
            case "/unsatisfiable" if span:
                self._answer(416)
            case "/no-parts":
                self._send(0, cut=len(self.server.requests) < 2)
            case "/breaks":
                self._send(start, cut=len(self.server.requests) < 3)
            case "/never":
                self._send(start, cut=True, step=0)
            case "/other":
                self._send(0, content=CONTENT[::-1])
            case "/longer":
                self._send(0, content=CONTENT + b"more")
            case _:
                self._send(start)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, start: int, *, content: bytes = CONTENT, cut: bool = False, step: int = 1_000_000) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + step] if cut else content[start:])
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _fetch(server: Server, name: str, path: Path) -> None:
    downloads.fetch(server.address + name, path, size=len(CONTENT), sha256=SHA256, key="downloads.x.url")


def test_the_error_for_a_full_disk_names_the_file(server: Server, tmp_path: Path) -> None:
    path, part = tmp_path / "x.zip", tmp_path / "x.zip.part"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            downloads.fetch(f"{server.address}/whole", path, size=len(CONTENT), sha256=SHA256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(part)
    downloads.fetch(f"{server.address}/whole", path, size=len(CONTENT), sha256=SHA256)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["/whole", "/moved", "/busy", "/breaks", "/no-parts"])
def test_the_file_arrives_whole(server: Server, tmp_path: Path, name: str) -> None:
    path = tmp_path / "deep folder" / "ärchive.bin"
    _fetch(server, name, path)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_only_the_rest_is_requested(server: Server, tmp_path: Path) -> None:
    _fetch(server, "/breaks", tmp_path / "a")
    assert [span for _, span in server.requests] == ["", "bytes=1000000-", "bytes=2000000-"]


@pytest.mark.fault("a download breaks off", "the next run requests the rest only")
def test_a_later_run_continues(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT[:12345])
    _fetch(server, "/whole", tmp_path / "a")
    assert server.requests == [("/whole", "bytes=12345-")]
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT + b"more", CONTENT])
def test_a_partial_file_that_is_whole_or_too_long(server: Server, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "a.part").write_bytes(left)
    _fetch(server, "/whole", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert len(server.requests) == (left != CONTENT)


def test_a_server_that_refuses_the_rest_gets_a_request_for_all(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT[:10])
    _fetch(server, "/unsatisfiable", tmp_path / "a")
    assert [span for _, span in server.requests] == ["bytes=10-", ""]


def test_a_part_of_another_file_is_detected_and_removed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"x" * 1000)
    with pytest.raises(InputError, match="SHA-256"):
        _fetch(server, "/whole", tmp_path / "a")
    assert not list(tmp_path.iterdir())
    _fetch(server, "/whole", tmp_path / "a")


BAD = {
    "/absent": "answered 404",
    "/forbidden": "answered 403",
    "/elsewhere": "answered 302",
    "/circle": "answered 302",
    "/other": "SHA-256",
    "/longer": f"has {len(CONTENT) + 1} bytes; expected {len(CONTENT)}",
    "/never": "broke off 5 times",
}


@pytest.mark.fault("the server refuses a download, or sends a different file", "one sentence, no file")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_download_is_one_sentence_and_leaves_no_file(server: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=BAD[name]) as caught:
        _fetch(server, name, tmp_path / "a")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "/etc/passwd", "data:,x", "http:///x", ""])
def test_addresses_other_than_http_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="expected an address"):
        downloads.fetch(url, tmp_path / "a", size=1, sha256=SHA256)
    assert not list(tmp_path.iterdir())


@pytest.mark.fault("a redirect from https to http", "refused")
def test_a_redirect_away_from_encryption_is_refused() -> None:
    request = downloads.urllib.request.Request("https://host/a")
    with pytest.raises(InputError, match="unencrypted"):
        downloads._SafeRedirects().redirect_request(request, None, 302, "", {}, "http://host/a")


def test_a_server_that_does_not_answer(tmp_path: Path, server: Server) -> None:
    address = server.address
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match="refused"):
        downloads.fetch(f"{address}/a", tmp_path / "a", size=1, sha256=SHA256)


def test_an_existing_archive_is_unchanged(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    _fetch(server, "/whole", tmp_path / "a")
    (tmp_path / "a").write_bytes(b"the user's own")
    with pytest.raises(InputError, match="a exists, but it has"):
        _fetch(server, "/whole", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"the user's own"
    assert server.requests == []


def test_a_study_downloads_archives_and_gives_instructions_for_the_others(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hidden_gaussian")
    study = settings.load(ROOT / "tests/smoke/config/config.yaml")
    (tmp_path / "mine.zip").write_bytes(b"mine")
    files = {"own": "own.bin", "ffhq": "ffhq.zip", "mine": "mine.zip", "unknown": "unknown.zip"}
    own = Download(url=f"{server.address}/whole", size=len(CONTENT), sha256=SHA256, licence="free for all")
    archives = {name: str(tmp_path / file) for name, file in files.items()}
    study = study.model_copy(update={"archives": archives, "downloads": {"own": own}})
    with pytest.raises(InputError, match=r"ffhq \(CC BY-NC-SA.*thumbnails128x128.*unknown: save it as"):
        downloads.fetch_archives(study)
    assert (tmp_path / "own.bin").read_bytes() == CONTENT
    assert (tmp_path / "mine.zip").read_bytes() == b"mine"
    assert "licence: free for all" in caplog.text


def test_every_archive_of_the_paper_is_known_and_documented() -> None:
    archives = settings.load(ROOT / "config/paper.yaml").archives
    assert set(archives) == set(known_archives.KNOWN)
    page = (ROOT / "docs/data.md").read_text()
    assert all(path in page for path in archives.values() if path.endswith(".zip"))
    for name, download in known_archives.KNOWN.items():
        assert f"`{name}`" in page
        assert download.licence.split(";")[0] in page, name
