"""Means over halves and replicates: what is averaged, and what its row is called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthetic
from hidden_gaussian.cells import Cell
from hidden_gaussian.tables import METRICS, Measurements, table
from hidden_gaussian.tables.groups import groups
from hidden_gaussian.tables.rows import fractions, relation

HALVES = {"n32a": "blend 0.2", "n32b": "blend 0.5"}
KEY = {"inputs": "heldout", "parameter": None}


def network(subset: str, replicate: int = 1) -> str:
    return Cell("toy", 32, subset[-1], "ve", 16, replicate, 64_000).id


@pytest.fixture(scope="module")
def held() -> Measurements:
    frames = [synthetic.measures(network(subset), kind) for subset, kind in HALVES.items()]
    frames += [synthetic.measures(f"{subset}/{kind}", kind) for subset in HALVES for kind in ("gaussian", "empirical")]
    return Measurements(frames, pixels=6)


@pytest.fixture(scope="module")
def made(held: Measurements) -> pd.DataFrame:
    sweeps = {"size": [network("n32a"), network("n32b")], "time": [network("n32a")]}
    return table(held, "toy", families={"distance", "position"}, window=held.window(), sweeps=sweeps)


def rows(made: pd.DataFrame, metric: str, identifier: str, reference: str) -> pd.Series:
    chosen = made[(made["metric"] == metric) & (made["id"] == identifier) & (made["reference_id"] == reference)]
    chosen = chosen[(chosen["inputs"] == "heldout") & chosen["parameter"].isna()]
    return chosen.set_index("sigma")["value"]


@pytest.mark.parametrize("metric", ["rho", "nrmse"])
def test_the_mean_of_two_halves_is_the_mean_of_their_rows(made: pd.DataFrame, metric: str) -> None:
    halves = [rows(made, metric, network(subset), f"{subset}/gaussian") for subset in HALVES]
    mean = rows(made, metric, "n32/ve16r1/i64000", "n32/gaussian")
    np.testing.assert_allclose(mean, (halves[0] + halves[1]) / 2, rtol=1e-12)
    references = [rows(made, "nrmse", f"{subset}/empirical", f"{subset}/gaussian") for subset in HALVES]
    pooled = rows(made, "nrmse", "n32/empirical", "n32/gaussian")
    np.testing.assert_allclose(pooled, (references[0] + references[1]) / 2, rtol=1e-12)


def test_the_engine_gives_the_number_of_the_row(held: Measurements, made: pd.DataFrame) -> None:
    found = held.estimate("nrmse", [network(subset) for subset in HALVES], relation="gaussian", inputs="heldout")
    mean = rows(made, "nrmse", "n32/ve16r1/i64000", "n32/gaussian")
    np.testing.assert_array_equal(found.values[:, 0], mean)
    window = held.estimate("rho", [network("n32a")], held.window(), inputs="heldout")
    own = made[(made["metric"] == "rho") & (made["id"] == network("n32a")) & (made["parameter"] == "window")]
    assert window.values[0, 0] == own.loc[own["inputs"] == "heldout", "value"].item()


def test_coordinates_that_differ_are_null_and_one_network_has_no_second_row(made: pd.DataFrame) -> None:
    mean = made[made["id"] == "n32/ve16r1/i64000"]
    assert set(mean["subset_size"]) == {32} and mean["half"].isna().all()
    assert set(mean["replicate"]) == {1} and set(mean["images_seen"]) == {64_000}
    assert not made["id"].str.fullmatch(r"n32a/ve16/i64000").any()


def test_levels_above_the_window_are_pooled_for_distances_alone(held: Measurements, made: pd.DataFrame) -> None:
    above = made[made["parameter"] == "above_window"]
    assert set(above["metric"]) <= {metric.name for metric in METRICS if metric.family == "distance"}
    levels = [sigma for sigma in synthetic.SIGMAS if sigma > max(held.window())]
    own = above[(above["metric"] == "nrmse") & (above["id"] == network("n32a")) & (above["inputs"] == "heldout")]
    own = own.loc[own["reference_id"] == "n32a/gaussian", "value"].item()
    squares = rows(made, "rmse", network("n32a"), "n32a/gaussian")[levels] ** 2
    norms = squares / rows(made, "nrmse", network("n32a"), "n32a/gaussian")[levels] ** 2
    assert own == pytest.approx(np.sqrt(squares.sum() / norms.sum()))


def test_replicates_and_the_first_half_are_groups_of_their_own() -> None:
    ids = [network(subset, replicate) for subset in HALVES for replicate in (1, 2)]
    found = {group.name(group.members) for group in groups({"size": ids}, ["n32a/gaussian", "n32b/gaussian", "n32a/x"])}
    assert found == {"n32/ve16/i64000", "n32a/ve16/i64000", "n32/gaussian", "n32/x"}


def test_some_replicates_are_listed() -> None:
    ids = [network("n32a", replicate) for replicate in (1, 2, 3)]
    found = {group.name(group.members) for group in groups({"size": ids, "scale": ids[:2]}, [])}
    assert found == {"n32a/ve16/i64000", "n32a/ve16r1+2/i64000"}


@pytest.mark.parametrize(
    ("identifier", "reference", "told"),
    [
        ("n8a/ve16r1/i64", "n8a/gaussian", "gaussian"),
        ("n8a/ve16r1/i64", "n8a/gaussian/exact", "gaussian/exact"),
        ("n8a/ve16r2/i64", "n8b/ve16r2/i64", "other half"),
        ("n8a/ve16r1/i64", "n8a/ve16r1/i64", "itself"),
        ("n8a/ve16r1/i64", "n8a/ve16r1/i64/linear", "linear"),
        ("n8a/ve16r1/i64/linear", "n8a/gaussian", "gaussian"),
        ("n8a/ve16r1/i64/splice-linear", "n8a/ve16r1/i64", "own network"),
        ("n8a/ve16r1/i64", "n8a", "training images"),
        ("n8a/ve16r1/i64", "n8b/gaussian", "other gaussian"),
        ("n8a/ve16r1/i64", "n512a/gaussian", "largest gaussian"),
    ],
)
def test_relations_in_words(identifier: str, reference: str, told: str) -> None:
    assert relation(identifier, reference) == told


def test_the_mean_of_fractions_has_latents_for_trials() -> None:
    shares, low, high = fractions(np.array([0.25, 0.375]), 4)
    (_, one, other), (_, first, second) = fractions(np.array([0.25]), 4), fractions(np.array([0.5]), 4)
    assert (low[0], high[0]) == (one.item(), other.item())
    assert one < low[1] < first and other < high[1] < second
    np.testing.assert_array_equal(shares, [0.25, 0.375])
