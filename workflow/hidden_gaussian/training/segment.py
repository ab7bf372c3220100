"""One segment of a training run, from the checkpoint before to the next one: the work of a job.

``python -m hidden_gaussian.training.segment task.json`` is what each of several processes runs.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hidden_gaussian import networks, seeding, versions
from hidden_gaussian.cells import Cell
from hidden_gaussian.data import open_images, splits
from hidden_gaussian.jobs import ALONE, Team, choose_device, distributed, interruption, progress_bar
from hidden_gaussian.settings import Network, Strict, Study, Training
from hidden_gaussian.storage import digest_rows, load_json
from hidden_gaussian.training import checkpoints, loop
from hidden_gaussian.training.batches import SubsetImages
from hidden_gaussian.training.losses import Objective, at_level, objective_of
from hidden_gaussian.training.state import TrainingState

logger = logging.getLogger(__name__)

TIME_TO_SAVE = 8.0  # seconds in which the first process of a team can finish a part of a step and save


class Segment(Strict):
    """Everything a job needs to train from one checkpoint to the next; JSON carries it to other processes.

    Attributes
    ----------
    cell : Cell
        The checkpoint to make.
    network, training : settings
    images, subset : Path
        The packed images, and the indices of those to train on.
    seed : int
        Seed of the study; the run's seed is derived from it and the run's path.
    previous_state : Path or None
        ``state.safetensors`` of the checkpoint before; None starts a run.
    side_file : Path
        File for the unfinished state, written every ``training.checkpoint_minutes`` and on SIGTERM or SIGINT, and
        removed at the end.
    folder : Path
        Folder for ``weights.safetensors``, ``state.safetensors`` and ``training.parquet``.
    sigma : float or None
        Train this noise level only, with the plain loss; None: the levels and loss of the architecture.
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
        """Return the segment that ends at a checkpoint, by its id, such as ``n64a/ve16r1/i64000``.

        `before` holds the path of the state of the checkpoint before; it is empty for the first segment of a run.
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

    def pixels(self) -> SubsetImages:
        """Return the training subset, uint8 of shape (subset_size, channels, side, side), without reading it."""
        pixels = SubsetImages(open_images(self.images), splits.load_subset(self.subset))
        splits.check_subset(pixels.indices, len(pixels.images), self.subset)
        return pixels


def train_segment(segment: Segment) -> None:
    """Train a segment on as many devices as its settings name: GPUs if there are any, else CPU cores.

    A stopped run continues where it was. If another job trains the same segment, this one waits for it. A segment of
    0 images writes the untrained network.

    Raises
    ------
    InputError
        If a saved state has other settings or images, the hardware lacks the precision or the devices, the loss is not
        finite, or the disk is full.
    Interrupted
        If the job got a signal to stop, after saving.
    """
    if segment.training.gpus > 1:
        distributed.launch(__name__, segment.training.gpus, segment.model_dump(mode="json"))
    else:
        train_in_process(segment, choose_device())


def train_in_process(
    segment: Segment, device: torch.device, team: Team = ALONE, done: Callable[[], None] = lambda: None
) -> None:
    """Train a segment as one process of a team; errors as :func:`train_segment`.

    Only the first process reads and writes files. It calls `done` when all files are written, while signals are still
    caught.
    """
    pixels = segment.pixels()
    state = _untrained(segment, pixels, device)
    until, seed, objective = segment.cell.images_seen, segment.run_seed, segment.objective
    steps = partial(loop.train, state, pixels, segment.training, until=until, seed=seed, objective=objective, team=team)
    if team.rank:
        with interruption.delayed_end(TIME_TO_SAVE):
            state.share(team)
            deque(steps(), maxlen=0)
        return
    fingerprint = _fingerprint(segment, state, pixels)
    with interruption.lock(segment.side_file) as waited, interruption.interruption() as stopped:
        if waited and checkpoints.are_whole(segment.folder, fingerprint):
            logger.info("%s was trained by another job", segment.cell.id)
            state.images_seen = segment.cell.images_seen
            state.share(team)
        else:
            _restore(segment, state, fingerprint)
            state.share(team)
            _train_and_save(segment, state, steps(stopped=stopped), stopped, fingerprint)
            checkpoints.save_outputs(segment.folder, state, fingerprint)
            segment.side_file.unlink(missing_ok=True)
        done()


def _restore(segment: Segment, state: TrainingState, fingerprint: dict[str, Any]) -> None:
    """Continue from the checkpoint before, then from the side file if it is further."""
    if segment.previous_state is not None:
        state.restore(checkpoints.load_state(segment.previous_state, fingerprint))
    unfinished = checkpoints.load_unfinished(segment.side_file, fingerprint, after=state.images_seen)
    if unfinished is not None:
        state.restore(unfinished)


def _train_and_save(
    segment: Segment,
    state: TrainingState,
    steps: Iterator[loop.Progress],
    stopped: Callable[[], bool],
    fingerprint: dict[str, Any],
) -> None:
    """Train to the end or until a signal; save every few minutes, and before stopping."""
    cell, saved = segment.cell, time.monotonic()
    with progress_bar(cell.id, cell.images_seen, done=state.images_seen) as show:
        for step in steps:
            show(step.images_seen)
            if stopped():
                break
            if time.monotonic() - saved > 60 * segment.training.checkpoint_minutes:
                checkpoints.save_state(segment.side_file, state, fingerprint)
                saved = time.monotonic()
    if state.images_seen < cell.images_seen:
        checkpoints.save_state(segment.side_file, state, fingerprint)
        raise interruption.Interrupted(
            f"{cell.id}: training was stopped by a signal at images_seen {state.images_seen}; its state is in "
            f"{segment.side_file}; run again to continue"
        )


def _untrained(segment: Segment, pixels: SubsetImages, device: torch.device | str) -> TrainingState:
    network = networks.build(
        segment.cell.architecture,
        resolution=pixels.shape[2],
        channels=pixels.shape[1],
        scale=segment.cell.scale,
        seed=seeding.derive(segment.run_seed, "weights"),
        **segment.network.model_dump(),
    )
    return TrainingState.start(network, device)


def fingerprint(segment: Segment) -> dict[str, Any]:
    """Return everything that the numbers of a segment depend on."""
    pixels = segment.pixels()
    return _fingerprint(segment, _untrained(segment, pixels, "cpu"), pixels)


def _fingerprint(segment: Segment, state: TrainingState, pixels: SubsetImages) -> dict[str, Any]:
    return {
        "recipe": versions.of_training(segment.training.augment),
        "seed": segment.run_seed,
        "network": state.options,
        "training": segment.training.recipe(segment.cell.architecture),
        "images": digest_rows(pixels.images, pixels.indices),
    }


def _main(task: Path) -> None:
    with distributed.reported(task.parent) as done, distributed.joined() as (team, device):
        train_in_process(Segment.model_validate(load_json(task)), device, team, done)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
