"""Hidden Gaussian: images -> spectrum -> training -> samples and measurements -> tables, figures, claims."""

import gc
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

LIBRARY = Path(workflow.current_basedir) / "workflow"
sys.path.insert(0, str(LIBRARY))
os.environ.update(PYTHONPATH=str(LIBRARY))

# Planning makes millions of objects that live on; with the default thresholds the collector took a sixth of the time.
gc.set_threshold(100_000, 50, 50)

# A configuration with datasets is a study, even without a name.
if not {"study", "datasets"} & config.keys():

    configfile: Path(workflow.current_basedir) / "config" / "config.yaml"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/resources.smk"
include: "rules/data.smk"
include: "rules/spectrum.smk"
include: "rules/denoisers.smk"
include: "rules/training.smk"
include: "rules/distillation.smk"
include: "rules/sampling.smk"
include: "rules/measurement.smk"
include: "rules/tables.smk"
include: "rules/claims.smk"
include: "rules/figures.smk"
include: "rules/planning.smk"


onstart:
    prepare_run()
    start_without_limit()


onsuccess:
    dates.restore(REPACKED)


onerror:
    dates.restore(REPACKED)


localrules:
    all,
    networks,
    samples,
    measures,
    tables,
    figures,
    plan,
    prune,


rule all:
    """Make everything: tables, claims and every figure that the settings have the cells for."""
    default_target: True
    input:
        rules.figures.input,
        rules.tables.input,
        rules.claims.input,
