"""The tutorial's code runs as printed, and says what the text says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hidden_gaussian import settings

TEXT = (Path(__file__).parents[1] / "docs/tutorial.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_study_is_valid() -> None:
    (content,) = blocks("yaml")
    study = settings.read(yaml.safe_load(content))
    assert {cell.subset for cell in study.datasets["mine"].cells("mine")} == {"n64a", "n64b", "n800a", "n800b"}


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
