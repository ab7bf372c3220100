"""Axes and bands where there is one value, or 0 among them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from hidden_gaussian.figures import training_clock
from hidden_gaussian.plotting import style
from hidden_gaussian.plotting.curves import Curve


@pytest.fixture
def axes() -> Axes:
    return style.new(2).add_subplot()


def test_the_interval_of_one_point_is_seen(axes: Axes) -> None:
    drawn = style.band(axes, Curve(*(np.array([height]) for height in (8.0, 0.5, 0.4, 0.7))), color="k")
    (bar,) = [one for one in axes.collections if isinstance(one, LineCollection)]
    assert bar.get_segments()[0].tolist() == [[8, 0.4], [8, 0.7]]
    assert drawn.get_marker() == "o"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0], ["0"]),
        ([0, 64], ["0", "64"]),
        ([0, 1_000, 1_100, 100_000], ["0", "1,000", "100k"]),
        ([8, 9, 512], ["8", "512"]),
        ([1_000_000, 1_100_000, 2_000_000], ["1M", "2M"]),
    ],
)
def test_ticks_of_a_parameter_are_apart_whatever_the_smallest(
    axes: Axes, values: list[float], expected: list[str]
) -> None:
    axes.plot(values, values)
    style.parameter_axis(axes, values, "images seen")
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == expected


def test_the_clock_has_a_place_for_networks_before_training(axes: Axes) -> None:
    sizes = {size: {seen: [] for seen in (0, 64, 6400)} for size in (8, 32)}
    for size, groups in sizes.items():
        axes.plot([seen / size for seen in groups], [1, 2, 3])
    training_clock._clock(axes, sizes, per_epoch=True)
    assert np.isfinite(axes.transData.transform((0, 1))).all()
    low, high = axes.get_xlim()
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert low < 0 and high > 800 and ticks[0] == "0" and len(ticks) >= 3
