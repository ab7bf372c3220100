"""Draw one figure from the files that its rule declares."""

import importlib

from hidden_gaussian.jobs import job_log
from hidden_gaussian.plotting import FigureData
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.storage import atomic_path

with job_log(snakemake.log[0]):
    params = snakemake.params
    data = FigureData.of(params.root, ResultsIndex.read(params.plan), snakemake.input)
    figure = importlib.import_module(f"hidden_gaussian.figures.{params.name}").draw(data)
    for path in snakemake.output:
        with atomic_path(path) as temporary:
            dates = {"CreationDate": None} if temporary.suffix == ".pdf" else None
            figure.savefig(temporary, dpi=200, metadata=dates)
        figure.set_layout_engine("none")  # found once; the next file has everything in the same place
