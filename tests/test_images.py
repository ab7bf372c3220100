"""Images: every kind of source, every kind of picture, and every kind of bad input."""

import io
import os
import pickle
import stat
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets as torchvision_datasets

from hidden_gaussian import archives, duplicates, files, images, logs, plain_pickle, sources, subsets
from hidden_gaussian.errors import InputError
from hidden_gaussian.settings import Source
from hidden_gaussian.subjects import clean_images

KEY = "datasets.x.source"


def pixels(count=3, size=8, channels=3, seed=0):
    shape = (count, size, size, channels) if channels > 1 else (count, size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(picture, kind="PNG", **options):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def make_folder(path, entries):
    for name, content in entries.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def packed(tmp_path, *, resolution=8, colour="rgb", workers=2, **source):
    about = images.pack(
        Source(**source),
        tmp_path / "out" / "images.npy",
        tmp_path / "out" / "images.json",
        resolution=resolution,
        colour=colour,
        key=KEY,
        workers=workers,
    )
    array = images.open_images(tmp_path / "out" / "images.npy")
    assert files.load_json(tmp_path / "out" / "images.json") == about
    assert about["count"] == len(array)
    assert about["pixels_sha256"] == files.sha256(tmp_path / "out" / "images.npy")
    return array, about


GOOD = {f"b/{number}.png": encoded(image) for number, image in enumerate(pixels())}
GOOD |= {
    "a/photo.JPG": encoded(pixels(1, seed=9)[0], "JPEG"),
    "README.txt": b"not an image",
    "a/.hidden.png": b"",
}


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_nested_archives_are_read_in_the_order_of_names(tmp_path, kind):
    path = make_zip(tmp_path / "x.zip", GOOD) if kind == "zip" else make_folder(tmp_path / "x", GOOD)
    array, about = packed(tmp_path, kind=kind, path=str(path), count=4)
    np.testing.assert_array_equal(array[1:], pixels().transpose(0, 3, 1, 2))
    decoded = np.asarray(Image.open(io.BytesIO(GOOD["a/photo.JPG"])))
    np.testing.assert_array_equal(array[0], decoded.transpose(2, 0, 1))
    assert str(tmp_path) not in str(about)
    if kind == "zip":
        assert about["sha256"] == files.sha256(path)


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_prefix_chooses(tmp_path, kind):
    path = make_zip(tmp_path / "x.zip", GOOD) if kind == "zip" else make_folder(tmp_path / "x", GOOD)
    array, _ = packed(tmp_path, kind=kind, path=str(path), count=3, prefix="b/")
    assert len(array) == 3


@pytest.mark.parametrize("kind", ["zip", "folder"])
@pytest.mark.parametrize("prefix", ["train", "train/", "./train"])
def test_a_prefix_is_a_folder(tmp_path, kind, prefix):
    entries = {f"{place}/x.png": GOOD["b/0.png"] for place in ("train", "train2", "train/deep", "other")}
    path = make_zip(tmp_path / "x.zip", entries) if kind == "zip" else make_folder(tmp_path / "x", entries)
    array, _ = packed(tmp_path, kind=kind, path=str(path), count=2, prefix=prefix)
    assert len(array) == 2


def test_harmless_names_in_a_zip_are_read(tmp_path):
    """As bsdtar writes them, and times of the day."""
    entries = {"./": b"", "./a.png": GOOD["b/0.png"], "12:30.png": GOOD["b/1.png"]}
    array, _ = packed(tmp_path, kind="zip", path=str(make_zip(tmp_path / "x.zip", entries)), count=2)
    np.testing.assert_array_equal(array, pixels(2).transpose(0, 3, 1, 2))


def test_a_name_that_is_not_utf8_is_read_and_can_be_told(tmp_path):
    folder = make_folder(tmp_path / "x", {"a.png": GOOD["b/0.png"]})
    name = os.fsdecode(b"caf\xe9.png")
    (folder / name).write_bytes(GOOD["b/1.png"])
    array, _ = packed(tmp_path, kind="folder", path=str(folder), count=2)
    assert len(array) == 2
    (folder / name).write_bytes(b"words")
    with pytest.raises(SystemExit), logs.job_log(tmp_path / "x.log"):
        packed(tmp_path, kind="folder", path=str(folder), count=2)
    assert "caf\\udce9.png cannot be decoded" in (tmp_path / "x.log").read_text()


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_images_of_other_kinds_are_counted(tmp_path, caplog, kind):
    entries = {"a.webp": b"", "b.GIF": b"", "c.tiff": b"", "notes.txt": b""}
    mixed = entries | {"d.png": GOOD["b/0.png"]}
    path = make_zip(tmp_path / "x.zip", mixed) if kind == "zip" else make_folder(tmp_path / "x", mixed)
    packed(tmp_path, kind=kind, path=str(path), count=1)
    assert "3 images that are neither PNG nor JPEG are left out" in caplog.text
    path = make_zip(tmp_path / "y.zip", entries) if kind == "zip" else make_folder(tmp_path / "y", entries)
    with pytest.raises(InputError, match="no PNG or JPEG images; expected at least one: 3 images that are neither"):
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
    monkeypatch.setattr(files, "sha256", refuse)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(InputError, match=r"count declares 5 images, but .* has 3: set it to 3"):
        packed(tmp_path, kind=kind, path=str(path), count=5)


def test_the_checksum_of_a_folder_tells_names_and_contents(tmp_path):
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


def test_patches_do_not_overlap_when_there_is_room():
    source = sources.open_source(Source(kind="photographs", count=8480), resolution=8, seed=0, key=KEY)
    total = sum(float(np.sum(patch, dtype=np.float64)) for _, patch in source.stream)
    from sklearn.datasets import load_sample_images

    whole = sum(float(np.sum(image[:424], dtype=np.float64)) for image in load_sample_images().images)
    assert total == whole


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
    assert about["sha256"] == files.sha256(tmp_path / "x.npz")


def test_torchvision_by_name(tmp_path):
    for number, image in enumerate(pixels(4)):
        place = tmp_path / "tv" / f"class{number % 2}" / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded(image))
    array, _ = packed(tmp_path, kind="torchvision", name="ImageFolder", path=str(tmp_path / "tv"), count=4)
    np.testing.assert_array_equal(array, pixels(4)[[0, 2, 1, 3]].transpose(0, 3, 1, 2))


