"""The spectrum of a subset -> the error of every sampler along its principal components."""

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import solver_error
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import write_table

wildcards = snakemake.wildcards
with job_log(snakemake.log[0]):
    spectrum = Spectrum.load(snakemake.input.spectrum)
    rows = solver_error.table(wildcards.dataset, wildcards.subset, spectrum)
    write_table(snakemake.output.parquet, rows, solver_error.TABLE)
