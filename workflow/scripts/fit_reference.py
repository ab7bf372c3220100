"""Images and components of a subset -> a reference denoiser that is fitted."""

from hidden_gaussian import images, logs
from hidden_gaussian.denoisers.fitting import fit_reference
from hidden_gaussian.spectrum import Spectrum

given, params = snakemake.input, snakemake.params
with logs.job_log(snakemake.log[0]):
    pixels = images.open_subset(given.images, given.subset)
    settings = {"law": Spectrum.load(given.spectrum), "largest": params.largest, "seed": params.seed}
    fit_reference(snakemake.wildcards.reference, pixels, snakemake.output.denoiser, **settings)
