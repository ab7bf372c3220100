# What several stages use: the study, its paths, and the files that a denoiser or table is made from.

import ast
import inspect
from dataclasses import asdict, replace
from functools import cache
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile

from hidden_gaussian import (
    figures,
    noise_schedule,
    reference_names,
    settings,
    versions,
)
from hidden_gaussian.cells import Cell, DenoiserId, Subset
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import ownership, preflight, resources
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Jacobian


def command_line():
    """Return Snakemake's own options, which workflows are not told; None if another program runs the workflow."""
    callers = (caller.frame for caller in inspect.stack(context=0))
    names = {caller.f_code.co_name: caller.f_locals for caller in callers}
    return names.get("args_to_api", {}).get("args")


try:
    STUDY = settings.read(config)
    if workflow.is_main_process:
        options = command_line()
        if options:
            preflight.check_until(options.until)
            if options.executor == "slurm" and not options.dryrun:
                preflight.check_slurm(options.slurm_partition_config)
        ownership.check(STUDY)
except InputError as error:
    raise WorkflowError(str(error)) from None

ROOT = f"{STUDY.results}/{{dataset}}"
LOGS = f"{STUDY.results}/logs"
BENCHMARKS = f"{STUDY.results}/benchmarks"
NETWORK = r"[a-z-]+\d+r\d+"
TRAINED = r"(?!dae-)[a-z-]+\d+r[1-9]\d*"
AUTOENCODERS = r"dae-[a-z]+\d+r[1-9]\d*"
IMPORTED = r"[a-z-]+\d+r0"
REFERENCE = "|".join([*reference_names.ALWAYS_MEASURED, reference_names.CONFIGURABLE])

# Every job looks these up, so they are made once.
CELLS = {name: dataset.cells(name) for name, dataset in STUDY.datasets.items()}
SUBSETS = {name: {cell.subset for cell in cells} for name, cells in CELLS.items()}
LARGEST = {
    name: max(map(Subset.parse, subsets), key=lambda subset: subset.rank).id
    for name, subsets in SUBSETS.items()
}


wildcard_constraints:
    dataset="|".join(STUDY.datasets),
    role="images|heldout|foreign",
    size=r"\d+",
    half="[ab]",
    subset=r"n\d+[ab]",
    run=NETWORK,
    images_seen=r"\d+",
    id=rf"n\d+[ab]/({REFERENCE}|{NETWORK}/i\d+(/linear)?)",
    reference=reference_names.FITTED,
    sampler="|".join(["exact", *noise_schedule.SOLVERS]),


def chosen(wildcards):
    """Return the settings of the dataset."""
    return STUDY.datasets[wildcards.dataset]


@cache
def index_of(name):
    """Return the index of a dataset's result files."""
    return ResultsIndex.of(name, STUDY.datasets[name], STUDY.datasets)


def setting(*path):
    """Return a function for `params` that looks up one part of a dataset's settings."""

    def look_up(wildcards):
        value = chosen(wildcards)
        for name in path:
            value = getattr(value, name)
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    return look_up


def dataset_root(wildcards, output):
    """Return the folder of a dataset, for `params`.

    Snakemake does not compare the params that it derives from `output`, so a moved results folder runs no job again.
    """
    return ROOT.format(dataset=wildcards.dataset)


def subset_of(wildcards):
    """Return the training subset of a job."""
    if "id" in wildcards.keys():
        return DenoiserId.parse(wildcards.id).subset
    if "subset" in wildcards.keys():
        return Subset.parse(wildcards.subset)
    return Subset(int(wildcards.size), wildcards.half)


def largest_subset(wildcards):
    """Return the id of the largest subset of a dataset."""
    return LARGEST[wildcards.dataset]


def subset_files(subset):
    """Return the files that the reference denoisers of a subset are made from."""
    return [
        f"{ROOT}/images.npy",
        f"{ROOT}/{subset}/subset.npy",
        f"{ROOT}/{subset}/spectrum.safetensors",
    ]


def denoiser_files(wildcards):
    """Return the files that a denoiser and the references of its subset are made from."""
    denoiser = DenoiserId.parse(wildcards.id)
    files = subset_files(denoiser.subset.id)
    if denoiser.is_linear:
        files.append(f"{ROOT}/{denoiser.owner.id}/linear.safetensors")
    elif denoiser.kind == "gaussian-expected":
        # it is the expectation over subsets of this size from the distribution of the largest one
        files.append(f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors")
    elif denoiser.is_network:
        files.append(f"{ROOT}/{denoiser.id}/weights.safetensors")
    return list(dict.fromkeys(files + fitted_files([denoiser.id])))


def fitted_files(identifiers):
    """Return the files of the fitted ones among some reference denoisers."""
    return [
        f"{ROOT}/{identifier}/denoiser.safetensors"
        for identifier in identifiers
        if reference_names.is_fitted(DenoiserId.parse(identifier).kind)
    ]


def input_files(wildcards):
    """Return the files with the clean images of every kind of input."""
    dataset = chosen(wildcards)
    files = [f"{ROOT}/images.npy", f"{ROOT}/split.safetensors"]
    if not isinstance(dataset.heldout, int):
        files.append(f"{ROOT}/heldout.npy")
    if "foreign" in dataset.inputs:
        files.append(f"{ROOT}/foreign.npy")
    return files


def below(wildcards, files):
    """Return paths below the dataset's folder, or in the results folder where they begin with ``../``."""
    return [
        (
            f"{STUDY.results}/{path[3:]}"
            if path.startswith("../")
            else f"{STUDY.results}/{wildcards.dataset}/{path}"
        )
        for path in files
    ]


def wanted_cells(name):
    """Return the cells of a dataset that something is measured of: of its sweeps, splices and Jacobians."""
    index = index_of(name)
    others = {*index.splice_cells, *index.jacobian_cells}
    return list(
        dict.fromkeys(
            [*index.all_cells, *(cell for cell in CELLS[name] if cell.id in others)]
        )
    )


def shard_files(wildcards):
    """Return every shard that tables are made from."""
    index = index_of(wildcards.dataset)
    cells = index.all_cells
    files = [
        *index.measures(cells, *reference_names.ALWAYS_MEASURED),
        *index.memorisation(cells),
        *index.agreement(cells),
        *index.moments(cells),
        *index.splices,
        *index.references(cells),
        *index.distances(cells),
        *index.linearity(cells),
        *jacobian_shards(wildcards),
    ]
    return below(
        wildcards,
        [
            *files,
            *(
                f"{cell.id}/training.parquet"
                for cell in cells
                if not cell.is_pretrained
            ),
        ],
    )
