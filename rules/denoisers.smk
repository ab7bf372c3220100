# From a subset and its Gaussian to the fitted reference denoisers.
# Needs: images.npy, subset.npy, spectrum.safetensors. Makes: n<size><half>/<reference>/denoiser.safetensors.


rule fit_reference:
    """Fit a reference denoiser of one subset: a shrunk, expected or stationary Gaussian, or a mixture."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/{{subset}}/subset.npy",
        spectrum=f"{ROOT}/{{subset}}/spectrum.safetensors",
    output:
        denoiser=f"{ROOT}/{{subset}}/{{reference}}/denoiser.safetensors",
    log:
        f"{LOGS}/fit_reference/{{dataset}}/{{subset}}/{{reference}}.log",
    benchmark:
        f"{BENCHMARKS}/fit_reference/{{dataset}}/{{subset}}/{{reference}}.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=memory("fit_reference"),
        runtime=minutes("fit_reference"),
    params:
        largest=largest_subset,
        seed=STUDY.seed,
        version=versions.REFERENCES,
    message:
        "fit {wildcards.dataset} {wildcards.subset}/{wildcards.reference}"
    script:
        "../workflow/scripts/fit_reference.py"
