# From a subset to trained networks: a chain of snapshots, each continuing the one before.
# Needs: images.npy, subset.npy. Makes: n<size><half>/<run>/i<images_seen>/{weights,state}.safetensors, training.parquet.


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
    conda:
        "../envs/torch.yaml"
    threads: training_gpus
    resources:
        gpu=training_gpus,
        mem_mb=memory("train_denoiser"),
        runtime=minutes("train_denoiser"),
    params:
        network=setting("network"),
        training=lambda wildcards: chosen(wildcards).training.recipe(),
        seed=STUDY.seed,
        recipe=recipes.TRAINING,
    script:
        "../workflow/scripts/train_denoiser.py"
