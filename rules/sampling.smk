# From denoisers to sample sets from shared latents, compared with training images, held-out images and each other.
# Needs: a denoiser's files. Makes: <id>/{samples,trajectories}_<sampler>.npy,
# <id>/{memorisation,agreement,moments,splice}_<sampler>.parquet, n<size><half>/sampler_error.parquet.

SAMPLERS = sorted({dataset.sampling.sampler for dataset in STUDY.datasets.values()})
REFERENCE_SETS = [
    *(("gaussian", sampler) for sampler in ["exact", *SAMPLERS, "euler10"]),
    *(("empirical", sampler) for sampler in [*SAMPLERS, "euler10"]),
]
IDS = {
    name: {cell.id for cell in cells} | SUBSETS[name] for name, cells in CELLS.items()
}


ruleorder: draw_references > draw_samples


def reference_sets(name):
    """Return a file of every sample set of a subset's references; one job draws all, because start-up dominates."""
    return [
        f"{ROOT}/{{subset}}/{kind}/{name.format(sampler=sampler)}"
        for kind, sampler in REFERENCE_SETS
    ]


def agreement_partners(wildcards):
    """Return the sample sets that one is compared with, by ``reference_id``.

    They are the samples of its own Gaussian, by the same solver and exact, and those of the same denoiser of the other
    half. The same solver has the same error, so that the error is not taken for disagreement.
    """
    denoiser, sampler = DenoiserId.parse(wildcards.id), wildcards.sampler
    partners = {}
    if denoiser.kind != "gaussian":
        gaussian = f"{denoiser.subset.id}/gaussian"
        partners[gaussian] = f"{ROOT}/{gaussian}/samples_{sampler}.npy"
        if sampler != "exact":
            partners[f"{gaussian}/exact"] = f"{ROOT}/{gaussian}/samples_exact.npy"
    other = denoiser.other_half
    is_reference = not other.owner.is_network
    if (other.subset.id if is_reference else other.id) in IDS[wildcards.dataset]:
        partners[other.id] = f"{ROOT}/{other.id}/samples_{sampler}.npy"
    return partners


def partner_samples(wildcards):
    """Return the files of the sample sets that one is compared with."""
    return list(agreement_partners(wildcards).values())


def gaussian_ids(wildcards):
    """Return the ids of a Gaussian and of its partner, whose agreement has a closed form; none for other denoisers."""
    if DenoiserId.parse(wildcards.id).kind != "gaussian":
        return []
    return [wildcards.id, *agreement_partners(wildcards)]


def gaussian_spectra(wildcards):
    """Return the spectra of a Gaussian and of its partner."""
    return [
        f"{ROOT}/{DenoiserId.parse(identifier).subset.id}/spectrum.safetensors"
        for identifier in gaussian_ids(wildcards)
    ]


def moment_reference_files(wildcards):
    """Return the files that a sample set is compared with: its subset, its Gaussian, and held-out images."""
    subset = subset_of(wildcards).id
    return {
        "images": input_files(wildcards),
        "subset": f"{ROOT}/{subset}/subset.npy",
        "spectrum": f"{ROOT}/{subset}/spectrum.safetensors",
        "largest": f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors",
    }


def linear_maps(wildcards):
    """Return the distilled maps of a network if the sampler visits their noise levels."""
    return (
        [f"{ROOT}/{wildcards.id}/linear.safetensors"]
        if wildcards.sampler == "euler10"
        else []
    )


def sample_files(name):
    """Return a file of every sample set of a dataset that is compared with others."""
    index = index_of(name)
    cells = index.all_cells
    sets = [*index.samples(cells), *index.compared_samples.values()]
    sets += [
        f"{subset}/{kind}/samples_{sampler}.npy"
        for subset in dict.fromkeys(cell.subset for cell in cells)
        for kind, sampler in REFERENCE_SETS
    ]
    return [f"{STUDY.results}/{name}/{path}" for path in dict.fromkeys(sets)]


rule samples:
    """Draw every sample set of networks and reference denoisers."""
    input:
        [path for name in STUDY.datasets for path in sample_files(name)],


