"""Packed images -> held-out images, the order of the others, and the duplicates among them."""

from hidden_gaussian import duplicates, images, logs, subsets

with logs.job_log(snakemake.log[0]):
    packed = images.open_images(snakemake.input.images, verify=True)
    apart = snakemake.input.get("heldout")
    found = duplicates.find(packed, images.open_images(apart, verify=True) if apart else None)
    split = subsets.split(
        packed,
        snakemake.params.heldout,
        snakemake.params.seed,
        found=found,
        key=f"datasets.{snakemake.wildcards.dataset}.heldout",
    )
    subsets.save_split(snakemake.output.split, split)
    duplicates.save(snakemake.output.duplicates, found)
