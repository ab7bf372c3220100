"""The workflow as a module of another repository's workflow."""

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


def test_another_repository_can_use_the_rules_under_names_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(root=ROOT))
    shutil.copy(ROOT / "tests/smoke/config/config.yaml", tmp_path / "study.yaml")
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    done = subprocess.run([*command, "-n"], capture_output=True, text=True, check=False, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "rule gaussian_train_denoiser" in said
    assert "rule mine" in said
    first = [*command, "results/digits/images.npy"]
    done = subprocess.run(first, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "results/digits/images.npy").exists()
