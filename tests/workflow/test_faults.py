"""Faults caused on purpose: failing writes, wrong or damaged files, odd images, noise levels and paths."""

import errno
import itertools
import json
import os
import pickle
import platform
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import toy_networks
from hidden_gaussian import noise_schedule, spectrum
from hidden_gaussian.data import duplicates, images, splits
from hidden_gaussian.denoisers import GaussianDenoiser, LinearDenoiser, open_denoiser
from hidden_gaussian.denoisers.empirical import EmpiricalDenoiser
from hidden_gaussian.denoisers.network import load_network
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import logs
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.sampling import sample_sets
from hidden_gaussian.storage import arrays, parquet
from toy_images import PIXELS


def _shard(path: Path) -> None:
    parquet.write_shard(path, pd.DataFrame({"id": ["n8a/mean"], "quantity": ["difference"], "value": [1.0]}))


WRITES: dict[str, Callable[[Path], None]] = {
    "a.npy": lambda path: arrays.save_array(path, PIXELS),
    "n.safetensors": lambda path: arrays.save_tensors(path, {"a": PIXELS}),
    "t.safetensors": lambda path: arrays.save_tensors(path, {"a": torch.ones(9)}),
    "a.json": lambda path: arrays.save_json(path, {"a": 1}),
    "a.parquet": _shard,
}
POINTS = {"flushed": "os.fsync", "moved to its path": "pathlib.Path.replace"}


@pytest.mark.fault(
    "a write fails (disk full, I/O error) when the file is flushed or moved to its path; each kind of file",
    "the old file stays, and no unfinished file is left; the error names the file and the reason",
)
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, point: str, code: int
) -> None:
    path = tmp_path / name
    WRITES[name](path)
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(POINTS[point], fail)
        with pytest.raises(OSError, match=f"{os.strerror(code)}.*{name}") as caught:
            WRITES[name](path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]
    WRITES[name](path)
    assert path.read_bytes() == before


@contextmanager
def _small_files(size: int) -> Iterator[None]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.fault(
    "the disk runs full during a write; each kind of file",
    "the old file stays, and no unfinished file is left; one sentence names the file",
)
@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_a_full_disk_leaves_the_old_file_and_names_it(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Simulated by a limit on the size of files, in a process of its own."""
    path = tmp_path / name
    WRITES[name](path)
    before = path.read_bytes()
    child = os.fork()
    if child == 0:
        status = 0
        try:
            with logs.job_log("/dev/null"), _small_files(2):
                WRITES[name](path)
        except SystemExit as end:
            status = int(str(end.code))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    message = capfd.readouterr().err
    assert message.startswith(f"Error: {path}: ")
    assert message.count("\n") == 1
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.fault(
    "a job is killed at the end of a write",
    "the old file stays; the next write gives the same bytes and removes the unfinished file",
)
@pytest.mark.parametrize("name", WRITES)
def test_a_job_killed_while_it_writes_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    """SIGKILL in a process of its own, just before the new file replaces the old one."""
    path = tmp_path / name
    WRITES[name](path)
    before = path.read_bytes()
    child = os.fork()
    if child == 0:
        os.fsync = lambda *_: os.kill(os.getpid(), 9)
        WRITES[name](path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2
    WRITES[name](path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_unfinished_files_of_other_processes_are_left_alone(tmp_path: Path) -> None:
    """A running process, one on another machine, a user's file; but an unfinished file of a day ago is removed."""
    node, day = platform.node(), time.time() - 90_000
    untouched = [f".a.{node}.{os.getppid()}.json", ".a.elsewhere.7.json", ".a.mine.json", ".b.elsewhere.7.json"]
    for name in (*untouched, ".a.elsewhere.8.json"):
        (tmp_path / name).write_text("x")
    for name in (".a.elsewhere.8.json", ".a.mine.json", ".b.elsewhere.7.json"):
        os.utime(tmp_path / name, (day, day))
    arrays.save_json(tmp_path / "a.json", 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*untouched, "a.json"])


def test_a_file_where_a_folder_should_be_raises_the_systems_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=r"exists|irectory"):
        arrays.save_json(tmp_path / "file" / "a.json", 1)
    assert (tmp_path / "file").read_text() == "x"


# ---- wrong or damaged files


def _subset(path: Path) -> None:
    arrays.save_array(path, np.arange(8))


def _split(path: Path) -> None:
    splits.save_split(path, splits.Split(np.arange(4), np.arange(4, 12)))


def _weights(path: Path) -> None:
    network = toy_networks.build()
    options = {"options": json.dumps(network.options)}
    arrays.save_tensors(path, network.state_dict(), options)


def _linear(path: Path) -> None:
    LinearDenoiser(torch.tensor([4.0, 0.5]), torch.ones(2, 4, 4), torch.ones(2, 4)).save(path)


def _samples(path: Path) -> None:
    arrays.save_array(path, np.ones((3, 1, 8, 8), np.float32))


