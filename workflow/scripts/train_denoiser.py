"""A subset and the snapshot before -> the next snapshot of a training run."""

from hidden_gaussian import logs, settings, stretches
from hidden_gaussian.stretches import Stretch

given, wildcards = snakemake.input, snakemake.wildcards
identifier = f"n{wildcards.size}{wildcards.half}/{wildcards.run}/i{wildcards.images_seen}"
with logs.job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    files = {"images": given.images, "subset": given.subset, "before": given.before}
    stretches.run(Stretch.of(study, wildcards.dataset, identifier, **files))