def test_a_damaged_image_of_torchvision_is_named(tmp_path):
    make_folder(tmp_path / "tv", {"c/0.png": GOOD["b/0.png"], "c/1.png": CORRUPT})
    with pytest.raises(InputError, match=r"x\.source: ImageFolder: image 1 cannot be read \(.*\); replace or remove"):
        packed(tmp_path, kind="torchvision", name="ImageFolder", path=str(tmp_path / "tv"), count=2)


def batch(rows, seed=0, protocol=2):
    """A batch as CIFAR-10's: a pickled dictionary with an array."""
    data = np.random.default_rng(seed).integers(0, 256, (rows, 3072), dtype=np.uint8)
    return data, pickle.dumps({"batch_label": "b", "labels": [0] * rows, "data": data, "filenames": ["f"]}, protocol)


# Two rows in the form in which Python 2 wrote CIFAR-10's batches.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x06K\x09e"
    b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\x09U\x01b\x87Rq\x0a"
    b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x0bU\x02u1K\x00K\x01\x87Rq\x0c"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x00\x18\x00\x00"
    + bytes(range(256)) * 24
    + b"tbU\tfilenamesq\x0d]q\x0eU\x05a.pngau."
)


def make_cifar(path, batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_cifar10_batches_are_read_without_unpickling(tmp_path, protocol, monkeypatch):
    arrays, contents = zip(*(batch(4, seed, protocol) for seed in range(5)), strict=True)
    names = [f"data_batch_{number}" for number in range(1, 6)]
    path = make_cifar(tmp_path / "c.tar.gz", dict(zip(names, contents, strict=True)) | {"test_batch": batch(3, 7)[1]})
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "Unpickler", None)
    array, _ = packed(tmp_path, kind="cifar10", path=str(path), count=20, resolution=32)
    np.testing.assert_array_equal(array, np.concatenate(arrays).reshape(-1, 3, 32, 32))
    test, _ = packed(tmp_path, kind="cifar10", path=str(path), count=3, resolution=32, options={"split": "test"})
    np.testing.assert_array_equal(test, batch(3, 7)[0].reshape(-1, 3, 32, 32))


