"""A subset and the checkpoint before -> the next checkpoint of a training run."""

from hidden_gaussian import settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.jobs import job_log
from hidden_gaussian.training import Segment, train_segment

inputs, wildcards = snakemake.input, snakemake.wildcards
identifier = Cell.of_file(wildcards.dataset, snakemake.output.weights).id
with job_log(snakemake.log[0]):
    study = settings.read(snakemake.config)
    files = {"images": inputs.images, "subset": inputs.subset, "before": inputs.before}
    train_segment(Segment.of(study, wildcards.dataset, identifier, **files))
