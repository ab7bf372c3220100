"""The spectrum of a subset -> what every sampler does to its principal components."""

from hidden_gaussian import logs, sampler_error, tables
from hidden_gaussian.spectrum import Spectrum

with logs.job_log(snakemake.log[0]):
    wildcards, spectrum = snakemake.wildcards, Spectrum.load(snakemake.input.spectrum)
    made = sampler_error.table(wildcards.dataset, wildcards.subset, spectrum)
    tables.write_table(snakemake.output.parquet, made, sampler_error.TABLE)
