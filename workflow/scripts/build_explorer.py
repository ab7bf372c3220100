"""Networks, references and shards of the sweeps' cells -> one page with a slider for the noise level."""

from pathlib import Path

from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.pages import Explorer
from hidden_gaussian.storage import atomic_path
from hidden_gaussian.tables import Measurements

with job_log(snakemake.log[0]):
    set_precision()
    params, root = snakemake.params, Path(snakemake.params.root)
    cells = [Cell.parse(root.name, identifier) for identifier in params.cells]
    linear = frozenset(DenoiserId.of_file(root, path).id for path in snakemake.input.linear)
    explorer = Explorer(root, cells, params.references, linear, params.inputs, params.seed)
    page = explorer.page(Measurements.read(snakemake.input.measures))
    with atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
