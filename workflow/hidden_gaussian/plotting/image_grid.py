"""Images side by side in one display range, [-1, 1], whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hidden_gaussian.pixels import to_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

RANGE = (-1.0, 1.0)
GAP = 0.12  # of an image, between blocks of columns


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return stored images in [-1, 1]."""
    return to_unit(np.asarray(images, np.float32))


def canvas(images: NDArray[Any], block: int) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any]]:
    """Lay images out on one array.

    Parameters
    ----------
    images : ndarray of shape (rows, columns, channels, height, width)
    block : int
        Columns that stand together; a wider gap follows.

    Returns
    -------
    canvas : ndarray of shape (height, width) or (height, width, 3), float32
        NaN (grey) or 1 (colour, in [0, 1]) between the images.
    rows, columns : ndarray
        Centres of the rows and columns, in pixels.
    """
    rows, columns, channels, height, width = images.shape
    thin, wide = max(1, round(height / 16)), max(2, round(height * GAP) + 2)
    left = np.arange(columns) * (width + thin) + (np.arange(columns) // block) * (wide - thin)
    top = np.arange(rows) * (height + thin)
    array = np.full((top[-1] + height, left[-1] + width, channels), np.nan, np.float32)
    for row in range(rows):
        for column in range(columns):
            place = np.s_[top[row] : top[row] + height, left[column] : left[column] + width]
            array[place] = np.moveaxis(images[row, column], 0, -1)
    if channels == 1:
        return array[..., 0], top + (height - 1) / 2, left + (width - 1) / 2
    colour = np.clip((array - RANGE[0]) / (RANGE[1] - RANGE[0]), 0, 1)
    return np.nan_to_num(colour, nan=1.0), top + (height - 1) / 2, left + (width - 1) / 2


def grid(
    axes: Axes,
    images: NDArray[Any],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    blocks: Sequence[str] = (),
) -> AxesImage:
    """Draw images of shape (rows, columns, channels, height, width), with labels of rows, columns and blocks."""

    import matplotlib

    block = images.shape[1] // max(1, len(blocks))
    array, row_centres, column_centres = canvas(images, block)
    colours = matplotlib.colormaps["gray"].with_extremes(bad="white")
    shown = axes.imshow(array, cmap=colours, vmin=RANGE[0], vmax=RANGE[1], interpolation="nearest")
    axes.set_yticks(row_centres if rows else [], list(rows))
    axes.set_xticks(column_centres if columns else [], list(columns))
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)
    for index, title in enumerate(blocks):
        centre = column_centres[index * block : (index + 1) * block].mean()
        axes.annotate(
            title, (centre, -0.5), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=7
        )
    return shown