rule draw_samples:
    """Solve the probability-flow ODE from shared latents, and find the nearest training images of each sample."""
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
        root=dataset_root,
        # these functions take `output` to be derived: Snakemake compares only the other params
        sets=lambda wildcards, output: [(wildcards.id, wildcards.sampler)],
        samples=setting("sampling", "count"),
        seed=STUDY.seed,
        version=[versions.SAMPLING, versions.SAMPLES],
    message:
        "draw samples of {wildcards.dataset} {wildcards.id} by {wildcards.sampler}"
    script:
        "../workflow/scripts/draw_samples.py"


rule draw_references:
    """Draw from the Gaussian and the empirical denoiser of one subset from the same latents."""
    input:
        denoiser=lambda wildcards: subset_files(wildcards.subset),
    output:
        samples=reference_sets("samples_{sampler}.npy"),
        trajectories=reference_sets("trajectories_{sampler}.npy"),
        memorisation=reference_sets("memorisation_{sampler}.parquet"),
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
        root=dataset_root,
        sets=lambda wildcards, output: [
            (f"{wildcards.subset}/{kind}", sampler) for kind, sampler in REFERENCE_SETS
        ],
        samples=setting("sampling", "count"),
        seed=STUDY.seed,
        version=[versions.SAMPLING, versions.SAMPLES],
    message:
        "draw samples of the reference denoisers of {wildcards.dataset} {wildcards.subset}"
    script:
        "../workflow/scripts/draw_samples.py"


rule compare_samples:
    """Measure the agreement of a sample set with those of other denoisers from the same latents."""
    input:
        samples=f"{ROOT}/{{id}}/samples_{{sampler}}.npy",
        partners=partner_samples,
        spectra=gaussian_spectra,
        mean=lambda wildcards: f"{ROOT}/{largest_subset(wildcards)}/spectrum.safetensors",
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
        # derived, see draw_samples
        partners=lambda wildcards, output: list(agreement_partners(wildcards)),
        spectra=lambda wildcards, output: gaussian_ids(wildcards),
        version=versions.AGREEMENT,
    message:
        "compare samples of {wildcards.dataset} {wildcards.id} by {wildcards.sampler}"
    script:
        "../workflow/scripts/compare_samples.py"


rule measure_samples:
    """Compare the moments of a sample set with its training images, and its distribution with held-out images."""
    input:
        unpack(moment_reference_files),
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
        root=dataset_root,
        inputs=setting("inputs"),
        largest=largest_subset,
        seed=STUDY.seed,
        version=versions.MOMENTS,
    message:
        "measure moments of samples of {wildcards.dataset} {wildcards.id} by {wildcards.sampler}"
    script:
        "../workflow/scripts/measure_samples.py"


rule splice_samples:
    """Draw a network's samples with another denoiser at some noise levels, and measure how they change."""
    input:
        unpack(moment_reference_files),
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
        root=dataset_root,
        samples=setting("sampling", "count"),
        ends=setting("sampling", "splice_ends"),
        inputs=setting("inputs"),
        largest=largest_subset,
        seed=STUDY.seed,
        version=[versions.SAMPLING, versions.SPLICES, versions.MOMENTS],
    message:
        "splice samples of {wildcards.dataset} {wildcards.id} by {wildcards.sampler}"
    script:
        "../workflow/scripts/splice_samples.py"


rule measure_sampler:
    """Tabulate the error of each sampler in the amplitude of every principal component, in closed form."""
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
    message:
        "measure sampler errors of {wildcards.dataset} {wildcards.subset}"
    script:
        "../workflow/scripts/measure_sampler.py"


rule measure_nulls:
    """Measure held-out photographs (negative control) and noisy copies (positive control) like samples."""
    input:
        unpack(moment_reference_files),
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
        root=dataset_root,
        samples=setting("sampling", "count"),
        inputs=setting("inputs"),
        largest=largest_subset,
        seed=STUDY.seed,
        version=[versions.SAMPLES, versions.MOMENTS],
    message:
        "measure photographs and copies of {wildcards.dataset} {wildcards.subset}"
    script:
        "../workflow/scripts/measure_nulls.py"
