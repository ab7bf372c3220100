"""A subset and the snapshot before -> the next snapshot of a training run."""

from pathlib import Path

from hidden_gaussian import logs, settings, stretches
from hidden_gaussian.cells import Cell

wildcards, inputs = snakemake.wildcards, snakemake.input
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with logs.job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    dataset = study.datasets[wildcards.dataset]
    stretch = stretches.Stretch(
        cell=Cell.parse(wildcards.dataset, identifier),
        network=dataset.network,
        training=dataset.training,
        images=inputs.images,
        subset=inputs.subset,
        seed=study.seed,
        previous_state=inputs.before[0] if inputs.before else None,
        side_file=Path(study.results, "unfinished", wildcards.dataset, f"{identifier}.safetensors"),
        folder=Path(snakemake.output.weights).parent,
    )
    stretches.run(stretch)
