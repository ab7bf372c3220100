"""A subset and the snapshot before -> the next snapshot of ten autoencoders, one a noise level."""

from pathlib import Path

from hidden_gaussian import autoencoder_training, files, images, logs, settings
from hidden_gaussian.cells import Cell

wildcards, inputs = snakemake.wildcards, snakemake.input
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with logs.job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    dataset = study.datasets[wildcards.dataset]
    autoencoder_training.train_cell(
        Cell.parse(wildcards.dataset, identifier),
        dataset.network,
        dataset.training,
        images.open_images(inputs.images)[files.load_array(inputs.subset)],
        seed=study.seed,
        previous_state=Path(inputs.before[0]) if inputs.before else None,
        side_file=Path(study.results, "unfinished", wildcards.dataset, f"{identifier}.safetensors"),
        folder=Path(snakemake.output.weights).parent,
    )
