"""A network and clean images -> distance, linearity, loss and distillation, and some of its outputs."""

from pathlib import Path

from hidden_gaussian import files, logs, subjects, tables

params, identifier = snakemake.params, snakemake.wildcards.id
settings = {name: value for name, value in params.items() if name != "recipe"}  # by which Snakemake measures again
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    kept = {}
    shard = subjects.measured(root, identifier, **settings, kept=kept)
    tables.write_shard(snakemake.output.measures, shard)
    pictures = subjects.shared_outputs(root, identifier, inputs=params.inputs, seed=params.seed)
    files.save_tensors(snakemake.output.outputs, pictures | kept)
