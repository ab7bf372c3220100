"""Snakemake's own checks of the rules."""

from __future__ import annotations

import re
import subprocess
import sys

from smoke_study import ROOT

# Here a function stands above the rule that uses it; Snakemake would have all functions in one file.
ALLOWED = {"Mixed rules and functions in same snakefile."}


def test_snakemake_finds_no_other_fault_than_functions_beside_their_rule() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert "Lints for" in text or "good condition" in text, text
    assert set(re.findall(r"^    \* (.+?):?$", text, re.MULTILINE)) <= ALLOWED, text
