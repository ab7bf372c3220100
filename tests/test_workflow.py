"""The workflow as its users call it: dry runs, one tiny run from images to claims, and what makes jobs run again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from hidden_gaussian.figures.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "tests/smoke/config/config.yaml"
PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "envs", "slurm")


def command(workflow: Path = ROOT) -> list[str]:
    profile = ["--workflow-profile", str(workflow / "profiles/default")]
    return [sys.executable, "-m", "snakemake", "--snakefile", str(workflow / "Snakefile"), *profile, "--cores", "2"]


def snakemake(*arguments: str, at: Path, workflow: Path = ROOT) -> subprocess.CompletedProcess[str]:
    whole = [*command(workflow), "--directory", str(at), *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


def planned(*arguments: str, at: Path, workflow: Path = ROOT, config: Path = SMOKE) -> list[tuple[str, str]]:
    """Return the jobs of a dry run: rule and first output."""
    done = snakemake("-n", "--configfile", str(config), *arguments, at=at, workflow=workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    return re.findall(r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?(?:    output: ([^,\n]*).*)?", text, re.M)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke study has been run."""
    place = tmp_path_factory.mktemp("smoke study with spaces")
    done = snakemake("--configfile", str(SMOKE), at=place)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return place


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """A copy of the workflow that a test may edit."""
    place = tmp_path / "copy"
    for part in PARTS:
        source = ROOT / part
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif not source.is_symlink():
            place.mkdir(exist_ok=True)
            shutil.copy(source, place / part)
    return place


def _edited(path: Path, change: Any, place: Path) -> Path:
    config = yaml.safe_load(path.read_text())
    change(config["datasets"]["digits"])
    edited = place / "edited.yaml"
    edited.write_text(yaml.safe_dump(config))
    return edited


def test_the_smoke_study_makes_everything(finished: Path) -> None:
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


def test_a_second_run_has_nothing_to_do(finished: Path) -> None:
    assert planned(at=finished) == []


def test_comments_rerun_nothing(finished: Path, own_copy: Path) -> None:
    for path in [*own_copy.rglob("*.py"), *own_copy.rglob("*.smk")]:
        path.write_text(path.read_text() + "\n# a remark\n")
    assert planned(at=finished, workflow=own_copy) == []


def test_a_raised_recipe_reruns_what_depends_on_it(finished: Path, own_copy: Path) -> None:
    recipes = own_copy / "workflow/hidden_gaussian/recipes.py"
    recipes.write_text(re.sub(r"(?m)^SAMPLING = (\d+)$", r"SAMPLING = 1\1", recipes.read_text()))
    rules = {rule for rule, _ in planned(at=finished, workflow=own_copy)}
    assert {"draw_samples", "compare_samples", "gather_tables", "judge_claims", "plot_samples"} <= rules
    assert not rules & {"train_denoiser", "measure_denoiser", "fit_spectrum", "pack_images", "plot_sampler_error"}


def test_a_changed_setting_reruns_what_uses_it(finished: Path, tmp_path: Path) -> None:
    config = _edited(SMOKE, lambda digits: digits["measures"].update(images=12), tmp_path)
    rules = {rule for rule, _ in planned(at=finished, config=config)}
    assert "measure_denoiser" in rules
    assert not rules & {"train_denoiser", "draw_samples", "fit_spectrum", "pack_images"}


def test_an_appended_snapshot_trains_only_the_new_stretch(finished: Path, tmp_path: Path) -> None:
    config = _edited(SMOKE, lambda digits: digits["grid"]["runs"][0]["snapshots"].append(96), tmp_path)
    trained = [output for rule, output in planned(at=finished, config=config) if rule == "train_denoiser"]
    assert sorted(trained) == [f"results/digits/n16{half}/ve4r1/i96/weights.safetensors" for half in "ab"]


def test_switching_a_figure_off_and_on_retrains_nothing(finished: Path, tmp_path: Path) -> None:
    config = _edited(SMOKE, lambda digits: digits["grid"]["sweeps"].pop("time"), tmp_path)
    rules = {rule for rule, _ in planned(at=finished, config=config)}
    assert "plot_training_time" not in rules
    assert not rules & {"train_denoiser", "measure_denoiser", "draw_samples"}
    assert planned(at=finished) == []


def test_the_plan_counts_the_jobs_of_a_dry_run(tmp_path: Path) -> None:
    jobs = len(planned(at=tmp_path))
    done = snakemake("--configfile", str(SMOKE), "--", "plan", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"\n{jobs} jobs are to be done; about " in done.stdout
    assert jobs > 80


def test_the_report_is_built_offline(finished: Path, tmp_path: Path) -> None:
    """No proxy answers, so that any download would fail."""
    report = tmp_path / "report.zip"
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}
    whole = [*command(), "--directory", str(finished), "--configfile", str(SMOKE), "--report", str(report)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, env=os.environ | nowhere)
    assert done.returncode == 0, done.stderr[-4000:]
    with zipfile.ZipFile(report) as archive:
        names = archive.namelist()
    figures = {path.name for path in (finished / "results/digits/figures").glob("*.png")}
    assert figures <= {Path(name).name for name in names}
    assert any(name.endswith("report.html") for name in names)


