# What the rules of ../sample.smk need, as functions of the wildcards.

SAMPLERS = sorted({dataset.sampling.sampler for dataset in STUDY.datasets.values()})
REFERENCE_SAMPLERS = {
    "gaussian": ["exact", *SAMPLERS, "euler10"],
    "empirical": [*SAMPLERS, "euler10"],
}


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
