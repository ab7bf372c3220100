"""What settings add to a subset's measurements: distances to one more reference, linearity with one more weight.

Each has a shard of its own for all denoisers of a subset, so that adding or removing one measures nothing else again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.jobs import progress_bar
from hidden_gaussian.measurement.shared_noise import distances, linearity
from hidden_gaussian.measurement.targets import noised_inputs, open_target, trajectories_of
from hidden_gaussian.settings import Measures
from hidden_gaussian.statistics import mixing_blocks
from hidden_gaussian.storage import read_shard

logger = logging.getLogger(__name__)


def measure_distances(
    root: str | Path,
    reference: str,
    ids: Sequence[str],
    *,
    measures: Mapping[str, Any],
    inputs: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Return the distances of denoisers to one reference denoiser of their subset, as :func:`.measure` gives them.

    Parameters
    ----------
    root : path
        Folder of a dataset's results; beside each denoiser is its ``measures.parquet``. Rows that this has already,
        as in results of earlier versions, are taken from it.
    reference : str
        Id of the reference, such as ``n64a/stationary``.
    ids : sequence of str
        Denoisers of the same subset.
    measures, inputs, seed
        See :func:`.measure_target`.

    Examples
    --------
    >>> settings = {"measures": {}, "inputs": ["heldout"], "seed": 0}
    >>> rows = measure_distances("results/digits", "n64a/stationary", ["n64a/gaussian"], **settings)  # doctest: +SKIP
    """
    settings, denoiser = Measures.model_validate(measures), DenoiserId.parse(reference)

    def measured(identifier: str) -> pd.DataFrame:
        opened = open_target(root, identifier, largest=denoiser.subset.id, references=[denoiser.name])
        target = replace(opened, references={reference: opened.references[reference]})
        states = trajectories_of(root, identifier, inputs)
        return distances(target, noised_inputs(root, identifier, inputs, settings), settings, seed, states)

    where, fitted = {"reference_id": reference, "quantity": "distance"}, Path(root) / reference / "denoiser.safetensors"
    return _each(root, ids, f"distance to {reference}", where, measured, [fitted])


def measure_linearity(
    root: str | Path, alpha: float, ids: Sequence[str], *, measures: Mapping[str, Any], inputs: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return the linearity of denoisers of one subset, with one weight of pairs, as :func:`.measure` gives it.

    Parameters
    ----------
    alpha : float
        Weight of the first image of a pair.
    root, ids, measures, inputs, seed
        See :func:`measure_distances`.

    Examples
    --------
    >>> settings = {"measures": {}, "inputs": ["heldout"], "seed": 0}
    >>> rows = measure_linearity("results/digits", 0.9, ["n64a/gaussian"], **settings)  # doctest: +SKIP
    """
    settings = Measures.model_validate({**measures, "alphas": [alpha]})

    def measured(identifier: str) -> pd.DataFrame:
        target = open_target(root, identifier, largest=DenoiserId.parse(identifier).subset.id)
        return linearity(target, noised_inputs(root, identifier, inputs, settings), settings, seed)

    where = {"parameter": mixing_blocks.AXIS, "at": alpha}
    return _each(root, ids, f"linearity, weight {alpha:g}", where, measured)


def _each(
    root: str | Path,
    ids: Sequence[str],
    what: str,
    where: Mapping[str, Any],
    measured: Callable[[str], pd.DataFrame],
    files: Sequence[Path] = (),
) -> pd.DataFrame:
    """Return rows of every denoiser: from its own shard if it has them and is not older than `files`, else measured."""
    frames = []
    with progress_bar(what, len(ids)) as done:
        for number, identifier in enumerate(ids, start=1):
            path = Path(root) / identifier / "measures.parquet"
            shard = read_shard(path)
            old = shard[(shard[list(where)] == pd.Series(where)).all(axis=1)]
            current = all(file.stat().st_mtime <= path.stat().st_mtime for file in files if file.exists())
            if len(old) and current:
                logger.info("%s: %d rows are taken from %s", what, len(old), path)
            frames.append(old if len(old) and current else measured(identifier))
            done(number)
    return pd.concat(frames, ignore_index=True)
