# From denoisers to one row per image, noise level and quantity.
# Needs: a denoiser's files, images. Makes: <id>/{measures,jacobian}.parquet, <id>/{outputs,jacobian}.safetensors.


DISTILLED = {
    name: {
        identifier
        for cell in STUDY.datasets[name].distillation.cells.choose(cells)
        for identifier in (cell.id, cell.subset)
    }
    for name, cells in CELLS.items()
}
FITTED_BY_ADAM = {
    name: {
        cell.id for cell in STUDY.datasets[name].distillation.adam.cells.choose(cells)
    }
    for name, cells in CELLS.items()
}


def shard_of(wildcards):
    """Return the shard of a measuring job, or the first of them."""
    name = wildcards.id if "id" in wildcards.keys() else f"{wildcards.subset}/gaussian"
    return IOFile(f"{STUDY.results}/{wildcards.dataset}/{name}/measures.parquet")


def recorded(kind, wildcards):
    """Return the inputs or params that Snakemake recorded for a shard."""
    known = workflow.persistence
    return (known and getattr(known, kind)(shard_of(wildcards))) or []


def reference_files(wildcards):
    """Return the spectrum of the largest subset.

    Shards of earlier versions had the distances to configurable references too, and were made from these. To be made
    from fewer files is no reason to measure them again.
    """
    earlier = [
        path
        for path in recorded("input", wildcards)
        if Path(path).name == "denoiser.safetensors" and Path(path).exists()
    ]
    own = fitted_files([wildcards.id]) if "id" in wildcards.keys() else []
    for path in own:  # which is among the inputs for itself
        path = path.format(dataset=wildcards.dataset)
        if path in earlier:
            earlier.remove(path)
    largest = f"{largest_subset(wildcards)}/spectrum.safetensors"
    return below(wildcards, [largest]) + earlier


def visited_states(wildcards):
    """Return the trajectories of a network if the settings have them as inputs."""
    wanted = (
        "trajectory" in chosen(wildcards).inputs
        and DenoiserId.parse(wildcards.id).is_network
    )
    return below(wildcards, [f"{wildcards.id}/trajectories_euler10.npy"] * wanted)


def distillation_settings(wildcards):
    """Return the settings of distillation, or nothing where no linear maps are fitted.

    Maps are fitted to the selected cells, and to the references of their subsets unless these are affine.
    """
    denoiser = DenoiserId.parse(wildcards.id) if "id" in wildcards.keys() else None
    if denoiser and reference_names.is_affine(denoiser.kind):
        return {}
    is_network = denoiser is not None and denoiser.is_network
    selected = denoiser.id if is_network else subset_of(wildcards).id
    if selected not in DISTILLED[wildcards.dataset]:
        return {}
    content = chosen(wildcards).distillation.model_dump(
        mode="json", exclude={"cells": True, "adam": {"cells"}}
    )
    if selected not in FITTED_BY_ADAM[wildcards.dataset]:
        content |= {"solver": "exact", "adam": {}}
    return content


def without_additions(measures):
    """Return settings of measurements without further references and weights, which have rules of their own."""
    return {**measures, "references": [], "alphas": measures["alphas"][:1]}


def measurement_settings(wildcards):
    """Return the settings of measurements, without those of Jacobians, which have a rule of their own."""
    return without_additions(
        chosen(wildcards).measures.model_dump(mode="json", exclude={"jacobian"})
    )


def recorded_settings(wildcards):
    """Return the settings of measurements, with the additions that a shard of an earlier version was made with.

    Snakemake compares these, and so does not measure such a shard again.
    """
    current = measurement_settings(wildcards)
    for text in recorded("params", wildcards):
        earlier = ast.literal_eval(text) if text.startswith("{") else {}
        if "alphas" in earlier and without_additions(earlier) == current:
            return earlier
    return current


def ids_of(wildcards):
    """Return the denoisers of a subset that are measured: its networks and its reference denoisers."""
    index = index_of(wildcards.dataset)
    subset = wildcards.subset
    names = [cell.id for cell in index.all_cells if cell.subset == subset]
    names += [f"{subset}/{name}" for name in reference_names.ALWAYS_MEASURED]
    return names + reference_names.possible(index.measured_references, subset)


def compared_ids(wildcards):
    """Return the denoisers of a subset that are compared with one of its references."""
    reference = f"{wildcards.subset}/{wildcards.reference}"
    return [name for name in ids_of(wildcards) if name != reference]


def opened_files(function):
    """Return a function for the files that some denoisers are made from, and their shards."""

    def files(wildcards):
        found = []
        for identifier in function(wildcards):
            job = SimpleNamespace(dataset=wildcards.dataset, id=identifier)
            found += denoiser_files(job) + visited_states(job)
            found.append(f"{ROOT}/{identifier}/measures.parquet")
        return list(dict.fromkeys(found))

    return files


def jacobian_settings(wildcards):
    """Return the settings of Jacobians, without the selected cells."""
    jacobian = chosen(wildcards).measures.jacobian or Jacobian()
    return jacobian.model_dump(mode="json", exclude={"cells"})


