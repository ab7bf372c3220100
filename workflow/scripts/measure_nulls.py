"""Photographs that were not trained on, and noisy copies -> their nearest training images, and their moments."""

from pathlib import Path

import numpy as np

from hidden_gaussian import images, logs, samples, tables
from hidden_gaussian.moments import Standard
from hidden_gaussian.settings import unseen

params, place = snakemake.params, Path(snakemake.input.subset)
with logs.job_log(snakemake.log[0]):
    root, subset = place.parents[1], place.parent.name
    standard = Standard.open(root, subset, params.largest, params.inputs)
    heldout = images.load_inputs(root, unseen(params.inputs), params.samples, subset=place) / np.float32(127.5) - 1
    rows = samples.null_rows(subset, heldout, standard.training, count=params.samples, seed=params.seed)
    tables.write_shard(snakemake.output.memorisation, rows)
    moments = standard.nulls(heldout, count=params.samples, seed=params.seed)
    tables.write_shard(snakemake.output.moments, moments)
