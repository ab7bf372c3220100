"""The tutorial's code runs as printed, and says what the text says."""

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from hidden_gaussian import settings

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_study_is_valid() -> None:
    content, _ = blocks("yaml")
    study = settings.read(yaml.safe_load(content))
    assert {cell.subset for cell in study.datasets["mine"].cells("mine")} == {"n64a", "n64b", "n800a", "n800b"}


def test_the_snapshot_from_a_file_is_the_cell_that_the_text_says() -> None:
    _, content = blocks("yaml")
    given = yaml.safe_load(content)["grid"]
    found = settings.Grid.model_validate({**given, "sweeps": {}})
    assert [cell.id for cell in found.cells("mine", 64)] == re.findall(r"cell `(n\S+)`", TEXT)


def test_the_result_that_is_opened_is_one_of_the_default_study() -> None:
    (folder, cell) = re.findall(r'open_denoiser\("results/(\w+)", "(n\S+/i\d+)"\)', TEXT)[0]
    dataset = settings.load(ROOT / "config/config.yaml").datasets[folder]
    assert cell in {cell.id for cell in dataset.cells(folder)}


@pytest.mark.parametrize("path", ["README.md", "docs", "profiles", "config", "results"])
def test_no_target_follows_an_option_that_takes_several_values(path: str) -> None:
    """Snakemake would take it for another file of settings, or a setting."""
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


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "tutorial.md", "exec"), names)
    assert names["held"].curve("affinity", "n64a/mine", inputs="heldout")["value"].max() < 1e-10
    assert (
        names["held"].curve("nrmse", "n64a/mine", reference_id="n64a/gaussian", inputs="heldout")["value"].max() > 0.1
    )
    printed = capsys.readouterr().out
    assert "gaussian memorised: 0.0" in printed
    assert "empirical memorised: 1.0" in printed
