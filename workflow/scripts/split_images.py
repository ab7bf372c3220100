"""Packed images -> held-out images, the shuffled order of the rest, and duplicates."""

from hidden_gaussian.data import duplicates, open_images, splits
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]) as logger:
    key = f"datasets.{snakemake.wildcards.dataset}.heldout"
    packed = open_images(snakemake.input.images, verify=True)
    path = snakemake.input.get("heldout")
    heldout = open_images(path, verify=True) if path else None
    pairs = duplicates.find(packed, heldout, near=snakemake.params.near)
    logger.info("%s", pairs)
    if heldout is not None:
        splits.check_heldout(pairs, len(heldout), key=key)
    split = splits.split(packed, snakemake.params.heldout, snakemake.params.seed, found=pairs, key=key)
    splits.save_split(snakemake.output.split, split)
    duplicates.save(snakemake.output.duplicates, pairs)