READS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "images.npy": (lambda path: arrays.save_array(path, PIXELS), images.open_images),
    "subset.npy": (_subset, splits.load_subset),
    "split.safetensors": (_split, splits.load_split),
    "duplicates.json": (lambda path: duplicates.save(path, duplicates.find(PIXELS)), duplicates.load),
    "spectrum.safetensors": (lambda path: spectrum.fit(PIXELS).save(path, (1, 8, 8)), spectrum.Spectrum.load),
    "weights.safetensors": (_weights, load_network),
    "linear.safetensors": (_linear, LinearDenoiser.load),
    "samples_euler10.npy": (_samples, sample_sets.load),
    "measures.parquet": (_shard, parquet.read_shard),
}
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "one byte": lambda whole: whole[:1],
    "half": lambda whole: whole[: len(whole) // 2],
    "head only": lambda whole: whole[:16],
    "zeros": lambda whole: bytes(len(whole)),
    "text": lambda whole: b"<html>404 Not Found</html>" * 40,
    "a zip file": lambda whole: b"PK\x03\x04" + whole,
}


@pytest.mark.fault(
    "a result file is empty, cut, zeroed, text, or of another format", "the error names it and says what to do"
)
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_error_names_the_damaged_file(tmp_path: Path, name: str, damage: str) -> None:
    write, read = READS[name]
    path = tmp_path / name
    write(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(InputError, match=name) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.fault("a bit of a shard flips", "the error names the file, wherever the bit could change a value")
def test_a_flipped_bit_in_the_values_of_a_shard_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "measures.parquet"
    _shard(path)
    whole, before = path.read_bytes(), parquet.read_shard(path)
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # of the pages; the footer follows
    positions, noticed = range(4, end, 7), 0
    for position in positions:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            found = parquet.read_shard(path)
        except InputError:
            noticed += 1
        else:  # an unused hint in the header of a page
            pd.testing.assert_frame_equal(found, before)
    assert noticed > len(positions) / 2


def _verified(path: Path) -> Any:
    return images.open_images(path, verify=True)


@pytest.mark.fault(
    "a bit flips in images, a subset, split, spectrum, map or samples (weights: same code)", "the error names the file"
)
@pytest.mark.parametrize("name", sorted(READS.keys() - {"duplicates.json", "measures.parquet", "weights.safetensors"}))
def test_a_flipped_bit_in_the_numbers_is_noticed(tmp_path: Path, name: str) -> None:
    write, read = READS[name]
    read = {"images.npy": _verified, "linear.safetensors": arrays.load_arrays}.get(name, read)
    path = tmp_path / name
    write(path)
    sound, whole = read(path), path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little") if path.suffix == ".safetensors" else 128
    for position in range(start, len(whole) - 14, 1 + len(whole) // 200):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        with pytest.raises(InputError, match=f"{name} is damaged .*checksum"):
            read(path)
    for position, bit in itertools.product((*range(start), *range(len(whole) - 14, len(whole))), (1, 4, 16)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
        try:
            found = read(path)
        except InputError:
            continue
        assert pickle.dumps(found) == pickle.dumps(sound)  # the flip hid the checksum and changed no number


@pytest.mark.fault(
    "a bit flips in the header of images, which are mapped, not read",
    "the error names the file, or all pixels are right",
)
def test_a_flipped_bit_in_the_header_of_mapped_images_changes_no_pixel(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    arrays.save_array(path, PIXELS)
    whole = path.read_bytes()
    for position, bit in itertools.product(range(128), range(8)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :])
        try:
            found = images.open_images(path)
        except InputError:
            continue
        assert found.shape != PIXELS.shape or np.array_equal(found, PIXELS)


FOREIGN = {
    (name, other) for name in READS for other in READS if name != other and Path(name).suffix == Path(other).suffix
}


@pytest.mark.fault("a result file is a sound file of another kind", "the error names it")
@pytest.mark.parametrize(("name", "other"), sorted(FOREIGN))
def test_an_error_names_a_file_of_another_kind(tmp_path: Path, name: str, other: str) -> None:
    READS[other][0](tmp_path / name)
    with pytest.raises(InputError, match=name):
        READS[name][1](tmp_path / name)


# ---- images


@pytest.mark.fault("all images are constant", "a spectrum without variance")
@pytest.mark.parametrize("value", [0, 127, 255])
def test_constant_images_have_no_variance_and_denoise_to_themselves(value: int) -> None:
    fitted = spectrum.fit(np.full((5, 1, 4, 4), value, np.uint8))
    assert fitted.eigenvalues.shape == (0,)
    denoised = GaussianDenoiser(fitted)(torch.randn(3, 1, 4, 4), 1.0)
    torch.testing.assert_close(denoised, torch.full((3, 1, 4, 4), value / 127.5 - 1))


@pytest.mark.fault("a single image", "its mean is the image")
def test_the_mean_of_one_image_is_the_image() -> None:
    fitted = spectrum.fit(PIXELS[:1])
    assert fitted.count == 1
    assert fitted.eigenvalues.size == 0
    np.testing.assert_allclose(fitted.mean.reshape(1, 8, 8), PIXELS[0] / 127.5 - 1, atol=1e-12)


@pytest.mark.fault("equal images", "found and counted")
def test_equal_images_are_found_and_do_not_change_the_spectrum() -> None:
    twice = np.concatenate([PIXELS[:4], PIXELS[:4]])
    assert duplicates.find(twice).groups == ((0, 4), (1, 5), (2, 6), (3, 7))
    np.testing.assert_allclose(spectrum.fit(twice).eigenvalues, spectrum.fit(PIXELS[:4]).eigenvalues, rtol=1e-9)


@pytest.mark.fault("no image", "an error of one sentence")
def test_no_image_is_an_error_in_one_sentence() -> None:
    with pytest.raises(InputError, match="at least one image"):
        spectrum.fit(PIXELS[:0])


# ---- noise levels and batches


@pytest.mark.fault("sigma 0", "the image itself")
def test_without_noise_the_gaussian_returns_images_of_its_subset() -> None:
    law = spectrum.fit(PIXELS)
    clean = torch.from_numpy(to_unit(PIXELS.astype(np.float32)))
    torch.testing.assert_close(GaussianDenoiser(law)(clean, 0.0), clean, atol=1e-5, rtol=0)


@pytest.mark.fault("sigma 1e-6, 1e6", "finite")
@pytest.mark.parametrize("sigma", [1e-6, 1e6])
def test_extreme_noise_levels_are_finite(sigma: float) -> None:
    noisy = torch.from_numpy(to_unit(PIXELS.astype(np.float32))) + sigma * torch.randn(12, 1, 8, 8)
    for denoiser in (GaussianDenoiser(spectrum.fit(PIXELS)), EmpiricalDenoiser(torch.from_numpy(PIXELS))):
        assert denoiser(noisy, sigma).isfinite().all()


@pytest.mark.fault("an empty batch; tiles of 1 to 1e9 images", "the same numbers")
@pytest.mark.parametrize("tile", [1, 5, 10**9])
def test_batches_may_be_empty_and_tiles_of_any_size(tile: int) -> None:
    denoiser = EmpiricalDenoiser(torch.from_numpy(PIXELS), tile=tile)
    assert denoiser(torch.zeros(0, 1, 8, 8), 1.0).shape == (0, 1, 8, 8)
    noisy = torch.from_numpy(to_unit(PIXELS.astype(np.float32))) + 0.5
    expected = EmpiricalDenoiser(torch.from_numpy(PIXELS))(noisy, 0.5)
    torch.testing.assert_close(denoiser(noisy, 0.5), expected)


@pytest.mark.parametrize("count", [-1, 0, 1])
def test_a_schedule_of_fewer_than_two_levels_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        noise_schedule.schedule(count)


# ---- paths


@pytest.mark.fault("spaces, Unicode, quotes or 200 letters in paths", "works")
@pytest.mark.parametrize("folder", ["with spaces", "ünïcödé 画像", "quote's", "a;b&c$d", "-leading", "x" * 200])
def test_results_work_in_folders_of_any_name(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    for name, (write, read) in READS.items():
        write(root / name)
        read(root / name)
    (root / "n8a").mkdir()
    for name in ("subset.npy", "spectrum.safetensors"):
        shutil.move(root / name, root / "n8a" / name)
    for kind in ("gaussian", "empirical", "mean", "identity"):
        assert open_denoiser(root, f"n8a/{kind}", "cpu")(torch.zeros(1, 1, 8, 8), 1.0).shape == (1, 1, 8, 8)


@pytest.mark.fault("results are moved", "works")
def test_results_can_be_moved_to_another_folder(tmp_path: Path) -> None:
    for name, (write, _) in READS.items():
        write(tmp_path / "here" / name)
        assert str(tmp_path).encode() not in (tmp_path / "here" / name).read_bytes(), name
    shutil.move(tmp_path / "here", tmp_path / "there")
    for name, (_, read) in READS.items():
        read(tmp_path / "there" / name)


@pytest.mark.fault("a subset file belongs to another folder, or holds wrong indices of images", "the error names it")
def test_an_error_names_a_subset_file_that_does_not_fit(tmp_path: Path) -> None:
    arrays.save_array(tmp_path / "images.npy", PIXELS)
    for indices, reason in (
        (np.arange(4), "has 4 indices; expected 8"),
        (np.arange(8.0), "float64"),
        (np.arange(-1, 7), "expected indices of images"),
        (np.arange(8) + 90, "has index 97; expected less than 12"),
    ):
        arrays.save_array(tmp_path / "n8a/subset.npy", indices)
        with pytest.raises(InputError, match=f"n8a/subset.npy.*{reason}"):
            images.open_subset(tmp_path / "images.npy", tmp_path / "n8a/subset.npy")
