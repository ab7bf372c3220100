"""Photographs that were not trained on, and noisy copies -> their nearest training images."""

from pathlib import Path

import numpy as np

from hidden_gaussian import files, images, logs, samples, tables

params, subset = snakemake.params, Path(snakemake.input.subset)
with logs.job_log(snakemake.log[0]):
    training = images.open_images(subset.parents[1] / "images.npy")[files.load_array(subset)]
    heldout = images.load_inputs(
        subset.parents[1], "heldout" if "heldout" in params.inputs else "foreign", params.samples, subset=subset
    )
    rows = samples.null_rows(
        subset.parent.name, heldout / np.float32(127.5) - 1, training, count=params.samples, seed=params.seed
    )
    tables.write_shard(snakemake.output.memorisation, rows)
