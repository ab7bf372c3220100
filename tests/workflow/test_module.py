"""The workflow as a module of another repository's workflow."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from smoke_study import ROOT

SNAKEFILE = """
configfile: "study.yaml"

module hidden_gaussian:
    snakefile: "{root}/Snakefile"
    config: config

use rule * from hidden_gaussian as gaussian_*

rule mine:
    input: rules.gaussian_figure_linearity.input
    default_target: True
"""


def test_another_repository_can_import_the_rules_under_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(root=ROOT))
    shutil.copy(ROOT / "tests/smoke/config/config.yaml", tmp_path / "study.yaml")
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    done = subprocess.run([*command, "-n"], capture_output=True, text=True, check=False, cwd=tmp_path)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert re.search(r"^gaussian_train_denoiser +\d+$", output, re.M)
    assert "rule mine" in output
    packing = [*command, "results/digits/images.npy"]
    done = subprocess.run(packing, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "results/digits/images.npy").exists()
