"""Finished networks that a run would train again, and why."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hidden_gaussian import seeding, versions
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import cost, ownership
from hidden_gaussian.settings import Study
from hidden_gaussian.storage import differences, digest_rows, load_array, load_metadata

DATES = "only the dates of files differ"
EARLIER = "an earlier checkpoint was added or removed, which changes no number"
SPARED = (DATES, EARLIER)
"""Reasons that change no number."""
SHOWN = 3  # ids of networks in a line


class Loss(NamedTuple):
    """A finished network that a run would train again."""

    dataset: str
    cell: Cell
    reason: str
    hours: float


def losses(study: Study, made: Mapping[str, str]) -> list[Loss]:
    """Return the finished networks that a run would train again, each with the reason.

    What a network was trained with is in the fingerprint of its training state.

    Parameters
    ----------
    study : Study
    made : mapping of str to str
        Files that the run makes, as Snakemake names them, each with its status: ``missing``; ``forced`` (the user
        named it, or Snakemake found it incomplete); or why it is made again, in the words of ``snakemake --summary``.
    """
    found = []
    for name, dataset in study.datasets.items():
        root = Path(study.results, name)
        for cells in cost.runs(dataset.cells(name)):
            before, reason = None, ""
            for cell in cells:
                weights = root / cell.id / "weights.safetensors"
                if made.get(str(weights), "missing") not in ("missing", "forced"):
                    reason = reason or _reason(study, root, cell, before, made)
                    hours = cost.segment_hours(dataset, cell, before.images_seen if before else 0)
                    found.append(Loss(name, cell, reason, hours))
                before = cell
    return found


def describe(lost: Collection[Loss]) -> list[str]:
    """Return a line for each reason: how many networks, the hours of their training on one device, and their ids."""
    groups: dict[tuple[str, str], list[Loss]] = {}
    for loss in lost:
        groups.setdefault((loss.dataset, loss.reason), []).append(loss)
    lines = []
    for (dataset, reason), group in groups.items():
        shown = ", ".join(loss.cell.id for loss in group[:SHOWN]) + (" ..." if len(group) > SHOWN else "")
        hours = sum(loss.hours for loss in group)
        lines.append(
            f"retrains {len(group)} finished network{'s' * (len(group) > 1)} of {dataset} ({shown}; {hours:.3g} "
            f"device-hours), because {reason}"
        )
    return lines


def check(study: Study, made: Mapping[str, str]) -> None:
    """Stop a run that would train finished networks again, unless the settings say ``retrain: true``.

    Raises
    ------
    InputError
        With the networks and the reasons.
    """
    lost = [] if study.retrain else losses(study, made)
    if lost:
        raise InputError("\n".join([*describe(lost), *_ways_out(study, lost, made)]))


def _ways_out(study: Study, lost: Collection[Loss], made: Mapping[str, str]) -> list[str]:
    lines = ["To train them again, add --config retrain=true; to keep them, restore what differs."]
    packed = sorted({f"{study.results}/{loss.dataset}/images.npy" for loss in lost if "images.npy was" in loss.reason})
    if packed:
        lines.append(
            f"If packing may give the same pixels, run `snakemake {shlex.join(packed)}` first: then its date stays, "
            "and the networks with it."
        )
    dated = [loss for loss in lost if loss.reason in SPARED]
    if dated:
        last = {loss.cell.run: f"{study.results}/{loss.dataset}/{loss.cell.id}/weights.safetensors" for loss in dated}
        alone = not {"missing", "forced", "params changed"} & set(made.values())
        targets, what = ("", "everything") if alone else (" " + shlex.join(last.values()), "these networks")
        lines.append(f"`snakemake --touch{targets}` with the same options keeps {what}, since no number changes.")
    return lines


def _reason(study: Study, root: Path, cell: Cell, before: Cell | None, made: Mapping[str, str]) -> str:
    """Return why a network would be trained again, by comparing what it was trained with and what it would be."""
    recorded = _fingerprint(root / cell.id / cell.state)
    changed = _changes(recorded, study, cell) if recorded else _recorded_changes(study, cell)
    if changed:
        return ", ".join(f"{key} {old} -> {new}" for key, (old, new) in changed.items())
    sources = [root / "images.npy", root / "split.safetensors", root / cell.subset / "subset.npy"]
    own = [root / cell.id / name for name in ("weights.safetensors", cell.state, "training.parquet")]
    earlier = [root / before.id / name for name in ("weights.safetensors", before.state)] if before else []
    for path in map(str, [*sources, *earlier, *own]):
        if made.get(path) == "missing":
            return f"{path} is missing"
        if made.get(path) == "forced":
            return f"{path} is made again"
        if made.get(path) == "params changed":
            return f"{path} was made with other settings"
    if recorded and recorded["images"] != _digest(root / "images.npy", root / cell.subset / "subset.npy"):
        return "its training images are others"
    return EARLIER if made[str(own[0])] == "set of input files changed" else DATES


@cache
def _digest(images: Path, subset: Path) -> str:
    return digest_rows(load_array(images, mmap=True), load_array(subset))


def _fingerprint(state: Path) -> dict[str, Any] | None:
    """Return what a training depended on, from its state; None for autoencoders and for states that were deleted."""
    if state.suffix != ".safetensors" or not state.exists():
        return None
    fingerprint: dict[str, Any] = json.loads(load_metadata(state)["snapshot"])["fingerprint"]
    return fingerprint


def _changes(recorded: Mapping[str, Any], study: Study, cell: Cell) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ from those of a fingerprint; the images are compared by themselves."""
    dataset = study.datasets[cell.dataset]
    network = dataset.network_of(cell).model_dump(mode="json")
    seed = seeding.derive(study.seed, f"training/{cell.dataset}/{cell.run}")
    now = {"training": dataset.training.recipe(cell.architecture), "network": network}
    then = {"training": recorded["training"], "network": {key: recorded["network"].get(key) for key in network}}
    changed = differences(then, json.loads(json.dumps(now)))
    version = versions.of_training(dataset.training.augment)
    if recorded["recipe"] != version:
        changed["the version of training"] = recorded["recipe"], version
    if recorded["seed"] != seed:
        changed["seed"] = "another", study.seed
    return changed


def _recorded_changes(study: Study, cell: Cell) -> dict[str, tuple[Any, Any]]:
    """Return the settings of training that differ from those in the record of the results folder."""
    changed = ownership.changes(study, cell.dataset)
    blocks = {"training", "network", "networks", "seed"}
    return {key: pair for key, pair in changed.items() if key.split(".")[0] in blocks or key == "versions.TRAINING"}
