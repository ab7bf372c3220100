"""Packed images -> held-out images, the order of the others, and the duplicates among them."""

from hidden_gaussian import duplicates, images, logs, subsets

with logs.job_log(snakemake.log[0]) as logger:
    key = f"datasets.{snakemake.wildcards.dataset}.heldout"
    packed = images.open_images(snakemake.input.images, verify=True)
    place = snakemake.input.get("heldout")
    apart = images.open_images(place, verify=True) if place else None
    found = duplicates.find(packed, apart, near=snakemake.params.near)
    logger.info("%s", found)
    if apart is not None:
        subsets.check_heldout(found, len(apart), key=key)
    split = subsets.split(packed, snakemake.params.heldout, snakemake.params.seed, found=found, key=key)
    subsets.save_split(snakemake.output.split, split)
    duplicates.save(snakemake.output.duplicates, found)
