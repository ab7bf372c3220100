"""Draw one figure from the files that its rule declares."""

import importlib

from hidden_gaussian import files, logs
from hidden_gaussian.figures.catalogue import Plan
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.settings import Dataset

with logs.job_log(snakemake.log[0]):
    params = snakemake.params
    plan = Plan(params.dataset, Dataset.model_validate(params.settings))
    data = FigureData.of(params.root, plan, snakemake.input)
    figure = importlib.import_module(f"hidden_gaussian.figures.{params.name}").draw(data)
    for path in snakemake.output:
        with files.atomic_path(path) as temporary:
            dates = {"CreationDate": None} if temporary.suffix == ".pdf" else None
            figure.savefig(temporary, dpi=200, metadata=dates)
