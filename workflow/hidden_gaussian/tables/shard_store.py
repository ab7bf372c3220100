"""All measurements of a dataset, from which metrics are evaluated by name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.metrics import COPY_NOISE
from hidden_gaussian.statistics import mixing_blocks
from hidden_gaussian.storage import AnyPath, read_shard
from hidden_gaussian.tables import window
from hidden_gaussian.tables.catalogue import METRICS
from hidden_gaussian.tables.evaluation import EVERYTHING, Found, Pooled, Selection, evaluate, mean
from hidden_gaussian.tables.formulas import Metric, Term
from hidden_gaussian.tables.rows import Row, summary
from hidden_gaussian.tables.shard_arrays import Array, Block, Place, blocks, blocks_at

WHERE = ("reference_id", "inputs", "sampler", "parameter", "at")


class Measurements:
    """Shards of one dataset, by place.

    Parameters
    ----------
    frames : iterable of DataFrame
        Shards (``schemas.SHARD``) of denoisers and sample sets, with those of the references that ratios need.
    pixels : int
        Pixels times channels of an image; only metrics per pixel (rmse, loss ...) need it.

    Examples
    --------
    >>> distance = {"quantity": "distance", "reference_id": "n8a/gaussian", "value": [4.0, 4.0]}
    >>> norm = {"quantity": "norm", "value": [16.0, 16.0]}
    >>> where = {"id": "n8a/identity", "inputs": "heldout", "sigma": 0.5, "image": [0, 1], "draw": 0}
    >>> measured = Measurements([pd.concat([pd.DataFrame(where | part) for part in (distance, norm)])])
    >>> measured.curve("nrmse", "n8a/identity")[["sigma", "value"]].to_dict("records")
    [{'sigma': 0.5, 'value': 0.5}]
    """

    def __init__(self, frames: Iterable[pd.DataFrame], pixels: int = 1) -> None:
        self.pixels = pixels
        self._blocks: dict[str, dict[Place, Block]] = {}
        for frame in frames:
            for place, block in blocks(frame):
                self._blocks.setdefault(place.id, {})[place] = block
        self._places: dict[tuple[str, str], list[Place]] = {}  # by id and quantity
        for places in self._blocks.values():
            for place in places:
                self._places.setdefault((place.id, place.quantity), []).append(place)

    @classmethod
    def read(cls, paths: Iterable[AnyPath], pixels: int = 1) -> Measurements:
        """Read shards one by one; InputError if one is absent or damaged."""
        return cls((read_shard(path) for path in paths), pixels)

    @property
    def ids(self) -> list[str]:
        """Everything that was measured, in alphabetical order."""
        return sorted(self._blocks)

    @cached_property
    def inputs(self) -> frozenset[str]:
        """Every kind of clean image that was noised."""
        return frozenset(place.inputs for places in self._blocks.values() for place in places if place.inputs)

    @property
    def unseen(self) -> str:
        """Kind of input that no network was trained on: held-out images, or foreign ones where there are none."""
        return "foreign" if "foreign" in self.inputs and "heldout" not in self.inputs else "heldout"

    def curve(self, metric: str, identifier: str, **where: str | float | None) -> pd.DataFrame:
        """Return a metric along the noise levels, with its 95 % band.

        Parameters
        ----------
        metric : str
            Name, as in ``tables/``.
        identifier : str
            Id of the denoiser or sample set; ``<cell>/linear`` for a distilled map's distance to the Gaussian.
        **where
            Any of ``reference_id, inputs, sampler, parameter, at``; one not given may be anything, but then there has
            to be only one.

        Returns
        -------
        DataFrame
            ``sigma, value, low, high, count``, sigma ascending; without rows where nothing was measured.

        Raises
        ------
        ValueError
            If several curves fit, or there is no such metric.
        """
        row = self._only(metric, identifier, where)
        pooled = self.evaluate(row) if row else None
        if row is None or pooled is None:
            return pd.DataFrame({name: [] for name in ("sigma", "value", "low", "high", "count")}, dtype=float)
        return pd.DataFrame(summary(row.metric, pooled))

    def over(
        self,
        metric: str,
        identifier: str,
        sigmas: Collection[float] | None,
        *,
        images: slice | None = None,
        **where: str | float | None,
    ) -> Array | None:
        """Return a metric with its sums averaged over noise levels before any ratio is taken, and its resamples.

        Parameters
        ----------
        metric, identifier, **where
            As in :meth:`curve`.
        sigmas : collection of float or None
            Noise levels, all of them needed; None for samples, which have none.
        images : slice, optional
            Use only these of the images, by position.

        Returns
        -------
        ndarray of shape (POOLED,), or None
            The estimate first; None where something was not measured.
        """
        row = self._only(metric, identifier, where)
        pooled = self.evaluate(row, Selection(sigmas, images)) if row else None
        return None if pooled is None else pooled.values[0]

    def evaluate(self, row: Row, selection: Selection = EVERYTHING) -> Pooled | None:
        """Return the metric of a row at its noise levels; None where the levels selected are not there."""
        return evaluate(row.terms, row.metric, self.pixels, selection)

    def estimate(
        self, metric: str, ids: Sequence[str], sigmas: Collection[float] | None = None, /, **where: str | float | None
    ) -> Pooled | None:
        """Return the mean of a metric over halves and replicates, along the noise levels or pooled over some.

        Parameters
        ----------
        metric, **where
            As in :meth:`curve`; also `relation`, the reference in words, see :func:`.rows.relation`.
        ids : sequence of str
            Denoisers or sample sets; those that were not measured are left out.
        sigmas : collection of float, optional
            Noise levels over which sums are averaged before any ratio is taken; default: each on its own.

        Returns
        -------
        Pooled or None
            None where nothing was measured.
        """
        rows = [self._only(metric, identifier, where) for identifier in ids]
        found = [self.evaluate(row, Selection(sigmas)) for row in rows if row]
        measured = [pooled for pooled in found if pooled is not None]
        return mean(measured) if measured else None

    def profile(
        self, metric: str, ids: Sequence[str], *, sigma: float | None = None, **where: str | float | None
    ) -> Pooled | None:
        """Return the mean of a metric over halves and replicates along a further axis, such as rank or threshold.

        As :meth:`estimate`, at one noise level; the places on the axis, ascending, stand in place of the noise levels.
        """
        selection = EVERYTHING if sigma is None else Selection([sigma])
        profiles = []
        for identifier in ids:
            rows = sorted(self._matching(metric, identifier, where), key=lambda row: row.at or 0.0)
            found = {row.at: pooled for row in rows if (pooled := self.evaluate(row, selection)) is not None}
            if len(found) < len(rows) and sigma is None:
                raise ValueError(f"{metric} of {identifier} has several rows at one place")
            if found:
                values = np.concatenate([pooled.values for pooled in found.values()])
                first = next(iter(found.values()))
                profiles.append(Pooled(np.array(list(found), float), values, first.count, first.has_interval))
        return mean(profiles) if profiles else None

    def places(self, metric: str, identifier: str, **where: str | float | None) -> list[float]:
        """Return the places of a metric on its further axis, ascending; `where` as in :meth:`curve`."""
        return sorted({row.at for row in self._matching(metric, identifier, where) if row.at is not None})

    def parameters(self, metric: str, identifier: str, **where: str | float | None) -> list[str]:
        """Return the names of the further axes of a metric, in alphabetical order; `where` as in :meth:`curve`."""
        return sorted({row.parameter for row in self._matching(metric, identifier, where) if row.parameter is not None})

    def levels(self, metric: str, identifier: str, **where: str | float | None) -> list[float]:
        """Return the noise levels of a metric, ascending; `where` as in :meth:`curve`."""
        found = (self.evaluate(row) for row in self._matching(metric, identifier, where))
        return sorted({float(sigma) for pooled in found if pooled is not None for sigma in pooled.sigma})

    @property
    def mixing_weight(self) -> float | None:
        """First weight of the pairs of the linearity scores, the one that the affinity was measured with."""
        found = (place.at for places in self._blocks.values() for place in places if place.quantity == "affine_gap")
        return next(found, None)

    def window(self) -> tuple[float, ...]:
        """Return the noise levels of the window, see :mod:`hidden_gaussian.tables.window`, for the largest subset.

        Empty if no empirical denoiser was measured.
        """
        return window.inside(self.departures())

    def window_subset(self) -> str | None:
        """Return the subset whose denoisers decide the window, such as n512a; None where none was measured."""
        empirical = [denoiser for denoiser in map(DenoiserId.parse, self.ids) if denoiser.name == "empirical"]
        subsets = [denoiser.subset for denoiser in empirical if self._has_departure(denoiser.id)]
        return max(subsets, key=lambda subset: subset.rank).id if subsets else None

    def _has_departure(self, identifier: str) -> bool:
        """Return whether a denoiser was compared with its Gaussian, not only with its own Taylor map."""
        gaussian = self._names(identifier)["gaussian"]
        return any(place.reference_id == gaussian for place in self._places.get((identifier, "distance"), []))

    def departures(self) -> pd.Series[float]:
        """Return E|D_emp - D_G|^2 of the largest subset by noise level; empty if it was not measured."""
        subset = self.window_subset()
        if subset is None:
            return pd.Series(dtype=float)
        identifier = f"{subset}/empirical"
        inputs = "train" if "train" in self.inputs else self.unseen
        curve = self.curve("rmse", identifier, reference_id=f"{subset}/gaussian", inputs=inputs)
        return curve.set_index("sigma")["value"] ** 2

    def rows(self, identifier: str, metrics: Iterable[Metric] = METRICS) -> Iterator[Row]:
        """Yield every place where a metric of a measured id can be evaluated."""
        names = self._names(identifier)
        for metric in metrics:
            for place in self._places.get((identifier, metric.terms[0].quantities[0]), []):
                yield from self._row(metric, names, place)

    def _matching(self, name: str, identifier: str, where: dict[str, str | float | None]) -> list[Row]:
        metrics = [metric for metric in METRICS if metric.name == name]
        if not metrics:
            near = difflib.get_close_matches(name, {metric.name for metric in METRICS}, n=1)
            raise ValueError(f"there is no metric {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
        rows = []
        for metric in metrics:
            measured = str(where.get("reference_id", "")) if metric.subject == "{gaussian}" else identifier
            if measured and metric.subject in ("{linear}", "{gaussian}"):
                measured = DenoiserId.parse(measured).owner.id
            if measured:
                rows += [row for row in self.rows(measured, [metric]) if row.id == identifier]
        return [row for row in rows if all(getattr(row, key) == value for key, value in where.items())]

    def _only(self, name: str, identifier: str, where: dict[str, str | float | None]) -> Row | None:
        rows = self._matching(name, identifier, where)
        if len(rows) > 1:
            found = {key: dict.fromkeys(getattr(row, key) for row in rows) for key in WHERE}
            told = "; ".join(f"{key} of {', '.join(map(str, of))}" for key, of in found.items() if len(of) > 1)
            raise ValueError(f"{name} of {identifier} is there {len(rows)} times; choose {told}")
        return rows[0] if rows else None

    def _row(self, metric: Metric, names: dict[str, str], place: Place) -> Iterator[Row]:
        here = tuple(part or "" for part in (place.reference_id, place.inputs, place.sampler))
        names = names | dict(zip(("reference", "inputs", "sampler"), here, strict=True))
        if metric.axis and not _on_own_axis(place):
            return
        first = metric.terms[0]
        if here != tuple(text.format_map(names) for text in (first.reference, first.inputs, first.sampler)):
            return
        terms = [self._find(term, place, names) for term in metric.terms]
        found = tuple(term for term in terms if term is not None)
        if len(found) == len(terms):
            reference = metric.reference.format_map(names) or None
            axis = metric.axis or (place.parameter, place.at)
            yield Row(metric, metric.subject.format_map(names), reference, place.inputs, place.sampler, *axis, found)

    def _names(self, identifier: str) -> dict[str, str]:
        subset = DenoiserId.parse(identifier).subset.id
        own = f"{subset}/gaussian"
        references = {place.reference_id or "" for place in self._blocks.get(identifier, {})}
        gaussians = [DenoiserId.parse(name) for name in references if name.endswith("/gaussian")]
        sizes = [(gaussian.subset.size, gaussian.id != own, gaussian.id) for gaussian in gaussians]
        return {
            "id": identifier,
            "subset": subset,
            "gaussian": own,
            "empirical": f"{subset}/empirical",
            "linear": f"{identifier}/linear",
            "all": max(sizes)[2] if sizes else own,
        }

    def _find(self, term: Term, place: Place, names: dict[str, str]) -> Found | None:
        subject, reference, inputs, sampler = (
            text.format_map(names) or None for text in (term.subject, term.reference, term.inputs, term.sampler)
        )
        wanted = place._replace(id=subject or "", reference_id=reference, inputs=inputs, sampler=sampler)
        found = blocks_at(self._blocks.get(wanted.id, {}), wanted, term.quantities)
        return Found(found, wanted.stream, term.each, place.parameter == mixing_blocks.AXIS) if found else None


def _on_own_axis(place: Place) -> bool:
    """Return whether a metric with its own axis has a row here; noisy copies have one at the faintest noise only."""
    return place.parameter is None or (place.parameter, place.at) == ("noise", COPY_NOISE[0])
