# From denoisers to one row per image, noise level and quantity.
# Needs: a denoiser's files, images. Makes: <id>/{measures,jacobian}.parquet, <id>/{outputs,jacobian}.safetensors.


def reference_files(wildcards):
    """Return the spectrum of the largest subset, and the files of the listed references of the subset."""
    subset = wildcards.get("subset", wildcards.get("id", "")).split("/")[0]
    listed = reference_names.possible(chosen(wildcards).measures.references, subset)
    largest = below(wildcards, [f"{largest_subset(wildcards)}/spectrum.safetensors"])
    return largest + fitted_files(listed)


def visited_states(wildcards):
    """Return the states of a network's sampler where they are inputs; references share theirs with no network."""
    wanted = "trajectory" in chosen(wildcards).inputs and wildcards.id.count("/") == 2
    return below(wildcards, [f"{wildcards.id}/trajectories_euler10.npy"] * wanted)


def distilled(wildcards):
    """Return the settings of distillation where a cell, or some cell of a subset, is distilled, else nothing.

    An affine reference is its own distilled map.
    """
    name = wildcards.get("id", wildcards.get("subset"))
    subset, *rest = name.split("/")
    names = DISTILLED[wildcards.dataset]
    if name not in names and not (len(rest) == 1 and subset in names):
        return {}
    if reference_names.is_affine(name.split("/")[-1]):
        return {}
    settings = chosen(wildcards).distillation
    content = settings.model_dump(
        mode="json", exclude={"cells": True, "adam": {"cells"}}
    )
    if name not in DESCENDED[wildcards.dataset]:
        content |= {"solver": "exact", "adam": {}}
    return content


def measured_settings(wildcards):
    """Return the settings of the one pass, without those of local slopes, which are measured apart."""
    return chosen(wildcards).measures.model_dump(mode="json", exclude={"jacobian"})


def slope_settings(wildcards):
    """Return the settings of local slopes, but for the cells that they are measured of."""
    jacobian = chosen(wildcards).measures.jacobian or Jacobian()
    return jacobian.model_dump(mode="json", exclude={"cells"})


def sloped(wildcards):
    """Return the shards of local slopes that are asked for: of cells, and of their subsets' memorisers as a null."""
    dataset = chosen(wildcards)
    if dataset.measures.jacobian is None:
        return []
    cells = dataset.measures.jacobian.cells.choose(CELLS[wildcards.dataset])
    ids = [cell.id for cell in cells]
    ids += dict.fromkeys(f"{cell.subset}/empirical" for cell in cells)
    return [f"{identifier}/jacobian.parquet" for identifier in ids]


def twin(wildcards):
    """Return the subset of the same size from the other half, if some network is trained on it."""
    subset = wildcards.id.split("/")[0]
    other = subset[:-1] + {"a": "b", "b": "a"}[subset[-1]]
    return other if other in IDS[wildcards.dataset] else None


def twin_spectrum(wildcards):
    """Return the spectrum of the other half's subset, which tells how far principal components can be known."""
    other = twin(wildcards)
    return below(wildcards, [f"{other}/spectrum.safetensors"]) if other else []


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
        id=rf"n\d+[ab]/({NETWORK}/i\d+|{reference_names.CONFIGURABLE})",
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
        version=[versions.MEASURES, versions.DISTILLATION, versions.OUTPUTS],
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
            kind=reference_names.ALWAYS_MEASURED,
            allow_missing=True,
        ),
        outputs=expand(
            f"{ROOT}/{{{{subset}}}}/{{kind}}/outputs.safetensors",
            kind=reference_names.ALWAYS_MEASURED,
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
        version=[versions.MEASURES, versions.DISTILLATION, versions.OUTPUTS],
    script:
        "../workflow/scripts/measure_references.py"


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
        version=[versions.JACOBIAN, versions.DISTILLATION],
    script:
        "../workflow/scripts/measure_jacobian.py"
