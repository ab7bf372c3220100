"""What is bound to fail later, found in the main process before the first job."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import cost
from hidden_gaussian.settings import Study


def check_slurm(partitions: Path | None) -> None:
    """Check that Slurm's commands are on this machine, and that its plugin will find the file of partitions.

    Raises
    ------
    InputError
        If one of them is not there. A relative path of the file is looked up in the folder of ``--directory``.
    """
    if partitions is not None and not partitions.exists():
        raise InputError(
            f"{partitions} is looked for in {Path.cwd()}, the folder of --directory; give the profile by its absolute "
            'path, such as --profile "$PWD/slurm"'
        )
    if shutil.which("sbatch") is None:
        raise InputError(
            "this machine has no Slurm (sbatch is not on the PATH); log in to a node that submits jobs, or run without "
            "--profile slurm"
        )


def check_until(rules: Collection[str]) -> None:
    """Check the rules of ``--until``: Snakemake ends in an internal error if one of them feeds itself.

    Raises
    ------
    InputError
        If the rule trains, since a checkpoint continues the one before.
    """
    training = sorted({"train_denoiser", "train_autoencoders"} & set(rules))
    if training:
        raise InputError(
            f"--until {training[0]} cannot be used, because a checkpoint continues the one before; to train every "
            "network and stop there, run the target `networks`"
        )


def check(study: Study, made: Collection[str]) -> None:
    """Check that the archives and weights that jobs will read are there, and that the disk has room for the results.

    Parameters
    ----------
    study : Study
    made : collection of str
        Files that the run makes, as Snakemake names them. What only finished files were made from is not needed.

    Raises
    ------
    InputError
        With a line for each file that is absent.
    """
    absent = cost.absent_files(study, made)
    if absent:
        raise InputError("\n".join(absent))
    _check_room(study, made)


def _check_room(study: Study, made: Collection[str]) -> None:
    needed = 0.0
    for name, dataset in study.datasets.items():
        folder = f"{study.results}/{name}"
        weights = {cell: f"{folder}/{cell.id}/weights.safetensors" for cell in dataset.cells(name)}
        new = [cell for cell, path in weights.items() if path in made and not Path(path).exists()]
        packed = f"{folder}/images.npy" not in made
        needed += cost.disk_gigabytes(dataset, new, packed=packed) if new else 0
    place = Path(study.results).absolute()
    free = shutil.disk_usage(next(folder for folder in [place, *place.parents] if folder.exists())).free / 1e9
    if free < needed:
        raise InputError(
            f"results: {study.results} has {free:.1f} GB of free space, and this run writes about {needed:.1f} GB; "
            "free some, or set 'results' to a folder on another disk"
        )
