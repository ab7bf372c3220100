# From denoisers to sample sets of shared latents, held against the training images and against each other.
# Needs: a denoiser's files. Makes: <id>/{samples,trajectories}_<sampler>.npy,
# <id>/{memorisation,agreement,moments,splice}_<sampler>.parquet, n<size><half>/sampler_error.parquet.

SAMPLERS = sorted({dataset.sampling.sampler for dataset in STUDY.datasets.values()})
REFERENCE_SAMPLERS = {
    "gaussian": ["exact", *SAMPLERS, "euler10"],
    "empirical": [*SAMPLERS, "euler10"],
}


ruleorder: draw_references > draw_samples


def drawn_references(name):
    """Return a file of every sample set of a subset's reference denoisers, which one job draws: a start costs more."""
    return [
        f"{ROOT}/{{subset}}/{kind}/{name.format(sampler=sampler)}"
        for kind, samplers in REFERENCE_SAMPLERS.items()
        for sampler in samplers
    ]


def agreement_partners(wildcards):
    """Return the sample sets that one is compared with: its own Gaussian's, and the same of the other half.

    The Gaussian's are drawn with the same solver, whose error both then share, and exactly.
    """
    subset, *rest = wildcards.id.split("/")
    partners = (
        []
        if rest[-1] == "gaussian"
        else [
            f"{ROOT}/{subset}/gaussian/samples_{sampler}.npy"
            for sampler in dict.fromkeys([wildcards.sampler, "exact"])
        ]
    )
    other = subset[:-1] + {"a": "b", "b": "a"}[subset[-1]]
    twin = "/".join([other, *rest])
    if twin in IDS[wildcards.dataset] or (
        len(rest) == 1 and other in IDS[wildcards.dataset]
    ):
        partners.append(f"{ROOT}/{twin}/samples_{wildcards.sampler}.npy")
    return partners


def gaussian_spectra(wildcards):
    """Return the spectra of a Gaussian and of its partner, whose agreement has a closed form; none of others."""
    ids = [wildcards.id, *(Path(path).parent for path in agreement_partners(wildcards))]
    if Path(wildcards.id).name != "gaussian":
        return []
    return [f"{ROOT}/{Path(id).parent.name}/spectrum.safetensors" for id in ids]


def standard_files(wildcards):
    """Return what a sample set is held against: its subset and its Gaussian, and held-out images."""
    subset = wildcards.get("subset", wildcards.get("id", "").split("/")[0])
    return {
        "images": input_files(wildcards),
        "subset": f"{ROOT}/{subset}/subset.npy",
        "spectrum": f"{ROOT}/{subset}/spectrum.safetensors",
        "largest": f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors",
    }


def linear_maps(wildcards):
    """Return the distilled maps of a network where the sampler visits the levels that they are defined at."""
    return (
        [f"{ROOT}/{wildcards.id}/linear.safetensors"]
        if wildcards.sampler == "euler10"
        else []
    )


rule draw_samples:
    """Solve the probability-flow ODE from shared latents, and find each sample's nearest training images."""
    input:
        denoiser=denoiser_files,
    output:
        samples=[f"{ROOT}/{{id}}/samples_{{sampler}}.npy"],
        trajectories=[f"{ROOT}/{{id}}/trajectories_{{sampler}}.npy"],
        memorisation=[f"{ROOT}/{{id}}/memorisation_{{sampler}}.parquet"],
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
        version=[versions.SAMPLING, versions.SAMPLES],
    script:
        "../workflow/scripts/draw_samples.py"


