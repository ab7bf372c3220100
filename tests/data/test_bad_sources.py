"""Every kind of bad source gives one sentence that names the setting, and no file."""

import pickle
import stat
import zipfile

import numpy as np
import pytest
from torchvision import datasets as torchvision_datasets

from hidden_gaussian.errors import InputError
from toy_images import CORRUPT, KEY, THREE, bad_zip, batch, encoded, make_cifar, make_folder, packed, pixels


def link(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return {"kind": "zip", "path": str(tmp_path / "x.zip"), "count": 1}


def bad_folder(entries):
    return lambda tmp_path: {"kind": "folder", "path": str(make_folder(tmp_path / "x", entries)), "count": 3}


def bad_npz(*, save=np.savez, edit=bytes, **arrays):
    def make(tmp_path):
        path = tmp_path / "x.npz"
        save(path, **arrays)
        path.write_bytes(edit(path.read_bytes()))
        return {"kind": "npz", "path": str(path), "count": 3}

    return make


def in_directory(offset, value):
    """Change a byte of the first entry in the directory of a zip file."""

    def edit(content):
        at = content.index(b"PK\1\2") + offset
        return content[:at] + bytes([value]) + content[at + 1 :]

    return edit


def huge_images(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("x.npy", "w") as file:
        head = {"descr": "|u1", "fortran_order": False, "shape": (3, 2**15, 2**15)}
        np.lib.format.write_array_header_1_0(file, head)
    return {"kind": "npz", "path": str(tmp_path / "x.npz"), "count": 3}


def lone_array(tmp_path):
    np.save(tmp_path / "x.npy", pixels())
    return {"kind": "npz", "path": str(tmp_path / "x.npy"), "count": 3}


def empty_folder(tmp_path):
    (tmp_path / "x").mkdir()
    return {"kind": "folder", "path": str(tmp_path / "x"), "count": 3}


def dangling_link(tmp_path):
    source = bad_folder({name: THREE[name] for name in ("b/0.png", "b/2.png")})(tmp_path)
    (tmp_path / "x/b/1.png").symlink_to("/nowhere")
    return source


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
    """Imports a package when it is called, as LSUN does."""

    def __init__(self, root):
        import no_such_package  # noqa: F401


BAD = {
    "no folder": (
        lambda _: {"kind": "folder", "path": "/nowhere", "count": 1},
        "source.path: /nowhere is neither a folder",
    ),
    "no zip": (
        lambda _: {"kind": "zip", "path": "/nowhere.zip", "count": 1},
        "/nowhere.zip is not a file; give the path of a zip archive",
    ),
    "no npz": (
        lambda _: {"kind": "npz", "path": "/nowhere.npz", "count": 1},
        "/nowhere.npz is not a file; give the path of an .npz file",
    ),
    "no tar": (
        lambda _: {"kind": "cifar10", "path": "/nowhere.tar", "count": 1},
        "/nowhere.tar is not a file",
    ),
    "a link to nothing": (dangling_link, r"x/b/1.png cannot be read \(No such file or directory\)"),
    "empty folder": (empty_folder, "has no PNG or JPEG images; expected at least one"),
    "empty zip": (bad_zip({}), "has no PNG or JPEG images"),
    "nothing below the prefix": (
        lambda tmp_path: bad_zip(THREE)(tmp_path) | {"prefix": "train/"},
        "no PNG or JPEG images below the prefix 'train/'",
    ),
    "truncated zip": (bad_zip(THREE, cut=-40), "x.zip is not a complete zip archive"),
    "not a zip": (bad_folder({"x.zip": b"hello"}), "has no PNG"),
    "damaged entry": (
        bad_zip(THREE, edit=lambda content: content[:60] + b"\xff" * 20 + content[80:]),
        "entry b/0.png is damaged",
    ),
    "a later zip": (bad_zip(THREE, edit=in_directory(6, 100)), "x.zip is not a complete zip archive .*version 10.0"),
    "a name in no encoding": (
        bad_zip({"\xe9.png": b""}, edit=lambda content: content.replace(b"\xc3\xa9", b"\xff\xff")),
        "x.zip is not a complete zip archive .*can't decode byte 0xff",
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
        bad_folder(THREE | {"b/1.png": encoded(pixels()[0], "WEBP")}),
        r"b/1.png cannot be decoded \(it is WEBP; expected PNG or JPEG\)",
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
        rf"{KEY}.count: .* has 3 images; expected 4; set",
    ),
    "too many": (
        lambda tmp_path: bad_folder(THREE)(tmp_path) | {"count": 2},
        rf"{KEY}.count: .* has 3 images; expected 2",
    ),
    "too few digits": (
        lambda _: {"kind": "digits", "count": 2000},
        f"{KEY}.count: .* has 1797 images; expected",
    ),
    "other checksum": (
        lambda tmp_path: bad_zip(THREE)(tmp_path) | {"sha256": "0" * 64},
        f"{KEY}.sha256: .*x.zip has [0-9a-f]{{64}}; expected 0{{64}}; download",
    ),
    "checksum of nothing": (
        lambda _: {"kind": "digits", "count": 1797, "sha256": "0"},
        "has no archive; remove the setting",
    ),
    "patches": (
        lambda _: {"kind": "photographs", "count": 10**6},
        "count: 1000000 patches of 8 pixels; expected",
    ),
    "pickled objects": (bad_npz(x=np.array([{}, [], None], object)), "'x' of .*x.npz has pickled objects"),
    "floats": (bad_npz(x=np.zeros((3, 8, 8))), r"is float64 of shape \(3, 8, 8\); expected uint8"),
    "one image": (bad_npz(x=np.zeros((8, 8), np.uint8)), r"uint8 of shape \(8, 8\); expected"),
    "five channels": (bad_npz(x=np.zeros((3, 8, 8, 5), np.uint8)), r"shape \(3, 8, 8, 5\); .* 1, 3 or 4 channels"),
    "two channels": (bad_npz(x=np.zeros((3, 8, 8, 2), np.uint8)), r"shape \(3, 8, 8, 2\); .* 1, 3 or 4 channels"),
    "a lone array": (lone_array, r"x.npy is an .npy array; expected an .npz"),
    "huge images": (huge_images, "array 'x' of .*x.npz: an image has 1073741824 bytes; expected at most"),
    "pixels damaged": (
        bad_npz(x=pixels(), save=np.savez_compressed, edit=lambda content: content[:90] + b"\xff" * 40 + content[130:]),
        "array 'x' of .*x.npz is damaged",
    ),
    "a head that does not end": (
        bad_npz(x=pixels(), edit=lambda content: content.replace(b"'shape': (", b"'shape':((")),
        "array 'x' of .*x.npz is damaged",
    ),
    "an array with a password": (bad_npz(x=pixels(), edit=in_directory(8, 1)), "x.npz is damaged .*password required"),
    "an array in an unknown compression": (bad_npz(x=pixels(), edit=in_directory(10, 99)), "x.npz is damaged .*compre"),
    "Fortran": (bad_npz(x=np.asfortranarray(pixels())), "Fortran order"),
    "several arrays": (bad_npz(x=pixels(), y=pixels()), rf"{KEY}.name: .* has the arrays \['x', 'y'\]"),
    "no such array": (lambda tmp_path: bad_npz(x=pixels())(tmp_path) | {"name": "z"}, "has no array 'z'"),
    "no batch": (cifar(readme=b"hello"), "lacks test_batch; expected the original archive of CIFAR-10"),
    "batch without data": (
        cifar(test_batch=pickle.dumps({"labels": [1]}, 2)),
        "test_batch has no rows of 3072 bytes",
    ),
    "truncated tar": (cut_cifar, "c.tar.gz is not a complete tar archive"),
    "unknown split": (
        lambda tmp_path: cifar()(tmp_path) | {"options": {"split": "val"}},
        "split: 'val' was found; expected",
    ),
    "unknown class": (
        torchvision("FashionMNST"),
        "no dataset 'FashionMNST'; expected one like 'FashionMNIST'",
    ),
    "a function for a class": (torchvision("wrap_dataset_for_transforms_v2"), "no dataset"),
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


@pytest.mark.parametrize(("reading", "name"), [("pathlib.Path.read_bytes", "b/0.png"), ("pathlib.Path.iterdir", "x")])
def test_unreadable_files_are_named(tmp_path, monkeypatch, reading, name):
    source = bad_folder(THREE)(tmp_path)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(reading, refuse)
    with pytest.raises(InputError, match=rf"{name} cannot be read \(Permission denied\)"):
        packed(tmp_path, **source)