def test_the_figure_of_sizes_needs_one_half_its_references_and_its_nulls(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/dataset_size.pdf", at=tmp_path)
    outputs = {output.removeprefix("results/digits/") for _, output in jobs}
    networks = {"n16a/ve4r1/i32", "n16a/ve4r1/i64", "n32a/ve4r1/i64"}  # the first is where the second goes on
    assert {output for output in outputs if "weights" in output} == {f"{name}/weights.safetensors" for name in networks}
    assert Counter(rule for rule, _ in jobs) == {
        "pack_images": 2,
        "split_images": 1,
        "draw_subset": 2,
        "fit_spectrum": 2,
        "train_denoiser": 3,
        "draw_samples": 2,
        "draw_references": 2,
        "measure_denoiser": 2,
        "measure_references": 2,
        "measure_nulls": 2,
        "plot_dataset_size": 1,
    }
    assert not any(output.startswith(("n16b", "n32b")) for output in outputs)


def test_one_figure_needs_only_its_cells(tmp_path: Path) -> None:
    jobs = planned("--", "results/digits/figures/training_time.pdf", at=tmp_path)
    trained = {output for rule, output in jobs if rule == "train_denoiser"}
    assert trained == {f"results/digits/n16a/ve4r1/i{images}/weights.safetensors" for images in (32, 64)}
    assert [rule for rule, _ in jobs if rule.startswith("plot_")] == ["plot_training_time"]
    by_name = planned("--", "figure_training_time", at=tmp_path)
    assert set(jobs) <= set(by_name)


@pytest.mark.parametrize("target", ["results/digits/figures/model_scale.pdf", "figure_model_scale"])
def test_a_figure_without_its_sweep_names_the_setting(target: str, tmp_path: Path) -> None:
    done = snakemake("-n", "--configfile", str(SMOKE), "--", target, at=tmp_path)
    assert done.returncode != 0
    assert "the settings have no grid.sweeps.scale" in done.stdout + done.stderr


def test_listed_references_are_fitted_measured_and_sampled(tmp_path: Path) -> None:
    def listed(digits: Any) -> None:
        digits["measures"]["references"] = ["stationary", "mixture-20", "patch-3", "gaussian-expected"]
        digits["sampling"]["references"] = ["stationary"]

    jobs = planned("--", "tables", at=tmp_path, config=_edited(SMOKE, listed, tmp_path))
    outputs = {output.removeprefix("results/digits/") for _, output in jobs}
    assert {f"n{size}{half}/stationary/denoiser.safetensors" for size in (16, 32) for half in "ab"} <= outputs
    assert {f"n16a/{name}/measures.parquet" for name in ("stationary", "patch-3", "gaussian-expected")} <= outputs
    assert "n32a/mixture-20/measures.parquet" in outputs
    assert not any("n16a/mixture-20" in output for output in outputs)  # more components than images
    assert {"n32a/stationary/samples_heun18.npy", "n32a/stationary/agreement_heun18.parquet"} <= outputs


def test_states_of_the_sampler_are_made_before_they_are_inputs(tmp_path: Path) -> None:
    def asked(digits: Any) -> None:
        digits["measures"]["inputs"] = ["train", "remainder", "trajectory"]

    target = "results/digits/n16a/ve4r1/i64/measures.parquet"
    for change, expected in ((asked, 1), (lambda digits: None, 0)):
        jobs = planned("--", target, at=tmp_path, config=_edited(SMOKE, change, tmp_path))
        outputs = [output for _, output in jobs]
        assert outputs.count("results/digits/n16a/ve4r1/i64/samples_euler10.npy") == expected
    target = "results/digits/n16a/gaussian/measures.parquet"
    jobs = planned("--", target, at=tmp_path, config=_edited(SMOKE, asked, tmp_path))
    assert not any("euler10" in output for _, output in jobs)


def test_the_paper_resolves_without_its_data(tmp_path: Path) -> None:
    counts = Counter(rule for rule, _ in planned(at=tmp_path, config=ROOT / "config/paper.yaml"))
    assert counts["pack_images"] == 6
    assert counts["fit_spectrum"] == 20
    assert counts["train_denoiser"] == 66
    assert counts["train_autoencoders"] == 4
    assert counts["judge_claims"] == 4
    drawn = {rule for rule in counts if rule.startswith("plot_")}
    assert {f"plot_{name}" for name, entry in CATALOGUE.items() if entry.paper} <= drawn


def test_the_slurm_profile_works_by_its_name_from_a_clone(own_copy: Path) -> None:
    (own_copy / "slurm").symlink_to("profiles/slurm")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=own_copy)
    assert done.returncode == 0, done.stderr
    assert "results/ffhq/figures/linearity.pdf" in done.stdout + done.stderr


