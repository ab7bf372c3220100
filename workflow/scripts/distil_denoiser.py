"""A network and clean images -> the affine maps nearest to it at the levels of the Euler sampler."""

from pathlib import Path

from hidden_gaussian import distillation, logs
from hidden_gaussian.settings import unseen
from hidden_gaussian.subjects import clean_images, open_subject

params, identifier = snakemake.params, snakemake.wildcards.id
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    inputs = unseen(params.inputs)
    clean = clean_images(root, identifier, [inputs])[inputs]
    subject = open_subject(root, identifier, largest=identifier.split("/")[0])
    fit = distillation.Fit(clean, params.draws, params.seed, "distillation/kept", ridge=params.ridge)
    distillation.distil_levels(subject.denoiser, fit, subject.gaussian).save(snakemake.output.linear)
