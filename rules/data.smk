# From images on disk to the subsets that networks are trained on.
# Needs: a source of images. Makes: {images,heldout,foreign}.{npy,json}, split.safetensors, duplicates.json,
# n<size><half>/subset.npy.


def source_of(wildcards):
    """Return the source of the training images, of separate held-out images, or of foreign images."""
    dataset = chosen(wildcards)
    return {
        "images": dataset.source,
        "heldout": dataset.heldout,
        "foreign": dataset.foreign,
    }[wildcards.role]


def source_images(wildcards):
    """Return the packed images of the dataset that surrogates are made from, if these are surrogates."""
    of = source_of(wildcards).of
    return [] if of is None else [f"{STUDY.results}/{of}/images.npy"]


def heldout_number(wildcards):
    """Return the number of images of the source that are held out."""
    heldout = chosen(wildcards).heldout
    return heldout if isinstance(heldout, int) else 0


def separate_heldout(wildcards):
    """Return the held-out images if they have their own source."""
    return (
        {}
        if isinstance(chosen(wildcards).heldout, int)
        else {"heldout": f"{ROOT}/heldout.npy"}
    )


rule download_images:
    """Download missing archives where the settings allow it, and say how to get the rest."""
    log:
        f"{LOGS}/download_images.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    script:
        "../workflow/scripts/download_images.py"


rule pack_images:
    """Crop, resize and pack the images of a source into one memory-mapped array."""
    input:
        source_images,
    output:
        array=f"{ROOT}/{{role}}.npy",
        about=f"{ROOT}/{{role}}.json",
    log:
        f"{LOGS}/pack_images/{{dataset}}/{{role}}.log",
    benchmark:
        f"{BENCHMARKS}/pack_images/{{dataset}}/{{role}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=memory("pack_images"),
        runtime=minutes("pack_images"),
    params:
        source=lambda wildcards: source_of(wildcards).model_dump(
            mode="json", exclude={"path", "sha256", "download"}
        ),
        resolution=setting("resolution"),
        colour=setting("colour"),
        seed=STUDY.seed,
        version=lambda wildcards: versions.of_images(source_of(wildcards).kind),
    message:
        "pack {wildcards.role} of {wildcards.dataset}"
    script:
        "../workflow/scripts/pack_images.py"


rule split_images:
    """Hold out images, shuffle the rest, and find duplicates."""
    input:
        unpack(separate_heldout),
        images=f"{ROOT}/images.npy",
    output:
        split=f"{ROOT}/split.safetensors",
        duplicates=f"{ROOT}/duplicates.json",
    log:
        f"{LOGS}/split_images/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/split_images/{{dataset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("split_images"),
        runtime=minutes("split_images"),
    params:
        heldout=heldout_number,
        near=setting("near_duplicates"),
        seed=STUDY.seed,
        version=versions.SUBSETS,
    message:
        "split images of {wildcards.dataset}"
    script:
        "../workflow/scripts/split_images.py"


rule draw_subset:
    """Take the first (half a) or last (half b) images of the shuffled order: subsets are nested, halves disjoint."""
    input:
        split=f"{ROOT}/split.safetensors",
    output:
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
    log:
        f"{LOGS}/draw_subset/{{dataset}}/n{{size}}{{half}}.log",
    benchmark:
        f"{BENCHMARKS}/draw_subset/{{dataset}}/n{{size}}{{half}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("draw_subset"),
        runtime=minutes("draw_subset"),
    params:
        version=versions.SUBSETS,
    message:
        "draw subset {wildcards.dataset} n{wildcards.size}{wildcards.half}"
    script:
        "../workflow/scripts/draw_subset.py"
