"""A denoiser, its distilled maps and its trajectories -> local slopes, and images that show them."""

from pathlib import Path

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measured_slopes
from hidden_gaussian.storage import save_tensors, write_shard

settings = {name: value for name, value in snakemake.params.items() if name != "version"}  # by which it measures again
with job_log(snakemake.log[0]):
    set_precision()
    root = Path(snakemake.input.denoiser[0]).parent
    shard, images = measured_slopes(root, snakemake.wildcards.id, **settings)
    write_shard(snakemake.output.shard, shard)
    save_tensors(snakemake.output.images, images)
