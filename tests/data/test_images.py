"""Packed images: their order, sizes, modes and memory, and the inputs read from them."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from hidden_gaussian.data import duplicates, images, splits
from hidden_gaussian.errors import InputError
from hidden_gaussian.measurement.targets import clean_images
from hidden_gaussian.storage import arrays
from toy_images import THREE, bad_zip, encoded, make_folder, make_zip, packed, pixels


@pytest.mark.parametrize("workers", [1, 3])
def test_many_images_keep_their_order(tmp_path, workers):
    content = pixels(200, 4, 1)
    path = make_zip(tmp_path / "x.zip", {f"{number:03}.png": encoded(image) for number, image in enumerate(content)})
    array, _ = packed(tmp_path, kind="zip", path=str(path), count=200, resolution=4, colour="grey", workers=workers)
    np.testing.assert_array_equal(array[:, 0], content)


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    peaks = []
    for count in (256, 2560):
        np.savez_compressed(tmp_path / "x.npz", x=np.zeros((count, 32, 32, 3), np.uint8))
        packed(tmp_path, kind="npz", path=str(tmp_path / "x.npz"), count=count, resolution=32)  # imports done
        tracemalloc.start()
        packed(tmp_path, kind="npz", path=str(tmp_path / "x.npz"), count=count, resolution=32)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < 2560 * 3072


def test_few_large_pictures_are_in_memory_at_a_time(tmp_path, monkeypatch):
    """At most the limit, the picture that exceeds it, and the one being read."""
    monkeypatch.setattr(images, "_BYTES", 2**22)
    megabyte = encoded(pixels(1)[0]).ljust(2**20, b"\0")
    folder = make_folder(tmp_path / "x", {f"{number:02}.png": megabyte for number in range(20)})
    packed(tmp_path, kind="folder", path=str(folder), count=20)  # imports done
    tracemalloc.start()
    packed(tmp_path, kind="folder", path=str(folder), count=20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6.5 * 2**20


def test_one_folder_mixes_sizes_and_modes(tmp_path):
    """Mode and size of a file do not affect the next one."""
    content = pixels(1)[0]
    large = np.kron(content, np.ones((4, 4, 1), np.uint8))
    wide = np.pad(content, ((0, 0), (6, 6), (0, 0)))
    entries = {
        "a.png": encoded(content),
        "b.png": encoded(large),
        "c.png": encoded(wide),
        "d.png": encoded(Image.fromarray(content).convert("RGBA")),
        "e.png": encoded(Image.fromarray(content[:, :, 0])),
        "f.jpg": encoded(np.full((9, 7), 77, np.uint8), "JPEG"),
        "g.png": encoded(Image.fromarray(np.full((8, 8), 77 * 257, np.uint16))),
    }
    array, about = packed(tmp_path, kind="folder", path=str(make_folder(tmp_path / "x", entries)), count=7)
    assert about["shape"] == [7, 3, 8, 8]
    expected = content.transpose(2, 0, 1)
    for index in (0, 2, 3):
        np.testing.assert_array_equal(array[index], expected)
    reduced = Image.fromarray(large).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(array[1], np.asarray(reduced).transpose(2, 0, 1))
    np.testing.assert_array_equal(array[4], np.repeat(expected[:1], 3, 0))
    assert (array[5:] == 77).all()


def test_the_expected_checksum_is_accepted(tmp_path):
    source = bad_zip(THREE)(tmp_path)
    _, about = packed(tmp_path, **source)
    _, again = packed(tmp_path, **source, sha256=about["sha256"].upper())
    assert again == about


def test_other_arrays_are_refused(tmp_path):
    arrays.save_array(tmp_path / "a.npy", np.zeros((3, 8, 8)))
    with pytest.raises(InputError, match=r"a.npy is float64 of shape \(3, 8, 8\); expected uint8"):
        images.open_images(tmp_path / "a.npy")


def dataset(root, *, heldout=10, separate=False):
    array = pixels(60, 16).transpose(0, 3, 1, 2)
    arrays.save_array(root / "images.npy", array)
    elsewhere = pixels(9, 16, seed=5).transpose(0, 3, 1, 2)
    elsewhere[4] = array[33]
    if separate:
        arrays.save_array(root / "heldout.npy", elsewhere)
    found = duplicates.find(array, elsewhere if separate else None)
    split = splits.split(array, 0 if separate else heldout, seed=1, found=found)
    splits.save_split(root / "split.safetensors", split)
    duplicates.save(root / "duplicates.json", found)
    arrays.save_array(root / "n20b/subset.npy", splits.subset_indices(split, 20, "b"))
    return array, elsewhere, split


def rows(array):
    return {image.tobytes() for image in array}


def test_inputs_are_the_images_of_the_split(tmp_path):
    array, elsewhere, split = dataset(tmp_path)
    subset = tmp_path / "n20b/subset.npy"
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "heldout"), array[split.heldout])
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "heldout", 4), array[split.heldout[:4]])
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "train", 7, subset=subset), array[split.order[:-8:-1]])
    assert rows(images.load_inputs(tmp_path, "remainder", subset=subset)) == rows(array[split.order[20:30]])
    assert images.load_inputs(tmp_path, "foreign").shape == (0, 3, 16, 16)
    arrays.save_array(tmp_path / "foreign.npy", elsewhere)
    assert rows(images.load_inputs(tmp_path, "foreign", 100)) == rows(elsewhere)
    np.testing.assert_array_equal(
        images.load_inputs(tmp_path, "foreign", 3), images.load_inputs(tmp_path, "foreign", 9)[:3]
    )


def test_kinds_of_input_without_images_are_left_out(tmp_path):
    array, _, split = dataset(tmp_path)
    for size in (20, 25):  # 50 images: two halves of 25 leave none
        chosen = splits.subset_indices(split, size, "a")
        arrays.save_array(tmp_path / f"n{size}a/subset.npy", chosen)
        found = clean_images(tmp_path, f"n{size}a/gaussian", ["train", "remainder", "noise", "trajectory"], 6)
        assert list(found) == (["train", "remainder"] if size == 20 else ["train"])
        np.testing.assert_allclose(found["train"].numpy(), array[chosen[:6]] / 127.5 - 1, atol=1e-6)
        assert all(len(images) == 6 for images in found.values())


def test_training_images_of_a_separate_held_out_source_are_left_out(tmp_path):
    _, elsewhere, _ = dataset(tmp_path, separate=True)
    assert rows(images.load_inputs(tmp_path, "heldout")) == rows(np.delete(elsewhere, 4, 0))


@pytest.mark.parametrize(("name", "subset"), [("train", None), ("noise", None), ("noise", "subset.npy")])
def test_unknown_inputs_are_refused(tmp_path, name, subset):
    with pytest.raises(ValueError, match=f"inputs '{name}'"):
        images.load_inputs(tmp_path, name, 3, subset=subset and tmp_path / subset)