def test_python_2_pickles_are_read_as_pickle_reads_them():
    ours = plain_pickle.read(PYTHON_2, "x")
    theirs = pickle.loads(PYTHON_2, encoding="latin1")
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours["data"], theirs["data"])
    assert ours["labels"] == theirs["labels"] == [6, 9]


class Hostile:
    def __reduce__(self):
        return print, ("a pickle ran",)


HOSTILE = {
    "a call": (pickle.dumps({"data": Hostile()}, 2), r"asks for (__builtin__|builtins)\.print"),
    "a call, protocol 4": (pickle.dumps({"data": Hostile()}, 4), r"asks for builtins\.print"),
    "os.system": (b"cos\nsystem\n(S'echo ran'\ntR.", r"asks for os\.system"),
    "INST": (b"(S'echo ran'\nios\nsystem\n.", "opcode INST"),
    "OBJ": (b"(cnumpy\nndarray\nK\x00o.", "opcode OBJ"),
    "NEWOBJ": (b"cnumpy\nndarray\nK\x00\x85\x81.", "opcode NEWOBJ"),
    "a persistent id": (b"Pid\n.", "opcode PERSID"),
    "an extension": (b"\x82\x01.", "opcode EXT1"),
    "a call of ndarray": (b"cnumpy\nndarray\nK\x09\x85R.", "expected uint8 arrays: refused"),
    "an array of objects": (b"cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.", "expected uint8 arrays: refused"),
    "state of a list": (b"]K\x01b.", "sets the state of a list"),
    "no dictionary": (b"K\x01.", "holds a int, expected a dictionary"),
    "nothing": (b"", "is damaged"),
    "cut": (batch(4)[1][:-50], "is damaged"),
    "empty stack": (b"R.", "is damaged"),
}


@pytest.mark.fault("a malicious pickle in CIFAR-10's archive", "refused by name, nothing is run")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(tmp_path, name, capsys):
    content, message = HOSTILE[name]
    with pytest.raises(InputError, match=message):
        plain_pickle.read(content, "x")
    path = make_cifar(tmp_path / "c.tar.gz", {"test_batch": content})
    with pytest.raises(InputError, match=f"c.tar.gz: cifar-10-batches-py/test_batch.*{message}"):
        packed(tmp_path, kind="cifar10", path=str(path), count=4, options={"split": "test"})
    assert "ran" not in capsys.readouterr().out


def ramp(mode):
    """The same picture, dark left and light right, in every mode that PNG and JPEG have."""
    grey = np.tile(np.linspace(0, 255, 8).astype(np.uint8), (8, 1))
    image = Image.fromarray(grey)
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "LA opaque":
        return Image.merge("LA", (image, Image.new("L", (8, 8), 255)))
    if mode == "P":
        return image.convert("RGB").quantize(8)
    return image.convert("RGB").convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA opaque", "P", "I;16", "CMYK"])
@pytest.mark.parametrize("colour", ["rgb", "grey"])
def test_every_mode_shows_the_same_picture(mode, colour):
    kind, options = ("JPEG", {"quality": 100}) if mode == "CMYK" else ("PNG", {})
    array = images.convert(encoded(ramp(mode), kind, **options), resolution=8, colour=colour)
    assert array.shape == (3 if colour == "rgb" else 1, 8, 8)
    expected = np.broadcast_to(np.linspace(0, 255, 8).astype(np.uint8), array.shape)
    np.testing.assert_allclose(array, expected, atol=3 if mode == "CMYK" else 0)


