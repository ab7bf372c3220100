"""Downloads of archives: complete or absent, resumed after an interruption, and checked by size and checksum."""

from __future__ import annotations

import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from hidden_gaussian.data.known_archives import KNOWN
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import interruption, progress_bar
from hidden_gaussian.settings import Study
from hidden_gaussian.storage import arrays, put_in_place

ATTEMPTS = 5
PAUSE = 2.0  # seconds before the second attempt, doubled before each further one
TIMEOUT = 60.0  # seconds without a byte
BLOCK = 2**20

logger = logging.getLogger(__name__)


def fetch_archives(study: Study) -> None:
    """Download the missing archives of a study, and log the licence of each.

    Raises
    ------
    InputError
        If a download fails; or, after all downloads, if archives must be downloaded by hand, with instructions.
    """
    by_hand = []
    for name, setting in study.archives.items():
        download, path = study.downloads.get(name) or KNOWN.get(name), Path(setting).expanduser()
        if path.exists():
            logger.info("%s is there: %s", name, path)
        elif download is None:
            by_hand.append(f"{name}: save it as {path}, or describe it under 'downloads'")
        elif download.url is None:
            by_hand.append(f"{name} ({download.licence}): {download.instructions}; save it as {path}")
        else:
            logger.info("%s: %s; by downloading it you accept its licence: %s", name, download.url, download.licence)
            size, sha256 = download.size or 0, download.sha256 or ""
            fetch(download.url, path, size=size, sha256=sha256, key=f"downloads.{name}.url")
    if by_hand:
        raise InputError("archives: some must be downloaded by hand. " + ". ".join(by_hand))


class _Broken(Exception):
    """A transfer that may succeed at the next attempt."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects from https to https only; urllib itself refuses redirects to files."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Raise InputError for a redirect from https to an unencrypted address."""
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise InputError(f"{req.full_url} redirects to {newurl}, which is unencrypted; use another mirror")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetch(url: str, path: Path, *, size: int, sha256: str, key: str = "url") -> None:
    """Download a file over https or http, and check its size and checksum.

    A partial file stays beside it with the suffix ``.part``; the next attempt or run requests only the rest.

    Parameters
    ----------
    url : str
    path : Path
        The file to make. A file that exists and has the checksum is not downloaded again.
    size, sha256 : int, str
        Expected bytes and hexadecimal checksum.
    key : str
        The setting with the address, for errors.

    Raises
    ------
    InputError
        If the address is not http or https, the server refuses, the transfer breaks off ATTEMPTS times, or size or
        checksum are wrong.
    """
    _check_scheme(url, key)
    part = path.with_name(path.name + ".part")
    with interruption.lock(part):  # makes the folder
        if path.exists():
            _check_whole(path, size, sha256, f"{path} exists, but it")
            return
        _retried(lambda: _transfer(url, part, size, key), url, key)
        try:
            _check_whole(part, size, sha256, f"{key}: the file from {url}")
        except InputError:
            part.unlink()
            raise
        put_in_place(part, path)


def _check_scheme(url: str, where: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"{where}: {url!r}; expected an address that begins with https:// or http://; correct it")


def _retried(transfer: Callable[[], None], url: str, key: str) -> None:
    """Repeat a transfer until it is complete, with growing pauses."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            transfer()
            return
        except _Broken as error:
            if attempt == ATTEMPTS:
                raise InputError(
                    f"{key}: {url} broke off {ATTEMPTS} times ({error}); check the network and run again to continue, "
                    "or download the file yourself"
                ) from None
            logger.warning("%s broke off (%s); attempt %d of %d follows", url, error, attempt + 1, ATTEMPTS)
            time.sleep(PAUSE * 2 ** (attempt - 1))


def _transfer(url: str, part: Path, size: int, key: str) -> None:
    """Append the missing part of a file, or start again if the server cannot send a part."""
    done = part.stat().st_size if part.exists() else 0
    if done == size:
        return
    if done > size:
        part.unlink()
        done = 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            done = done if answer.status == http.client.PARTIAL_CONTENT and _starts_at(answer, done) else 0
            with (
                part.open("ab" if done else "wb") as file,
                progress_bar(part.stem, size, done=done, unit="bytes") as show,
            ):
                while block := _received(answer, min(BLOCK, size + 1 - done)):
                    file.write(block)
                    done += len(block)
                    show(min(done, size))
    except urllib.error.HTTPError as error:
        with error:
            _refused(error.code, url, part, key)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _Broken(getattr(error, "reason", None) or type(error).__name__) from None
    except OSError as error:  # the disk's, which does not name the file
        raise OSError(error.errno, error.strerror, str(part)) from error
    if done < size:
        raise _Broken(f"{done} of {size} bytes arrived")


def _received(answer: http.client.HTTPResponse, size: int) -> bytes:
    """Return the next bytes; every error of the network can be temporary."""
    try:
        return answer.read(size)
    except OSError as error:
        raise _Broken(error.strerror or type(error).__name__) from None


def _starts_at(answer: http.client.HTTPResponse, byte: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {byte}-")


def _refused(code: int, url: str, part: Path, key: str) -> None:
    """Turn an error status into another attempt, or into an InputError."""
    answer = f"{code} {http.client.responses.get(code, '')}".strip()
    if code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.unlink(missing_ok=True)
    elif code < 500 and code not in {http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS}:
        raise InputError(
            f"{key}: {url} answered {answer}; expected the file; check the address, or download the file yourself and "
            "set its path in 'archives'"
        ) from None
    raise _Broken(answer)


def _check_whole(path: Path, size: int, sha256: str, what: str) -> None:
    length = path.stat().st_size
    if length != size:
        raise InputError(f"{what} has {length} bytes; expected {size}; remove it, or correct the size in the settings")
    checksum = arrays.sha256(path)
    if checksum != sha256.lower():
        raise InputError(
            f"{what} has the SHA-256 {checksum}; expected {sha256}; use another mirror, or correct the checksum in the "
            "settings"
        )
