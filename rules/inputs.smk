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


# spectrum


def spectrum_memory(wildcards, attempt):
    """Return MB: the float64 images or the covariance, whichever is diagonalised, and three copies of its size."""
    smaller = min(int(wildcards.size), dimension(wildcards))
    return attempt * (1_000 + 32 * smaller * dimension(wildcards) // 1_000_000)


# train


RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"


def snapshot_before(wildcards):
    """Return the state that a snapshot continues; none for the first of its run."""
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    kept = sorted(
        cell for cell in chosen(wildcards).cells(wildcards.dataset) if cell.run == run
    )
    earlier = [cell for cell in kept if cell.images_seen < int(wildcards.images_seen)]
    return [f"{ROOT}/{earlier[-1].id}/{earlier[-1].state}"] if earlier else []


def training_memory(wildcards, attempt):
    """Return MB: torch itself, and activations that grow with pixels, channels and the batch."""
    dataset, scale = chosen(wildcards), int(re.search(r"\d+", wildcards.run).group())
    batch = dataset.training.microbatch or dataset.training.batch
    activations = (
        4 * batch * dataset.resolution**2 * scale * dataset.network.blocks * 60
    )
    return attempt * (2_000 + activations // 1_000_000)


def training_recipe(wildcards):
    """Return the settings of training that change its numbers."""
    return chosen(wildcards).training.model_dump(
        mode="json", exclude={"checkpoint_minutes", "microbatch"}
    )


def pretrained_of(wildcards):
    """Return the settings of a snapshot that comes from a file, which may move."""
    cell = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
    return next(
        snapshot.model_dump(mode="json", exclude={"path"})
        for snapshot in chosen(wildcards).grid.pretrained
        if snapshot.cell(wildcards.dataset).id == cell
    )


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
    cells = chosen(wildcards).cells(wildcards.dataset)
    if twin in {cell.id for cell in cells} or (
        len(rest) == 1 and other in {cell.subset for cell in cells}
    ):
        partners.append(f"{ROOT}/{twin}/samples_{wildcards.sampler}.npy")
    return partners


# measure


REFERENCES = ["gaussian", "empirical", "identity", "mean"]


def denoiser_memory(wildcards):
    """Return MB of sixteen d x d matrices in float64 where maps are fitted, and of the training images."""
    size = int(
        re.match(r"n(\d+)", wildcards.get("id", wildcards.get("subset"))).group(1)
    )
    return (
        min(size, 20_000) * dimension(wildcards) * 8
        + 16 * 8 * dimension(wildcards) ** 2
    ) // 1_000_000


def measuring_memory(wildcards, attempt):
    """Return MB: torch itself, what denoisers hold, and more at each attempt."""
    return attempt * (4_000 + denoiser_memory(wildcards))


def reference_files(wildcards):
    """Return the spectrum that is called gaussian-all."""
    return below(wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"])


def distilled(wildcards):
    """Return the settings of distillation where a cell, or some cell of a subset, is distilled, else nothing."""
    dataset = chosen(wildcards)
    cells = dataset.distillation.cells.choose(dataset.cells(wildcards.dataset))
    names = {cell.id for cell in cells} | {cell.subset for cell in cells}
    if wildcards.get("id", wildcards.get("subset")) in names:
        return dataset.distillation.model_dump(mode="json", exclude={"cells"})
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


def sweep_ids(wildcards):
    """Return the ids of the cells of every sweep."""
    sweeps = chosen(wildcards).sweeps(wildcards.dataset)
    return {name: [cell.id for cell in cells] for name, cells in sweeps.items()}


# figures


FIGURES = {
    name: catalogue.available(dataset) for name, dataset in STUDY.datasets.items()
}


def figure_files(name):
    """Return a function of the wildcards that gives the files a figure is drawn from."""

    def files(wildcards):
        return below(
            wildcards, catalogue.needs(name, wildcards.dataset, chosen(wildcards))
        )

    return files


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [
        f"{STUDY.results}/{dataset}/figures/{name}.pdf"
        for dataset in STUDY.datasets
        if name in FIGURES[dataset]
    ]
