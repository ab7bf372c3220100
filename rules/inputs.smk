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
        cell.images_seen
        for cell in chosen(wildcards).cells(wildcards.dataset)
        if cell.run == run
    )
    earlier = [images for images in kept if images < int(wildcards.images_seen)]
    return [f"{RUN}/i{earlier[-1]}/state.safetensors"] if earlier else []


def training_memory(wildcards, attempt):
    """Return MB: torch itself, and activations that grow with pixels, channels and the batch."""
    dataset, scale = chosen(wildcards), int(re.search(r"\d+", wildcards.run).group())
    batch = dataset.training.microbatch or dataset.training.batch
    activations = (
        4 * batch * dataset.resolution**2 * scale * dataset.network.blocks * 60
    )
    return attempt * (2_000 + activations // 1_000_000)


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
    """Return MB of eight d x d matrices in float64 where maps are fitted, and of the training images."""
    size = int(
        re.match(r"n(\d+)", wildcards.get("id", wildcards.get("subset"))).group(1)
    )
    return (
        min(size, 20_000) * dimension(wildcards) * 8 + 8 * 8 * dimension(wildcards) ** 2
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


def measured_settings(wildcards):
    """Return the settings of the one pass, without those of local slopes, which are measured apart."""
    return chosen(wildcards).measures.model_dump(mode="json", exclude={"jacobian"})


def slope_settings(wildcards):
    """Return the settings of local slopes, but for the cells that they are measured of."""
    jacobian = chosen(wildcards).measures.jacobian or Jacobian()
    return jacobian.model_dump(mode="json", exclude={"cells"})


def sloped(wildcards):
    """Return the shards of local slopes that are asked for: of cells, and of their subsets' memorisers as a null."""
    dataset = chosen(wildcards)
    if dataset.measures.jacobian is None:
        return []
    cells = dataset.measures.jacobian.cells.choose(dataset.cells(wildcards.dataset))
    ids = [cell.id for cell in cells]
    ids += dict.fromkeys(f"{cell.subset}/empirical" for cell in cells)
    return [f"{identifier}/jacobian.parquet" for identifier in ids]


def twin(wildcards):
    """Return the subset of the same size from the other half, if some network is trained on it."""
    subset = wildcards.id.split("/")[0]
    other = subset[:-1] + {"a": "b", "b": "a"}[subset[-1]]
    cells = chosen(wildcards).cells(wildcards.dataset)
    return other if other in {cell.subset for cell in cells} else None


def twin_spectrum(wildcards):
    """Return the spectrum of the other half's subset, which tells how far principal components can be known."""
    other = twin(wildcards)
    return below(wildcards, [f"{other}/spectrum.safetensors"]) if other else []


# tables


FAMILIES = [
    "distance",
    "linearity",
    "distillation",
    "alignment",
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
        *sloped(wildcards),
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