def test_black_and_white_bits():
    bits = np.eye(8, dtype=bool)
    array = images.convert(encoded(Image.fromarray(bits)), resolution=8, colour="grey")
    np.testing.assert_array_equal(array[0], bits * np.uint8(255))


def test_what_is_transparent_shows_white():
    image = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert (images.convert(encoded(image), resolution=8, colour="rgb") == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    array = images.convert(encoded(palette, transparency=0), resolution=8, colour="rgb")
    assert (array == 255).all()


def test_the_centre_is_kept():
    wide = np.zeros((8, 20, 3), np.uint8)
    wide[:, 6:14] = pixels(1)[0]
    array = images.convert(encoded(wide), resolution=8, colour="rgb")
    np.testing.assert_array_equal(array, pixels(1)[0].transpose(2, 0, 1))


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (8, 1), (3, 2), (6, 3)])
def test_photographs_are_turned_as_their_camera_was_held(orientation, turns):
    """By the standard: 6 is shown a quarter turn clockwise, 8 a quarter turn counter-clockwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = images.convert(encoded(pixels(1)[0], exif=exif), resolution=8, colour="rgb")
    np.testing.assert_array_equal(array, np.rot90(pixels(1)[0], turns).transpose(2, 0, 1))


def test_one_folder_mixes_sizes_and_modes(tmp_path):
    """Each file is converted by itself; a mode or size of one does not carry over to the next."""
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


def test_resizing_does_not_alias():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    array = images.convert(board, resolution=8, colour="grey")
    np.testing.assert_allclose(array, 127.5, atol=3)
    constant = images.convert(np.full((30, 50, 3), 77, np.uint8), resolution=7, colour="rgb")
    assert (constant == 77).all()


def bad_zip(entries, *, cut=None, edit=None):
    def make(tmp_path):
        path = make_zip(tmp_path / "x.zip", entries)
        content = path.read_bytes()[:cut]
        path.write_bytes(edit(content) if edit else content)
        return {"kind": "zip", "path": str(path), "count": 3}

    return make


def link(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return {"kind": "zip", "path": str(tmp_path / "x.zip"), "count": 1}


def bad_folder(entries):
    return lambda tmp_path: {"kind": "folder", "path": str(make_folder(tmp_path / "x", entries)), "count": 3}


def bad_npz(**arrays):
    def make(tmp_path):
        np.savez(tmp_path / "x.npz", **arrays)
        return {"kind": "npz", "path": str(tmp_path / "x.npz"), "count": 3}

    return make


def empty_folder(tmp_path):
    (tmp_path / "x").mkdir()
    return {"kind": "folder", "path": str(tmp_path / "x"), "count": 3}


def cifar(**batches):
    def make(tmp_path):
        path = make_cifar(tmp_path / "c.tar.gz", batches)
        return {"kind": "cifar10", "path": str(path), "count": 4, "options": {"split": "test"}}

    return make


def cut_cifar(tmp_path):
    source = cifar(test_batch=batch(40)[1])(tmp_path)
    path = tmp_path / "c.tar.gz"
    path.write_bytes(path.read_bytes()[:-2000])
    return source


def torchvision(name, **options):
    return lambda tmp_path: {
        "kind": "torchvision", "name": name, "path": str(tmp_path), "count": 3, "options": options
    }  # fmt: skip


class NeedsPackage:
    """As torchvision's LSUN and others import what they need."""

    def __init__(self, root):
        import no_such_package  # noqa: F401


THREE = {name: GOOD[name] for name in ("b/0.png", "b/1.png", "b/2.png")}
CORRUPT = GOOD["b/1.png"][:-40] + b"\0" * 40

