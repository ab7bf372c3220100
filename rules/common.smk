# What all stages share: the study, where its files lie, and what each id is made from.

import re
from dataclasses import asdict
from functools import cache

from snakemake.exceptions import WorkflowError

from hidden_gaussian import noise_schedule, reference_names, settings, versions
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import catalogue
from hidden_gaussian.planning import ownership, resources
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.settings import Jacobian

try:
    STUDY = settings.read(config)
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

# Asked for by every job, so made once.
CELLS = {name: dataset.cells(name) for name, dataset in STUDY.datasets.items()}
IDS = {
    name: {cell.id for cell in cells} | {cell.subset for cell in cells}
    for name, cells in CELLS.items()
}
LARGEST = {
    name: max(cells, key=lambda cell: (cell.subset_size, cell.half == "a")).subset
    for name, cells in CELLS.items()
}
RUNS = {name: {} for name in CELLS}
for name, cells in CELLS.items():
    for cell in cells:
        RUNS[name].setdefault(cell.run, []).append(cell.images_seen)
DISTILLED = {
    name: {
        place
        for cell in STUDY.datasets[name].distillation.cells.choose(cells)
        for place in (cell.id, cell.subset)
    }
    for name, cells in CELLS.items()
}
DESCENDED = {
    name: {
        cell.id for cell in STUDY.datasets[name].distillation.adam.cells.choose(cells)
    }
    for name, cells in CELLS.items()
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


def record_settings():
    """Write down which study the results belong to, before the first job."""
    try:
        ownership.record(STUDY)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def start_without_limit():
    """Take out Snakemake's own limit on how many jobs start in a second, 100; one that was asked for stays.

    Under a limit Snakemake 9.27 looks at all ready jobs once more a second, in a thread of its own, for every job that
    has ended: after thousands of jobs that takes a core, and more threads than a login node allows.
    """
    # Not part of Snakemake's promised interface, so it may be gone in another version.
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def chosen(wildcards):
    """Return the settings of the dataset."""
    return STUDY.datasets[wildcards.dataset]


@cache
def plan_of(name):
    """Return the cells of a dataset as figures and tables ask for them."""
    return ResultsIndex.of(name, STUDY.datasets[name], STUDY.datasets)


def setting(*path):
    """Return a function of the wildcards that gives one part of a dataset's settings, for `params`."""

    def part(wildcards):
        value = chosen(wildcards)
        for name in path:
            value = getattr(value, name)
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    return part


def dimension(wildcards):
    """Return the number of pixels times channels of an image."""
    return chosen(wildcards).channels * chosen(wildcards).resolution ** 2


def largest_subset(wildcards):
    """Return the folder of the largest subset of a dataset."""
    return LARGEST[wildcards.dataset]


def subset_files(subset):
    """Return the files that the reference denoisers of a subset are made from."""
    return [
        f"{ROOT}/images.npy",
        f"{ROOT}/{subset}/subset.npy",
        f"{ROOT}/{subset}/spectrum.safetensors",
    ]


def denoiser_files(wildcards):
    """Return the files that a denoiser, by its id, is made from, and its subset's references."""
    subset, *rest = wildcards.id.split("/")
    files = subset_files(subset)
    if rest[-1] == "linear":
        files.append(f"{ROOT}/{Path(wildcards.id).parent}/linear.safetensors")
    elif rest[-1] == "gaussian-expected":
        # expected of as many images of the largest subset's law
        files.append(f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors")
    elif len(rest) == 2:
        files.append(f"{ROOT}/{wildcards.id}/weights.safetensors")
    return list(dict.fromkeys(files + fitted_files([wildcards.id])))


def fitted_files(identifiers):
    """Return the files of those reference denoisers that are fitted."""
    return [
        f"{ROOT}/{identifier}/denoiser.safetensors"
        for identifier in identifiers
        if reference_names.is_fitted(identifier.split("/")[-1])
    ]


def input_files(wildcards):
    """Return the files with the clean images that are noised, of every kind."""
    dataset = chosen(wildcards)
    files = [f"{ROOT}/images.npy", f"{ROOT}/split.safetensors"]
    if not isinstance(dataset.heldout, int):
        files.append(f"{ROOT}/heldout.npy")
    if "foreign" in dataset.inputs:
        files.append(f"{ROOT}/foreign.npy")
    return files


def below(wildcards, files):
    """Return paths below the dataset's folder, or beside it where they begin with ``../``."""
    return [
        (
            f"{STUDY.results}/{path[3:]}"
            if path.startswith("../")
            else f"{STUDY.results}/{wildcards.dataset}/{path}"
        )
        for path in files
    ]


def shard_files(wildcards):
    """Return every shard that tables are made from."""
    plan = plan_of(wildcards.dataset)
    cells = plan.every
    files = [
        *plan.measures(cells, *reference_names.ALWAYS_MEASURED),
        *plan.memorisation(cells),
        *plan.agreement(cells),
        *plan.moments(cells),
        *plan.splices,
        *plan.references(cells),
        *sloped(wildcards),
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
