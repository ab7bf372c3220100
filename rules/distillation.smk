# From a denoiser to the affine maps nearest to it.
# Needs: a denoiser's files, images. Makes: <id>/linear.safetensors.


rule distil_denoiser:
    """Fit the affine maps nearest to a denoiser, at the ten noise levels of the Euler sampler."""
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
        root=dataset_root,
        inputs=setting("inputs"),
        draws=setting("distillation", "draws"),
        ridge=setting("distillation", "ridge"),
        seed=STUDY.seed,
        version=versions.DISTILLATION,
    message:
        "distil {wildcards.dataset} {wildcards.id}"
    script:
        "../workflow/scripts/distil_denoiser.py"
