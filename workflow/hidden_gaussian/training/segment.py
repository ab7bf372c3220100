"""One stretch of a training run, from the snapshot before to the next one: what a job does, alone or as a team.

``python -m hidden_gaussian.training.segment task.json`` is what each process of a team runs.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from hidden_gaussian import networks, seeding, versions
from hidden_gaussian.cells import Cell
from hidden_gaussian.data import open_images, splits
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import ALONE, Team, choose_device, distributed, interruption, progress_bar, set_precision
from hidden_gaussian.settings import Network, Strict, Study, Training
from hidden_gaussian.storage import load_json
from hidden_gaussian.training import checkpoints, loop
from hidden_gaussian.training.batches import Subset, blocks
from hidden_gaussian.training.losses import Objective, at_level, objective_of
from hidden_gaussian.training.state import TrainingState

logger = logging.getLogger(__name__)

LEFT_TO_SAVE = 8.0  # seconds in which the first process of a team can finish a part of a step and save


class Segment(Strict):
    """What a job is told to train; fit for JSON, so that several processes can be told the same.

    Attributes
    ----------
    cell : Cell
        The snapshot to make.
    network, training : settings
    images, subset : Path
        The packed images, and which of them are trained on.
    seed : int
        Of the study; that of the run is derived from it and the run's path.
    previous_state : Path or None
        ``state.safetensors`` of the snapshot before; None starts a run.
    side_file : Path
        Where the unfinished state is kept every ``training.checkpoint_minutes`` and when the job is told to stop
        (SIGTERM, SIGINT); removed at the end.
    folder : Path
        Gets ``weights.safetensors``, ``state.safetensors`` and ``training.parquet``.
    sigma : float or None
        The one noise level that is trained, with the plain loss; None: all levels, as the architecture asks.
    """

    cell: Cell
    network: Network
    training: Training
    images: Path
    subset: Path
    seed: int
    previous_state: Path | None
    side_file: Path
    folder: Path
    sigma: float | None = None

    @classmethod
    def of(
        cls, study: Study, dataset: str, identifier: str, *, images: Path, subset: Path, before: Sequence[str]
    ) -> Segment:
        """Return the stretch that ends at a snapshot, by its id, such as ``n64a/ve16r1/i64000``.

        `before` holds the state of the snapshot before, or nothing where the stretch starts its run.
        """
        settings, cell = study.datasets[dataset], Cell.parse(dataset, identifier)
        return cls(
            cell=cell,
            network=settings.network_of(cell),
            training=settings.training,
            images=images,
            subset=subset,
            seed=study.seed,
            previous_state=Path(before[0]) if before else None,
            side_file=Path(study.results, "unfinished", dataset, f"{identifier}.safetensors"),
            folder=Path(study.results, dataset, identifier),
        )

    @property
    def objective(self) -> Objective:
        """Noise levels and loss."""
        return objective_of(self.cell.architecture) if self.sigma is None else at_level(self.sigma)

    @property
    def run_seed(self) -> int:
        """The seed of the run."""
        return seeding.derive(self.seed, f"training/{self.cell.dataset}/{self.cell.run}")

    def pixels(self) -> Subset:
        """Return the training subset, uint8 of shape (subset_size, channels, side, side), without reading it."""
        pixels = Subset(open_images(self.images), splits.load_subset(self.subset))
        splits.check_subset(pixels.indices, len(pixels.images), self.subset)
        if len(pixels) != self.cell.subset_size:
            raise InputError(
                f"{self.subset} names {len(pixels)} images, expected {self.cell.subset_size}: draw the subset again"
            )
        return pixels


def run(stretch: Segment) -> None:
    """Train a stretch on as many devices as its settings say: GPUs where there are any, else cores.

    A run that was stopped goes on where it was when it is started again; one that another job is at is waited for.
    Images seen 0 is the untrained network.

    Raises
    ------
    InputError
        If a saved state belongs to other settings or images, the hardware lacks the precision or devices, the loss is
        no longer finite, or the disk is full.
    Interrupted
        If the job was told to stop, after saving.
    """
    if stretch.training.gpus > 1:
        distributed.launch(__name__, stretch.training.gpus, stretch.model_dump(mode="json"))
    else:
        set_precision()
        train(stretch, choose_device())


def train(stretch: Segment, device: torch.device, team: Team = ALONE, done: Callable[[], None] = lambda: None) -> None:
    """Train a stretch as one process of a team; only the first reads and writes states; raises as :func:`run`.

    The first calls `done` when all is written, while a signal can still not end it.
    """
    pixels = stretch.pixels()
    state = _untrained(stretch, pixels, device)
    if team.rank:
        with interruption.delayed_end(LEFT_TO_SAVE):
            _start_as_one(state, team)
            deque(_steps(stretch, state, pixels, team), maxlen=0)
        return
    fingerprint = _fingerprint(stretch, state, pixels)
    with interruption.lock(stretch.side_file) as waited, interruption.interruption() as stopped:
        if waited and checkpoints.are_whole(stretch.folder, fingerprint):
            logger.info("%s was trained by the other job", stretch.cell.id)
            state.images_seen = stretch.cell.images_seen
            _start_as_one(state, team)
        else:
            if stretch.previous_state is not None:
                checkpoints.load_state(stretch.previous_state, state, fingerprint)
            checkpoints.resume(stretch.side_file, state, fingerprint)
            _start_as_one(state, team)
            steps = _steps(stretch, state, pixels, team, stopped)
            _train_and_save(stretch, state, steps, stopped, fingerprint)
            checkpoints.save_outputs(stretch.folder, state, fingerprint)
            stretch.side_file.unlink(missing_ok=True)
        done()


def _steps(
    stretch: Segment, state: TrainingState, pixels: Subset, team: Team, stopped: Callable[[], bool] = lambda: False
) -> Iterator[loop.Progress]:
    until, seed, objective = stretch.cell.images_seen, stretch.run_seed, stretch.objective
    return loop.train(
        state, pixels, stretch.training, until=until, seed=seed, objective=objective, team=team, stopped=stopped
    )


def _train_and_save(
    stretch: Segment,
    state: TrainingState,
    steps: Iterator[loop.Progress],
    stopped: Callable[[], bool],
    fingerprint: dict[str, Any],
) -> None:
    """Train to the end, or until told to stop; save now and then, and before stopping."""
    cell, saved = stretch.cell, time.monotonic()
    with progress_bar(cell.id, cell.images_seen, done=state.images_seen) as show:
        for step in steps:
            show(step.images_seen)
            if stopped():
                break
            if time.monotonic() - saved > 60 * stretch.training.checkpoint_minutes:
                checkpoints.save_state(stretch.side_file, state, fingerprint)
                saved = time.monotonic()
    if state.images_seen < cell.images_seen:
        checkpoints.save_state(stretch.side_file, state, fingerprint)
        raise interruption.Interrupted(
            f"{cell.id}: training was told to stop at images_seen {state.images_seen} and its state was saved in "
            f"{stretch.side_file}: run again to go on from there"
        )


def _untrained(stretch: Segment, pixels: Subset, device: torch.device) -> TrainingState:
    network = networks.build(
        stretch.cell.architecture,
        resolution=pixels.shape[2],
        channels=pixels.shape[1],
        scale=stretch.cell.scale,
        seed=seeding.derive(stretch.run_seed, "weights"),
        **stretch.network.model_dump(),
    )
    return TrainingState.start(network, device)


def _start_as_one(state: TrainingState, team: Team) -> None:
    """Give every process of a team the state of the first."""
    seen = torch.tensor(state.images_seen, device=state.device)
    team.follow(seen, state.weights.data, state.averages, *state.moments.values())
    state.images_seen = int(seen)


def fingerprint(stretch: Segment, device: torch.device) -> dict[str, Any]:
    """Return what the numbers of a stretch depend on."""
    pixels = stretch.pixels()
    return _fingerprint(stretch, _untrained(stretch, pixels, device), pixels)


def _fingerprint(stretch: Segment, state: TrainingState, pixels: Subset) -> dict[str, Any]:
    read = hashlib.sha256()
    for block in blocks(pixels):
        read.update(block.data)
    return {
        "recipe": versions.TRAINING,
        "seed": stretch.run_seed,
        "network": state.options,
        "training": stretch.training.recipe(stretch.cell.architecture),
        "images": read.hexdigest(),
    }


def _main(task: Path) -> None:
    with distributed.reported(task.parent) as done, distributed.joined() as (team, device):
        train(Segment.model_validate(load_json(task)), device, team, done)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
