# From denoisers to one row per image, noise level and quantity.
# Needs: a denoiser's files, images. Makes: <id>/measures.parquet, <id>/linear.safetensors.


rule measure_denoiser:
    """Measure distance, linearity, loss and distillation of a network, or a listed reference, on shared noise."""
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
    wildcard_constraints:
        id=rf"n\d+[ab]/({NETWORK}/i\d+|{references.LISTED})",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=measuring_memory,
        runtime=480,
    params:
        largest=largest_subset,
        measures=setting("measures"),
        inputs=setting("inputs"),
        distillation=distilled,
        seed=STUDY.seed,
        recipe=[recipes.MEASURES, recipes.DISTILLATION],
    script:
        "../workflow/scripts/measure_denoiser.py"


rule measure_references:
    """Measure the Gaussian, the empirical, the identity and the mean denoiser of one subset on the same noise."""
    input:
        denoiser=lambda wildcards: subset_files(wildcards.subset),
        images=input_files,
        largest=reference_files,
    output:
        measures=expand(
            f"{ROOT}/{{{{subset}}}}/{{kind}}/measures.parquet",
            kind=REFERENCES,
            allow_missing=True,
        ),
    log:
        f"{LOGS}/measure_references/{{dataset}}/{{subset}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_references/{{dataset}}/{{subset}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=measuring_memory,
        runtime=480,
    params:
        largest=largest_subset,
        measures=setting("measures"),
        inputs=setting("inputs"),
        distillation=distilled,
        seed=STUDY.seed,
        recipe=[recipes.MEASURES, recipes.DISTILLATION],
    script:
        "../workflow/scripts/measure_references.py"


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
        mem_mb=lambda wildcards, attempt: attempt
        * (4_000 + 2 * denoiser_memory(wildcards)),
        runtime=480,
    params:
        inputs=setting("inputs"),
        draws=setting("distillation", "draws"),
        seed=STUDY.seed,
        recipe=recipes.DISTILLATION,
    script:
        "../workflow/scripts/distil_denoiser.py"
