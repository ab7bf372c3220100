# From denoisers to sample sets of shared latents, held against the training images and against each other.
# Needs: a denoiser's files. Makes: <id>/{samples,trajectories}_<sampler>.npy, {memorisation,agreement}_<sampler>.parquet.


rule draw_samples:
    """Solve the probability-flow ODE from shared latents, and find each sample's nearest training images."""
    input:
        denoiser=denoiser_files,
    output:
        samples=f"{ROOT}/{{id}}/samples_{{sampler}}.npy",
        trajectories=f"{ROOT}/{{id}}/trajectories_{{sampler}}.npy",
        memorisation=f"{ROOT}/{{id}}/memorisation_{{sampler}}.parquet",
    log:
        f"{LOGS}/draw_samples/{{dataset}}/{{id}}/{{sampler}}.log",
    benchmark:
        f"{BENCHMARKS}/draw_samples/{{dataset}}/{{id}}/{{sampler}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("draw_samples"),
        runtime=minutes("draw_samples"),
    params:
        samples=setting("sampling", "count"),
        seed=STUDY.seed,
        recipe=[recipes.SAMPLING, recipes.SAMPLES],
    script:
        "../workflow/scripts/draw_samples.py"


rule compare_samples:
    """Measure how alike a sample set is to those of other denoisers from the same latents."""
    input:
        samples=f"{ROOT}/{{id}}/samples_{{sampler}}.npy",
        partners=agreement_partners,
        mean=lambda wildcards: below(
            wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"]
        ),
    output:
        agreement=f"{ROOT}/{{id}}/agreement_{{sampler}}.parquet",
    log:
        f"{LOGS}/compare_samples/{{dataset}}/{{id}}/{{sampler}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_samples/{{dataset}}/{{id}}/{{sampler}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("compare_samples"),
        runtime=minutes("compare_samples"),
    params:
        recipe=recipes.SAMPLES,
    script:
        "../workflow/scripts/compare_samples.py"


rule measure_nulls:
    """Measure the memorisation of held-out photographs and of noisy copies: what is surely none, and surely one."""
    input:
        images=input_files,
        subset=f"{ROOT}/{{subset}}/subset.npy",
    output:
        memorisation=f"{ROOT}/{{subset}}/nulls/memorisation_photographs.parquet",
    log:
        f"{LOGS}/measure_nulls/{{dataset}}/{{subset}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_nulls/{{dataset}}/{{subset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("measure_nulls"),
        runtime=minutes("measure_nulls"),
    params:
        samples=setting("sampling", "count"),
        inputs=setting("inputs"),
        seed=STUDY.seed,
        recipe=recipes.SAMPLES,
    script:
        "../workflow/scripts/measure_nulls.py"
