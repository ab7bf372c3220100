"""The transition window: noise levels where E|D_emp - D_G|^2 exceeds half its maximum.

There the empirical and the Gaussian denoiser can be told apart. The distance is taken on training images if they are
measured: both denoisers return the image at low noise and the mean at high noise, so the window ends on both sides. On
other images the empirical denoiser returns a training image at any low noise.
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
        E|D_emp - D_G|^2 by noise level, ascending; without levels the window is empty.
    """
    return tuple(float(sigma) for sigma in departures.index[departures > departures.max() / 2])


def above(levels: Iterable[float], window: Sequence[float]) -> tuple[float, ...]:
    """Return the noise levels above the window; none where there is no window."""
    return tuple(level for level in levels if window and level > max(window))


def ends(levels: Sequence[float], window: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the window, halfway in log sigma to the levels next to it.

    Parameters
    ----------
    levels : sequence of float
        All noise levels, ascending.
    window : sequence of float
        Noise levels of the window, at least one.
    """
    below = [level for level in levels if level < window[0]]
    above = [level for level in levels if level > window[-1]]
    low = float(np.sqrt(below[-1] * window[0])) if below else window[0]
    return low, float(np.sqrt(above[0] * window[-1])) if above else window[-1]
