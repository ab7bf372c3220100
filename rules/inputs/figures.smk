# What the rules of ../figures.smk need, as functions of the wildcards.

FIGURES = {name: catalogue.available(plan_of(name)) for name in STUDY.datasets}


def needed(name, dataset):
    """Return the files a figure is drawn from, or say which settings it lacks."""
    try:
        return catalogue.needs(name, plan_of(dataset))
    except InputError as error:
        raise WorkflowError(str(error)) from None


def figure_files(name):
    """Return a function of the wildcards that gives the files a figure is drawn from."""

    def files(wildcards):
        return below(wildcards, needed(name, wildcards.dataset))

    return files


def figure_plan(name):
    """Return a function of the wildcards that gives what a figure may know of the settings."""

    def plan(wildcards):
        return asdict(catalogue.narrowed(name, plan_of(wildcards.dataset)))

    return plan


def asked(name):
    """Return a function that gives the files of a figure asked for by name, or says why there is none."""

    def files(wildcards):
        found = drawn(name)
        if not found:
            for dataset in STUDY.datasets:
                needed(name, dataset)
        return found

    return files


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [
        f"{STUDY.results}/{dataset}/figures/{name}.pdf"
        for dataset in STUDY.datasets
        if name in FIGURES[dataset]
    ]


# What the page of the explorer needs.


EXPLORABLE = [
    name for name, dataset in STUDY.datasets.items() if dataset.grid.sweeps.size
]


def explored(wildcards):
    """Return the cells of the sweeps that the page shows: first trainings, the most training images first."""
    cells = [cell for cell in plan_of(wildcards.dataset).every if cell.replicate <= 1]
    return sorted(cells, key=lambda cell: (-cell.subset_size, cell.half, -cell.scale))


def explorer_files(wildcards):
    """Return what the page's denoisers are made from, and the shards of its curves."""
    if wildcards.dataset not in EXPLORABLE:
        raise WorkflowError(
            f"the page of {wildcards.dataset} shows the cells of grid.sweeps.size, which it has not"
        )
    plan, cells = plan_of(wildcards.dataset), explored(wildcards)
    subsets = dict.fromkeys(cell.subset for cell in cells)
    weights = [f"{cell.id}/weights.safetensors" for cell in cells]
    spectra = [
        f"{subset}/{name}"
        for subset in subsets
        for name in ("subset.npy", "spectrum.safetensors")
    ]
    listed = [
        identifier
        for subset in subsets
        for identifier in references.possible(plan.measured, subset)
    ]
    return {
        "weights": below(wildcards, weights),
        "spectra": below(wildcards, spectra),
        "fitted": fitted_files(listed),
        "linear": below(wildcards, [f"{plan.main.id}/linear.safetensors"]),
        "measures": below(wildcards, plan.measures(cells, "empirical")),
    }
