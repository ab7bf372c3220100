"""A subset and the snapshot before -> the next snapshot of ten autoencoders, one a noise level."""

from hidden_gaussian import autoencoder_training, logs, settings
from hidden_gaussian.stretches import Stretch

given, wildcards = snakemake.input, snakemake.wildcards
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with logs.job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    files = {"images": given.images, "subset": given.subset, "before": given.before}
    autoencoder_training.run(Stretch.of(study, wildcards.dataset, identifier, **files))
