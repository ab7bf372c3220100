"""A denoiser and clean images -> distance, linearity, loss and distillation, one row per image and quantity."""

from pathlib import Path

from hidden_gaussian import logs, tables
from hidden_gaussian.measures import measure
from hidden_gaussian.settings import Distillation, Measures
from hidden_gaussian.subjects import clean_images, open_subject

params, identifier = snakemake.params, snakemake.wildcards.id
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.denoiser[0]).parent
    settings = Measures.model_validate(params.measures)
    distillation = Distillation.model_validate(params.distillation) if params.distillation else None
    clean = clean_images(root, identifier, params.inputs, settings.images)
    pools = clean_images(root, identifier, distillation.inputs if distillation else [])
    subject = open_subject(root, identifier, largest=params.largest)
    tables.write_shard(
        snakemake.output.measures, measure(subject, clean, pools, settings, distillation, seed=params.seed)
    )
