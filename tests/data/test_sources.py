"""Every kind of source: which pictures are read, in which order, and how many."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from hidden_gaussian.data import sources
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import logs
from hidden_gaussian.settings import Source
from hidden_gaussian.storage import arrays
from toy_images import GOOD, KEY, THREE, encoded, make_folder, make_zip, packed, pixels


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_nested_archives_are_read_in_the_order_of_names(tmp_path, kind):
    path = make_zip(tmp_path / "x.zip", GOOD) if kind == "zip" else make_folder(tmp_path / "x", GOOD)
    array, about = packed(tmp_path, kind=kind, path=str(path), count=4)
    np.testing.assert_array_equal(array[1:], pixels().transpose(0, 3, 1, 2))
    decoded = np.asarray(Image.open(io.BytesIO(GOOD["a/photo.JPG"])))
    np.testing.assert_array_equal(array[0], decoded.transpose(2, 0, 1))
    assert str(tmp_path) not in str(about)
    if kind == "zip":
        assert about["sha256"] == arrays.sha256(path)


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_prefix_selects_images(tmp_path, kind):
    path = make_zip(tmp_path / "x.zip", GOOD) if kind == "zip" else make_folder(tmp_path / "x", GOOD)
    array, _ = packed(tmp_path, kind=kind, path=str(path), count=3, prefix="b/")
    assert len(array) == 3


@pytest.mark.parametrize("kind", ["zip", "folder"])
@pytest.mark.parametrize("prefix", ["train", "train/", "./train"])
def test_a_prefix_is_a_folder(tmp_path, kind, prefix):
    entries = {f"{folder}/x.png": GOOD["b/0.png"] for folder in ("train", "train2", "train/deep", "other")}
    path = make_zip(tmp_path / "x.zip", entries) if kind == "zip" else make_folder(tmp_path / "x", entries)
    array, _ = packed(tmp_path, kind=kind, path=str(path), count=2, prefix=prefix)
    assert len(array) == 2


@pytest.mark.parametrize("prefix", ["", "b"])
def test_links_are_followed_except_in_circles(tmp_path, prefix):
    """Class folders are often links into another collection; pipes, which would block, are skipped."""
    elsewhere = make_folder(tmp_path / "elsewhere", {"b/0.png": GOOD["b/0.png"], "1.png": GOOD["b/1.png"]})
    folder = make_folder(tmp_path / "x", {"c/2.png": GOOD["b/2.png"]})
    (folder / "b").symlink_to(elsewhere / "b")
    (folder / "b/1.png").symlink_to("../1.png")
    (folder / "b/back").symlink_to(folder)
    (folder / "b/itself").symlink_to(".")
    (folder / ".cache").symlink_to("/")
    os.mkfifo(folder / "pipe.png")
    (folder / "circle.txt").symlink_to("circle.txt")
    count = 2 if prefix else 3
    array, _ = packed(tmp_path, kind="folder", path=str(folder), count=count, prefix=prefix)
    np.testing.assert_array_equal(array, pixels()[:count].transpose(0, 3, 1, 2))


def test_a_name_that_is_not_utf8_is_read_and_logged(tmp_path):
    folder = make_folder(tmp_path / "x", {"a.png": GOOD["b/0.png"]})
    name = os.fsdecode(b"caf\xe9.png")
    (folder / name).write_bytes(GOOD["b/1.png"])
    array, _ = packed(tmp_path, kind="folder", path=str(folder), count=2)
    assert len(array) == 2
    (folder / name).write_bytes(b"words")
    with pytest.raises(SystemExit), logs.job_log(tmp_path / "x.log"):
        packed(tmp_path, kind="folder", path=str(folder), count=2)
    assert "caf\\udce9.png cannot be decoded" in (tmp_path / "x.log").read_text()


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "jpe", "jfif"])
def test_every_suffix_of_png_and_jpeg_is_read(tmp_path, suffix):
    content = encoded(np.full((8, 8, 3), 77, np.uint8), "PNG" if suffix == "png" else "JPEG")
    folder = make_folder(tmp_path / "x", {f"a.{suffix}": content})
    array, _ = packed(tmp_path, kind="folder", path=str(folder), count=1)
    np.testing.assert_array_equal(array, np.full((1, 3, 8, 8), 77))


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_images_of_other_formats_are_counted(tmp_path, caplog, kind):
    entries = {"a.webp": b"", "b.GIF": b"", "c.tiff": b"", "f.heic": b"", "g.avif": b"", "h.ppm": b"", "notes.txt": b""}
    mixed = entries | {"d.png": GOOD["b/0.png"]}
    path = make_zip(tmp_path / "x.zip", mixed) if kind == "zip" else make_folder(tmp_path / "x", mixed)
    packed(tmp_path, kind=kind, path=str(path), count=1)
    assert "6 images are neither PNG nor JPEG and are left out" in caplog.text
    path = make_zip(tmp_path / "y.zip", entries) if kind == "zip" else make_folder(tmp_path / "y", entries)
    with pytest.raises(InputError, match="no PNG or JPEG images; expected at least one; 6 images are neither"):
        packed(tmp_path, kind=kind, path=str(path), count=1)


@pytest.mark.parametrize("kind", ["zip", "folder", "npz"])
def test_images_are_counted_before_they_are_read(tmp_path, monkeypatch, kind):
    def refuse(*_):
        pytest.fail("read before it was counted")

    path = tmp_path / "x"
    if kind == "npz":
        np.savez(path, x=pixels())
        path = tmp_path / "x.npz"
    else:
        make_zip(path, THREE) if kind == "zip" else make_folder(path, THREE)
    monkeypatch.setattr(arrays, "sha256", refuse)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(InputError, match=r"count: .* has 3 images; expected 5; set it to 3"):
        packed(tmp_path, kind=kind, path=str(path), count=5)


def test_the_checksum_of_a_folder_depends_on_names_and_contents(tmp_path):
    entries = {"a.png": GOOD["b/0.png"], "b.png": GOOD["b/1.png"]}
    variants = [
        entries,
        entries | {"b.png": GOOD["b/2.png"]},
        {"a.png": entries["a.png"], "c.png": entries["b.png"]},
    ]
    checksums = {
        packed(tmp_path, kind="folder", path=str(make_folder(tmp_path / str(number), variant)), count=2)[1]["sha256"]
        for number, variant in enumerate(variants)
    }
    assert len(checksums) == 3


def test_digits_are_scikit_learns(tmp_path):
    from sklearn.datasets import load_digits

    array, about = packed(tmp_path, kind="digits", count=1797, colour="grey")
    np.testing.assert_allclose(array[:, 0] * (16 / 255), load_digits().images, atol=0.04)
    assert array.max() == 255
    assert about["sha256"] is None


@pytest.mark.parametrize("count", [500, 12000])
def test_patches_of_photographs_are_many_and_differ(tmp_path, count):
    array, _ = packed(tmp_path, kind="photographs", count=count, colour="grey")
    assert array.shape == (count, 1, 8, 8)
    assert len(np.unique(array.reshape(count, -1), axis=0)) > 0.98 * count


def test_patches_do_not_overlap_if_there_are_enough():
    source = sources.open_source(Source(kind="photographs", count=8480), resolution=8, seed=0, key=KEY)
    total = sum(float(np.sum(patch, dtype=np.float64)) for _, patch in source.stream)
    from sklearn.datasets import load_sample_images

    whole = sum(float(np.sum(image[:424], dtype=np.float64)) for image in load_sample_images().images)
    assert total == whole


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("first", [False, True])
def test_channels_are_distinguished_from_sides(tmp_path, side, channels, first):
    """Images of 4 x 4 pixels may have 4 channels too, on the last axis."""
    content = np.repeat(pixels(5, side, 1)[..., None], channels, -1)
    content[..., 3:] = 255
    content = content.transpose(0, 3, 1, 2) if first and channels != side else content
    np.savez(tmp_path / "x.npz", x=content)
    source = {"kind": "npz", "path": str(tmp_path / "x.npz"), "count": 5}
    array, _ = packed(tmp_path, **source, resolution=side, colour="grey")
    np.testing.assert_array_equal(array[:, 0], pixels(5, side, 1))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_arrays_of_any_layout(tmp_path, layout, save):
    content = pixels(5, channels=1 if layout == "NHW" else 3)
    stored = np.ascontiguousarray(content.transpose(0, 3, 1, 2)) if layout == "NCHW" else content
    save(tmp_path / "x.npz", images=stored, labels=np.arange(5))
    array, about = packed(
        tmp_path,
        kind="npz",
        path=str(tmp_path / "x.npz"),
        name="images",
        count=5,
        colour="grey" if layout == "NHW" else "rgb",
    )
    expected = content[:, None] if layout == "NHW" else content.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(array, expected)
    assert about["sha256"] == arrays.sha256(tmp_path / "x.npz")
