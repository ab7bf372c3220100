"""Metrics of samples from shards against the same formulas written out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthetic
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.tables import Measurements, table

CELL = synthetic.cell(8)


def test_samples_by_hand() -> None:
    copied = synthetic.memorisation(CELL.id, 0.25)
    real = synthetic.memorisation("n8a/heldout", 0, "photographs")
    held = Measurements([copied, real, synthetic.agreement(CELL.id, "n8a/gaussian", 0.8)], pixels=6)
    wide = copied.pivot(index="image", columns="quantity", values="value")
    photographs = real.pivot(index="image", columns="quantity", values="value")
    score = np.sqrt(wide["nearest"] / wide["norm"]).mean()
    curve = held.curve("memorised_fraction", CELL.id)
    assert curve["value"].tolist() == [16 / 64]
    assert curve[["low", "high"]].to_numpy().tolist()[0] == pytest.approx([0.1502, 0.3740], abs=1e-4)
    assert held.curve("gl_score", CELL.id)["value"].iloc[0] == pytest.approx(score)
    relative = score / np.sqrt(photographs["nearest"] / photographs["norm"]).mean()
    assert held.curve("gl_relative", CELL.id)["value"].iloc[0] == pytest.approx(relative)
    assert held.curve("nearest_distance", CELL.id)["value"].iloc[0] == pytest.approx(
        np.sqrt(wide["nearest"] / 6).mean()
    )
    assert held.curve("r_c", CELL.id)["value"].iloc[0] == pytest.approx(0.8, abs=0.05)
    assert held.curve("pearson", CELL.id)["value"].iloc[0] == held.curve("r_c", CELL.id)["value"].iloc[0]


def test_no_hit_still_has_an_interval() -> None:
    curve = Measurements([synthetic.memorisation(CELL.id, 0)]).curve("memorised_fraction", CELL.id)
    assert curve["low"].iloc[0] == 0 < curve["high"].iloc[0] < 0.06


def test_curve_over_thresholds_by_hand() -> None:
    frame = synthetic.memorisation(CELL.id, 0.25)
    values = {name: frame.loc[frame["quantity"] == name, "value"].to_numpy() for name in ("nearest", "second", "norm")}
    held = Measurements([frame])
    for threshold in (0.2, 0.5, 0.95):
        where = {"parameter": "threshold", "at": threshold}
        found = held.curve("memorised_fraction_curve", CELL.id, **where).iloc[0]
        assert found["value"] == np.mean(np.sqrt(values["nearest"] / values["second"]) < threshold)
        assert 0 <= found["low"] < found["high"]
        gl = held.curve("gl_fraction_curve", CELL.id, **where)["value"].item()
        assert gl == np.mean(np.sqrt(values["nearest"] / values["norm"]) < threshold)
    area = held.curve("memorisation_area", CELL.id)["value"].item()
    ratio = np.sqrt(values["nearest"] / values["second"])
    assert area == pytest.approx(np.mean([(ratio < step / 5000).mean() for step in range(5000)]), abs=1e-3)


def test_copies_have_a_curve_over_thresholds_at_the_faintest_noise() -> None:
    frames = [
        synthetic.memorisation("n8a/copies", 1.0, "photographs").assign(parameter="noise", at=at) for at in (0.01, 0.3)
    ]
    held = Measurements([pd.concat(frames)])
    curve = held.curve("memorised_fraction_curve", "n8a/copies", parameter="threshold", at=0.3)
    assert len(curve) == 1


def test_resamples_of_a_statistic_are_its_interval() -> None:
    """A statistic that is no sum comes with its resamples as draws, and may be divided by a number."""
    columns = {"id": CELL.id, "reference_id": "n8a/heldout", "sampler": "heun18", "image": -1}
    drawn = bootstrap.pool(np.random.default_rng(0).normal(2, 0.1, 40), "latents")
    gap = pd.DataFrame({**columns, "quantity": "frechet", "draw": np.arange(len(drawn)), "value": drawn})
    scale = pd.DataFrame({**columns, "quantity": "frechet_scale", "draw": 0, "value": [4.0]})
    absent = dict.fromkeys(("inputs", "sigma", "parameter", "at"), np.nan)
    held = Measurements([pd.concat([gap, scale]).assign(**absent)])
    found = held.curve("frechet_relative", CELL.id).iloc[0]
    assert found["value"] == drawn[0] / 4
    np.testing.assert_allclose(found[["low", "high"]].astype(float), np.array(bootstrap.intervals(drawn)) / 4)
    made = table(held, "toy")
    assert made.loc[made["metric"] == "frechet_relative", "interval"].item() == "given these networks"
