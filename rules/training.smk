# From a subset to trained networks: a chain of snapshots, each continuing the one before, or a file from elsewhere.
# Needs: images.npy, subset.npy. Makes: n<size><half>/<run>/i<images_seen>/weights.safetensors, beside it
# training.parquet and state.safetensors, or states.zip of autoencoders, or imported.json of a file.

RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"


def earlier_snapshots(wildcards):
    """Return the images seen at the snapshots before one, of its run."""
    kept = RUNS[wildcards.dataset].get(trained_cell(wildcards, 0).run, [])
    return [images for images in kept if images < int(wildcards.images_seen)]


def trained_cell(wildcards, images_seen):
    """Return the snapshot of a run after some images."""
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    return Cell.parse(wildcards.dataset, f"{run}/i{images_seen}")


def snapshot_before(wildcards):
    """Return the state that a snapshot continues; none for the first of its run."""
    earlier = earlier_snapshots(wildcards)
    if not earlier:
        return []
    before = trained_cell(wildcards, max(earlier))
    return [f"{ROOT}/{before.id}/{before.state}"]


def training_gpus(wildcards):
    """Return how many devices train a cell together, each with a process and a core of its own."""
    return chosen(wildcards).training.gpus


def network_settings(wildcards):
    """Return the network of a cell, all but its scale."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    return chosen(wildcards).network_of(cell).model_dump(mode="json")


def training_recipe(wildcards):
    """Return the settings of training that change the numbers of a cell."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    return chosen(wildcards).training.recipe(cell.architecture)


def pretrained_of(wildcards):
    """Return the settings of a snapshot that comes from a file, which may move but keeps its name."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    pretrained = chosen(wildcards).grid.pretrained
    found = {snapshot.cell(wildcards.dataset): snapshot for snapshot in pretrained}
    if cell not in found:
        known = ", ".join(other.id for other in found) or "none"
        raise WorkflowError(f"grid.pretrained has no {cell.id}; it has {known}")
    snapshot = found[cell]
    content = snapshot.model_dump(mode="json", exclude={"path"})
    return content | {"file": Path(STUDY.located(snapshot).path).name}


rule train_denoiser:
    """Train a network up to one snapshot, from the snapshot before or from the start."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
        before=snapshot_before,
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
    priority: 1  # most waits for it, and its chains are long
    conda:
        "../envs/torch.yaml"
    threads: training_gpus
    resources:
        gpu=training_gpus,
        mem_mb=memory("train_denoiser"),
        runtime=minutes("train_denoiser"),
    params:
        network=network_settings,
        training=training_recipe,
        seed=STUDY.seed,
        version=versions.TRAINING,
    script:
        "../workflow/scripts/train_denoiser.py"


rule train_autoencoders:
    """Train ten denoising autoencoders, one a noise level, up to one snapshot."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
        before=snapshot_before,
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
        training=training_recipe,
        seed=STUDY.seed,
        version=[versions.TRAINING, versions.AUTOENCODERS],
    script:
        "../workflow/scripts/train_autoencoders.py"


rule import_network:
    """Take a snapshot from a file: .safetensors, or a published pickle, of which nothing is executed."""
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
    script:
        "../workflow/scripts/import_network.py"
