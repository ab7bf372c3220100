"""The shuffled order of the images -> one subset of one half."""

from hidden_gaussian.data import splits
from hidden_gaussian.jobs import job_log
from hidden_gaussian.storage import save_array

with job_log(snakemake.log[0]):
    split = splits.load_split(snakemake.input.split)
    key = f"datasets.{snakemake.wildcards.dataset}.grid"
    indices = splits.subset_indices(split, int(snakemake.wildcards.size), snakemake.wildcards.half, key=key)
    save_array(snakemake.output.subset, indices)
