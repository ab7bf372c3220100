"""Conversion gives the same pixels from every mode, size and orientation."""

import numpy as np
import pytest
from PIL import Image

from hidden_gaussian.data import conversion
from hidden_gaussian.errors import InputError
from toy_images import encoded, pixels


def ramp(mode):
    """The same picture, dark left and light right, in any mode of PNG and JPEG."""
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
    array = conversion.convert(encoded(ramp(mode), kind, **options), resolution=8, colour=colour)
    assert array.shape == (3 if colour == "rgb" else 1, 8, 8)
    expected = np.broadcast_to(np.linspace(0, 255, 8).astype(np.uint8), array.shape)
    np.testing.assert_allclose(array, expected, atol=3 if mode == "CMYK" else 0)


def test_black_and_white_bits():
    bits = np.eye(8, dtype=bool)
    array = conversion.convert(encoded(Image.fromarray(bits)), resolution=8, colour="grey")
    np.testing.assert_array_equal(array[0], bits * np.uint8(255))


def test_transparent_pixels_become_white():
    image = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert (conversion.convert(encoded(image), resolution=8, colour="rgb") == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    array = conversion.convert(encoded(palette, transparency=0), resolution=8, colour="rgb")
    assert (array == 255).all()


def test_the_central_square_is_cut_out():
    wide = np.zeros((8, 20, 3), np.uint8)
    wide[:, 6:14] = pixels(1)[0]
    array = conversion.convert(encoded(wide), resolution=8, colour="rgb")
    np.testing.assert_array_equal(array, pixels(1)[0].transpose(2, 0, 1))


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (8, 1), (3, 2), (6, 3)])
def test_exif_orientations_are_applied(orientation, turns):
    """Orientation 6 is a quarter turn clockwise, 8 counter-clockwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = conversion.convert(encoded(pixels(1)[0], exif=exif), resolution=8, colour="rgb")
    np.testing.assert_array_equal(array, np.rot90(pixels(1)[0], turns).transpose(2, 0, 1))


def test_resizing_does_not_alias():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    array = conversion.convert(board, resolution=8, colour="grey")
    np.testing.assert_allclose(array, 127.5, atol=3)
    constant = conversion.convert(np.full((30, 50, 3), 77, np.uint8), resolution=7, colour="rgb")
    assert (constant == 77).all()


def test_a_huge_image_is_refused_before_it_is_decoded():
    huge = encoded(Image.new("1", (20000, 20000)))
    with pytest.raises(InputError, match="bomb"):
        conversion.convert(huge, resolution=8, colour="grey", where="x.png")


@pytest.mark.parametrize(
    ("picture", "expected"),
    [(b"12345", 5), (np.zeros((4, 6, 3), np.uint8), 72), (Image.new("RGBA", (4, 6)), 96), ("no picture", 0)],
)
def test_the_size_of_a_picture_is_in_bytes(picture, expected):
    assert conversion.size(picture) == expected
