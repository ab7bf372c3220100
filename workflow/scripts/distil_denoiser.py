"""A network and clean images -> the affine maps nearest to it at the levels of the Euler sampler."""

from pathlib import Path

from hidden_gaussian.distillation import Fit, distil_levels
from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.measurement import clean_images, open_target
from hidden_gaussian.settings import unseen

params, identifier = snakemake.params, snakemake.wildcards.id
with job_log(snakemake.log[0]):
    set_precision()
    root = Path(snakemake.input.denoiser[0]).parent
    inputs = unseen(params.inputs)
    clean = clean_images(root, identifier, [inputs])[inputs]
    subject = open_target(root, identifier, largest=identifier.split("/")[0])
    fit = Fit(clean, params.draws, params.seed, "distillation/kept", ridge=params.ridge)
    distil_levels(subject.denoiser, fit, subject.gaussian).save(snakemake.output.linear)
