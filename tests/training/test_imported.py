"""Files of weights become checkpoints: .safetensors, and pickles with the structure of the published ones."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hidden_gaussian import networks, settings
from hidden_gaussian.errors import InputError
from hidden_gaussian.planning import cost
from hidden_gaussian.plotting import shown
from hidden_gaussian.storage import arrays
from published_networks import dataset, imported, no_execution, published, recorded

pytestmark = pytest.mark.usefixtures("foreign_modules")


@pytest.mark.parametrize(("architecture", "protocol"), [("ve", 4), ("vp", 2), ("adm", 5)])
def test_a_published_pickle_gives_the_recorded_outputs_and_runs_nothing(architecture, protocol, foreign_modules):
    _, tensors, _ = recorded(architecture)
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published(architecture), protocol))
    no_execution(foreign_modules)
    denoiser, about = imported(path, architecture)
    found = denoiser.network(tensors["noisy"], tensors["sigma"], tensors["augment_labels"])
    torch.testing.assert_close(found, tensors["denoised_with_augment_labels"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(denoiser(tensors["noisy"], tensors["sigma"]), tensors["denoised"], rtol=1e-4, atol=1e-5)
    assert about["options"] == denoiser.network.options
    assert about["sha256"] == arrays.sha256(path)
    assert not Path("ran").exists()


def test_a_network_alone_and_the_baseline_are_read():
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published("ve", "VEPrecond")["ema"]))
    denoiser, _ = imported(path, "ve-baseline")
    weights, tensors, _ = recorded("ve")
    plain = networks.rebuild(denoiser.network.options | {"architecture": "ve"})
    plain.load_state_dict(weights)
    noisy, sigma = tensors["noisy"], 0.7
    with torch.no_grad():
        expected = noisy + sigma * plain.eval().model(noisy, torch.tensor([np.log(sigma / 2)]).float())
    torch.testing.assert_close(denoiser(noisy, sigma), expected, rtol=1e-4, atol=1e-4)


OPTIONS = {
    "architecture": "ve",
    "resolution": 16,
    "channels": 3,
    "scale": 8,
    "channel_mult": [1, 2, 2],
    "blocks": 2,
    "attention_resolutions": [16],
    "dropout": 0.0,
    "augment_dim": 9,
    "sigma_data": 0.5,
}


def with_head(options):
    """Return a file of weights with these options in its head; none if None."""
    path = Path("network.safetensors")
    save_file(recorded("ve")[0], path, metadata=None if options is None else {"options": json.dumps(options)})
    return path


@pytest.mark.parametrize("head", [True, False])
def test_safetensors_without_options_have_those_of_the_settings(head):
    _, tensors, _ = recorded("ve")
    path = with_head(OPTIONS if head else None)
    denoiser, about = imported(path, "ve", sha256=arrays.sha256(path).upper())
    torch.testing.assert_close(denoiser(tensors["noisy"], tensors["sigma"]), tensors["denoised"], rtol=1e-4, atol=1e-5)
    assert about["options"]["dropout"] == (0.0 if head else 0.05)


@pytest.mark.fault("a network file with other options, tensors or shapes", "one sentence")
@pytest.mark.parametrize(
    ("wrapper", "changes", "message"),
    [
        ("VPPrecond", {}, "has a VPPrecond; expected EDMPrecond or VEPrecond"),
        ("EDMPrecond", {"label_dim": 10}, "label_dim 0"),
        ("EDMPrecond", {"surprise": 1}, "no \\['surprise'\\]"),
        ("EDMPrecond", {"encoder_type": "skip"}, "'encoder_type': 'skip'.*; expected one of"),
        ("EDMPrecond", {"model_channels": 16}, "has scale 16; expected 8"),
        ("EDMPrecond", {"num_blocks": 3}, "does not fit a network with the options"),
        ("EDMPrecond", {"img_resolution": None}, "without named arguments"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(wrapper, changes, message):
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published("ve", wrapper, **changes)))
    with pytest.raises(InputError, match=message):
        imported(path, "ve")


HEADS = {
    "a list": ([], "expected a mapping in JSON"),
    "a number": (3, "expected a mapping in JSON"),
    "no factors": ({"channel_mult": None}, "channel_mult: .*expected a valid tuple"),
    "a text of factors": ({"channel_mult": "122"}, "channel_mult: .*expected a valid tuple"),
    "a factor of 0": ({"channel_mult": [1, 0, 2]}, r"channel_mult\.1: .*expected a number greater than 0"),
    "no memory for it": ({"channel_mult": [10**9, 2, 2]}, r"pretrained\.0\.path: .* does not fit"),
    "levels that cannot be": ({"channel_mult": [1] * 9}, r"pretrained\.0\.path: .* is not divisible by 256"),
    "half a block": ({"blocks": 2.5}, "blocks: .*expected a valid integer"),
    "no resolutions": ({"attention_resolutions": None}, "attention_resolutions: .*expected a valid tuple"),
    "labels in words": ({"augment_dim": "9"}, "augment_dim: .*expected 0 or 9"),
    "labels below 0": ({"augment_dim": -1}, "augment_dim: .*expected 0 or 9"),
    "no sigma_data": ({"sigma_data": None}, "sigma_data: .*expected a valid number"),
    "a list of sigma_data": ({"sigma_data": [1]}, "sigma_data: .*expected a valid number"),
    "a word of dropout": ({"dropout": "x"}, "dropout: .*expected a valid number"),
    "no dropout": ({"dropout": None}, "dropout: .*expected a valid number"),
    "an unknown option": ({"surprise": 1}, r"pretrained\.0\.path: .* missing or unknown: surprise"),
    "half a channel": ({"scale": 8.5}, r"has scale 8\.5; expected 8"),
}


@pytest.mark.fault("a network file with impossible options", "one sentence that names the file; no cell is written")
@pytest.mark.parametrize("name", HEADS)
def test_heads_with_impossible_options_are_refused(name):
    changes, message = HEADS[name]
    path = with_head(OPTIONS | changes if isinstance(changes, dict) else changes)
    with pytest.raises(InputError, match=message) as caught:
        imported(path, "ve")
    assert str(path) in str(caught.value)
    assert not list(Path().rglob("weights.safetensors"))


def test_numbers_in_words_are_read_as_in_settings():
    path = with_head(OPTIONS | {"scale": 8.0, "blocks": "2", "sigma_data": "0.5"})
    assert imported(path, "ve")[1]["options"] == OPTIONS


PARTS = {
    "parameters in a list": lambda network, _: vars(network).update(_parameters=[1]),
    "modules in a list": lambda network, _: vars(network).update(_modules=[1]),
    "a model of listed modules": lambda _, model: vars(model).update(_modules=[1]),
    "arguments that are a number": lambda _, model: setattr(model, "_init_kwargs", 5),
    "factors that are none": lambda _, model: model._init_kwargs.update(channel_mult=None),
}


@pytest.mark.fault("a network pickle with unknown parts", "one sentence that names the file; no cell is written")
@pytest.mark.parametrize("name", PARTS)
def test_pickles_with_other_parts_are_refused(name):
    checkpoint, path = published("ve"), Path("network.pkl")
    PARTS[name](checkpoint["ema"], checkpoint["ema"].model)
    path.write_bytes(pickle.dumps(checkpoint))
    with pytest.raises(InputError, match=r"network\.pkl: (a network with unknown parts|options that cannot be used)"):
        imported(path, "ve")
    assert not list(Path().rglob("weights.safetensors"))


def test_absent_and_other_files_are_refused():
    with pytest.raises(InputError, match=r"grid\.pretrained\.0\.path: absent\.pkl is not a file"):
        imported(Path("absent.pkl"), "ve")
    save_file(recorded("ve")[0], "network.safetensors")
    with pytest.raises(InputError, match=r"grid\.pretrained\.0\.sha256: .* expected ab"):
        imported(Path("network.safetensors"), "ve", sha256="ab")
    Path("network.pt").touch()
    with pytest.raises(InputError, match=r"network\.pt was found; expected a \.safetensors or \.pkl file"):
        imported(Path("network.pt"), "ve")
    Path("cut.safetensors").write_bytes(Path("network.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut\.safetensors cannot be read .*; download it again"):
        imported(Path("cut.safetensors"), "ve")


def test_weights_that_are_not_finite_or_have_other_names_are_refused():
    weights = recorded("ve")[0]
    name = next(iter(weights))
    save_file(weights | {name: weights[name] * torch.nan}, "network.safetensors")
    with pytest.raises(InputError, match=f"NaN or infinite weights in {name}"):
        imported(Path("network.safetensors"), "ve")
    save_file({name.removeprefix("model."): tensor for name, tensor in weights.items()}, "network.safetensors")
    with pytest.raises(InputError, match="names that begin with 'model\\.'"):
        imported(Path("network.safetensors"), "ve")


def test_settings_count_files_as_cells_that_are_not_trained():
    study = settings.read(
        {"study": "x", "datasets": {"toy": dataset().model_dump()}, "archives": {"weights": "/w.pkl"}}
    )
    toy = study.datasets["toy"]
    assert [cell.id for cell in toy.cells("toy")] == ["n100a/ve8r0/i200"]
    assert study.located(toy.grid.pretrained[0]).path == "/w.pkl"
    assert cost.describe(study).splitlines()[1].split()[:4] == ["toy", "1", "0", "0"]
    assert cost.training_hours(toy, toy.cells("toy")) == 0
    assert cost.superseded(study) == []
    assert [cell.id for cell in shown(toy.sweep("toy", "size"))] == ["n100a/ve8r0/i200"]
    snapshot = toy.grid.pretrained[0].model_dump()
    for changes, message in (
        ({"pretrained": [snapshot, snapshot]}, "n100a/ve8r0/i200 more than once"),
        ({"pretrained": [{**snapshot, "subset_size": 101}]}, "found 101 training images"),
        ({"pretrained": []}, "neither 'runs' nor 'pretrained'"),
    ):
        content = {"study": "x", "datasets": {"toy": {**toy.model_dump(), "grid": {"sweeps": {}, **changes}}}}
        with pytest.raises(InputError, match=message):
            settings.read(content)
