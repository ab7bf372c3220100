"""Images of a subset -> mean, eigenvalues and eigenvectors of their covariance."""

from hidden_gaussian import files, images, logs, spectrum

with logs.job_log(snakemake.log[0]):
    pixels = images.open_images(snakemake.input.images)[files.load_array(snakemake.input.subset)]
    spectrum.fit(pixels).save(snakemake.output.spectrum, pixels.shape[1:])
