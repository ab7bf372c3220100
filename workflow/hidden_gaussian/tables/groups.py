"""Means over halves and replicates: which denoisers belong together, and the rows that a table has of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.pooled_ids import pooled_id
from hidden_gaussian.tables.evaluation import EVERYTHING, Pooled, Selection, mean
from hidden_gaussian.tables.formulas import Metric
from hidden_gaussian.tables.rows import Row
from hidden_gaussian.tables.shard_store import Measurements


class Group(NamedTuple):
    """Denoisers over which a metric is averaged, and the name of their mean."""

    members: tuple[str, ...]
    everyone: tuple[str, ...]

    def name(self, ids: Sequence[str]) -> str:
        """Return the name of the mean over some members, or over what belongs to each of them."""
        return pooled_id(ids, self.everyone)


def groups(sweeps: Mapping[str, Sequence[str]], measured: Iterable[str]) -> list[Group]:
    """Return every set of denoisers that figures average over: more than one half or replicate of one place of a sweep.

    Parameters
    ----------
    sweeps : mapping of str to sequence of str
        Ids of the cells of each sweep.
    measured : iterable of str
        Ids of everything that was measured; reference denoisers are averaged over the halves of a sweep.
    """
    everyone = tuple(dict.fromkeys(identifier for ids in sweeps.values() for identifier in ids))
    sets: dict[tuple[str, ...], None] = {}
    subsets: dict[tuple[str, ...], None] = {}
    for ids in sweeps.values():
        places: dict[object, list[Cell]] = {}
        for cell in sorted(Cell.parse("", identifier) for identifier in ids):
            places.setdefault((cell.subset_size, cell.architecture, cell.scale, cell.images_seen), []).append(cell)
        for cells in places.values():
            for chosen in (cells, [cell for cell in cells if cell.half == "a"]):
                sets[tuple(cell.id for cell in chosen)] = None
                subsets[tuple(dict.fromkeys(cell.subset for cell in chosen))] = None
    references = sorted({found.name for found in map(DenoiserId.parse, measured) if found.is_reference})
    for halves in subsets:
        sets |= {tuple(f"{subset}/{name}" for subset in halves): None for name in references}
    return [Group(members, everyone) for members in sets if len(members) > 1]


def group_rows(
    measurements: Measurements, group: Group, metrics: Iterable[Metric], selection: Selection = EVERYTHING
) -> Iterator[tuple[Row, Pooled]]:
    """Yield each metric that several members of a group have, averaged, with the place that its row has in a table."""
    places: dict[tuple[object, ...], list[tuple[Row, Pooled]]] = {}
    for member in map(DenoiserId.parse, group.members):
        for row in measurements.rows(member.id, metrics):
            part = DenoiserId.parse(row.id).below(member)
            wanted = selection.allows(row.parameter) and (part or row.id == member.id)
            pooled = measurements.evaluate(row, selection) if wanted else None
            if pooled is not None and pooled.has_interval:
                key = (id(row.metric), part, row.relation, *row[3:7])
                places.setdefault(key, []).append((row, pooled))
    for found in places.values():
        if len(found) > 1:
            rows, pooled_parts = zip(*found, strict=True)
            yield _mean_row(group, rows), mean(pooled_parts)


def _mean_row(group: Group, rows: Collection[Row]) -> Row:
    first, *_ = rows
    references = [row.reference_id for row in rows if row.reference_id is not None]
    reference = group.name(references) if len(set(references)) > 1 else first.reference_id
    return first._replace(id=group.name([row.id for row in rows]), reference_id=reference)