BAD_SETTINGS: dict[str, tuple[Any, str]] = {
    "misspelt setting": (lambda d: d.update(resolutoin=8), "resolutoin"),
    "misspelt sweep": (lambda d: d["grid"]["sweeps"].update(sizes={}), "grid.sweeps.sizes"),
    "halves overlap": (lambda d: d["grid"]["runs"][0].update(subset_sizes=[900]), "disjoint only up to 866"),
    "more images than there are": (lambda d: d.update(heldout=1790), "there are only 7"),
    "no batch": (lambda d: d["training"].update(batch=0), "training.batch: Input should be greater than 0"),
    "no number": (lambda d: d["training"].update(learning_rate=float("nan")), "training.learning_rate"),
    "a text": (lambda d: d.update(resolution="large"), "digits.resolution: Input should be a valid integer"),
    "unknown architecture": (lambda d: d["grid"]["runs"][0].update(architectures=["unet"]), "architectures.0"),
    "no snapshot": (lambda d: d["grid"]["runs"][0].update(snapshots=[]), "needs 'snapshots' (images seen) or 'epochs'"),
    "sweep of no cell": (
        lambda d: d["grid"]["sweeps"]["time"].update(scales=[5]),
        "grid.sweeps.time asks for scales 5",
    ),
    "sides that cannot be halved": (lambda d: d["network"].update(channel_mult=[1] * 5), "cannot be halved 4 times"),
    "imitation of nothing": (lambda d: d.update(source={"kind": "phase-surrogate", "count": 9}), "needs 'of'"),
    "no grid": (lambda d: d.pop("grid"), "datasets.digits.grid: this setting is missing"),
}
BAD_FILES = {
    "no mapping": ("- 1", "keys at top level"),
    "half a list": ("study: [", "not valid JSON or YAML"),
    "a call": ("study: !!python/object/apply:os.mkdir [called]", "not valid JSON or YAML"),
}
BAD_ARCHIVES: dict[str, tuple[Any, str]] = {
    "missing archive": (lambda d: d.update(source={"kind": "zip", "path": "absent.zip", "count": 1797}), "absent.zip"),
    "no archive": (
        lambda d: d.update(source={"kind": "zip", "path": "edited.yaml", "count": 1797}),
        "digits.source.path: edited.yaml is not a complete zip archive",
    ),
    "fewer images than declared": (
        lambda d: d["source"].update(count=2000),
        "declares 2000 images, but digits has 1797",
    ),
}


