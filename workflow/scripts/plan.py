"""Settings -> the cost of the study, on the terminal; a dry run counts the jobs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

from hidden_gaussian import settings
from hidden_gaussian.jobs import job_log
from hidden_gaussian.planning import cost

with job_log(snakemake.log[0]), NamedTemporaryFile("w", suffix=".json") as config:
    study = settings.read(snakemake.config)
    print(cost.describe(study), flush=True)
    json.dump(snakemake.config, config)
    config.flush()
    snakefile = str(Path(snakemake.scriptdir).parents[1] / "Snakefile")
    dry = ["-n", "--nolock", "--quiet", "rules", "--snakefile", snakefile, "--configfile", config.name]
    finished = subprocess.run([sys.executable, "-m", "snakemake", *dry], stdout=subprocess.PIPE, text=True, check=True)
    jobs = re.search(r"^total +(\d+)$", finished.stdout, re.MULTILINE)
    print(cost.total(study, int(jobs[1]) if jobs else 0))
