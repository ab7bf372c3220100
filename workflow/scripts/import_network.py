"""A file of weights -> a checkpoint like a trained one, and a description of its origin."""

from pathlib import Path

from hidden_gaussian import settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.jobs import job_log
from hidden_gaussian.training import import_network

name, weights = snakemake.wildcards.dataset, snakemake.output.weights
with job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    dataset = study.datasets[name]
    cells = [entry.cell(name) for entry in dataset.grid.pretrained]
    index = [cell.id for cell in cells].index(Cell.of_file(name, weights).id)
    import_network(
        Path(study.located(dataset.grid.pretrained[index]).path),
        cells[index],
        dataset,
        Path(weights).parent,
        sha256=snakemake.params.snapshot["sha256"],
        key=f"datasets.{name}.grid.pretrained.{index}",
    )
