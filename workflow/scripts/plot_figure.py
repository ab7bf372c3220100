"""Draw one figure from the files that its rule declares."""

import importlib

from hidden_gaussian import logs
from hidden_gaussian.atomic import atomic_path
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.figures.plan import Plan

with logs.job_log(snakemake.log[0]):
    params = snakemake.params
    data = FigureData.of(params.root, Plan.read(params.plan), snakemake.input)
    figure = importlib.import_module(f"hidden_gaussian.figures.{params.name}").draw(data)
    for path in snakemake.output:
        with atomic_path(path) as temporary:
            dates = {"CreationDate": None} if temporary.suffix == ".pdf" else None
            figure.savefig(temporary, dpi=200, metadata=dates)
        figure.set_layout_engine("none")  # found once; the next file has everything in the same place
