"""Claims about linearity and linear maps: examples that hold, counter-examples, gates, and missing evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

import synthetic
from hidden_gaussian.claims import linearity
from synthetic import cell
from synthetic_evidence import by_size, evidence, multiplied, row, verdict


def test_linearity_grows_with_size() -> None:
    assert verdict(linearity.GROWS, by_size("empirical", "blend 0.6", "blend 0.3")) == ("holds", True)
    assert verdict(linearity.GROWS, by_size("empirical", "empirical", "empirical")) == ("fails", True)
    assert verdict(linearity.GROWS, by_size("empirical", "blend 0.6", "untrained"))[1] is False


def test_least_linear_in_the_middle() -> None:
    assert verdict(linearity.MIDDLE, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.MIDDLE, by_size("gaussian", "gaussian", "gaussian")) == ("fails", True)
    one_end = linearity.least_in_the_middle(by_size("law", "law", "gaussian"))
    assert [(part.what, part.verdict) for part in one_end.parts] == [("N = 8", "holds"), ("N = 128", "fails")]


@pytest.mark.parametrize("end", [min, max])
def test_the_middle_is_compared_with_the_less_linear_end(end: Callable[[Iterable[float]], float]) -> None:
    whole = by_size("law", "law", "law")
    at_end = whole.measures["sigma"] == end(synthetic.SIGMAS)
    gap = at_end & (whole.measures["quantity"] == "affine_gap")
    bent = whole.measures.assign(value=whole.measures["value"].mask(gap, 1000.0))
    assert verdict(linearity.MIDDLE, replace(whole, measures=bent)) == ("fails", True)
    assert row("2", replace(whole, measures=whole.measures[~at_end]))["reason"] == "missing"


def test_residual_linearity_falls() -> None:
    assert verdict(linearity.RESIDUAL, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.RESIDUAL, by_size("gaussian", "gaussian", "gaussian")) == ("fails", True)
    assert verdict(linearity.RESIDUAL, by_size("law", "law", "untrained")) == ("fails", True)


def test_a_window_of_one_level_has_no_trend() -> None:
    whole = by_size("law", "law", "law")
    narrow = replace(whole, measures=whole.measures[~whole.measures["sigma"].isin(whole.window[1:])])
    assert row("3", narrow)[["verdict", "reason"]].tolist() == ["undecided", "one level"]


def test_generalising_distils_to_gaussian() -> None:
    assert verdict(linearity.GAUSSIAN, by_size("law", "law", "law")) == ("holds", True)
    assert verdict(linearity.GAUSSIAN, by_size("law", "law", "shrunk 0.35")) == ("fails", True)
    assert linearity.distils_to_gaussian(by_size("law", "law", "stationary")).verdict == "fails"  # by its interval
    assert row("4", by_size("law", "law", "gaussian"))["reason"] == "gate"


def test_every_network_of_the_largest_size_counts() -> None:
    cells = [cell(128), cell(128, "b")]
    whole = evidence(dict(zip(cells, ["law", "shrunk 0.35"], strict=True)), {"size": cells})
    value = linearity.distils_to_gaussian(whole).parts[0].estimate.value
    assert value == pytest.approx(np.mean([linearity.mismatch(whole, one.id)[0] for one in cells]))


def test_memorising_breaks_distillation() -> None:
    assert verdict(linearity.BREAKS, by_size("shrunk 0.6", "law", "law", copies=(1, 0, 0))) == ("holds", True)
    assert verdict(linearity.BREAKS, by_size("gaussian", "gaussian", "gaussian", copies=(1, 0, 0))) == ("fails", True)
    assert row("5", by_size("shrunk 0.6", "law", "law"))["reason"] == "gate"


def test_calibration() -> None:
    assert verdict(linearity.CALIBRATED, by_size("law", "law", "law")) == ("holds", True)
    biased = dict.fromkeys(["n8a_empirical", "n32a_empirical", "n128a_empirical"], "shrunk 0.5")
    assert verdict(linearity.CALIBRATED, by_size("law", "law", "law", **biased)) == ("fails", True)


def test_calibration_is_on_training_images_of_several_fits() -> None:
    whole = by_size("law", "law", "law")
    others = [multiplied(whole, "n8a/empirical", "mismatch_inside", inputs=inputs) for inputs in ("heldout", "train")]
    plain, heldout, train = (linearity.is_calibrated(one).parts[0].estimate.value for one in (whole, *others))
    assert heldout == plain != train
    assert row("cal", evidence({cell(8): "law"}, {"size": [cell(8)]}))["reason"] == "missing"
