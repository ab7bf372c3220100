"""The reference denoisers of a subset and clean images -> the same measurements and outputs as of a network."""

from pathlib import Path

from hidden_gaussian import files, logs, subjects, tables

params, output = snakemake.params, snakemake.output
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    for measures, outputs in zip(output.measures, output.outputs, strict=True):
        identifier = Path(measures).parent.relative_to(root).as_posix()
        settings = {name: value for name, value in params.items() if name != "recipe"}  # by which it measures again
        if not identifier.endswith("empirical"):
            settings["distillation"] = {}  # affine by definition
        tables.write_shard(measures, subjects.measured(root, identifier, **settings))
        pictures = subjects.shared_outputs(root, identifier, inputs=params.inputs, seed=params.seed)
        files.save_tensors(outputs, pictures)
