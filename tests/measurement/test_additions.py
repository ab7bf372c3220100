"""Further references and weights: the numbers that measuring everything gives, without measuring everything."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gaussian import spectrum
from hidden_gaussian.data import duplicates, splits
from hidden_gaussian.denoisers.fit import fit_reference
from hidden_gaussian.measurement import measure_distances, measure_linearity, measure_target
from hidden_gaussian.storage import arrays, read_shard, write_shard
from toy_images import pixels

BASE = {"images": 12, "draws": 2, "levels": 3, "linearity_levels": 4, "alphas": [0.5**0.5], "references": []}
ALL = {**BASE, "alphas": [0.5**0.5, 0.9], "references": ["stationary"]}
INPUTS = ["train", "heldout", "noise"]
IDS = ["n16a/gaussian", "n16a/empirical"]
SETTINGS = {"inputs": INPUTS, "seed": 3}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset with a fitted reference, and the shards of two denoisers."""
    array = pixels(60, 4)[..., :1].transpose(0, 3, 1, 2)
    found = duplicates.find(array)
    split = splits.split(array, 24, seed=1, found=found)
    chosen = splits.subset_indices(split, 16, "a")
    arrays.save_array(tmp_path / "images.npy", array)
    splits.save_split(tmp_path / "split.safetensors", split)
    duplicates.save(tmp_path / "duplicates.json", found)
    arrays.save_array(tmp_path / "n16a/subset.npy", chosen)
    fitted = spectrum.fit(array[chosen])
    fitted.save(tmp_path / "n16a/spectrum.safetensors", array.shape[1:])
    fitted_file = tmp_path / "n16a/stationary/denoiser.safetensors"
    fit_reference("stationary", array[chosen], fitted_file, spectrum=fitted, largest="n16a", seed=0)
    for name in IDS:
        write_shard(tmp_path / name / "measures.parquet", _measured(tmp_path, name, BASE))
    return tmp_path


def _measured(root: Path, name: str, measures: dict[str, object]) -> pd.DataFrame:
    return measure_target(root, name, largest="n16a", measures=measures, distillation={}, **SETTINGS).shard


def _rows(frame: pd.DataFrame) -> pd.DataFrame:
    keys = ["id", "inputs", "sigma", "quantity", "image", "draw"]
    columns = [*keys, "reference_id", "parameter", "at", "value"]
    return frame.sort_values(keys, ignore_index=True).reindex(columns=columns)


def _assert_equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert len(found) == len(expected) > 0
    one, other = _rows(found), _rows(expected)
    pd.testing.assert_frame_equal(one.drop(columns="value"), other.drop(columns="value"), check_dtype=False)
    np.testing.assert_allclose(one["value"], other["value"], rtol=1e-5, atol=1e-9)


def _everything(root: Path) -> pd.DataFrame:
    return pd.concat([_measured(root, name, ALL) for name in IDS], ignore_index=True)


def test_distances_are_those_of_a_whole_measurement(root: Path) -> None:
    whole = _everything(root)
    found = measure_distances(root, "n16a/stationary", IDS, measures=BASE, **SETTINGS)
    _assert_equal(found, whole[whole["reference_id"] == "n16a/stationary"])


def test_linearity_is_that_of_a_whole_measurement(root: Path) -> None:
    whole = _everything(root)
    found = measure_linearity(root, 0.9, IDS, measures=BASE, **SETTINGS)
    _assert_equal(found, whole[whole["at"] == 0.9])


def test_rows_of_an_earlier_shard_are_taken_and_not_measured(root: Path) -> None:
    for name in IDS:
        shard = _measured(root, name, ALL)
        shard["value"] = np.float64(7.0)  # no measurement gives this
        write_shard(root / name / "measures.parquet", shard)
    distances = measure_distances(root, "n16a/stationary", IDS, measures=BASE, **SETTINGS)
    linearity = measure_linearity(root, 0.9, IDS, measures=BASE, **SETTINGS)
    assert set(distances["id"]) == set(linearity["id"]) == set(IDS)
    assert set(distances["value"]) == set(linearity["value"]) == {7.0}
    assert set(distances["reference_id"]) == {"n16a/stationary"}


def test_rows_that_are_older_than_their_reference_are_measured_again(root: Path) -> None:
    for name in IDS:
        write_shard(root / name / "measures.parquet", _measured(root, name, ALL).assign(value=7.0))
        os.utime(root / name / "measures.parquet", (1e9, 1e9))
    found = measure_distances(root, "n16a/stationary", IDS, measures=BASE, **SETTINGS)
    assert 7.0 not in set(found["value"])


def test_a_shard_has_no_additions(root: Path) -> None:
    shard = read_shard(root / IDS[0] / "measures.parquet")
    assert "n16a/stationary" not in set(shard["reference_id"].dropna())
    assert set(shard["at"].dropna()) == {0.5**0.5}
