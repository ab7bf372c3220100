# From denoisers to one row per image, noise level and quantity.
# Needs: a denoiser's files, images. Makes: <id>/{measures,jacobian}.parquet,
# <id>/{outputs,linear,jacobian}.safetensors.


rule measure_denoiser:
    """Measure distance, linearity, loss and distillation of a network, or a listed reference, on shared noise."""
    input:
        denoiser=denoiser_files,
        images=input_files,
        largest=reference_files,
        trajectories=visited_states,
    output:
        measures=f"{ROOT}/{{id}}/measures.parquet",
        outputs=f"{ROOT}/{{id}}/outputs.safetensors",
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
        mem_mb=memory("measure_denoiser"),
        runtime=minutes("measure_denoiser"),
    params:
        largest=largest_subset,
        measures=measured_settings,
        inputs=setting("inputs"),
        distillation=distilled,
        seed=STUDY.seed,
        recipe=[recipes.MEASURES, recipes.DISTILLATION, recipes.OUTPUTS],
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
            kind=references.STANDING,
            allow_missing=True,
        ),
        outputs=expand(
            f"{ROOT}/{{{{subset}}}}/{{kind}}/outputs.safetensors",
            kind=references.STANDING,
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
        mem_mb=memory("measure_references"),
        runtime=minutes("measure_references"),
    params:
        largest=largest_subset,
        measures=measured_settings,
        inputs=setting("inputs"),
        distillation=distilled,
        seed=STUDY.seed,
        recipe=[recipes.MEASURES, recipes.DISTILLATION, recipes.OUTPUTS],
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
        mem_mb=memory("distil_denoiser"),
        runtime=minutes("distil_denoiser"),
    params:
        inputs=setting("inputs"),
        draws=setting("distillation", "draws"),
        ridge=setting("distillation", "ridge"),
        seed=STUDY.seed,
        recipe=recipes.DISTILLATION,
    script:
        "../workflow/scripts/distil_denoiser.py"


rule measure_jacobian:
    """Measure the slopes of a denoiser at the mean image and along its trajectories, without ever holding one."""
    input:
        denoiser=denoiser_files,
        images=input_files,
        linear=f"{ROOT}/{{id}}/linear.safetensors",
        trajectories=f"{ROOT}/{{id}}/trajectories_euler10.npy",
        twin=twin_spectrum,
    output:
        shard=f"{ROOT}/{{id}}/jacobian.parquet",
        images=f"{ROOT}/{{id}}/jacobian.safetensors",
    log:
        f"{LOGS}/measure_jacobian/{{dataset}}/{{id}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_jacobian/{{dataset}}/{{id}}.tsv"
    wildcard_constraints:
        id=rf"n\d+[ab]/(empirical|{NETWORK}/i\d+)",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("measure_jacobian"),
        runtime=minutes("measure_jacobian"),
    params:
        twin=twin,
        image_count=setting("measures", "images"),
        inputs=setting("inputs"),
        jacobian=slope_settings,
        seed=STUDY.seed,
        recipe=[recipes.JACOBIAN, recipes.DISTILLATION],
    script:
        "../workflow/scripts/measure_jacobian.py"
