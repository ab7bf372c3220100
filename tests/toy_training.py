"""A network and images so small that training them takes a moment, and one cell of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from toy_images import PIXELS

from hidden_gaussian import files, guards, networks, stretches, training
from hidden_gaussian.cells import Cell
from hidden_gaussian.settings import Network, Training
from hidden_gaussian.stretches import Stretch

COUNT, _, SIDE, _ = PIXELS.shape
NETWORK = Network(channel_mult=(1, 1), blocks=1, attention_resolutions=(4,), dropout=0.1)


def recipe(**changes):
    values = {"batch": 8, "learning_rate": 1e-2, "warmup": 64, "ema_half_life": 100, "augment": 0.3, "x_flip": True}
    return Training(**(values | changes))


class Gain(nn.Module):
    """D(x; sigma) = w x: so small that training it can be written down."""

    def __init__(self, weight=0.3):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.options = {"sigma_data": 0.5, "augment_dim": 0}

    def forward(self, noisy, sigma, augment_labels=None):
        return self.weight * noisy


def small_network():
    return networks.build("ve", resolution=SIDE, channels=1, scale=4, seed=1, **NETWORK.model_dump())


def run(state, settings, until, pixels=PIXELS, seed=3):
    return list(training.train(state, pixels, settings, until=until, seed=seed))


def assert_same(first, second):
    for one, other in ((first.network, second.network), (first.ema, second.ema)):
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name
    assert first.moments.keys() == second.moments.keys()
    assert all(torch.equal(tensor, second.moments[name]) for name, tensor in first.moments.items())
    assert first.images_seen == second.images_seen
    assert first.log() == second.log()


def cell(images_seen):
    return Cell("toy", COUNT, "a", "ve", 4, 1, images_seen)


def stretch(root, images_seen, previous=None, pixels=PIXELS, **changes):
    files.save_array(root / "images.npy", pixels)
    files.save_array(root / "subset.npy", np.arange(len(pixels)))
    return Stretch(
        cell=cell(images_seen),
        network=NETWORK,
        training=recipe(**changes),
        images=root / "images.npy",
        subset=root / "subset.npy",
        seed=5,
        previous_state=None if previous is None else root / cell(previous).id / "state.safetensors",
        side_file=root / "unfinished" / f"{cell(images_seen).id}.safetensors",
        folder=root / cell(images_seen).id,
    )


def train_cell(root, images_seen, previous=None, pixels=PIXELS, **changes):
    told = stretch(root, images_seen, previous, pixels, **changes)
    stretches.train(told, torch.device("cpu"))
    return told.folder


def content(folder):
    return {
        **files.load_tensors(folder / "state.safetensors"),
        **files.load_tensors(folder / "weights.safetensors"),
    }, pd.read_parquet(folder / "training.parquet")


def assert_same_snapshot(first, second):
    (tensors, log), (others, other_log) = content(first), content(second)
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)
    pd.testing.assert_frame_equal(log, other_log, check_exact=True)


def begun(root, images_seen=80, **changes):
    """A side file of a stretch that was stopped after its first step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guards, "interruption", always_stopped)
        with pytest.raises(guards.Interrupted, match="images_seen 8 "):
            train_cell(root, images_seen, **changes)
    return root / "unfinished" / f"{cell(images_seen).id}.safetensors"


@guards.contextmanager
def always_stopped():
    yield lambda: True


def everything(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
