"""Networks against recorded outputs, parameter counts and first weights of the published ones."""

import json

import pytest
import torch
from safetensors import safe_open

from hidden_gaussian import networks
from hidden_gaussian.errors import InputError
from hidden_gaussian.networks.dropout import Dropout
from smoke_study import ROOT
from toy_networks import alive, build, noisy_images, without_effect

VECTORS = ROOT / "tests/fixtures/vectors"
COUNTS = {4: 64_583, 8: 251_531, 16: 992_531, 32: 3_942_947, 64: 15_717_443, 128: 62_761_091}
UNETS = ("ve", "vp", "adm", "ve-baseline")
RECORDED = {
    "ve": {"scale": 8, "channel_mult": (1, 2, 2), "blocks": 2, "attention_resolutions": (16,)},
    "vp": {"scale": 8, "channel_mult": (1, 2, 2), "blocks": 2, "attention_resolutions": (16,)},
    "adm": {"scale": 32, "channel_mult": (1, 2), "blocks": 1, "attention_resolutions": (32, 16, 8)},
}


@pytest.fixture(scope="module", params=sorted(RECORDED))
def recorded(request):
    """Return a network with the recorded weights, and the recorded inputs and outputs."""
    with safe_open(VECTORS / f"edm_{request.param}_16.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    names = [name for name in tensors if name.startswith("weights.")]
    weights = {name.removeprefix("weights."): tensors.pop(name) for name in names}
    network = build(request.param, **RECORDED[request.param]).eval()
    network.load_state_dict(weights)
    return network, tensors


@torch.no_grad()
@pytest.mark.parametrize("augmented", [False, True])
def test_outputs_equal_those_of_the_published_networks(recorded, augmented):
    network, tensors = recorded
    labels = tensors["augment_labels"] if augmented else None
    expected = tensors["denoised_with_augment_labels" if augmented else "denoised"]
    found = network(tensors["noisy"], tensors["sigma"], labels)
    error = (found - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)
    assert error.max() < 1e-5
    assert not torch.equal(tensors["denoised"], tensors["denoised_with_augment_labels"])


@torch.no_grad()
def test_no_labels_equal_labels_of_zero(recorded):
    network, tensors = recorded
    zeros = torch.zeros_like(tensors["augment_labels"])
    noisy, sigma = tensors["noisy"], tensors["sigma"]
    torch.testing.assert_close(network(noisy, sigma, zeros), network(noisy, sigma))


@torch.no_grad()
def test_images_of_a_batch_do_not_affect_each_other(recorded):
    network, tensors = recorded
    noisy, sigma = tensors["noisy"], tensors["sigma"]
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    together = network(noisy, sigma)
    torch.testing.assert_close(network(noisy[order], sigma[order]), together[order], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(noisy[:1], sigma[:1]), together[:1], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_one_sigma_applies_to_all_images(recorded):
    network, tensors = recorded
    noisy = tensors["noisy"]
    expected = network(noisy, torch.full((len(noisy),), 0.7))
    for sigma in (0.7, torch.tensor(0.7), torch.tensor([0.7])):
        torch.testing.assert_close(network(noisy, sigma), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", COUNTS)
def test_scales_have_the_papers_numbers_of_parameters(scale):
    network = build(resolution=64, scale=scale, channel_mult=(1, 2, 2, 2), blocks=4)
    assert sum(weight.numel() for weight in network.parameters()) == COUNTS[scale]


@pytest.mark.parametrize(
    ("architecture", "scale", "blocks", "attention", "millions"),
    [("vp", 128, 4, (16,), 61.8), ("adm", 192, 3, (32, 16, 8), 132.5)],
)
def test_other_architectures_have_their_known_size(architecture, scale, blocks, attention, millions):
    size = {"resolution": 64, "channel_mult": (1, 2, 2, 2), "attention_resolutions": attention}
    network = build(architecture, scale=scale, blocks=blocks, **size)
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize("architecture", networks.ARCHITECTURES)
def test_a_tiny_grey_network_denoises_and_learns(architecture):
    tiny = {"resolution": 8, "channels": 1, "scale": 4, "attention_resolutions": (8, 4), "augment_dim": 0}
    network = alive(build(architecture, **tiny))
    noisy = noisy_images(5, 1, 8, 8)
    sigma = torch.tensor([80.0, 5.0, 0.5, 0.05, 0.002])
    estimate = network.train()(noisy, sigma)
    assert estimate.shape == noisy.shape
    estimate.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("architecture", UNETS)
def test_every_parameter_and_label_reaches_the_output(architecture):
    scale = 64 if architecture == "adm" else 8
    network = alive(build(architecture, resolution=8, scale=scale, attention_resolutions=(8,)))
    assert without_effect(network, noisy_images(2, 3, 8, 8), noisy_images(2, 9)) == []


@torch.no_grad()
@pytest.mark.parametrize("architecture", UNETS)
def test_a_new_network_returns_the_scaled_noisy_image(architecture):
    noisy = noisy_images(3, 3, 16, 16)
    sigma = torch.tensor([0.1, 0.5, 10.0])
    estimate = build(architecture).eval()(noisy, sigma)
    skip = torch.ones(3) if architecture == "ve-baseline" else 0.25 / (sigma**2 + 0.25)
    torch.testing.assert_close(estimate, noisy * skip[:, None, None, None], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", networks.ARCHITECTURES)
def test_weights_depend_on_the_seed_alone(architecture):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = build(architecture, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    second, third = build(architecture, seed=1).state_dict(), build(architecture, seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    differ = not all(torch.equal(first[name], third[name]) for name in first)
    assert differ == (architecture != "dae-linear")  # which starts at zero


@pytest.mark.parametrize("architecture", networks.ARCHITECTURES)
def test_options_survive_json_and_rebuild_the_network(architecture):
    network = alive(build(architecture, attention_resolutions=(8,)))
    again = networks.rebuild(json.loads(json.dumps(network.options))).eval()
    again.load_state_dict(network.state_dict())
    noisy = noisy_images(2, 3, 16, 16)
    assert again.options == network.options
    assert torch.equal(again(noisy, 1.0), network(noisy, 1.0))


def test_initial_weights_have_the_published_spread():
    song = build("ve", scale=64).state_dict()
    weight = song["model.enc.16x16_block0.conv0.weight"]
    assert weight.abs().max() == pytest.approx((6 / (2 * 64 * 9)) ** 0.5, rel=1e-3)
    assert song["model.enc.16x16_block0.conv1.weight"].abs().max() < 1e-5
    attention = song["model.enc.16x16_block0.qkv.weight"]
    assert attention.abs().max() == pytest.approx((0.2 * 6 / (64 + 192)) ** 0.5, rel=1e-3)
    assert song["model.map_noise.freqs"].std() == pytest.approx(16, rel=0.3)
    assert song["model.map_augment.weight"].abs().max() == pytest.approx((6 / (9 + 128)) ** 0.5, rel=0.02)
    adm = build("adm", scale=64).state_dict()
    assert adm["model.enc.16x16_block0.conv0.weight"].abs().max() == pytest.approx((64 * 9) ** -0.5, rel=1e-3)
    assert not adm["model.out_conv.weight"].any()
    assert not adm["model.map_augment.weight"].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 18, "channel_mult": (1, 2, 2)}, "network.channel_mult has 3 levels.* resolution 18"),
        ({"channel_mult": ()}, "network.channel_mult is empty"),
        ({"scale": 5}, "scale is 5"),
        ({"architecture": "unet"}, "'unet' is unknown; choose one of ve, vp, adm"),
    ],
)
def test_impossible_networks_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        build(**changes)


def test_wrong_options_and_unexpected_labels_are_refused():
    network = build(augment_dim=0)
    with pytest.raises(InputError, match="scale"):
        networks.rebuild({name: value for name, value in network.options.items() if name != "scale"})
    with pytest.raises(InputError, match=r"network\.augment_dim is 0"):
        network(torch.zeros(1, 3, 16, 16), 1.0, torch.zeros(1, 9))


@pytest.mark.parametrize("architecture", ["ve", "vp", "adm"])
def test_features_and_their_gradients_keep_the_channels_of_a_pixel_together(architecture):
    network = build(architecture, dropout=0.1, augment_dim=0).train()
    layers = [layer for layer in network.modules() if isinstance(layer, Dropout | torch.nn.GroupNorm)]
    seen = []

    def record(layer, inputs, output):
        seen.append(output)
        output.register_hook(seen.append)

    for layer in layers:
        layer.register_forward_hook(record)
        if isinstance(layer, Dropout):
            layer.keys = torch.tensor([1, 3], dtype=torch.int32)
    network(torch.randn(2, 3, 16, 16), torch.ones(2)).sum().backward()
    assert len(seen) == 2 * len(layers)
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in seen)
