# From a subset to its Gaussian.
# Needs: images.npy, subset.npy. Makes: n<size><half>/spectrum.safetensors.


def spectrum_memory(wildcards, attempt):
    """Return MB: the float64 images or the covariance, whichever is diagonalised, and three copies of its size."""
    smaller = min(int(wildcards.size), dimension(wildcards))
    return attempt * (1_000 + 32 * smaller * dimension(wildcards) // 1_000_000)


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
        mem_mb=spectrum_memory,
        runtime=180,
    params:
        recipe=recipes.SPECTRUM,
    script:
        "../workflow/scripts/fit_spectrum.py"
