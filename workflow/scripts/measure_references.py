"""The reference denoisers of a subset and clean images -> the same measurements and outputs as of a network."""

from pathlib import Path

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import measured, shared_outputs
from hidden_gaussian.storage import save_tensors, write_shard

params, output = snakemake.params, snakemake.output
with job_log(snakemake.log[0]):
    set_precision()
    root = Path(snakemake.input.denoiser[0]).parent
    for measures, outputs in zip(output.measures, output.outputs, strict=True):
        identifier = Path(measures).parent.relative_to(root).as_posix()
        settings = {name: value for name, value in params.items() if name != "version"}  # by which it measures again
        if not identifier.endswith("empirical"):
            settings["distillation"] = {}  # affine by definition
        write_shard(measures, measured(root, identifier, **settings))
        pictures = shared_outputs(root, identifier, inputs=params.inputs, seed=params.seed)
        save_tensors(outputs, pictures)
