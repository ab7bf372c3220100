# From denoisers to one row per image, noise level and quantity.
# Needs: a denoiser's files, images. Makes: <id>/measures.parquet, <id>/linear.safetensors.


def denoiser_memory(wildcards):
    """Return MB of a d x d matrix in float64 times six where maps are fitted, and of the training images."""
    size = int(re.match(r"n(\d+)", wildcards.id).group(1))
    return (min(size, 20_000) * dimension(wildcards) * 8 + 6 * 8 * dimension(wildcards) ** 2) // 1_000_000


def reference_files(wildcards):
    """Return the spectrum that is called gaussian-all."""
    return below(wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"])


def distilled(wildcards):
    """Return the settings of distillation where this denoiser is distilled, else nothing."""
    dataset = chosen(wildcards)
    cells = dataset.distillation.cells.choose(dataset.cells(wildcards.dataset))
    subsets = {cell.subset for cell in cells}
    nulls = {f"{subset}/{kind}" for subset in subsets for kind in ("gaussian", "empirical")}
    if wildcards.id in nulls or wildcards.id in {cell.id for cell in cells}:
        return dataset.distillation.model_dump(mode="json", exclude={"cells"})
    return {}


rule measure_denoiser:
    """Measure distance, linearity, loss and distillation of one denoiser in one pass over shared noise."""
    input:
        denoiser=denoiser_files,
        images=input_files,
        largest=reference_files,
    output:
        measures=f"{ROOT}/{{id}}/measures.parquet",
    log:
        f"{LOGS}/measure_denoiser/{{dataset}}/{{id}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_denoiser/{{dataset}}/{{id}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: attempt * (4_000 + denoiser_memory(wildcards)),
        runtime=480,
    params:
        largest=largest_subset,
        measures=setting("measures"),
        inputs=setting("inputs"),
        distillation=distilled,
        seed=STUDY.seed,
        recipe=recipes.MEASURES,
    script:
        "../workflow/scripts/measure_denoiser.py"


rule distil_denoiser:
    """Fit and keep the affine maps nearest to a network, at the ten levels that the Euler sampler visits."""
    input:
        denoiser=denoiser_files,
        images=input_files,
    output:
        linear=f"{ROOT}/{{id}}/linear.safetensors",
    log:
        f"{LOGS}/distil_denoiser/{{dataset}}/{{id}}.log",
    benchmark:
        f"{BENCHMARKS}/distil_denoiser/{{dataset}}/{{id}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: attempt * (4_000 + 2 * denoiser_memory(wildcards)),
        runtime=480,
    params:
        inputs=setting("inputs"),
        draws=setting("distillation", "draws"),
        seed=STUDY.seed,
        recipe=recipes.DISTILLATION,
    script:
        "../workflow/scripts/distil_denoiser.py"
