"""A file of weights -> a checkpoint like a trained one, and a description of its origin."""

from pathlib import Path

from hidden_gaussian import settings
from hidden_gaussian.jobs import job_log
from hidden_gaussian.training import import_network

wildcards = snakemake.wildcards
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    dataset = study.datasets[wildcards.dataset]
    cells = [entry.cell(wildcards.dataset) for entry in dataset.grid.pretrained]
    index = [cell.id for cell in cells].index(identifier)
    import_network(
        Path(study.located(dataset.grid.pretrained[index]).path),
        cells[index],
        dataset,
        Path(snakemake.output.weights).parent,
        sha256=snakemake.params.snapshot["sha256"],
        key=f"datasets.{wildcards.dataset}.grid.pretrained.{index}",
    )
