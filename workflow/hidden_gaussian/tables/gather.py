"""The tables: every metric of every id, one row a noise level."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from hidden_gaussian.cells import Cell, DenoiserId, Subset
from hidden_gaussian.pooled_ids import parse_pooled
from hidden_gaussian.sampling import solver_error
from hidden_gaussian.statistics import bootstrap
from hidden_gaussian.storage import load_array, load_one, read_shard, read_table, schemas
from hidden_gaussian.tables.catalogue import METRICS
from hidden_gaussian.tables.derived import SAMPLER, sample_agreement, solver_rows, trajectory_agreement
from hidden_gaussian.tables.evaluation import EVERYTHING, Pooled, Selection
from hidden_gaussian.tables.formulas import Metric
from hidden_gaussian.tables.groups import Group, group_rows, groups
from hidden_gaussian.tables.rows import Row, summary
from hidden_gaussian.tables.shard_store import Measurements
from hidden_gaussian.tables.window import above

FAMILIES = tuple(dict.fromkeys(metric.family for metric in METRICS))
"""Names of the tables of estimates."""

TABLES = dict.fromkeys(FAMILIES, schemas.ESTIMATES) | {"training": schemas.TRAINING, "spectrum": schemas.SPECTRUM}
"""What each table of a dataset but the claims holds, by name."""

WINDOW, ABOVE = "window", "above_window"
"""Values of ``parameter`` for what is pooled over the window, and over the levels above it."""

_MASKED = {"position", "off_axis"}
_SAMPLES = re.compile(r"samples_\w+\.npy")


def table(
    measurements: Measurements,
    dataset: str,
    *,
    families: Collection[str] = FAMILIES,
    window: Sequence[float] = (),
    sweeps: Mapping[str, Sequence[str]] | None = None,
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
    window : sequence of float
        Noise levels of :meth:`Measurements.window`. Metrics along sigma have one more row, pooled over it (sigma null,
        ``parameter`` window), and ``position`` and ``off_axis`` are left out elsewhere, where they mean nothing.
        Distances have another, pooled over the levels above it (``above_window``).
    sweeps : mapping of str to sequence of str, optional
        Ids of the cells of each sweep; means over halves and replicates get rows of their own.

    Returns
    -------
    DataFrame
        Sorted by metric and place: the same rows in the same order on every run. A metric that is not defined (0/0) has
        no row.

    Examples
    --------
    >>> list(table(Measurements([]), "digits").columns[:3])
    ['dataset', 'subset_size', 'half']
    """
    metrics = [metric for metric in METRICS if metric.family in families]
    sets = groups(sweeps, measurements.ids) if sweeps else []
    estimates = [
        estimate
        for selection, parameter in _selections(measurements, window)
        for row, pooled in _evaluated(measurements, _along(metrics, parameter), sets, selection)
        for estimate in _estimates(row, pooled, dataset, window, parameter)
    ]
    names = [column.name for column in schemas.ESTIMATES.columns]
    order = ["metric", "id", "reference_id", "inputs", "sampler", "parameter", "at", "sigma"]
    everything = pd.DataFrame(estimates, columns=names).dropna(subset="value").drop_duplicates(order)
    return everything.sort_values(order, kind="stable", ignore_index=True)


def gather(
    root: Path, paths: Iterable[str], *, pixels: int, sweeps: Mapping[str, Sequence[str]] | None = None
) -> dict[str, pd.DataFrame]:
    """Return every table of a dataset but the claims, by name: those of :data:`TABLES`.

    Parameters
    ----------
    root : Path
        The dataset's folder, of its name.
    paths : iterable of str
        Below it: shards of denoisers and sample sets; ``training.parquet`` of checkpoints; ``spectrum.safetensors`` and
        ``sampler_error.parquet`` of subsets; ``samples_<solver>.npy`` and ``trajectories_euler10.npy`` of denoisers
        that are compared, the first of each with the others.
    pixels : int
        Pixels times channels of an image.
    sweeps : mapping of str to sequence of str, optional
        See :func:`table`.

    Examples
    --------
    >>> sorted(gather(Path("results/digits"), [], pixels=64))[:3]
    ['agreement', 'alignment', 'distance']
    """
    kinds: dict[str, list[str]] = {}
    for path in paths:
        kinds.setdefault("samples" if _SAMPLES.fullmatch(Path(path).name) else Path(path).name, []).append(path)
    logs, spectra, errors, trajectories, samples = (
        kinds.pop(name, [])
        for name in (
            "training.parquet",
            "spectrum.safetensors",
            "sampler_error.parquet",
            f"trajectories_{SAMPLER}.npy",
            "samples",
        )
    )
    frames = chain(
        map(read_shard, chain.from_iterable(kinds.values())),
        (rows for path in errors for rows in solver_rows(read_table(path, solver_error.TABLE))),
        _compared(root, samples, trajectories, spectra) if samples or trajectories else [],
    )
    measurements = Measurements(frames, pixels)
    everything = table(measurements, root.name, window=measurements.window(), sweeps=sweeps)
    family = {metric.name: metric.family for metric in METRICS}
    parts = {name: everything[everything["metric"].map(family) == name] for name in FAMILIES}
    return parts | {"training": training(root.name, logs), "spectrum": spectrum(root.name, spectra)}


