"""Small random images, the zip files, folders and archives that hold them, and what they are packed into."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
from PIL import Image

from hidden_gaussian import files, images
from hidden_gaussian.settings import Source

KEY = "datasets.x.source"
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 1, 8, 8), np.uint8)


def pixels(count=3, size=8, channels=3, seed=0):
    shape = (count, size, size, channels) if channels > 1 else (count, size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def noise(count, size=16, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, channels, size, size), dtype=np.uint8)


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


THREE = {name: GOOD[name] for name in ("b/0.png", "b/1.png", "b/2.png")}
CORRUPT = GOOD["b/1.png"][:-40] + b"\0" * 40


def batch(rows, seed=0, protocol=2):
    """A batch as CIFAR-10's: a pickled dictionary with an array."""
    data = np.random.default_rng(seed).integers(0, 256, (rows, 3072), dtype=np.uint8)
    return data, pickle.dumps({"batch_label": "b", "labels": [0] * rows, "data": data, "filenames": ["f"]}, protocol)


def make_cifar(path, batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def bad_zip(entries, *, cut=None, edit=None):
    def make(tmp_path):
        path = make_zip(tmp_path / "x.zip", entries)
        content = path.read_bytes()[:cut]
        path.write_bytes(edit(content) if edit else content)
        return {"kind": "zip", "path": str(path), "count": 3}

    return make
