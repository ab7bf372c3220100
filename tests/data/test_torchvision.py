"""Datasets of torchvision."""

import numpy as np
import pytest

from hidden_gaussian.errors import InputError
from toy_images import CORRUPT, GOOD, encoded, make_folder, packed, pixels


def test_torchvision_by_name(tmp_path):
    for number, image in enumerate(pixels(4)):
        path = tmp_path / "tv" / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(image))
    array, _ = packed(tmp_path, kind="torchvision", name="ImageFolder", path=str(tmp_path / "tv"), count=4)
    np.testing.assert_array_equal(array, pixels(4)[[0, 2, 1, 3]].transpose(0, 3, 1, 2))


def test_a_damaged_image_of_torchvision_is_named(tmp_path):
    make_folder(tmp_path / "tv", {"c/0.png": GOOD["b/0.png"], "c/1.png": CORRUPT})
    with pytest.raises(InputError, match=r"x\.source: ImageFolder: image 1 cannot be read \(.*\); replace or remove"):
        packed(tmp_path, kind="torchvision", name="ImageFolder", path=str(tmp_path / "tv"), count=2)
