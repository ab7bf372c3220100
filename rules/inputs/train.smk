# What the rules of ../train.smk need, as functions of the wildcards.

RUN = f"{ROOT}/n{{size}}{{half}}/{{run}}"


def earlier_snapshots(wildcards):
    """Return the images seen at the snapshots before one, of its run."""
    kept = RUNS[wildcards.dataset].get(trained_cell(wildcards, 0).run, [])
    return [images for images in kept if images < int(wildcards.images_seen)]


def trained_cell(wildcards, images_seen):
    """Return the snapshot of a run after some images."""
    run = f"n{wildcards.size}{wildcards.half}/{wildcards.run}"
    return Cell.parse(wildcards.dataset, f"{run}/i{images_seen}")


def snapshot_before(wildcards):
    """Return the state that a snapshot continues; none for the first of its run."""
    earlier = earlier_snapshots(wildcards)
    if not earlier:
        return []
    before = trained_cell(wildcards, max(earlier))
    return [f"{ROOT}/{before.id}/{before.state}"]


def training_gpus(wildcards):
    """Return how many devices train a cell together, each with a process and a core of its own."""
    return chosen(wildcards).training.gpus


def network_settings(wildcards):
    """Return the network of a cell, all but its scale."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    return chosen(wildcards).network_of(cell).model_dump(mode="json")


def training_recipe(wildcards):
    """Return the settings of training that change the numbers of a cell."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    return chosen(wildcards).training.recipe(cell.architecture)


def pretrained_of(wildcards):
    """Return the settings of a snapshot that comes from a file, which may move but keeps its name."""
    cell = trained_cell(wildcards, wildcards.images_seen)
    pretrained = chosen(wildcards).grid.pretrained
    found = {snapshot.cell(wildcards.dataset): snapshot for snapshot in pretrained}
    if cell not in found:
        known = ", ".join(other.id for other in found) or "none"
        raise WorkflowError(f"grid.pretrained has no {cell.id}; it has {known}")
    snapshot = found[cell]
    content = snapshot.model_dump(mode="json", exclude={"path"})
    return content | {"file": Path(STUDY.located(snapshot).path).name}