def _compared(
    root: Path, samples: Sequence[str], trajectories: Sequence[str], spectra: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Yield how alike sample sets, and outputs along trajectories, are: the first of each with the others."""
    largest = max(spectra, key=lambda path: Subset.of_file(path).rank)
    mean = load_one(largest, "mean")
    if samples:
        yield from sample_agreement({_drawn(root, path): load_array(path, mmap=True) for path in samples}, mean)
    if trajectories:
        states = {_drawn(root, path)[0]: load_array(path, mmap=True) for path in trajectories}
        yield trajectory_agreement(next(iter(states)), states, mean)


def _drawn(root: Path, path: str) -> tuple[str, str]:
    """Return the id and the solver of a file of samples or trajectories."""
    return DenoiserId.of_file(root, path).id, Path(path).stem.partition("_")[2]


def _selections(measurements: Measurements, window: Sequence[float]) -> list[tuple[Selection, str | None]]:
    """Return what is pooled, and the parameter of the rows: each level, the window, the levels above it."""
    higher = above(measurements.departures().index, window)
    pooled = [(Selection(window), WINDOW)] if window else []
    return [(EVERYTHING, None), *pooled, *([(Selection(higher), ABOVE)] if higher else [])]


def _along(metrics: Sequence[Metric], parameter: str | None) -> list[Metric]:
    """Return the metrics that have rows with a parameter: above the window these are distances alone."""
    return [metric for metric in metrics if parameter != ABOVE or metric.family == "distance"]


def _evaluated(
    measurements: Measurements, metrics: Sequence[Metric], sets: Iterable[Group], selection: Selection
) -> Iterator[tuple[Row, Pooled]]:
    """Yield every metric of every id, then the means over halves and replicates."""
    for identifier in measurements.ids:
        for row in measurements.rows(identifier, metrics):
            if selection.allows(row.parameter) and (pooled := measurements.evaluate(row, selection)):
                yield row, pooled
    for group in sets:
        yield from group_rows(measurements, group, metrics, selection)


def _estimates(
    row: Row, pooled: Pooled, dataset: str, window: Collection[float], parameter: str | None
) -> Iterator[dict[str, object]]:
    if parameter is not None and (
        row.parameter is not None or (parameter == ABOVE and row.metric.family != "distance")
    ):
        return
    place = {**_cell_columns(dataset, row.id), **_place_columns(row)}
    if not pooled.has_interval:
        place["interval"] = None
    if parameter is not None:
        place["parameter"] = parameter
    for level in _levels(row.metric, pooled):
        if parameter or not window or row.metric.name not in _MASKED or level["sigma"] in window:
            yield place | level


def _levels(metric: Metric, pooled: Pooled) -> list[dict[str, object]]:
    columns = summary(metric, pooled)
    return [dict(zip(columns, numbers, strict=True)) for numbers in zip(*columns.values(), strict=True)]


def _place_columns(row: Row) -> dict[str, str | float | None]:
    images = "photographs" if row.sampler is None or row.sampler == "photographs" else "samples"
    if parse_pooled(row.id).architecture is not None:
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


def _cell_columns(dataset: str, identifier: str) -> dict[str, str | float | None]:
    """Return the columns of a cell; those that differ within a mean over halves or replicates are null."""
    place = parse_pooled(identifier)
    epoch = None if place.images_seen is None else place.images_seen / place.subset_size
    return {"dataset": dataset, **place._asdict(), "epoch": epoch}


def training(dataset: str, paths: Iterable[str]) -> pd.DataFrame:
    """Return the progress of every training run, with the columns of ``schemas.TRAINING``.

    Parameters
    ----------
    dataset : str
        Its name.
    paths : iterable of str
        ``<cell id>/training.parquet`` (``schemas.LOG``) of each checkpoint: of its segment, or of the whole run.

    Examples
    --------
    >>> training("digits", []).empty
    True
    """
    names = [column.name for column in schemas.TRAINING.columns]
    logs = {Cell.of_file(dataset, path): path for path in paths}
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

    Examples
    --------
    >>> spectrum("digits", []).empty
    True
    """
    subsets = {Subset.of_file(path): path for path in paths}
    frames = [
        pd.DataFrame({"variance": variance, "share": variance.cumsum() / variance.sum()}).assign(
            dataset=dataset, subset_size=subset.size, half=subset.half, component=range(1, len(variance) + 1)
        )
        for subset, path in sorted(subsets.items())
        for variance in [load_one(path, "eigenvalues")]
    ]
    names = [column.name for column in schemas.SPECTRUM.columns]
    return pd.concat(frames, ignore_index=True)[names] if frames else pd.DataFrame(columns=names)
