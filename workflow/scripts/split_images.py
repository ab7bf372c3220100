"""Packed images -> held-out images, the order of the others, and the duplicates among them."""

from hidden_gaussian.data import duplicates, open_images, splits
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]) as logger:
    key = f"datasets.{snakemake.wildcards.dataset}.heldout"
    packed = open_images(snakemake.input.images, verify=True)
    place = snakemake.input.get("heldout")
    apart = open_images(place, verify=True) if place else None
    found = duplicates.find(packed, apart, near=snakemake.params.near)
    logger.info("%s", found)
    if apart is not None:
        splits.check_heldout(found, len(apart), key=key)
    split = splits.split(packed, snakemake.params.heldout, snakemake.params.seed, found=found, key=key)
    splits.save_split(snakemake.output.split, split)
    duplicates.save(snakemake.output.duplicates, found)
