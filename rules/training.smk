# From a subset to trained networks: a chain of checkpoints, each continuing the one before, or a file from elsewhere.
# Needs: images.npy, subset.npy. Makes: n<size><half>/<run>/i<images_seen>/weights.safetensors, beside it
# training.parquet and state.safetensors, or states.zip of autoencoders, or imported.json of an imported file.

RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"

CHECKPOINTS = {name: {} for name in CELLS}
for name, cells in CELLS.items():
    for cell in cells:
        CHECKPOINTS[name].setdefault(cell.run, []).append(cell.images_seen)


def trained_cell(wildcards):
    """Return the cell of a training job."""
    run = f"{subset_of(wildcards).id}/{wildcards.run}"
    return Cell.parse(wildcards.dataset, f"{run}/i{wildcards.images_seen}")


def images_before(wildcards):
    """Return the images seen at the checkpoint before this one, or 0 for the first of its run."""
    cell = trained_cell(wildcards)
    checkpoints = CHECKPOINTS[wildcards.dataset].get(cell.run, [])
    return max((seen for seen in checkpoints if seen < cell.images_seen), default=0)


def state_before(wildcards):
    """Return the training state of the checkpoint before this one; none for the first of its run."""
    images_seen = images_before(wildcards)
    if not images_seen:
        return []
    before = replace(trained_cell(wildcards), images_seen=images_seen)
    return [f"{ROOT}/{before.id}/{before.state}"]


def training_gpus(wildcards):
    """Return the number of devices that train a cell together; each has its own process and core."""
    return chosen(wildcards).training.gpus


def network_settings(wildcards):
    """Return the settings of a cell's network, except its scale."""
    return chosen(wildcards).network_of(trained_cell(wildcards)).model_dump(mode="json")


def training_settings(wildcards):
    """Return the training settings that change the numbers of a cell."""
    return chosen(wildcards).training.recipe(trained_cell(wildcards).architecture)


def training_version(wildcards):
    """Return the version of the numbers of a cell."""
    return versions.of_training(training_settings(wildcards)["augment"])


def pretrained_of(wildcards):
    """Return the settings of an imported network; its file may move but not change its name."""
    cell = trained_cell(wildcards)
    pretrained = chosen(wildcards).grid.pretrained
    entries = {entry.cell(wildcards.dataset): entry for entry in pretrained}
    if cell not in entries:
        known = ", ".join(other.id for other in entries) or "none"
        raise WorkflowError(f"grid.pretrained has no {cell.id}; it has {known}")
    entry = entries[cell]
    content = entry.model_dump(mode="json", exclude={"path"})
    return content | {"file": Path(STUDY.located(entry).path).name}


def training_message(wildcards, output):
    """Return what a training job does; a derived parameter, which Snakemake does not compare."""
    cell = trained_cell(wildcards)
    return f"train {cell.dataset} {cell.run} to {cell.images_seen:,} images"


rule networks:
    """Train every network that something is measured of."""
    input:
        [
            f"{STUDY.results}/{name}/{cell.id}/weights.safetensors"
            for name in STUDY.datasets
            for cell in wanted_cells(name)
        ],


rule train_denoiser:
    """Train a network up to one checkpoint, from the checkpoint before or from the start."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
        before=state_before,
    output:
        weights=f"{RUN}/i{{images_seen}}/weights.safetensors",
        state=f"{RUN}/i{{images_seen}}/state.safetensors",
        training=f"{RUN}/i{{images_seen}}/training.parquet",
    log:
        f"{LOGS}/train_denoiser/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.log",
    benchmark:
        f"{BENCHMARKS}/train_denoiser/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.tsv"
    wildcard_constraints:
        run=TRAINED,
    priority: 1  # trainings are long chains that most jobs wait for
    conda:
        "../envs/torch.yaml"
    threads: training_gpus
    resources:
        gpu=training_gpus,
        mem_mb=memory("train_denoiser"),
        runtime=minutes("train_denoiser"),
    params:
        network=network_settings,
        training=training_settings,
        seed=STUDY.seed,
        version=training_version,
        message=training_message,
    message:
        "{params.message}"
    script:
        "../workflow/scripts/train_denoiser.py"


rule train_autoencoders:
    """Train ten denoising autoencoders, one for each noise level, up to one checkpoint."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
        before=state_before,
    output:
        weights=f"{RUN}/i{{images_seen}}/weights.safetensors",
        states=f"{RUN}/i{{images_seen}}/states.zip",
        training=f"{RUN}/i{{images_seen}}/training.parquet",
    log:
        f"{LOGS}/train_autoencoders/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.log",
    benchmark:
        f"{BENCHMARKS}/train_autoencoders/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.tsv"
    wildcard_constraints:
        run=AUTOENCODERS,
    priority: 1
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("train_autoencoders"),
        runtime=minutes("train_autoencoders"),
    params:
        network=network_settings,
        training=training_settings,
        seed=STUDY.seed,
        version=[versions.of_training(augment=0), versions.AUTOENCODERS],
        message=training_message,
    message:
        "{params.message}"
    script:
        "../workflow/scripts/train_autoencoders.py"


rule import_network:
    """Import a network from a file: .safetensors, or a published pickle, whose code is never executed."""
    output:
        weights=f"{RUN}/i{{images_seen}}/weights.safetensors",
        about=f"{RUN}/i{{images_seen}}/imported.json",
    log:
        f"{LOGS}/import_network/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.log",
    benchmark:
        f"{BENCHMARKS}/import_network/{{dataset}}/n{{size}}{{half}}/{{run}}/i{{images_seen}}.tsv"
    wildcard_constraints:
        run=IMPORTED,
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory("import_network"),
        runtime=minutes("import_network"),
    params:
        snapshot=pretrained_of,
        network=setting("network"),
        version=versions.IMPORT,
    message:
        "import {wildcards.dataset} n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
    script:
        "../workflow/scripts/import_network.py"
