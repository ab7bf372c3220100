"""Published networks as their files hold them: pickled objects with their source and state, around recorded weights."""

import json
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

from hidden_gaussian import files, pretrained, settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.denoisers import open_denoiser

VECTORS = Path(__file__).parent / "vectors"
SCALES = {"ve": 8, "vp": 8, "adm": 32}
SOURCE = "open('ran', 'w').write('the source text of a class ran')\n"


class EasyDict(dict):
    """A dictionary of its own class, as the published files have them."""


def persistent(class_name):
    """Return a class whose objects are pickled as published networks are: a call, with their source and state."""

    class Persistent(nn.Module):
        def __reduce__(self):
            state = {
                name: OrderedDict(value) if name.startswith("_") and type(value) is dict else value
                for name, value in self.__dict__.items()
            }
            meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": class_name, "state": state}
            return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,)

    return Persistent()


def recorded(architecture):
    with safe_open(VECTORS / f"edm_{architecture}_16.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        options = {
            name: json.loads(text) if text[0] in "[0123456789" else text for name, text in file.metadata().items()
        }
    names = [name for name in tensors if name.startswith("weights.")]
    return {name.removeprefix("weights."): tensors.pop(name) for name in names}, tensors, options


def layer():
    """Return a layer with the attributes and arguments that published ones have: numbers of numpy, some nested."""
    made = persistent("Layer")
    made.skip_scale, made.eps, made.up = np.sqrt(0.5), np.float32(1e-6), np.bool_(True)
    initial = {"init_mode": "xavier_uniform", "init_weight": np.sqrt(0.2)}
    made._init_args = (np.int64(3), np.int32(-4))
    made._init_kwargs = EasyDict(skip_scale=made.skip_scale, init=initial, channels=[np.int64(2**40), 8])
    return made


def grown(weights, root):
    """Hang weights into a tree of modules by their dotted names."""
    for name, tensor in weights.items():
        *path, last = name.split(".")
        place = root
        for depth, part in enumerate(path):
            if part not in place._modules:
                container = part in ("enc", "dec") and depth == 1
                place.add_module(part, nn.ModuleDict() if container else layer())
            place = place._modules[part]
        if last in ("resample_filter", "freqs"):
            place.register_buffer(last, tensor)
        else:
            place.register_parameter(last, nn.Parameter(tensor))
    return root


def published(architecture, wrapper="EDMPrecond", **changes):
    """Return a snapshot with the nested structure of the published ones."""
    weights, _, options = recorded(architecture)
    network, model = persistent(wrapper), persistent(options["model_type"])
    network.add_module("model", model)
    network.sigma_min, network.sigma_max, network.sigma_data, network.use_fp16 = 0.0, float("inf"), 0.5, False
    network._init_args, network._init_kwargs = (), EasyDict(options, img_resolution=16)
    arguments = {name: value for name, value in options.items() if name != "model_type"} | changes
    model._init_args = ()
    model._init_kwargs = {"img_resolution": 16, "in_channels": 3, "out_channels": 3, "label_dim": 0} | arguments
    model.register_buffer("scratch", torch.ones(2), persistent=False)
    grown(weights, network)
    loss = persistent("EDMLoss")
    loss.P_mean = -1.2
    return {
        "ema": network,
        "loss_fn": loss,
        "augment_pipe": None,
        "dataset_kwargs": EasyDict(path="x", use_labels=False),
    }


def dataset(**changes):
    content = {
        "source": {"kind": "zip", "count": 100, "path": "images.zip"},
        "resolution": 16,
        "network": {"channel_mult": [1, 2, 2], "blocks": 2, "sigma_data": 0.5},
        "grid": {
            "pretrained": [{"path": "weights", "subset_size": 100, "scale": 8, "images_seen": 200}],
            "sweeps": {"size": {}},
        },
    }
    return settings.Dataset.model_validate(content | changes)


def cell_of(architecture):
    return Cell("toy", 100, "a", architecture, SCALES[architecture.split("-")[0]], 0, 200)


def imported(path, architecture, **options):
    cell = cell_of(architecture)
    folder = Path(cell.id)
    arguments = {"sha256": None, "key": "grid.pretrained.0"} | options
    pretrained.import_network(path, cell, dataset(), folder, **arguments)
    return open_denoiser(".", cell.id, "cpu"), files.load_json(folder / "imported.json")


def no_execution(monkeypatch):
    for module, name in ((pickle, "loads"), (pickle, "load"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, None)
    for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util"):
        monkeypatch.delitem(sys.modules, name)
