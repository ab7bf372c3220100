"""Images and spectrum of a subset -> a fitted reference denoiser."""

from hidden_gaussian.data import open_subset
from hidden_gaussian.denoisers import fit_reference
from hidden_gaussian.jobs import job_log
from hidden_gaussian.spectrum import Spectrum

inputs, params = snakemake.input, snakemake.params
with job_log(snakemake.log[0]):
    pixels = open_subset(inputs.images, inputs.subset)
    settings = {"spectrum": Spectrum.load(inputs.spectrum), "largest": params.largest, "seed": params.seed}
    fit_reference(snakemake.wildcards.reference, pixels, snakemake.output.denoiser, **settings)
