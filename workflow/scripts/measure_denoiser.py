"""A network and clean images -> distance, linearity, loss and distillation, one row per image and quantity."""

from pathlib import Path

from hidden_gaussian import logs, subjects, tables

with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    tables.write_shard(snakemake.output.measures, subjects.measured(root, snakemake.wildcards.id, **snakemake.params))
