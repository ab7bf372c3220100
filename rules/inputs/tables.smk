# What the rules of ../tables.smk need, as functions of the wildcards.

FAMILIES = [
    "distance",
    "linearity",
    "distillation",
    "alignment",
    "memorisation",
    "agreement",
    "moments",
    "quality",
    "gap",
    "position",
    "training",
    "spectrum",
]


def shard_files(wildcards):
    """Return every shard that tables are made from."""
    plan = plan_of(wildcards.dataset)
    cells = plan.every
    files = [
        *plan.measures(cells, *references.STANDING),
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


def spectrum_files(wildcards):
    """Return the spectrum of every subset that tables are about."""
    subsets = dict.fromkeys(cell.subset for cell in plan_of(wildcards.dataset).every)
    return below(wildcards, [f"{subset}/spectrum.safetensors" for subset in subsets])


def sampler_errors(wildcards):
    """Return the error of the samplers on the Gaussian of the largest subset of every dataset."""
    return [
        f"{STUDY.results}/{name}/{plan_of(name).largest}/sampler_error.parquet"
        for name in STUDY.datasets
    ]


def sweep_ids(wildcards):
    """Return the ids of the cells of every sweep."""
    sweeps = chosen(wildcards).sweeps(wildcards.dataset)
    return {name: [cell.id for cell in cells] for name, cells in sweeps.items()}
