"""The spectrum of a subset -> what every sampler does to its principal components."""

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import solver_error
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import write_table

with job_log(snakemake.log[0]):
    wildcards, spectrum = snakemake.wildcards, Spectrum.load(snakemake.input.spectrum)
    made = solver_error.table(wildcards.dataset, wildcards.subset, spectrum)
    write_table(snakemake.output.parquet, made, solver_error.TABLE)
