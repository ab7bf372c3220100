"""A network and clean images -> distance, linearity, loss and distillation, and some of its outputs."""

from pathlib import Path

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measured, shared_outputs
from hidden_gaussian.storage import save_tensors, write_shard

params, identifier = snakemake.params, snakemake.wildcards.id
settings = {name: value for name, value in params.items() if name != "version"}  # by which Snakemake measures again
with job_log(snakemake.log[0]):
    set_precision()
    root = Path(snakemake.input.denoiser[0]).parent
    kept = {}
    shard = measured(root, identifier, **settings, kept=kept)
    write_shard(snakemake.output.measures, shard)
    pictures = shared_outputs(root, identifier, inputs=params.inputs, seed=params.seed)
    save_tensors(snakemake.output.outputs, pictures | kept)
