# From a subset to trained networks: a chain of snapshots, each continuing the one before, or a file from elsewhere.
# Needs: images.npy, subset.npy. Makes: n<size><half>/<run>/i<images_seen>/weights.safetensors, beside it
# training.parquet and state.safetensors, or states.zip of autoencoders, or imported.json of a file.


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
        recipe=recipes.TRAINING,
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
        recipe=[recipes.TRAINING, recipes.AUTOENCODERS],
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
        recipe=recipes.IMPORT,
    script:
        "../workflow/scripts/import_network.py"
