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


def imitated(wildcards):
    """Return the packed images that surrogates imitate; none for images from elsewhere."""
    of = source_of(wildcards).of
    return [] if of is None else [f"{STUDY.results}/{of}/images.npy"]


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
    if not earlier:
        return []
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    before = Cell.parse(wildcards.dataset, f"{run}/i{max(earlier)}")
    return [f"{ROOT}/{before.id}/{before.state}"]


def training_gpus(wildcards):
    """Return how many devices train a cell together, each with a process and a core of its own."""
    return chosen(wildcards).training.gpus


def training_recipe(wildcards):
    """Return the settings of training that change its numbers."""
    return chosen(wildcards).training.recipe()


def pretrained_of(wildcards):
    """Return the settings of a snapshot that comes from a file, which may move."""
    cell = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
    return next(
        snapshot.model_dump(mode="json", exclude={"path"})
        for snapshot in chosen(wildcards).grid.pretrained
        if snapshot.cell(wildcards.dataset).id == cell
    )


# sample


REFERENCE_SAMPLERS = {
    "gaussian": ["exact", "euler10"],
    "empirical": ["heun18", "euler10"],
}


def drawn_references(name):
    """Return a file of every sample set of a subset's reference denoisers, which one job draws: a start costs more."""
    return [
        f"{ROOT}/{{subset}}/{kind}/" + name.format(sampler=sampler)
        for kind, samplers in REFERENCE_SAMPLERS.items()
        for sampler in samplers
    ]


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


def gaussian_spectra(wildcards):
    """Return the spectra of a Gaussian and of its partner, whose agreement has a closed form; none of others."""
    ids = [wildcards.id, *(Path(path).parent for path in agreement_partners(wildcards))]
    if Path(wildcards.id).name != "gaussian":
        return []
    return [f"{ROOT}/{Path(id).parent.name}/spectrum.safetensors" for id in ids]


def standard_files(wildcards):
    """Return what a sample set is held against: its subset and its Gaussian, and held-out images."""
    subset = wildcards.get("subset", wildcards.get("id", "").split("/")[0])
    return {
        "images": input_files(wildcards),
        "subset": f"{ROOT}/{subset}/subset.npy",
        "spectrum": f"{ROOT}/{subset}/spectrum.safetensors",
        "largest": f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors",
    }


def linear_maps(wildcards):
    """Return the distilled maps of a network where the sampler visits the levels that they are defined at."""
    return (
        [f"{ROOT}/{wildcards.id}/linear.safetensors"]
        if wildcards.sampler == "euler10"
        else []
    )


# measure


REFERENCES = ["gaussian", "empirical", "identity", "mean"]


def reference_files(wildcards):
    """Return the spectrum that is called gaussian-all, and the files of the listed references of the subset."""
    subset = wildcards.get("subset", wildcards.get("id", "")).split("/")[0]
    listed = references.possible(chosen(wildcards).measures.references, subset)
    largest = below(wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"])
    return largest + fitted_files(listed)


def distilled(wildcards):
    """Return the settings of distillation where a cell, or some cell of a subset, is distilled, else nothing."""
    name = wildcards.get("id", wildcards.get("subset"))
    subset, *rest = name.split("/")
    names = DISTILLED[wildcards.dataset]
    if name in names or (len(rest) == 1 and subset in names):
        settings = chosen(wildcards).distillation
        return settings.model_dump(mode="json", exclude={"cells"})
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
    "moments",
    "quality",
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


# figures


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


# the page


EXPLORED = ["gaussian", "empirical"]
EXPLORABLE = [
    name for name, dataset in STUDY.datasets.items() if dataset.grid.sweeps.size
]


def explored(wildcards):
    """Return the cells of the sweeps that the page shows: first trainings, the most training images first."""
    cells = [cell for cell in plan_of(wildcards.dataset).every if cell.replicate <= 1]
    return sorted(cells, key=lambda cell: (-cell.subset_size, cell.half, -cell.scale))


def explorer_files(wildcards):
    """Return what the page's denoisers are made from, and the shards of its curves."""
    plan, cells = plan_of(wildcards.dataset), explored(wildcards)
    subsets = dict.fromkeys(cell.subset for cell in cells)
    weights = [f"{cell.id}/weights.safetensors" for cell in cells]
    spectra = [
        f"{subset}/{name}"
        for subset in subsets
        for name in ("subset.npy", "spectrum.safetensors")
    ]
    return {
        "weights": below(wildcards, weights),
        "spectra": below(wildcards, spectra),
        "linear": below(wildcards, [f"{plan.main.id}/linear.safetensors"]),
        "measures": below(wildcards, plan.measures(cells, "empirical")),
    }
