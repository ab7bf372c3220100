"""The tutorial's code runs as printed and gives the results that the text states."""

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hidden_gaussian import figures, settings
from hidden_gaussian.results_index import ResultsIndex
from smoke_study import ROOT

TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_study_in_the_tutorial_is_valid() -> None:
    content, _ = blocks("yaml")
    study = settings.read(yaml.safe_load(content))
    assert {cell.subset for cell in study.datasets["mine"].cells("mine")} == {"n64a", "n64b", "n800a", "n800b"}


def test_the_network_from_a_file_becomes_the_cell_in_the_text_and_is_shown_on_unseen_images() -> None:
    _, content = blocks("yaml")
    ((name, dataset),) = settings.read(yaml.safe_load(content)).datasets.items()
    assert [cell.id for cell in dataset.cells(name)] == re.findall(r"cell `(n\S+)`", TEXT)
    assert "heldout" in dataset.inputs
    assert {"dataset_size", "linear_weights", "loss_gap"} <= set(figures.available(ResultsIndex.of(name, dataset)))


def test_ids_in_the_tutorial_and_readme_are_cells_of_the_default_study() -> None:
    dataset = settings.load(ROOT / "config/config.yaml").datasets["digits"]
    cells = {cell.id for cell in dataset.cells("digits")}
    for text in (TEXT, (ROOT / "README.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"n\d+a/ve\d+r1/i\d+", text)) <= cells


def test_files_named_in_the_section_on_additions_exist() -> None:
    """Except names with a placeholder."""
    library = ROOT / "workflow/hidden_gaussian"
    named = re.findall(r"`((?:\w+/)*\w+\.(?:py|md))`", TEXT.split("## Add a figure")[1])
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists() and not (library / name).exists()] == []


@pytest.mark.parametrize("path", ["README.md", "docs", "profiles", "config", "results"])
def test_no_target_follows_an_option_that_takes_several_values(path: str) -> None:
    """Snakemake would read it as another settings file, or as a setting."""
    place = ROOT / path
    pages = [place] if place.is_file() else [*place.glob("*.md")]
    commands = [
        command
        for page in pages
        for command in re.findall(
            r"^snakemake .*|`(?:snakemake [^`]*)`", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    for command in commands:
        words = shlex.split(command.strip("`").split("#")[0])
        for option, belongs in (("--configfile", r".*\.ya?ml"), ("--config", r"\w+=.*")):
            if option in words:
                values = itertools.takewhile(lambda word: not word.startswith("-"), words[words.index(option) + 1 :])
                assert all(re.fullmatch(belongs, word) for word in values), command


def test_the_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks that need no results."""
    names: dict[str, Any] = {}
    for block in blocks("python"):
        if "results/" not in block:
            exec(compile(block, "tutorial.md", "exec"), names)
    measured = names["measured"]
    assert measured.curve("affinity", "n64a/mine", inputs="heldout")["value"].max() < 1e-10
    distance = measured.curve("nrmse", "n64a/mine", reference_id="n64a/gaussian", inputs="heldout")
    assert distance["value"].max() > 0.1
    printed = capsys.readouterr().out
    assert "gaussian memorised: 0.0" in printed
    assert "empirical memorised: 1.0" in printed


def test_the_python_blocks_run_on_finished_results(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ids are replaced by those of the smoke study."""
    monkeypatch.chdir(finished)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [block for block in [*blocks("python"), *blocks("python", readme)] if "results/" in block]
    assert len(found) == 2
    for block in found:
        adapted = block.replace("n512a", "n32a").replace("ve16r1/i32000", "ve4r1/i64")
        exec(compile(adapted, "page", "exec"), {"torch": torch, "shrink": lambda noisy, sigma: noisy / (1 + sigma**2)})
    near, far = re.findall(r"tensor\((\S+)\)", capsys.readouterr().out)
    assert 0 < float(near) < 1
    assert 0 < float(far) < 1