BAD = {
    "no folder": (
        lambda _: {"kind": "folder", "path": "/nowhere", "count": 1},
        "source.path: /nowhere is not a fold",
    ),
    "no zip": (lambda _: {"kind": "zip", "path": "/nowhere.zip", "count": 1}, "/nowhere.zip is not a file"),
    "no npz": (lambda _: {"kind": "npz", "path": "/nowhere.npz", "count": 1}, "/nowhere.npz is not a file"),
    "no tar": (
        lambda _: {"kind": "cifar10", "path": "/nowhere.tar", "count": 1},
        "/nowhere.tar is not a file",
    ),
    "empty folder": (empty_folder, "holds no PNG or JPEG images; expected at least one"),
    "empty zip": (bad_zip({}), "holds no PNG or JPEG images"),
    "nothing below the prefix": (
        lambda tmp_path: bad_zip(THREE)(tmp_path) | {"prefix": "train/"},
        "no PNG or JPEG images below the prefix 'train/'",
    ),
    "truncated zip": (bad_zip(THREE, cut=-40), "x.zip is not a complete zip archive"),
    "not a zip": (bad_folder({"x.zip": b"hello"}), "holds no PNG"),
    "damaged entry": (
        bad_zip(THREE, edit=lambda content: content[:60] + b"\xff" * 20 + content[80:]),
        "entry b/0.png is damaged",
    ),
    "corrupt PNG in a zip": (bad_zip(THREE | {"b/1.png": CORRUPT}), f"{KEY}: b/1.png cannot be decoded"),
    "corrupt PNG in a folder": (bad_folder(THREE | {"b/1.png": CORRUPT}), "b/1.png cannot be decoded"),
    "not an image": (
        bad_folder(THREE | {"b/1.png": b"words"}),
        r"b/1.png cannot be decoded \(it is not an image\)",
    ),
    "empty image": (
        bad_folder(THREE | {"b/1.png": b""}),
        r"b/1.png cannot be decoded \(it is not an image\)",
    ),
    "another format": (
        bad_folder(THREE | {"b/1.png": encoded(pixels()[0], "GIF")}),
        "b/1.png cannot be decoded",
    ),
    "traversal": (
        bad_zip(THREE | {"../../x.png": b""}),
        r"the name '\.\./\.\./x.png' leads outside the archive",
    ),
    "traversal of no image": (bad_zip(THREE | {"a/../../.bashrc": b""}), "leads outside the archive"),
    "absolute name": (bad_zip(THREE | {"/etc/x.png": b""}), "'/etc/x.png' leads outside"),
    "backslashes": (bad_zip(THREE | {"..\\x.png": b""}), "leads outside"),
    "drive": (bad_zip(THREE | {"C:/x.png": b""}), "leads outside"),
    "symbolic link": (link, "'link.png' is a symbolic link"),
    "too few": (
        lambda tmp_path: bad_zip(THREE)(tmp_path) | {"count": 4},
        rf"{KEY}.count declares 4 .* has 3: set",
    ),
    "too many": (
        lambda tmp_path: bad_folder(THREE)(tmp_path) | {"count": 2},
        rf"{KEY}.count declares 2 .* has 3",
    ),
    "too few digits": (lambda _: {"kind": "digits", "count": 2000}, f"{KEY}.count declares 2000 .* has 1797"),
    "other checksum": (
        lambda tmp_path: bad_zip(THREE)(tmp_path) | {"sha256": "0" * 64},
        f"{KEY}.sha256 is 0{{64}}, but .*x.zip has [0-9a-f]{{64}}: the data are others",
    ),
    "checksum of nothing": (
        lambda _: {"kind": "digits", "count": 1797, "sha256": "0"},
        "has no archive: remove it",
    ),
    "patches": (lambda _: {"kind": "photographs", "count": 10**6}, "asks for 1000000 patches of 8 pixels"),
    "pickled objects": (bad_npz(x=np.array([{}, [], None], object)), "'x' of .*x.npz holds pickled objects"),
    "floats": (bad_npz(x=np.zeros((3, 8, 8))), r"is float64 of shape \(3, 8, 8\); expected uint8"),
    "one image": (bad_npz(x=np.zeros((8, 8), np.uint8)), r"uint8 of shape \(8, 8\); expected"),
    "five channels": (bad_npz(x=np.zeros((3, 8, 8, 5), np.uint8)), "image 0 cannot be decoded"),
    "Fortran": (bad_npz(x=np.asfortranarray(pixels())), "Fortran's order"),
    "several arrays": (bad_npz(x=pixels(), y=pixels()), rf"{KEY}.name: .* holds the arrays \['x', 'y'\]"),
    "no such array": (lambda tmp_path: bad_npz(x=pixels())(tmp_path) | {"name": "z"}, "has no array 'z'"),
    "no batch": (cifar(readme=b"hello"), "lacks test_batch; expected CIFAR-10's original archive"),
    "batch without data": (
        cifar(test_batch=pickle.dumps({"labels": [1]}, 2)),
        "test_batch has no array 'data'",
    ),
    "truncated tar": (cut_cifar, "c.tar.gz is not a complete tar archive"),
    "unknown split": (
        lambda tmp_path: cifar()(tmp_path) | {"options": {"split": "val"}},
        "split is 'val'; expected",
    ),
    "unknown class": (
        torchvision("FashionMNST"),
        "no data set 'FashionMNST'; one that it has is 'FashionMNIST'",
    ),
    "a function for a class": (torchvision("wrap_dataset_for_transforms_v2"), "no data set"),
    "not downloaded": (
        torchvision("FashionMNIST"),
        "cannot open FashionMNIST .* check 'path', 'options' and 'down",
    ),
    "LSUN": (torchvision("LSUN", classes="train"), "LSUN through a pickle .* export the images to a zip or folder"),
    "missing package": (torchvision("NeedsPackage"), "needs the package 'no_such_package' for NeedsPackage"),
    "unknown option": (torchvision("FashionMNIST", splt="x"), "cannot open FashionMNIST .*splt"),
}


