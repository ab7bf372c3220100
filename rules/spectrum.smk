# From a subset to its Gaussian.
# Needs: images.npy, subset.npy. Makes: n<size><half>/spectrum.safetensors.


rule fit_spectrum:
    """Diagonalise the covariance of one subset, which defines its Gaussian denoiser."""
    input:
        images=f"{ROOT}/images.npy",
        subset=f"{ROOT}/n{{size}}{{half}}/subset.npy",
    output:
        spectrum=f"{ROOT}/n{{size}}{{half}}/spectrum.safetensors",
    log:
        f"{LOGS}/fit_spectrum/{{dataset}}/n{{size}}{{half}}.log",
    benchmark:
        f"{BENCHMARKS}/fit_spectrum/{{dataset}}/n{{size}}{{half}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("fit_spectrum"),
        runtime=minutes("fit_spectrum"),
    params:
        version=versions.SPECTRUM,
    message:
        "fit spectrum of {wildcards.dataset} n{wildcards.size}{wildcards.half}"
    script:
        "../workflow/scripts/fit_spectrum.py"
