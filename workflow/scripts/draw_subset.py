"""The order of the images -> one subset of one half."""

from hidden_gaussian import files, logs, subsets

with logs.job_log(snakemake.log[0]):
    split = subsets.load_split(snakemake.input.split)
    key = f"datasets.{snakemake.wildcards.dataset}.grid"
    indices = subsets.subset_indices(split, int(snakemake.wildcards.size), snakemake.wildcards.half, key=key)
    files.save_array(snakemake.output.subset, indices)