rule draw_references:
    """Draw from the Gaussian and the empirical denoiser of one subset from the same latents."""
    input:
        denoiser=lambda wildcards: subset_files(wildcards.subset),
    output:
        samples=drawn_references("samples_{sampler}.npy"),
        trajectories=drawn_references("trajectories_{sampler}.npy"),
        memorisation=drawn_references("memorisation_{sampler}.parquet"),
    log:
        f"{LOGS}/draw_references/{{dataset}}/{{subset}}.log",
    benchmark:
        f"{BENCHMARKS}/draw_references/{{dataset}}/{{subset}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("draw_references"),
        runtime=minutes("draw_references"),
    params:
        samples=setting("sampling", "count"),
        seed=STUDY.seed,
        version=[versions.SAMPLING, versions.SAMPLES],
    script:
        "../workflow/scripts/draw_samples.py"


rule compare_samples:
    """Measure how alike a sample set is to those of other denoisers from the same latents."""
    input:
        samples=f"{ROOT}/{{id}}/samples_{{sampler}}.npy",
        partners=agreement_partners,
        spectra=gaussian_spectra,
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
        version=versions.AGREEMENT,
    script:
        "../workflow/scripts/compare_samples.py"


rule measure_samples:
    """Measure whether a sample set has the moments of its training images, and how far it is from photographs."""
    input:
        unpack(standard_files),
        samples=f"{ROOT}/{{id}}/samples_{{sampler}}.npy",
    output:
        moments=f"{ROOT}/{{id}}/moments_{{sampler}}.parquet",
    log:
        f"{LOGS}/measure_samples/{{dataset}}/{{id}}/{{sampler}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_samples/{{dataset}}/{{id}}/{{sampler}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("measure_samples"),
        runtime=minutes("measure_samples"),
    params:
        inputs=setting("inputs"),
        largest=largest_subset,
        seed=STUDY.seed,
        version=versions.MOMENTS,
    script:
        "../workflow/scripts/measure_samples.py"


rule splice_samples:
    """Draw a network's samples again with another denoiser at some noise levels, and measure what becomes of them."""
    input:
        unpack(standard_files),
        denoiser=denoiser_files,
        linear=linear_maps,
    output:
        splice=f"{ROOT}/{{id}}/splice_{{sampler}}.parquet",
    log:
        f"{LOGS}/splice_samples/{{dataset}}/{{id}}/{{sampler}}.log",
    benchmark:
        f"{BENCHMARKS}/splice_samples/{{dataset}}/{{id}}/{{sampler}}.tsv"
    wildcard_constraints:
        id=rf"n\d+[ab]/{NETWORK}/i\d+",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("splice_samples"),
        runtime=minutes("splice_samples"),
    params:
        samples=setting("sampling", "count"),
        ends=setting("sampling", "splice_ends"),
        inputs=setting("inputs"),
        largest=largest_subset,
        seed=STUDY.seed,
        version=[versions.SAMPLING, versions.SPLICES, versions.MOMENTS],
    script:
        "../workflow/scripts/splice_samples.py"


rule measure_sampler:
    """Tabulate what each sampler does to the amplitude of every principal component, in closed form."""
    input:
        spectrum=f"{ROOT}/{{subset}}/spectrum.safetensors",
    output:
        parquet=f"{ROOT}/{{subset}}/sampler_error.parquet",
        csv=f"{ROOT}/{{subset}}/sampler_error.csv",
    log:
        f"{LOGS}/measure_sampler/{{dataset}}/{{subset}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_sampler/{{dataset}}/{{subset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("measure_sampler"),
        runtime=minutes("measure_sampler"),
    params:
        version=versions.SAMPLER_ERROR,
    script:
        "../workflow/scripts/measure_sampler.py"


rule measure_nulls:
    """Measure photographs and noisy copies as if they were samples: surely no copies, and surely copies."""
    input:
        unpack(standard_files),
    output:
        memorisation=f"{ROOT}/{{subset}}/nulls/memorisation_photographs.parquet",
        moments=f"{ROOT}/{{subset}}/nulls/moments_photographs.parquet",
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
        largest=largest_subset,
        seed=STUDY.seed,
        version=[versions.SAMPLES, versions.MOMENTS],
    script:
        "../workflow/scripts/measure_nulls.py"
