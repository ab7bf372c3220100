# What each stage needs, as functions of the wildcards, in the order of the story.

# data


def source_of(wildcards):
    """Return the source of the training images, of separate held-out images, or of foreign images."""
    dataset = chosen(wildcards)
    return {
        "images": dataset.source,
        "heldout": dataset.heldout,
        "foreign": dataset.foreign,
    }[wildcards.role]


def heldout_number(wildcards):
    """Return how many images of the source are set aside."""
    heldout = chosen(wildcards).heldout
    return heldout if isinstance(heldout, int) else 0


def separate_heldout(wildcards):
    """Return the held-out images where they have a source of their own."""
    return (
        {}
        if isinstance(chosen(wildcards).heldout, int)
        else {"heldout": f"{ROOT}/heldout.npy"}
    )


# train


RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"


def earlier_snapshots(wildcards):
    """Return the images seen at the snapshots before one, of its run."""
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    kept = RUNS[wildcards.dataset].get(run, [])
    return [images for images in kept if images < int(wildcards.images_seen)]


def snapshot_before(wildcards):
    """Return the state that a snapshot continues; none for the first of its run."""
    earlier = earlier_snapshots(wildcards)
    return [f"{RUN}/i{max(earlier)}/state.safetensors"] if earlier else []


# sample


def agreement_partners(wildcards):
    """Return the sample sets that one is compared with: its own Gaussian's, and the same of the other half."""
    subset, *rest = wildcards.id.split("/")
    partners = (
        []
        if rest[-1] == "gaussian"
        else [f"{ROOT}/{subset}/gaussian/samples_exact.npy"]
    )
    other = subset[:-1] + {"a": "b", "b": "a"}[subset[-1]]
    twin = "/".join([other, *rest])
    if twin in IDS[wildcards.dataset] or (
        len(rest) == 1 and other in IDS[wildcards.dataset]
    ):
        partners.append(f"{ROOT}/{twin}/samples_{wildcards.sampler}.npy")
    return partners


# measure


REFERENCES = ["gaussian", "empirical", "identity", "mean"]


def reference_files(wildcards):
    """Return the spectrum that is called gaussian-all."""
    return below(wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"])


def distilled(wildcards):
    """Return the settings of distillation where a cell, or some cell of a subset, is distilled, else nothing."""
    if wildcards.get("id", wildcards.get("subset")) in DISTILLED[wildcards.dataset]:
        settings = chosen(wildcards).distillation
        return settings.model_dump(mode="json", exclude={"cells"})
    return {}


# tables


FAMILIES = [
    "distance",
    "linearity",
    "distillation",
    "memorisation",
    "agreement",
    "gap",
    "position",
    "training",
]


def shard_files(wildcards):
    """Return every shard that tables are made from."""
    plan = plan_of(wildcards.dataset)
    cells = plan.every
    files = [
        *plan.measures(cells, *REFERENCES),
        *plan.memorisation(cells),
        *plan.agreement(cells),
    ]
    return below(
        wildcards, [*files, *(f"{cell.id}/training.parquet" for cell in cells)]
    )


def sweep_ids(wildcards):
    """Return the ids of the cells of every sweep."""
    sweeps = chosen(wildcards).sweeps(wildcards.dataset)
    return {name: [cell.id for cell in cells] for name, cells in sweeps.items()}


# figures


FIGURES = {name: catalogue.available(plan_of(name)) for name in STUDY.datasets}


def figure_files(name):
    """Return a function of the wildcards that gives the files a figure is drawn from."""

    def files(wildcards):
        return below(wildcards, catalogue.needs(name, plan_of(wildcards.dataset)))

    return files


def figure_plan(name):
    """Return a function of the wildcards that gives what a figure may know of the settings."""

    def plan(wildcards):
        return asdict(catalogue.narrowed(name, plan_of(wildcards.dataset)))

    return plan


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [
        f"{STUDY.results}/{dataset}/figures/{name}.pdf"
        for dataset in STUDY.datasets
        if name in FIGURES[dataset]
    ]
