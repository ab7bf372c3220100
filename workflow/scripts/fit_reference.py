"""Images of a subset -> a reference denoiser that is costly to fit."""

from hidden_gaussian import files, images, logs
from hidden_gaussian.denoisers.fitting import fit_reference

with logs.job_log(snakemake.log[0]):
    pixels = images.open_images(snakemake.input.images)[files.load_array(snakemake.input.subset)]
    fit_reference(snakemake.wildcards.reference, pixels, snakemake.output.denoiser, seed=snakemake.params.seed)