@pytest.mark.fault(
    "archives, folders and arrays that are absent, cut, unsafe (traversal, links, pickles), or not as declared",
    "one sentence, no file",
)
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_leaves_no_file(tmp_path, name, monkeypatch):
    monkeypatch.setattr(torchvision_datasets, "NeedsPackage", NeedsPackage, raising=False)
    monkeypatch.setattr(torchvision_datasets, "__all__", (*torchvision_datasets.__all__, "NeedsPackage"))
    make, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        packed(tmp_path, **make(tmp_path))
    assert str(caught.value).startswith(KEY)
    assert "\n" not in str(caught.value)
    out = tmp_path / "out"
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.fault("a decompression bomb", "refused")
@pytest.mark.parametrize(
    ("module", "limit", "value", "message"),
    [
        (archives, "ENTRY_LIMIT", 100, r"entry b/0.png has \d+ bytes, more than the 100 allowed"),
        (archives, "RATIO_LIMIT", 0.1, "decompression bomb"),
        (
            images,
            "PIXEL_LIMIT",
            63,
            "8 x 8 pixels, more than the 63 allowed: it is taken for a decompression bomb",
        ),
    ],
)
def test_decompression_bombs_are_refused(tmp_path, monkeypatch, module, limit, value, message):
    source = bad_zip(THREE)(tmp_path)
    if limit == "RATIO_LIMIT":
        monkeypatch.setattr(archives, "ENTRY_LIMIT", 300)
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(InputError, match=message):
        packed(tmp_path, **source)


def test_a_huge_image_is_refused_before_it_is_decoded():
    huge = encoded(Image.new("1", (20000, 20000)))
    with pytest.raises(InputError, match="bomb"):
        images.convert(huge, resolution=8, colour="grey", where="x.png")


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    source = bad_folder(THREE)(tmp_path)

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(InputError, match=r"b/0.png cannot be read \(Permission denied\)"):
        packed(tmp_path, **source)


