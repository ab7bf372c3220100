# From a subset to trained networks: a chain of snapshots, each continuing the one before.
# Needs: images.npy, subset.npy. Makes: n<size><half>/<run>/i<images_seen>/{weights,state}.safetensors, training.parquet.

RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"


def snapshot_before(wildcards):
    """Return the state that a snapshot continues; none for the first of its run."""
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    kept = sorted(cell.images_seen for cell in chosen(wildcards).cells(wildcards.dataset) if cell.run == run)
    earlier = [images for images in kept if images < int(wildcards.images_seen)]
    return [f"{RUN}/i{earlier[-1]}/state.safetensors"] if earlier else []


def training_memory(wildcards, attempt):
    """Return MB: torch itself, and activations that grow with pixels, channels and the batch."""
    dataset, scale = chosen(wildcards), int(re.search(r"\d+", wildcards.run).group())
    batch = dataset.training.microbatch or dataset.training.batch
    activations = 4 * batch * dataset.resolution**2 * scale * dataset.network.blocks * 60
    return attempt * (2_000 + activations // 1_000_000)


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
    threads: 1
    resources:
        gpu=1,
        mem_mb=training_memory,
        runtime=1_440,
    params:
        network=setting("network"),
        training=lambda wildcards: chosen(wildcards).training.model_dump(mode="json", exclude={"checkpoint_minutes"}),
        seed=STUDY.seed,
        recipe=recipes.TRAINING,
    script:
        "../workflow/scripts/train_denoiser.py"
