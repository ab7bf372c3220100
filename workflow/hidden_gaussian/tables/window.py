"""The window: noise levels where memorising and being Gaussian differ, E|D_emp - D_G|^2 over half its maximum.

It is taken on training images where they are measured: there both denoisers return the image at low noise and the mean
at high noise, so that it ends on both sides. On other images the memoriser stays at a training image, however low the
noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def inside(departures: pd.Series[float]) -> tuple[float, ...]:
    """Return the noise levels of the window.

    Parameters
    ----------
    departures : Series
        E|D_emp - D_G|^2 by noise level, ascending; none gives an empty window.
    """
    return tuple(float(sigma) for sigma in departures.index[departures > departures.max() / 2])


def above(levels: Iterable[float], window: Sequence[float]) -> tuple[float, ...]:
    """Return the noise levels above the window; none where there is no window."""
    return tuple(level for level in levels if window and level > max(window))


def ends(levels: Sequence[float], window: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the window, halfway (in log sigma) to the levels outside of it.

    Parameters
    ----------
    levels : sequence of float
        All noise levels, ascending.
    window : sequence of float
        Those of the window, at least one.
    """
    below = [level for level in levels if level < window[0]]
    above = [level for level in levels if level > window[-1]]
    low = float(np.sqrt(below[-1] * window[0])) if below else window[0]
    return low, float(np.sqrt(above[0] * window[-1])) if above else window[-1]
