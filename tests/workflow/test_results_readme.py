"""The examples of results/README.md on a synthetic table: each selects one network per training size."""

import itertools
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hidden_gaussian.storage import parquet, schemas
from hidden_gaussian.tables.catalogue import METRICS
from smoke_study import ROOT

TEXT = (ROOT / "results/README.md").read_text(encoding="utf-8")
SIZES, SIGMAS = (8, 512), (0.5, 4.0)


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]


def right(size: int, sigma: float) -> float:
    return size + sigma / 10


def row(identifier: str, reference: str, inputs: str, metric: str, sigma: float | None) -> dict[str, Any]:
    """Return one estimate: a function of size and sigma in the rows that the examples select, -1 in other rows."""
    subset, *rest = identifier.split("/")
    size, half = int(subset[1:-1]), subset[-1]
    wanted = (f"{subset}/ve16r1/i32000", f"{subset}/gaussian", "heldout", "nrmse")
    selected = (identifier, reference, inputs, metric) == wanted and half == "a" and sigma is not None
    cell = {"architecture": "ve", "scale": 16, "replicate": 1, "images_seen": int(rest[1][1:])} if len(rest) > 1 else {}
    return cell | {
        "dataset": "digits",
        "subset_size": size,
        "half": half,
        "id": identifier,
        "reference_id": reference,
        "inputs": inputs,
        "sigma": sigma,
        "parameter": None if sigma else "window",
        "metric": metric,
        "value": right(size, sigma) if selected else -1.0,
        "count": 1,
    }


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of distances where the examples look for it."""
    names = ("gaussian", "mean", "ve16r1/i3200", "ve16r1/i32000", "ve16r1/i32000/linear")
    ids = [f"n{size}{half}/{name}" for size in SIZES for half in "ab" for name in names]
    rows = [
        row(identifier, reference, inputs, metric, sigma)
        for identifier in ids
        for reference in {f"{identifier.split('/')[0]}/gaussian", "n512a/gaussian", "n512a/empirical"}
        for inputs, metric, sigma in itertools.product(("train", "heldout"), ("rmse", "nrmse"), (*SIGMAS, None))
    ]
    everything = pd.DataFrame(rows).reindex(columns=[column.name for column in schemas.ESTIMATES.columns])
    folder = tmp_path / "results/digits/tables"
    folder.mkdir(parents=True)
    parquet.write_table(folder / "distance.parquet", everything, schemas.ESTIMATES)
    monkeypatch.chdir(tmp_path)
    return folder


def test_every_metric_is_described_in_the_table_of_its_family() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE))
    for metric in METRICS:
        plain = re.sub(r"(_(centred|residual|raw|expected|unbiased))+$", "", metric.name)
        assert {f"`{metric.name}`", f"`{plain}`"} & set(re.findall(r"`\w+`", rows[metric.family])), metric.name


def test_the_pandas_example_selects_one_network_per_size(made: Path) -> None:
    *before, last = block("python").rstrip().splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(before), names)
    shown = eval(last, names)
    assert list(shown.columns) == list(SIZES)
    assert list(shown.index) == list(SIGMAS)
    np.testing.assert_array_equal(shown, [[right(size, sigma) for size in SIZES] for sigma in SIGMAS])


def test_the_sql_example_selects_one_network_per_size(made: Path) -> None:
    """Run by SQLite, which cannot read Parquet, so from a table in memory."""
    with sqlite3.connect(":memory:") as database:
        pd.read_parquet(made / "distance.parquet").to_sql("distance", database)
        rows = database.execute(block("sql").replace("'results/digits/tables/distance.parquet'", "distance")).fetchall()
    assert [row[:3] for row in rows] == [(size, sigma, right(size, sigma)) for size in SIZES for sigma in SIGMAS]


def test_the_shell_example_selects_one_network_per_size(made: Path) -> None:
    done = subprocess.run(["sh", "-c", block("sh")], capture_output=True, text=True, check=True)
    (made / "found.csv").write_text(done.stdout)
    found = pd.read_csv(made / "found.csv")
    assert len(found) == len(SIZES) * len(SIGMAS)
    assert set(found["value"]) == {right(size, sigma) for size in SIZES for sigma in SIGMAS}
