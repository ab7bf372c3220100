"""Files of a run: resumed against uninterrupted, and files that are damaged, of another run, or cannot be written."""

import errno
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import safetensors
import safetensors.torch
import torch

from hidden_gaussian import networks
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import arrays
from hidden_gaussian.training import checkpoints
from hidden_gaussian.training.state import TrainingState
from toy_images import PIXELS
from toy_training import (
    all_files,
    assert_same,
    assert_same_checkpoint,
    recipe,
    run,
    small_network,
    stop_after_one_step,
    train_cell,
)


@pytest.mark.parametrize("cuts", [(56,), (8, 16, 80, 104)])
def test_a_run_resumed_from_files_equals_an_uninterrupted_one(tmp_path, cuts, short_intervals):
    settings, until = recipe(), 120
    whole = TrainingState.start(small_network())
    run(whole, settings, until)
    state = TrainingState.start(small_network())
    for cut in cuts:
        run(state, settings, cut)
        checkpoints.save_state(tmp_path / "state.safetensors", state, {})
        torch.manual_seed(cut)  # the global generator does not matter
        state = TrainingState.start(networks.rebuild(whole.options))
        state.restore(checkpoints.load_state(tmp_path / "state.safetensors", {}))
    run(state, settings, until)
    assert_same(whole, state)


def test_images_seen_0_is_the_untrained_network(tmp_path):
    folder = train_cell(tmp_path, 0)
    weights = arrays.load_tensors(folder / "weights.safetensors")
    state = arrays.load_tensors(folder / "state.safetensors")
    assert all(name.startswith("model.") for name in weights)
    assert all(torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())
    assert pd.read_parquet(folder / "training.parquet").empty


def test_the_weights_are_averages_and_their_options_rebuild_the_network(tmp_path):
    folder = train_cell(tmp_path, 80)
    options = json.loads(arrays.load_metadata(folder / "weights.safetensors")["options"])
    network = networks.rebuild(options)
    weights = arrays.load_tensors(folder / "weights.safetensors")
    network.load_state_dict(weights)
    state = arrays.load_tensors(folder / "state.safetensors")
    assert all(torch.equal(tensor, state[f"ema.{name}"]) for name, tensor in weights.items())
    assert any(not torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())


@pytest.mark.fault("settings or images changed since the side file", "refused, with what differs")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"learning_rate": 2e-2}, "training.learning_rate was 0.01, is 0.02"),
        ({"pixels": PIXELS[::-1]}, "images was"),
    ],
)
def test_a_side_file_of_other_settings_or_images_is_refused(tmp_path, changes, named):
    side_file = stop_after_one_step(tmp_path)
    with pytest.raises(InputError, match=named) as caught:
        train_cell(tmp_path, 80, **changes)
    assert str(side_file) in str(caught.value)
    assert side_file.exists()


@pytest.mark.fault("the side file is damaged", "named, set aside; training continues from the last checkpoint")
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "head"])
def test_a_damaged_side_file_is_named_and_set_aside(tmp_path, caplog, damage):
    side_file = stop_after_one_step(tmp_path / "damaged")
    data = bytearray(side_file.read_bytes())
    if damage == "flip":
        data[-100] ^= 1
    elif damage == "head":
        data = data.replace(rb"\"images_seen\": 8", rb"\"images_seen\": 9", 1)
    side_file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"" if damage == "empty" else data)
    folder = train_cell(tmp_path / "damaged", 80)
    assert str(side_file) in caplog.text
    assert side_file.with_name(side_file.name + ".damaged").exists()
    assert not side_file.exists()
    assert_same_checkpoint(train_cell(tmp_path / "whole", 80), folder)


def test_a_damaged_checkpoint_is_an_error_that_names_it(tmp_path):
    path = train_cell(tmp_path, 80) / "state.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path} is damaged"):
        train_cell(tmp_path, 160, 80)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        safetensors.SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_failed_write_is_one_error_and_leaves_every_file(tmp_path, monkeypatch, error):
    stop_after_one_step(tmp_path)
    train_cell(tmp_path, 16)
    before = all_files(tmp_path)

    def write_half(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(safetensors.torch, "save_file", write_half)
    with pytest.raises(InputError, match=r"could not be written \(.*No space left on device.*\); expected"):
        train_cell(tmp_path, 80, 16, checkpoint_minutes=1e-9)
    assert all_files(tmp_path) == before


@pytest.mark.fault("a bit of a training state flips", "named")
def test_a_state_with_any_bit_flipped_is_refused(tmp_path: Path) -> None:
    state = TrainingState.start(_Small())
    path = tmp_path / "state.safetensors"
    checkpoints.save_state(path, state, {"seed": 1})
    whole = path.read_bytes()
    checkpoints.load_state(path, {"seed": 1})
    head = 8 + int.from_bytes(whole[:8], "little")
    for byte in range(head, len(whole)):
        path.write_bytes(whole[:byte] + bytes([whole[byte] ^ 1]) + whole[byte + 1 :])
        with pytest.raises(InputError, match="damaged"):
            checkpoints.load_state(path, {"seed": 1})


class _Small(torch.nn.Linear):
    options: dict[str, Any] = {}  # noqa: RUF012 -- as in networks

    def __init__(self) -> None:
        super().__init__(2, 1)
