"""Files of arrays, tensors and JSON: deterministic, without pickles, with errors that name a damaged file."""

import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import arrays
from toy_images import PIXELS


@pytest.mark.parametrize("mmap", [False, True])
def test_arrays_round_trip(tmp_path, mmap):
    array = np.arange(24, dtype=np.int64).reshape(2, 3, 4).transpose(2, 0, 1)
    arrays.save_array(tmp_path / "a.npy", array)
    loaded = arrays.load_array(tmp_path / "a.npy", mmap=mmap)
    assert isinstance(loaded, np.memmap) == mmap
    np.testing.assert_array_equal(loaded, array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


def test_arrays_of_objects_are_refused_both_ways(tmp_path):
    objects = np.array([{}], dtype=object)
    with pytest.raises(ValueError, match="Object arrays"):
        arrays.save_array(tmp_path / "a.npy", objects)
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(InputError, match=r"b\.npy is damaged"):
        arrays.load_array(tmp_path / "b.npy")


def test_tensors_and_views_round_trip(tmp_path):
    whole = torch.arange(6.0).reshape(2, 3)
    tensors = {"row": whole[0], "turned": whole.T, "half": whole.bfloat16(), "scalar": torch.tensor(2.0)}
    arrays.save_tensors(tmp_path / "t.safetensors", tensors, {"note": "é"})
    loaded = arrays.load_tensors(tmp_path / "t.safetensors")
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
    assert arrays.load_metadata(tmp_path / "t.safetensors") == {"note": "é"}


def test_numpy_arrays_round_trip_and_torch_reads_them(tmp_path):
    content = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "none": np.zeros(0, np.int64)}
    arrays.save_tensors(tmp_path / "t.safetensors", content)
    for loaded in (
        arrays.load_arrays(tmp_path / "t.safetensors"),
        arrays.load_tensors(tmp_path / "t.safetensors"),
    ):
        np.testing.assert_array_equal(np.asarray(loaded["a"]), content["a"])
        assert tuple(loaded["none"].shape) == (0,)
    assert arrays.load_metadata(tmp_path / "t.safetensors") == {}


def test_the_same_content_makes_the_same_bytes(tmp_path):
    metadata = {f"key{number}": str(number) for number in range(8)}
    checksums = set()
    for _ in range(5):
        arrays.save_tensors(tmp_path / "t.safetensors", {"b": np.ones(3), "a": np.zeros((2, 2))}, metadata)
        checksums.add(arrays.sha256(tmp_path / "t.safetensors"))
    assert len(checksums) == 1
    assert arrays.load_metadata(tmp_path / "t.safetensors") == metadata
    np.testing.assert_array_equal(arrays.load_arrays(tmp_path / "t.safetensors")["b"], np.ones(3))


LOADERS = {
    "a.npy": arrays.load_array,
    "m.npy": lambda path: arrays.load_array(path, mmap=True),
    "a.safetensors": arrays.load_arrays,
    "t.safetensors": arrays.load_tensors,
    "h.safetensors": arrays.load_metadata,
    "a.json": arrays.load_json,
}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "pickle"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    path = tmp_path / name
    if path.suffix == ".npy":
        arrays.save_array(path, np.arange(1000))
    elif path.suffix == ".safetensors":
        arrays.save_tensors(path, {"a": np.arange(1000)})
    else:
        arrays.save_json(path, list(range(1000)))
    LOADERS[name](path)
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut": whole[:-200], "noise": b"\x01\xff" * 200, "pickle": pickle.dumps([1])}[damage]
    )
    with pytest.raises(InputError, match=rf"{name} is damaged .*delete it and run again"):
        LOADERS[name](path)


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=f"{name} is not there"):
        LOADERS[name](tmp_path / name)


def test_json_is_sorted_and_finite(tmp_path):
    arrays.save_json(tmp_path / "a.json", {"b": (1, 2), "a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8").index('"a": "ü"') < 10
    with pytest.raises(ValueError, match="not JSON compliant"):
        arrays.save_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


def test_sha256_equals_the_published_example(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert arrays.sha256(tmp_path / "abc") == expected


def test_data_modules_do_not_import_torch():
    code = "import sys; from hidden_gaussian.data import images, splits; sys.exit('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert ended.returncode == 0


def test_files_of_other_programs_have_no_checksum_and_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PIXELS)
    safetensors.numpy.save_file({"a": PIXELS}, tmp_path / "a.safetensors")
    for mmap in (False, True):
        assert (arrays.load_array(tmp_path / "a.npy", mmap=mmap, verify=True) == PIXELS).all()
    assert (arrays.load_arrays(tmp_path / "a.safetensors")["a"] == PIXELS).all()
    assert arrays.load_metadata(tmp_path / "a.safetensors") == {}


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3).T, np.float32(3), np.zeros((0, 2)), PIXELS[::2]])
def test_arrays_of_any_layout_are_read_here_and_by_numpy(tmp_path: Path, array: np.ndarray) -> None:
    arrays.save_array(tmp_path / "a.npy", array)
    for found in (arrays.load_array(tmp_path / "a.npy"), np.load(tmp_path / "a.npy")):
        assert found.shape == np.shape(array) and (found == array).all()


def _bomb(length: int, head: bytes) -> bytes:
    return struct.pack("<Q", length) + head


BOMBS = {
    "a head longer than memory": _bomb(2**62, b"{}"),
    "a head longer than the file": _bomb(10**8, b"{}"),
    "no JSON": _bomb(4, b"\xff\xfe\x00\x00"),
    "nested": _bomb(200_000, b"[" * 200_000),
    "offsets beyond the file": _bomb(64, b'{"a":{"dtype":"F64","shape":[9],"data_offsets":[0,72]}}'.ljust(64)),
    "a shape that overflows": _bomb(
        96, b'{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}'.ljust(96) + bytes(8)
    ),
    "offsets that overlap": _bomb(
        160,
        b'{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}'.ljust(
            160
        )
        + bytes(8),
    ),
    "negative offsets": _bomb(64, b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}'.ljust(64)),
    "an unknown type": _bomb(64, b'{"a":{"dtype":"PY","shape":[1],"data_offsets":[0,1]}}'.ljust(64) + b"0"),
}


@pytest.mark.fault("a `.safetensors` head lies about its length, types or offsets", "refused")
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("load", [arrays.load_tensors, arrays.load_arrays, arrays.load_metadata])
def test_a_safetensors_head_that_lies_is_refused(tmp_path: Path, bomb: str, load: Callable[[Path], Any]) -> None:
    (tmp_path / "weights.safetensors").write_bytes(BOMBS[bomb])
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        load(tmp_path / "weights.safetensors")
