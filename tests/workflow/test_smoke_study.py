"""The workflow as users call it: a tiny run from images to claims, its report, and the completeness of rules."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from hidden_gaussian.figures import ENTRIES
from smoke_study import ROOT, SMOKE, command, edited, snakemake


def test_the_smoke_study_makes_figures_tables_and_claims(finished: Path) -> None:
    results = finished / "results/digits"
    drawn = {path.stem for path in (results / "figures").glob("*.png")}
    assert {"overview", "linearity", "dataset_size", "training_time", "strong_generalisation", "samples"} <= drawn
    assert "model_scale" not in drawn
    ledger = pd.read_parquet(results / "tables/claims.parquet")
    assert set(ledger["verdict"]) <= {"holds", "fails", "undecided"}
    missing = set(ledger[ledger["reason"] == "missing"]["claim"].astype(str))
    # no scale sweep (7, 16), too few snapshots for a minimum, no stopped halves
    assert missing == {"7", "8", "12", "16"}
    distance = pd.read_parquet(results / "tables/distance.parquet")
    own = distance[(distance["id"] == "n16a/gaussian") & (distance["reference_id"] == "n16a/gaussian")]
    assert (own["value"].dropna() == 0).all()
    assert not own.empty


def test_snakemake_selects_ready_jobs_only_when_a_job_has_ended(tmp_path: Path) -> None:
    """Under its default rate limit it selects again every second, once per ended job; a limit set by the user works."""

    def run(*arguments: str) -> str:
        done = snakemake("--verbose", "--configfile", str(SMOKE), *arguments, at=tmp_path)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr

    spectra = [f"results/digits/{subset}/spectrum.safetensors" for subset in ("n16a", "n16b", "n32a", "n32b")]
    text = run("--", *spectra[:3])
    assert 0 < text.count("Ready jobs: ") <= text.count("Finished jobid: ") == 8
    assert "Job rate limit reached" not in text
    assert "Job rate limit reached" in run("--max-jobs-per-timespan", "1/9s", "--", spectra[3])


def test_the_report_is_built_offline(finished: Path, tmp_path: Path) -> None:
    """The proxies do not answer, so any download would fail."""
    report = tmp_path / "report.zip"
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}
    whole = [*command(), "--directory", str(finished), "--configfile", str(SMOKE), "--report", str(report)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, env=os.environ | nowhere)
    assert done.returncode == 0, done.stderr[-4000:]
    with zipfile.ZipFile(report) as archive:
        names = archive.namelist()
        (page,) = (archive.read(name).decode() for name in names if name.endswith("report.html"))
    drawn = {path.stem for path in (finished / "results/digits/figures").glob("*.png")}
    assert {f"{name}.png" for name in drawn} <= {Path(name).name for name in names}
    for name in drawn:
        described = page.partition(f'"results/digits/figures/{name}.png": {{')[2].partition('"job_properties"')[0]
        caption = (ROOT / f"workflow/report/{name}.rst").read_text().split("\n")[0]
        assert json.dumps(ENTRIES[name].title) in described, name
        assert caption[:30] in described, name


def test_autoencoders_and_a_network_from_a_file_are_measured(finished: Path, tmp_path: Path) -> None:
    """The cell of autoencoders has ten levels; a trained network imported from its file gives the same numbers."""
    own = "n16a/ve4r1/i64"
    file = {"path": str(finished / f"results/digits/{own}/weights.safetensors"), "subset_size": 16, "scale": 4}
    run = {"subset_sizes": [16], "scales": [4], "architectures": ["dae-linear"], "snapshots": [32]}

    def change(digits: dict[str, Any]) -> None:
        digits["grid"]["pretrained"] = [{**file, "images_seen": 5000}]
        digits["grid"]["runs"].append(run)
        digits["grid"]["sweeps"] = {}

    config = edited(SMOKE, change, tmp_path)
    files = ["n16a/ve4r0/i5000", "n16a/dae-linear4r1/i32"]
    targets = [f"results/digits/{name}/measures.parquet" for name in files]
    done = snakemake("--configfile", str(config), "--", *targets, at=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    whole = pd.read_parquet(finished / f"results/digits/{own}/measures.parquet")
    imported, autoencoders = (pd.read_parquet(tmp_path / target) for target in targets)
    compared = whole[whole["quantity"] == "loss"]["value"].to_numpy()
    assert (imported[imported["quantity"] == "loss"]["value"].to_numpy() == compared).all()
    assert len(set(autoencoders.loc[autoencoders["quantity"] == "loss", "sigma"])) == 10


def test_every_rule_is_complete() -> None:
    """Each rule has a docstring, a log, a benchmark, an environment, requests and a script that exists."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")) if path.stem != "planning")
    rules = re.split(r"^rule ", text, flags=re.M)[1:]
    assert len(rules) > 12
    for rule in rules:
        name = rule.split(":")[0]
        assert '"""' in rule, name
        if "script:" in rule and "localrule" not in rule:
            for part in ("log:", "benchmark:", "conda:", "mem_mb=", "runtime="):
                assert part in rule, (name, part)
            script = re.search(r'"\.\./workflow/scripts/(\w+)\.py"', rule)
            assert script
            assert (ROOT / f"workflow/scripts/{script.group(1)}.py").exists()
