"""The tables: every metric of every id, one row a noise level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.storage import load_one, read_table, schemas
from hidden_gaussian.tables.catalogue import METRICS
from hidden_gaussian.tables.evaluation import Pooled, Selection, evaluate
from hidden_gaussian.tables.formulas import Metric
from hidden_gaussian.tables.shard_store import Measurements, Row, summary

FAMILIES = tuple(dict.fromkeys(metric.family for metric in METRICS))
"""Names of the tables of estimates."""

TABLES = dict.fromkeys(FAMILIES, schemas.ESTIMATES) | {"training": schemas.TRAINING, "spectrum": schemas.SPECTRUM}
"""What each table of a dataset but the claims holds, by name."""

_MASKED = {"position", "off_axis"}


def table(
    measurements: Measurements, dataset: str, *, families: Collection[str] = FAMILIES, window: Collection[float] = ()
) -> pd.DataFrame:
    """Return the estimates of some families of metrics, with the columns of ``schemas.ESTIMATES``.

    Parameters
    ----------
    measurements : Measurements
        All shards of the dataset.
    dataset : str
        Its name.
    families : collection of str
        Some of :data:`FAMILIES`.
    window : collection of float
        Noise levels of :meth:`Measurements.window`. Metrics along sigma have one more row, pooled over it (sigma null,
        ``parameter`` window), and ``position`` and ``off_axis`` are left out elsewhere, where they mean nothing.

    Returns
    -------
    DataFrame
        Sorted by metric and place: the same rows in the same order on every run. Where a metric is not defined (nothing
        over nothing) there is no row.
    """
    metrics = [metric for metric in METRICS if metric.family in families]
    estimates = [
        estimate
        for identifier in measurements.ids
        for row in measurements.rows(identifier, metrics)
        for estimate in _estimates(measurements, row, dataset, window)
    ]
    names = [column.name for column in schemas.ESTIMATES.columns]
    order = ["metric", "id", "reference_id", "inputs", "sampler", "parameter", "at", "sigma"]
    everything = pd.DataFrame(estimates, columns=names).dropna(subset="value")
    return everything.sort_values(order, kind="stable", ignore_index=True)


def gather(dataset: str, paths: Iterable[str], *, pixels: int) -> dict[str, pd.DataFrame]:
    """Return every table of a dataset but the claims, by name: those of :data:`TABLES`.

    Parameters
    ----------
    dataset : str
        Its name.
    paths : iterable of str
        Shards of denoisers and sample sets, ``training.parquet`` of snapshots, ``spectrum.safetensors`` of subsets.
    pixels : int
        Pixels times channels of an image.
    """
    logs: list[str] = []
    spectra: list[str] = []
    shards: list[str] = []
    for path in paths:
        {"training.parquet": logs, "spectrum.safetensors": spectra}.get(Path(path).name, shards).append(path)
    measurements = Measurements.read(shards, pixels)
    everything = table(measurements, dataset, window=measurements.window())
    family = {metric.name: metric.family for metric in METRICS}
    parts = {name: everything[everything["metric"].map(family) == name] for name in FAMILIES}
    return parts | {"training": training(dataset, logs), "spectrum": spectrum(dataset, spectra)}


def _estimates(
    measurements: Measurements, row: Row, dataset: str, window: Collection[float]
) -> Iterator[dict[str, object]]:
    place = {**_cell_columns(dataset, row.id), **_place_columns(row)}
    pooled = evaluate(row.terms, row.metric, measurements.pixels)
    if pooled is None:
        return
    if not pooled.has_interval:
        place["interval"] = None
    for level in _levels(row.metric, pooled):
        if not window or row.metric.name not in _MASKED or level["sigma"] in window:
            yield place | level
    if window and row.parameter is None and not np.isnan(pooled.sigma[0]):
        whole = evaluate(row.terms, row.metric, measurements.pixels, Selection(window))
        for level in _levels(row.metric, whole) if whole else ():
            yield place | level | {"parameter": "window"}


def _levels(metric: Metric, pooled: Pooled) -> list[dict[str, object]]:
    columns = summary(metric, pooled)
    return [dict(zip(columns, numbers, strict=True)) for numbers in zip(*columns.values(), strict=True)]


def _place_columns(row: Row) -> dict[str, str | float | None]:
    images = "photographs" if row.sampler is None or row.sampler == "photographs" else "samples"
    if _cell(row.id) is not None:
        covers = bootstrap.GIVEN_FITS if row.fitted else bootstrap.GIVEN
    else:
        covers = f"{images}, given these fits" if row.fitted else images
    return {
        "id": row.id,
        "reference_id": row.reference_id,
        "inputs": row.inputs,
        "sampler": row.sampler,
        "parameter": row.parameter,
        "at": row.at,
        "metric": row.metric.name,
        "interval": covers,
    }


def _cell(identifier: str) -> Cell | None:
    """Return the cell of a network, or of what was made from it: its distilled maps, its spliced samples."""
    try:
        return Cell.parse("", "/".join(identifier.split("/")[:3]))
    except InputError:
        return None


def _cell_columns(dataset: str, identifier: str) -> dict[str, str | float | None]:
    cell = _cell(identifier)
    subset = identifier.split("/")[0]
    return {
        "dataset": dataset,
        "subset_size": int(subset[1:-1]),
        "half": subset[-1],
        "architecture": cell.architecture if cell else None,
        "scale": cell.scale if cell else None,
        "replicate": cell.replicate if cell else None,
        "images_seen": cell.images_seen if cell else None,
        "epoch": cell.epoch if cell else None,
    }


def training(dataset: str, paths: Iterable[str]) -> pd.DataFrame:
    """Return the progress of every training run, with the columns of ``schemas.TRAINING``.

    Parameters
    ----------
    dataset : str
        Its name.
    paths : iterable of str
        ``<cell id>/training.parquet`` (``schemas.LOG``) of each snapshot: of its stretch, or of the run from the start.
    """
    names = [column.name for column in schemas.TRAINING.columns]
    logs = {Cell.parse(dataset, "/".join(Path(path).parts[-4:-1])): path for path in paths}
    frames = []
    for cell in sorted(logs):
        log = read_table(logs[cell], schemas.LOG)
        columns = {name: getattr(cell, name) for name in names if name not in {*log.columns, "epoch"}}
        frames.append(log.assign(**columns, epoch=log["images_seen"] / cell.subset_size)[names])
    if not frames:
        return pd.DataFrame(columns=names)
    return pd.concat(frames, ignore_index=True).drop_duplicates(list(schemas.TRAINING.key), ignore_index=True)


def spectrum(dataset: str, paths: Iterable[str]) -> pd.DataFrame:
    """Return the variances of subsets along their principal components, with the columns of ``schemas.SPECTRUM``.

    Parameters
    ----------
    dataset : str
        Its name.
    paths : iterable of str
        ``n<size><half>/spectrum.safetensors`` of each subset.
    """
    subsets = {(int(name[1:-1]), name[-1]): path for path in paths for name in [Path(path).parent.name]}
    frames = [
        pd.DataFrame({"variance": variance, "share": variance.cumsum() / variance.sum()}).assign(
            dataset=dataset, subset_size=size, half=half, component=range(1, len(variance) + 1)
        )
        for (size, half), path in sorted(subsets.items())
        for variance in [load_one(path, "eigenvalues")]
    ]
    names = [column.name for column in schemas.SPECTRUM.columns]
    return pd.concat(frames, ignore_index=True)[names] if frames else pd.DataFrame(columns=names)
