# What the rules of ../measure.smk need, as functions of the wildcards.


def reference_files(wildcards):
    """Return the spectrum of the largest subset, and the files of the listed references of the subset."""
    subset = wildcards.get("subset", wildcards.get("id", "")).split("/")[0]
    listed = references.possible(chosen(wildcards).measures.references, subset)
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
    if references.is_affine(name.split("/")[-1]):
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