def test_a_study_that_forgot_its_name_is_not_the_default_one(tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config.pop("study")
    path = tmp_path / "nameless.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=tmp_path)
    assert done.returncode != 0
    assert "study: this setting is missing" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def _refused(expected: str, *arguments: str, at: Path) -> None:
    """Ask for images where there are results: it fails, says why, and changes no file but logs."""
    for name in ("digits/tables/distance.parquet", "other/images.npy"):
        (at / "results" / name).parent.mkdir(parents=True)
        (at / "results" / name).write_bytes(b"dear")
    before = _kept(at)
    done = snakemake("--configfile", str(at / "edited.yaml"), *arguments, "--", "results/digits/images.npy", at=at)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert expected in said
    assert "Traceback" not in said
    assert _kept(at) == before


def _kept(at: Path) -> dict[Path, bytes]:
    own = {".snakemake", "logs", "settings.json"}
    return {path: path.read_bytes() for path in at.rglob("*") if path.is_file() and not own & set(path.parts)}


@pytest.mark.fault("bad settings through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    change, expected = BAD_SETTINGS[case]
    _edited(SMOKE, change, tmp_path)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault("a configuration that is no settings, through Snakemake", "one sentence, nothing changed")
@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_configurations_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    content, expected = BAD_FILES[case]
    (tmp_path / "edited.yaml").write_text(content)
    _refused(expected, "-n", at=tmp_path)


@pytest.mark.fault("bad images through Snakemake", "one sentence, no traceback, nothing changed")
@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_images_are_one_sentence_without_a_traceback(case: str, tmp_path: Path) -> None:
    change, expected = BAD_ARCHIVES[case]
    _edited(SMOKE, change, tmp_path)
    _refused(expected, at=tmp_path)


@pytest.mark.fault("results on a read-only place, through Snakemake", "one sentence, before any job")
def test_a_read_only_place_of_results_is_one_sentence(tmp_path: Path, read_only: Any) -> None:
    (tmp_path / "results").mkdir()
    read_only(tmp_path / "results")
    done = snakemake("--configfile", str(SMOKE), "--", "results/digits/images.npy", at=tmp_path)
    assert done.returncode != 0
    assert re.search(r"results/digits cannot be written \(.+\); choose another with 'results'", done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.fault(
    "the clock goes backwards between two jobs",
    "what is dated before its inputs stays where they are those that it was made from, else it is made again",
)
def test_what_is_dated_before_its_inputs_is_made_again_only_where_they_changed(tmp_path: Path) -> None:
    subset, split = (tmp_path / "results/digits" / name for name in ("n16a/subset.npy", "split.safetensors"))
    target = str(subset.relative_to(tmp_path))
    done = snakemake("--configfile", str(SMOKE), "--", target, at=tmp_path)
    assert done.returncode == 0, done.stderr
    os.utime(subset, (1e9, 1e9))
    assert planned("--", target, at=tmp_path) == []
    split.write_bytes(split.read_bytes()[::-1])
    assert planned("--", target, at=tmp_path) == [("draw_subset", target)]


def test_autoencoders_are_trained_and_a_network_from_a_file_measured(finished: Path, tmp_path: Path) -> None:
    """Ten networks in one cell; and a trained network taken for a published one gives the numbers that it gave."""
    own = "n16a/ve4r1/i64"
    given = {"path": str(finished / f"results/digits/{own}/weights.safetensors"), "subset_size": 16, "scale": 4}
    run = {"subset_sizes": [16], "scales": [4], "architectures": ["dae-linear"], "snapshots": [32]}

    def change(digits: dict[str, Any]) -> None:
        digits["grid"]["pretrained"] = [{**given, "images_seen": 5000}]
        digits["grid"]["runs"].append(run)

    config = _edited(SMOKE, change, tmp_path)
    files = ["n16a/ve4r0/i5000", "n16a/dae-linear4r1/i32"]
    targets = [f"results/digits/{name}/measures.parquet" for name in files]
    done = snakemake("--configfile", str(config), "--", *targets, at=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    whole = pd.read_parquet(finished / f"results/digits/{own}/measures.parquet")
    taken, levelwise = (pd.read_parquet(tmp_path / target) for target in targets)
    compared = whole[whole["quantity"] == "loss"]["value"].to_numpy()
    assert (taken[taken["quantity"] == "loss"]["value"].to_numpy() == compared).all()
    assert len(set(levelwise.loc[levelwise["quantity"] == "loss", "sigma"])) == 10


SHARDS = ["results/digits/n16a/ve4r1/i64/measures.parquet", "results/digits/n16a/ve4r1/i64/samples_heun18.npy"]


@pytest.mark.fault(
    "Snakemake and its jobs are killed in a training, in a measurement; a second Snakemake on the folder",
    "after a rerun every file has the same bytes; the second says that the folder is locked",
)
@pytest.mark.parametrize("killed", ["train_denoiser/digits/n16a/ve4r1/i32", "measure_denoiser/digits/n16a/ve4r1/i64"])
def test_a_run_killed_with_its_jobs_ends_with_the_same_files(finished: Path, tmp_path: Path, killed: str) -> None:
    """SIGKILL for Snakemake and all its children, while a job of some rule runs; meanwhile no other run gets in."""
    begun = [*command(), "--configfile", str(SMOKE), "--directory", str(tmp_path), "--", *SHARDS]
    log = tmp_path / f"results/logs/{killed}.log"
    with subprocess.Popen(begun, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as run:
        while not log.exists():
            assert run.poll() is None, "it ended before the job began"
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGSTOP)  # so that it does not end while the other one starts
        other = snakemake("--configfile", str(SMOKE), "--", *SHARDS, at=tmp_path)
        os.killpg(run.pid, signal.SIGKILL)
    assert other.returncode != 0
    assert "lock" in other.stderr
    assert snakemake("--configfile", str(SMOKE), "--unlock", at=tmp_path).returncode == 0
    again = snakemake("--configfile", str(SMOKE), "--", *SHARDS, at=tmp_path)
    assert again.returncode == 0, again.stderr[-4000:]
    made = [
        path for path in tmp_path.rglob("results/digits/**/*") if path.suffix in {".npy", ".parquet", ".safetensors"}
    ]
    assert len(made) > 8
    for path in made:
        assert path.read_bytes() == (finished / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.mark.fault("another study's results under the same name", "refused; left alone")
def test_results_of_another_study_are_left_alone(finished: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(SMOKE.read_text())
    config["study"] = "other"
    config["datasets"]["digits"]["training"]["batch"] = 8
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake("-n", "--configfile", str(path), at=finished)
    assert done.returncode != 0
    assert "training.batch" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_every_rule_is_complete() -> None:
    """Each rule says what it does, what it costs, and where it logs."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")) if path.stem != "plan")
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
