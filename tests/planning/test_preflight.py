"""What is bound to fail is found before the first job, and only what the run needs."""

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from hidden_gaussian import settings
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import preflight
from smoke_study import SMOKE, edited, replaced, snakemake

PRETRAINED = {"path": "gone.safetensors", "subset_size": 16, "half": "a", "scale": 4, "images_seen": 64}


def _study(config: dict[str, Any], tmp_path: Path) -> settings.Study:
    zipped = replaced(config, "datasets.digits.source", {"kind": "zip", "path": "gone.zip", "count": 1797})
    changed = replaced(zipped, "datasets.digits.grid.pretrained", [PRETRAINED])
    return settings.read({**changed, "results": str(tmp_path)})


def test_only_what_this_run_reads_must_be_there(config: dict[str, Any], tmp_path: Path) -> None:
    study, root = _study(config, tmp_path), tmp_path / "digits"
    images, weights = f"{root}/images.npy", f"{root}/n16a/ve4r0/i64/weights.safetensors"
    preflight.check(study, [f"{root}/tables/claims.parquet", f"{root}/heldout.npy"])
    with pytest.raises(InputError, match=r"^datasets\.digits\.source: gone\.zip does not exist; .+$"):
        preflight.check(study, [images])
    with pytest.raises(InputError, match=r"^datasets\.digits\.grid\.pretrained\.0: gone\.safetensors does not exist"):
        preflight.check(study, [weights])
    with pytest.raises(InputError) as both:
        preflight.check(study, [weights, images])
    assert len(str(both.value).splitlines()) == 2


def test_a_full_disk_is_found_before_networks_are_trained(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = settings.read({**config, "results": str(tmp_path / "not" / "yet")})
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10**5))
    made = [f"{study.results}/digits/n16a/ve4r1/i{seen}/weights.safetensors" for seen in (32, 64)]
    with pytest.raises(InputError, match=r"results: .* has 0\.0 GB of free space, and this run writes about .* GB"):
        preflight.check(study, made)
    preflight.check(study, [f"{study.results}/digits/figures/samples.pdf"])


@pytest.mark.fault("an archive is absent", "one sentence, in the main process, before any job")
def test_an_absent_archive_is_found_before_the_first_job(tmp_path: Path) -> None:
    source = {"kind": "zip", "path": "absent.zip", "count": 1797}
    config = edited(SMOKE, lambda digits: digits.update(source=source), tmp_path)
    done = snakemake("--configfile", str(config), "--", "networks", at=tmp_path)
    assert done.returncode != 0
    assert "datasets.digits.source: absent.zip does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Job 1" not in done.stdout + done.stderr
    assert not (tmp_path / "results/logs/pack_images").exists()


def test_a_finished_study_goes_on_without_its_archive(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    (tmp_path / "copy/results/digits/figures/samples.pdf").unlink()
    source = {"kind": "digits", "path": "absent.zip", "count": 1797}
    config = edited(SMOKE, lambda digits: digits.update(source=source), tmp_path)
    done = snakemake("--configfile", str(config), "--", "figure_samples", at=tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/results/digits/figures/samples.pdf").exists()
