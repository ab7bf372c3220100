"""Draw one figure from the files that its rule declares."""

from hidden_gaussian import figures
from hidden_gaussian.jobs import job_log
from hidden_gaussian.plotting import FigureData
from hidden_gaussian.results_index import ResultsIndex
from hidden_gaussian.storage import atomic_path

with job_log(snakemake.log[0]):
    params = snakemake.params
    data = FigureData.of(params.root, ResultsIndex.read(params.index), snakemake.input)
    figure = figures.draw(params.name, data)
    for path in snakemake.output:
        with atomic_path(path) as temporary:
            dates = {"CreationDate": None} if temporary.suffix == ".pdf" else None
            figure.savefig(temporary, dpi=200, metadata=dates)
        figure.set_layout_engine("none")  # one layout, so that both files look alike
