"""Files of a run: pieces with files between against one go, and files that are damaged, of others, or not written."""

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
from toy_training import assert_same, assert_same_snapshot, begun, everything, recipe, run, small_network, train_cell


@pytest.mark.parametrize("cuts", [(56,), (8, 16, 80, 104)])
def test_pieces_with_files_between_equal_one_go(tmp_path, cuts, short_intervals):
    settings, until = recipe(), 120
    whole = TrainingState.start(small_network())
    run(whole, settings, until)
    state = TrainingState.start(small_network())
    for cut in cuts:
        run(state, settings, cut)
        checkpoints.save_state(tmp_path / "state.safetensors", state, {})
        torch.manual_seed(cut)  # the caller's own random numbers do not matter
        state = TrainingState.start(networks.rebuild(whole.options))
        checkpoints.load_state(tmp_path / "state.safetensors", state, {})
    run(state, settings, until)
    assert_same(whole, state)


def test_images_seen_0_is_the_untrained_network(tmp_path):
    folder = train_cell(tmp_path, 0)
    weights = arrays.load_tensors(folder / "weights.safetensors")
    state = arrays.load_tensors(folder / "state.safetensors")
    assert all(name.startswith("model.") for name in weights)
    assert all(torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())
    assert pd.read_parquet(folder / "training.parquet").empty


def test_weights_are_the_average_and_rebuild_their_network(tmp_path):
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
    side_file = begun(tmp_path)
    with pytest.raises(InputError, match=named) as caught:
        train_cell(tmp_path, 80, **changes)
    assert str(side_file) in str(caught.value)
    assert side_file.exists()


@pytest.mark.fault("the side file is damaged", "named, set aside; training goes on from the last snapshot")
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "head"])
def test_a_damaged_side_file_is_named_and_set_aside(tmp_path, caplog, damage):
    side_file = begun(tmp_path / "damaged")
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
    assert_same_snapshot(train_cell(tmp_path / "whole", 80), folder)


def test_a_damaged_snapshot_is_an_error_that_names_it(tmp_path):
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
def test_a_failed_write_is_one_clear_error_and_leaves_every_file(tmp_path, monkeypatch, error):
    begun(tmp_path)
    train_cell(tmp_path, 16)
    before = everything(tmp_path)

    def write_half(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(safetensors.torch, "save_file", write_half)
    with pytest.raises(InputError, match=r"could not be written \(.*No space left on device.*\): make room"):
        train_cell(tmp_path, 80, 16, checkpoint_minutes=1e-9)
    assert everything(tmp_path) == before


@pytest.mark.fault("a bit of a training state flips", "named")
def test_a_state_whose_bytes_changed_is_refused_wherever_the_change_is(tmp_path: Path) -> None:
    state = checkpoints.TrainingState.start(_Small())
    path = tmp_path / "state.safetensors"
    checkpoints.save_state(path, state, {"seed": 1})
    whole = path.read_bytes()
    checkpoints.load_state(path, state, {"seed": 1})
    head = 8 + int.from_bytes(whole[:8], "little")
    for place in range(head, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            checkpoints.load_state(path, state, {"seed": 1})


class _Small(torch.nn.Linear):
    options: dict[str, Any] = {}  # noqa: RUF012 -- as networks have it

    def __init__(self) -> None:
        super().__init__(2, 1)
