"""Images of a subset -> mean, eigenvalues and eigenvectors of their covariance."""

from hidden_gaussian import spectrum
from hidden_gaussian.data import open_subset
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]):
    pixels = open_subset(snakemake.input.images, snakemake.input.subset)
    spectrum.fit(pixels).save(snakemake.output.spectrum, pixels.shape[1:])