def test_the_expected_checksum_is_accepted(tmp_path):
    source = bad_zip(THREE)(tmp_path)
    _, about = packed(tmp_path, **source)
    _, again = packed(tmp_path, **source, sha256=about["sha256"].upper())
    assert again == about


def test_open_images_refuses_other_arrays(tmp_path):
    files.save_array(tmp_path / "a.npy", np.zeros((3, 8, 8)))
    with pytest.raises(InputError, match=r"a.npy is float64 of shape \(3, 8, 8\), expected uint8"):
        images.open_images(tmp_path / "a.npy")


def dataset(root, *, heldout=10, apart=False):
    array = pixels(60, 16).transpose(0, 3, 1, 2)
    files.save_array(root / "images.npy", array)
    elsewhere = pixels(9, 16, seed=5).transpose(0, 3, 1, 2)
    elsewhere[4] = array[33]
    if apart:
        files.save_array(root / "heldout.npy", elsewhere)
    found = duplicates.find(array, elsewhere if apart else None)
    split = subsets.split(array, 0 if apart else heldout, seed=1, found=found)
    subsets.save_split(root / "split.safetensors", split)
    duplicates.save(root / "duplicates.json", found)
    files.save_array(root / "subset.npy", subsets.subset_indices(split, 20, "b"))
    return array, elsewhere, split


def rows(array):
    return {image.tobytes() for image in array}


def test_inputs_are_the_images_that_the_split_says(tmp_path):
    array, elsewhere, split = dataset(tmp_path)
    subset = tmp_path / "subset.npy"
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "heldout"), array[split.heldout])
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "heldout", 4), array[split.heldout[:4]])
    np.testing.assert_array_equal(images.load_inputs(tmp_path, "train", 7, subset=subset), array[split.order[:-8:-1]])
    assert rows(images.load_inputs(tmp_path, "remainder", subset=subset)) == rows(array[split.order[20:30]])
    assert images.load_inputs(tmp_path, "foreign").shape == (0, 3, 16, 16)
    files.save_array(tmp_path / "foreign.npy", elsewhere)
    assert rows(images.load_inputs(tmp_path, "foreign", 100)) == rows(elsewhere)
    np.testing.assert_array_equal(
        images.load_inputs(tmp_path, "foreign", 3), images.load_inputs(tmp_path, "foreign", 9)[:3]
    )


def test_kinds_of_input_without_images_are_left_out(tmp_path):
    array, _, split = dataset(tmp_path)
    for size in (20, 25):  # 50 images: two halves of 25 leave none
        chosen = subsets.subset_indices(split, size, "a")
        files.save_array(tmp_path / f"n{size}a/subset.npy", chosen)
        found = clean_images(tmp_path, f"n{size}a/gaussian", ["train", "remainder", "noise", "trajectory"], 6)
        assert list(found) == (["train", "remainder"] if size == 20 else ["train"])
        np.testing.assert_allclose(found["train"].numpy(), array[chosen[:6]] / 127.5 - 1, atol=1e-6)
        assert all(len(images) == 6 for images in found.values())


def test_held_out_images_of_another_source_leave_out_training_images(tmp_path):
    _, elsewhere, _ = dataset(tmp_path, apart=True)
    assert rows(images.load_inputs(tmp_path, "heldout")) == rows(np.delete(elsewhere, 4, 0))


@pytest.mark.parametrize(("name", "subset"), [("train", None), ("noise", None), ("noise", "subset.npy")])
def test_inputs_that_do_not_exist(tmp_path, name, subset):
    with pytest.raises(ValueError, match=f"inputs '{name}'"):
        images.load_inputs(tmp_path, name, 3, subset=subset and tmp_path / subset)


def test_to_unit_is_the_common_scale():
    array = np.array([[[[0, 255, 51]]]], np.uint8)
    unit = images.to_unit(array)
    assert unit.dtype == torch.float32
    torch.testing.assert_close(unit, torch.tensor([[[[-1.0, 1.0, -0.6]]]]))
