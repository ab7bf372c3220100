# From a subset to its Gaussian.
# Needs: images.npy, subset.npy. Makes: n<size><half>/spectrum.safetensors, n<size><half>/<reference>/denoiser.safetensors.


rule fit_spectrum:
    """Diagonalise the covariance of one subset: every Gaussian denoiser starts here."""
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
        recipe=recipes.SPECTRUM,
    script:
        "../workflow/scripts/fit_spectrum.py"


rule fit_reference:
    """Fit a further reference denoiser of one subset: a shrunk or expected Gaussian, a stationary one, or a mixture."""
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
        recipe=recipes.REFERENCES,
    script:
        "../workflow/scripts/fit_reference.py"
