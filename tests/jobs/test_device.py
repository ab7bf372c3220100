"""The device of a job, and which precision it sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.jobs import choose_device, set_precision
from reached import LIBRARY, Reached


def test_the_gpu_is_chosen_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert choose_device().type == expected


@pytest.fixture
def backends() -> Iterator[tuple[Any, Any]]:
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    yield backends
    for backend, allowed in zip(backends, before, strict=True):
        backend.allow_tf32 = allowed


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("bf16", False), ("tf32", True)])
def test_only_set_precision_changes_whether_tf32_is_used(
    precision: str, allowed: bool, backends: tuple[Any, Any], tmp_path: Path
) -> None:
    for backend in backends:
        backend.allow_tf32 = not allowed
    choose_device()
    open_denoiser(tmp_path, "n20a/identity")
    assert [backend.allow_tf32 for backend in backends] == [not allowed] * 2
    set_precision(precision)
    assert [backend.allow_tf32 for backend in backends] == [allowed] * 2


def test_every_script_that_opens_a_denoiser_sets_the_precision() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (LIBRARY / "scripts").glob("*.py")}
    opens = {name for name, text in texts.items() if "hidden_gaussian.denoisers.open_denoiser" in Reached(text)._seen}
    assert {"draw_samples.py", "measure_denoiser.py"} <= opens
    assert opens == {name for name, text in texts.items() if "    set_precision()\n" in text}
