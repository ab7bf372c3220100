"""A subset and the snapshot before -> the next snapshot of ten autoencoders, one a noise level."""

from pathlib import Path

from hidden_gaussian import autoencoder_training, logs, settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.stretches import Stretch

wildcards, inputs = snakemake.wildcards, snakemake.input
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with logs.job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    dataset = study.datasets[wildcards.dataset]
    stretch = Stretch(
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
    autoencoder_training.run(stretch)
