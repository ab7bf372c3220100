"""The reference denoisers of a subset and clean images -> the same measurements as of a network."""

from pathlib import Path

from hidden_gaussian import logs, subjects, tables

with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    for path in snakemake.output.measures:
        identifier = Path(path).parent.relative_to(root).as_posix()
        settings = dict(snakemake.params)
        if not identifier.endswith("empirical"):
            settings["distillation"] = {}  # affine by definition
        tables.write_shard(path, subjects.measured(root, identifier, **settings))
