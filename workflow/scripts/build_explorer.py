"""Networks, references and shards of the sweeps' cells -> one page with a slider over the noise levels."""

from pathlib import Path

from hidden_gaussian import logs
from hidden_gaussian.atomic import atomic_path
from hidden_gaussian.cells import Cell
from hidden_gaussian.estimates import Measurements
from hidden_gaussian.explorer import Explorer

with logs.job_log(snakemake.log[0]):
    params, root = snakemake.params, Path(snakemake.output.page).parent
    cells = [Cell.parse(root.name, identifier) for identifier in params.cells]
    linear = frozenset(Path(path).parent.relative_to(root).as_posix() for path in snakemake.input.linear)
    explorer = Explorer(root, cells, params.references, linear, params.inputs, params.seed)
    page = explorer.page(Measurements.read(snakemake.input.measures))
    with atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
