"""Conversion of pictures of any mode, size and orientation to squares of uint8 pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hidden_gaussian.errors import InputError

Picture = bytes | np.ndarray | Image.Image
PIXEL_LIMIT = 2**26
"""Largest image, in decoded pixels; larger ones count as decompression bombs."""
MODES = {"rgb": "RGB", "grey": "L"}


def convert(picture: Picture, *, resolution: int, colour: str, where: str = "image") -> np.ndarray:
    """Decode one picture, crop its central square, and resize it.

    EXIF rotations are applied. Transparent pixels become white, 16-bit grey is scaled to 8 bits, palettes and CMYK
    become RGB. The filter is Lanczos with antialiasing, as in the data preparation of Karras et al. (2022); an image of
    the right size is not resampled.

    Parameters
    ----------
    picture : bytes, ndarray or Image
        An encoded file, a uint8 array (row, column[, channel]), or a decoded image.
    resolution : int
        Pixels a side.
    colour : {'rgb', 'grey'}
        Grey is the luma of ITU-R 601.
    where : str
        Name of the picture, for errors.

    Returns
    -------
    ndarray of shape (channels, resolution, resolution), uint8

    Raises
    ------
    InputError
        If it cannot be decoded, or has more than PIXEL_LIMIT pixels.
    """
    image = _decoded(picture, colour, where)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side != resolution:
        image = image.resize((resolution, resolution), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def size(picture: Picture) -> int:
    """Return the size of a picture in bytes, before conversion."""
    if isinstance(picture, Image.Image):
        return picture.width * picture.height * len(picture.getbands())
    return len(picture) if isinstance(picture, bytes) else getattr(picture, "nbytes", 0)


def _decoded(picture: Picture, colour: str, where: str) -> Image.Image:
    try:
        image = _opened(picture)
        too_large = image.width * image.height > PIXEL_LIMIT
        if not too_large:
            return _eight_bits(ImageOps.exif_transpose(image)).convert(MODES[colour])
    except Exception as error:  # Pillow raises many classes for damaged files
        reason = str(error)
        if isinstance(error, UnidentifiedImageError) and isinstance(picture, bytes):
            reason = _format(picture)
        raise InputError(f"{where} cannot be decoded ({reason}); replace or remove it") from error
    raise InputError(
        f"{where} has {image.width} x {image.height} pixels, as in a decompression bomb; "
        f"expected at most {PIXEL_LIMIT}; make it smaller or remove it"
    )


def _format(content: bytes) -> str:
    """Describe a file that is neither PNG nor JPEG, from its head."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return f"it is {image.format}; expected PNG or JPEG"
    except Exception:
        return "it is not an image"


def _opened(picture: Picture) -> Image.Image:
    if isinstance(picture, bytes):
        return Image.open(io.BytesIO(picture), formats=("PNG", "JPEG"))
    if isinstance(picture, Image.Image):
        return picture
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        kind = getattr(picture, "dtype", type(picture).__name__)
        raise TypeError(f"{kind} was found; expected an image of uint8 pixels")
    squeezed = picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    return Image.fromarray(np.ascontiguousarray(squeezed))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the image without transparency and with 8 bits a channel."""
    if image.mode.startswith("I"):
        scaled = np.asarray(image).astype(np.float64) * (255 / 65535)
        return Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured)
    return image
