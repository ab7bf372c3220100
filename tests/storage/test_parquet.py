"""Shards and tables: rows round-trip, equal rows give equal bytes, and wrong rows are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import parquet, schemas


def frame(identifier: str = "n8a/gaussian", images: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": identifier,
            "inputs": "heldout",
            "sigma": 0.5,
            "image": np.arange(images),
            "quantity": "norm",
            "value": np.arange(images) / 3,
        }
    )


def estimates() -> pd.DataFrame:
    columns = {"dataset": "digits", "id": ["n8a/gaussian", "n8b/gaussian"], "metric": "rmse", "value": [0.1, 1 / 3]}
    return pd.DataFrame({**columns, "subset_size": [8, 16], "scale": [16, None], "count": 3})


def test_a_shard_round_trips(tmp_path: Path) -> None:
    parquet.write_shard(tmp_path / "a.parquet", frame())
    found = parquet.read_shard(tmp_path / "a.parquet")
    assert list(found.columns) == [column.name for column in schemas.SHARD.columns]
    assert found["value"].tolist() == [0, 1 / 3, 2 / 3]
    assert found["draw"].tolist() == [0, 0, 0]
    assert found["reference_id"].isna().all()
    assert isinstance(found["quantity"].dtype, pd.CategoricalDtype)


def test_shards_with_absent_values_are_concatenated(tmp_path: Path) -> None:
    """A column may be null in one shard and filled in another."""
    parquet.write_shard(tmp_path / "a.parquet", frame())
    parquet.write_shard(tmp_path / "b.parquet", frame("n8b/gaussian").assign(reference_id="n8a/gaussian"))
    found = parquet.read_shards([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert found["id"].tolist() == ["n8a/gaussian"] * 3 + ["n8b/gaussian"] * 3
    assert found["reference_id"].isna().tolist() == [True] * 3 + [False] * 3
    assert len(parquet.read_shards([])) == 0


def test_only_some_quantities_are_read(tmp_path: Path) -> None:
    both = pd.concat([frame(), frame().assign(quantity="loss")])
    parquet.write_shard(tmp_path / "a.parquet", both)
    assert parquet.read_shards([tmp_path / "a.parquet"], {"loss"})["quantity"].tolist() == ["loss"] * 3


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    content = []
    for name in ("a", "b"):
        parquet.write_shard(tmp_path / f"{name}.parquet", frame())
        parquet.write_table(tmp_path / f"{name}_table.parquet", estimates(), schemas.ESTIMATES)
        suffixes = (".parquet", "_table.parquet", "_table.csv")
        content.append([(tmp_path / f"{name}{suffix}").read_bytes() for suffix in suffixes])
    assert content[0] == content[1]


def test_the_csv_has_the_same_numbers(tmp_path: Path) -> None:
    parquet.write_table(tmp_path / "t.parquet", estimates(), schemas.ESTIMATES)
    table, csv = parquet.read_table(tmp_path / "t.parquet", schemas.ESTIMATES), pd.read_csv(tmp_path / "t.csv")
    assert list(csv.columns) == list(table.columns)
    assert csv["value"].tolist() == table["value"].tolist() == [0.1, 1 / 3]
    assert csv["subset_size"].tolist() == [8, 16]
    assert "16," in (tmp_path / "t.csv").read_text() and "16.0" not in (tmp_path / "t.csv").read_text()


def test_every_column_is_described(tmp_path: Path) -> None:
    parquet.write_shard(tmp_path / "a.parquet", frame())
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert all(field.metadata[b"description"] for field in schema)
    kinds = (schemas.SHARD, schemas.LOG, schemas.ESTIMATES, schemas.TRAINING, schemas.CLAIMS)
    assert all(column.description for table in kinds for column in table.columns)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "'colour' is unknown"),
        ({"value": np.nan}, "'value' lacks a value"),
        ({"value": np.inf}, "'value' has an infinite value"),
        ({"value": "much"}, "wrong type"),
        ({"id": None}, "'id' lacks a value"),
        ({"image": 0}, "the same key"),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parquet.write_shard(tmp_path / "a.parquet", frame().assign(**change))
    assert str(tmp_path / "a.parquet") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'quantity' is missing"):
        parquet.write_shard(tmp_path / "a.parquet", frame().drop(columns="quantity"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    parquet.write_shard(tmp_path / "a.parquet", frame())
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"b\.parquet is damaged.*delete it and run again"):
        parquet.read_shard(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="is not there"):
        parquet.read_shard(tmp_path / "c.parquet")
    with pytest.raises(InputError, match="no claims table"):
        parquet.read_table(tmp_path / "a.parquet", schemas.CLAIMS)


@pytest.mark.fault("a table lacks a column", "named")
@pytest.mark.parametrize("missing", ["id", "value", "quantity"])
def test_a_table_of_another_schema_is_named(tmp_path: Path, missing: str) -> None:
    frame = pd.DataFrame({"id": ["a"], "value": [1.0], "quantity": ["x"]}).drop(columns=missing)
    frame.to_parquet(tmp_path / "measures.parquet")
    with pytest.raises(InputError, match=r"measures\.parquet"):
        parquet.read_shard(tmp_path / "measures.parquet")


@pytest.mark.fault("values that are not finite", "no shard is written")
def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    for value, expected in ((np.nan, "lacks a value"), (np.inf, "infinite")):
        frame = pd.DataFrame({"id": ["a"], "quantity": ["x"], "value": [value]})
        with pytest.raises(InputError, match=expected):
            parquet.write_shard(tmp_path / "measures.parquet", frame)
    assert not list(tmp_path.iterdir())
