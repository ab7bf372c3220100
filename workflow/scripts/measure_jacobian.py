"""A denoiser, its distilled maps and its trajectories -> local slopes, and images that show them."""

from pathlib import Path

from hidden_gaussian import files, logs, subjects, tables

settings = {name: value for name, value in snakemake.params.items() if name != "recipe"}  # by which it measures again
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    shard, images = subjects.measured_slopes(root, snakemake.wildcards.id, **settings)
    tables.write_shard(snakemake.output.shard, shard)
    files.save_tensors(snakemake.output.images, images)
