"""Every figure drawn once, with the files and the metrics that it was drawn from."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from hidden_gaussian.figures.registry import ENTRIES
from hidden_gaussian.plotting import curves
from hidden_gaussian.plotting.figure_data import NOT_SHARDS, FigureData
from hidden_gaussian.storage import arrays, parquet
from hidden_gaussian.tables import Measurements
from synthetic_results import World

PLACE = ["id", "quantity", "reference_id", "inputs", "sampler", "parameter"]


@dataclass
class Drawn:
    """A figure, the files that storage read for it, and what of them was evaluated and shown."""

    data: FigureData
    figure: Figure = field(default_factory=Figure)
    read: set[Path] = field(default_factory=set)
    alone: set[Path] = field(default_factory=set)
    places: set[tuple[str | None, ...]] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)

    @property
    def used(self) -> set[Path]:
        """Files that were read: shards only if a metric was evaluated from them, or if they were read one by one."""
        alone = {path for path in self.read if path in self.alone or path.name in NOT_SHARDS}
        return alone | {path for path in self.read - alone if _places(path) & self.places}


@cache
def _places(path: Path) -> set[tuple[str | None, ...]]:
    """Return the places of a shard, without their position along a further axis."""
    frame = pd.read_parquet(path, columns=PLACE).drop_duplicates().astype(object)
    return set(frame.where(frame.notna(), None).itertuples(index=False, name=None))


def _drawn(name: str, data: FigureData) -> Drawn:
    """Draw a figure and record what it was drawn from."""
    drawn = Drawn(data)
    evaluated: dict[Measurements, set[int]] = {}

    def recording(read: Callable[..., Any], *sets: set[Path]) -> Callable[..., Any]:
        def record(path: Any, *rest: Any) -> Any:
            for paths in sets:
                paths.add(Path(path))
            return read(path, *rest)

        return record

    def evaluate(self: Measurements, row: Any, *rest: Any) -> Any:
        evaluated.setdefault(self, set()).update(id(block) for term in row.terms for block in term.blocks)
        return whole(self, row, *rest)

    def estimated(metric: str, pooled: Any, **rest: Any) -> Any:
        drawn.metrics |= {metric} if pooled is not None else set()
        return curve(metric, pooled, **rest)

    whole, curve = Measurements.evaluate, curves.estimated
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "_read", recording(arrays._read, drawn.read, drawn.alone))
        patch.setattr(parquet, "_read", recording(parquet._read, drawn.read))
        patch.setattr(parquet, "read_table", recording(parquet.read_table, drawn.alone))
        patch.setattr(Measurements, "evaluate", evaluate)
        patch.setattr(curves, "estimated", estimated)
        drawn.figure = importlib.import_module(f"hidden_gaussian.figures.{name}").draw(data)
    for measurements, blocks in evaluated.items():
        everything = (item for places in measurements._blocks.values() for item in places.items())
        drawn.places |= {place[:-1] for place, block in everything if id(block) in blocks}
    return drawn


@pytest.fixture(scope="session")
def drawn(world: World) -> dict[str, Drawn]:
    return {name: _drawn(name, world.data(name)) for name in ENTRIES}


@pytest.fixture(scope="session")
def figures(drawn: dict[str, Drawn]) -> dict[str, Figure]:
    return {name: one.figure for name, one in drawn.items()}
