"""Evidence of networks that named denoisers play, and what a claim and the ledger say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import synthetic
from synthetic import cell

from hidden_gaussian import claims, schemas, statistics
from hidden_gaussian.cells import Cell
from hidden_gaussian.claims import verdicts
from hidden_gaussian.claims.evidence import Evidence
from hidden_gaussian.statistics import Estimate

SIZES = (8, 32, 128)


@dataclass(frozen=True)
class Told:
    """Evidence whose numbers are given by id: ratios of losses, memorised fractions, rho on each half of images."""

    cells: Sequence[Cell] = ()
    ratios: Mapping[str, np.ndarray] = field(default_factory=dict)
    fractions: Mapping[str, Estimate] = field(default_factory=dict)
    rho: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def sweep(self, _: str) -> list[Cell]:
        return sorted(self.cells)

    def in_window(self, metric: str, identifier: str, *, images: slice | None = None, **_: object) -> np.ndarray:
        if images is None:
            return self.ratios[identifier]
        assert metric == "rho"
        return np.full(statistics.POOLED, self.rho[identifier][images.start])

    def memorised(self, identifiers: Sequence[str]) -> Estimate:
        (identifier,) = identifiers
        return self.fractions[identifier]


def evidence(
    networks: Mapping[Cell, str],
    sweeps: Mapping[str, Sequence[Cell]],
    *,
    copies: Mapping[Cell, float] | None = None,
    agreements: Mapping[tuple[str, str], float] | None = None,
    references: Mapping[str, str] | None = None,
) -> Evidence:
    """Shards of networks played by named denoisers, with the references of their subsets."""
    subsets = sorted({network.subset for network in networks} | {"n128a"})
    played = {f"{subset}/{kind}": kind for subset in subsets for kind in ("gaussian", "empirical")}
    played |= {network.id: kind for network, kind in networks.items()} | dict(references or {})
    measured = [synthetic.measures(identifier, kind) for identifier, kind in played.items()]
    found = [synthetic.memorisation(network.id, share) for network, share in (copies or {}).items()]
    found += [synthetic.memorisation(f"{subset}/heldout", 0, "photographs") for subset in subsets]
    alike = [synthetic.agreement(first, second, r) for (first, second), r in (agreements or {}).items()]
    return Evidence(pd.concat(measured), pd.concat([*found, *alike]), pd.DataFrame(), [*networks], sweeps)


def by_size(*kinds: str, copies: Sequence[float] = (0, 0, 0), **references: str) -> Evidence:
    """A size sweep."""
    cells = [cell(size) for size in SIZES]
    named = {name.replace("_", "/"): kind for name, kind in references.items()}
    networks = dict(zip(cells, kinds, strict=True))
    return evidence(networks, {"size": cells}, copies=dict(zip(cells, copies, strict=True)), references=named)


def multiplied(given: Evidence, identifier: str, quantity: str, *, inputs: str, by: float = 1000.0) -> Evidence:
    """The same evidence with one quantity of one denoiser multiplied on one kind of inputs."""
    rows = given.measures
    there = (rows["id"] == identifier) & (rows["quantity"] == quantity) & (rows["inputs"] == inputs)
    assert there.any()
    return replace(given, measures=rows.assign(value=rows["value"].where(~there, by * rows["value"])))


def halves(size: int, kind: str, pair: float, *, memoriser: float = 0.2, whole: float = 0.9, seen: int = 64000):
    """Two networks of disjoint halves, their nulls, and how alike their samples are."""
    a, b = cell(size, "a", seen=seen), cell(size, "b", seen=seen)
    alike = {(b.id, a.id): pair}  # the shard of half b holds the comparison
    alike |= {
        (f"{a.subset}/{name}", f"{b.subset}/{name}"): r for name, r in (("empirical", memoriser), ("gaussian", whole))
    }
    return [a, b], dict.fromkeys([a, b], kind), alike


def small_halves(pair: float, copies: float) -> Evidence:
    cells, networks, alike = halves(8, "empirical", pair)
    return evidence(networks, {"halves_small": cells}, agreements=alike, copies=dict.fromkeys(cells, copies))


def verdict(claim: verdicts.Claim, given: Evidence) -> tuple[str, bool]:
    """The verdict of the interval, and whether the gate is met."""
    found = claim.find(given)
    return found.verdict, bool(found.gate)


def row(number: str, given: Evidence) -> pd.Series:
    ledger = claims.judge(given)
    assert np.array_equal(ledger.columns, [column.name for column in schemas.CLAIMS.columns])
    return ledger.set_index("claim").loc[number]
