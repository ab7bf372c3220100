# From shards to estimates with intervals.
# Needs: the shards of all cells of the sweeps. Makes: tables/<metric family>.{parquet,csv}.

FAMILIES = [
    "distance",
    "linearity",
    "distillation",
    "alignment",
    "memorisation",
    "agreement",
    "moments",
    "quality",
    "gap",
    "position",
    "training",
    "spectrum",
]


def pixel_count(wildcards):
    """Return the number of pixels times channels of an image."""
    return chosen(wildcards).channels * chosen(wildcards).resolution ** 2


def spectrum_files(wildcards):
    """Return the spectrum of every training subset."""
    subsets = dict.fromkeys(
        cell.subset for cell in index_of(wildcards.dataset).all_cells
    )
    return below(wildcards, [f"{subset}/spectrum.safetensors" for subset in subsets])


def sampler_errors(wildcards):
    """Return the sampler errors for the Gaussian of the largest subset."""
    largest = index_of(wildcards.dataset).largest
    return below(wildcards, [f"{largest}/sampler_error.parquet"])


def compared_samples(wildcards):
    """Return samples and trajectories of the main network and of the other denoisers of its subset."""
    index = index_of(wildcards.dataset)
    files = [*index.compared_samples.values(), *index.compared_trajectories]
    return below(wildcards, list(dict.fromkeys(files)))


def sweep_ids(wildcards):
    """Return the ids of the cells of every sweep."""
    sweeps = chosen(wildcards).sweeps(wildcards.dataset)
    return {name: [cell.id for cell in cells] for name, cells in sweeps.items()}


rule measures:
    """Measure everything that tables and claims are made from."""
    input:
        [
            path
            for name in STUDY.datasets
            for path in shard_files(SimpleNamespace(dataset=name))
        ],


rule gather_tables:
    """Estimate every metric from the shards, with intervals and nulls as rows."""
    input:
        shards=shard_files,
        spectra=spectrum_files,
        sampler_errors=sampler_errors,
        samples=compared_samples,
    output:
        parquet=expand(
            f"{ROOT}/tables/{{family}}.parquet", family=FAMILIES, allow_missing=True
        ),
        csv=expand(f"{ROOT}/tables/{{family}}.csv", family=FAMILIES, allow_missing=True),
    log:
        f"{LOGS}/gather_tables/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/gather_tables/{{dataset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("gather_tables"),
        runtime=minutes("gather_tables"),
    params:
        root=dataset_root,
        pixels=pixel_count,
        sweeps=sweep_ids,
        version=versions.ESTIMATES,
    message:
        "gather tables of {wildcards.dataset}"
    script:
        "../workflow/scripts/gather_tables.py"


rule tables:
    """Make every table except the claims."""
    input:
        expand(
            f"{ROOT}/tables/{{family}}.parquet",
            dataset=STUDY.datasets,
            family=FAMILIES,
        ),
