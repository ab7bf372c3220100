"""Images of a subset -> mean, eigenvalues and eigenvectors of their covariance."""

from hidden_gaussian import images, logs, spectrum

with logs.job_log(snakemake.log[0]):
    pixels = images.open_subset(snakemake.input.images, snakemake.input.subset)
    spectrum.fit(pixels).save(snakemake.output.spectrum, pixels.shape[1:])
