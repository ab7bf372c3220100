"""A source of images -> one packed array, and a description of its origin."""

from hidden_gaussian import settings
from hidden_gaussian.data import pack
from hidden_gaussian.jobs import job_log

with job_log(snakemake.log[0]):
    name, role = snakemake.wildcards.dataset, snakemake.wildcards.role
    study = settings.read(snakemake.config)
    dataset = study.datasets[name]
    key = {"images": "source"}.get(role, role)
    pack(
        study.located(getattr(dataset, key)),
        snakemake.output.array,
        snakemake.output.about,
        resolution=dataset.resolution,
        colour=dataset.colour,
        seed=snakemake.params.seed,
        key=f"datasets.{name}.{key}",
        workers=snakemake.threads,
    )