def jacobian_shards(wildcards):
    """Return the shards of Jacobians: of the selected cells, and of their subsets' empirical denoisers as a null."""
    dataset = chosen(wildcards)
    if dataset.measures.jacobian is None:
        return []
    cells = dataset.measures.jacobian.cells.choose(CELLS[wildcards.dataset])
    ids = [cell.id for cell in cells]
    ids += dict.fromkeys(f"{cell.subset}/empirical" for cell in cells)
    return [f"{identifier}/jacobian.parquet" for identifier in ids]


def other_half(wildcards):
    """Return the id of the subset of equal size from the other half, or None if the study has no network of it."""
    other = subset_of(wildcards).other_half.id
    return other if other in SUBSETS[wildcards.dataset] else None


def other_half_spectrum(wildcards):
    """Return the spectrum of the other half's subset, which shows the sampling error of principal components."""
    other = other_half(wildcards)
    return below(wildcards, [f"{other}/spectrum.safetensors"]) if other else []


rule measure_denoiser:
    """Measure distance, linearity, loss and distillation of a network or a configurable reference on shared noise."""
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
        root=dataset_root,
        largest=largest_subset,
        recorded=recorded_settings,
        # derived, which Snakemake does not compare
        measures=lambda wildcards, output: measurement_settings(wildcards),
        inputs=setting("inputs"),
        distillation=distillation_settings,
        seed=STUDY.seed,
        version=[versions.MEASURES, versions.DISTILLATION, versions.OUTPUTS],
    message:
        "measure {wildcards.dataset} {wildcards.id}"
    script:
        "../workflow/scripts/measure_denoiser.py"


rule measure_references:
    """Measure the Gaussian, empirical, identity and mean denoisers of one subset on the same noise."""
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
        root=dataset_root,
        largest=largest_subset,
        recorded=recorded_settings,
        # derived, which Snakemake does not compare
        measures=lambda wildcards, output: measurement_settings(wildcards),
        inputs=setting("inputs"),
        distillation=distillation_settings,
        seed=STUDY.seed,
        version=[versions.MEASURES, versions.DISTILLATION, versions.OUTPUTS],
    message:
        "measure the reference denoisers of {wildcards.dataset} {wildcards.subset}"
    script:
        "../workflow/scripts/measure_references.py"


rule measure_distances:
    """Measure how far the denoisers of a subset are from one of its configurable references."""
    input:
        denoisers=opened_files(compared_ids),
        images=input_files,
        reference=lambda wildcards: denoiser_files(
            SimpleNamespace(
                dataset=wildcards.dataset,
                id=f"{wildcards.subset}/{wildcards.reference}",
            )
        ),
    output:
        shard=f"{ROOT}/{{subset}}/{{reference}}/distances.parquet",
    log:
        f"{LOGS}/measure_distances/{{dataset}}/{{subset}}/{{reference}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_distances/{{dataset}}/{{subset}}/{{reference}}.tsv"
    wildcard_constraints:
        reference=reference_names.CONFIGURABLE,
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("measure_distances"),
        runtime=minutes("measure_distances"),
    params:
        root=dataset_root,
        ids=compared_ids,
        measures=measurement_settings,
        inputs=setting("inputs"),
        seed=STUDY.seed,
        version=versions.MEASURES,
    message:
        "measure distances of {wildcards.dataset} {wildcards.subset} to {wildcards.reference}"
    script:
        "../workflow/scripts/measure_distances.py"


rule measure_linearity:
    """Measure the linearity of the denoisers of a subset with one more weight of pairs."""
    input:
        denoisers=opened_files(ids_of),
        images=input_files,
    output:
        shard=f"{ROOT}/{{subset}}/alpha{{alpha}}/linearity.parquet",
    log:
        f"{LOGS}/measure_linearity/{{dataset}}/{{subset}}/{{alpha}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_linearity/{{dataset}}/{{subset}}/{{alpha}}.tsv"
    wildcard_constraints:
        alpha=r"0\.\d+(e-\d+)?",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("measure_linearity"),
        runtime=minutes("measure_linearity"),
    params:
        root=dataset_root,
        ids=ids_of,
        measures=measurement_settings,
        inputs=setting("inputs"),
        seed=STUDY.seed,
        version=versions.MEASURES,
    message:
        "measure linearity of {wildcards.dataset} {wildcards.subset} with weight {wildcards.alpha}"
    script:
        "../workflow/scripts/measure_linearity.py"


rule measure_jacobian:
    """Measure the Jacobian of a denoiser at the mean image and along its trajectories, by its products only."""
    input:
        denoiser=denoiser_files,
        images=input_files,
        linear=f"{ROOT}/{{id}}/linear.safetensors",
        trajectories=f"{ROOT}/{{id}}/trajectories_euler10.npy",
        other_half=other_half_spectrum,
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
        root=dataset_root,
        other_half=other_half,
        image_count=setting("measures", "images"),
        inputs=setting("inputs"),
        jacobian=jacobian_settings,
        seed=STUDY.seed,
        version=[versions.JACOBIAN, versions.DISTILLATION],
    message:
        "measure the Jacobian of {wildcards.dataset} {wildcards.id}"
    script:
        "../workflow/scripts/measure_jacobian.py"
