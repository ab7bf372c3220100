"""Photographs that were not trained on, and noisy copies -> their nearest training images, and their moments."""

from pathlib import Path

import numpy as np

from hidden_gaussian.data import load_inputs
from hidden_gaussian.jobs import job_log
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.sampling import Standard, sample_sets
from hidden_gaussian.settings import unseen
from hidden_gaussian.storage import write_shard

params, place = snakemake.params, Path(snakemake.input.subset)
with job_log(snakemake.log[0]):
    root, subset = place.parents[1], place.parent.name
    standard = Standard.open(root, subset, params.largest, params.inputs)
    heldout = to_unit(load_inputs(root, unseen(params.inputs), params.samples, subset=place).astype(np.float32))
    rows = sample_sets.null_rows(subset, heldout, standard.training, count=params.samples, seed=params.seed)
    write_shard(snakemake.output.memorisation, rows)
    moments = standard.nulls(heldout, count=params.samples, seed=params.seed)
    write_shard(snakemake.output.moments, moments)
