import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from hidden_gaussian import networks
from hidden_gaussian.errors import InputError
from hidden_gaussian.networks.dropout import Dropout
from hidden_gaussian.networks.preconditioning import Direct, VarianceExploding

VECTORS = Path(__file__).parent / "vectors"
COUNTS = {4: 64_583, 8: 251_531, 16: 992_531, 32: 3_942_947, 64: 15_717_443, 128: 62_761_091}
UNETS = ("ve", "vp", "adm", "ve-baseline")
RECORDED = {
    "ve": {"scale": 8, "channel_mult": (1, 2, 2), "blocks": 2, "attention_resolutions": (16,)},
    "vp": {"scale": 8, "channel_mult": (1, 2, 2), "blocks": 2, "attention_resolutions": (16,)},
    "adm": {"scale": 32, "channel_mult": (1, 2), "blocks": 1, "attention_resolutions": (32, 16, 8)},
}


def build(architecture="ve", *, seed=0, **changes):
    options = {
        "resolution": 16,
        "channels": 3,
        "scale": 8,
        "channel_mult": (1, 2),
        "blocks": 1,
        "attention_resolutions": (16,),
        "dropout": 0.05,
        "sigma_data": 0.5,
        "augment_dim": 9,
    }
    return networks.build(architecture, seed=seed, **(options | changes))


def alive(network, seed=1):
    """Replace the weights, many of which start at zero, by random ones under which every layer matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 25
            weight.copy_(torch.randn(weight.shape, generator=generator) / fan**0.5)
    return network.eval()


def noisy_images(*shape, seed=2):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


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
def test_no_labels_are_labels_of_zero(recorded):
    network, tensors = recorded
    zeros = torch.zeros_like(tensors["augment_labels"])
    noisy, sigma = tensors["noisy"], tensors["sigma"]
    torch.testing.assert_close(network(noisy, sigma, zeros), network(noisy, sigma))


@torch.no_grad()
def test_images_of_a_batch_do_not_meet(recorded):
    network, tensors = recorded
    noisy, sigma = tensors["noisy"], tensors["sigma"]
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    together = network(noisy, sigma)
    torch.testing.assert_close(network(noisy[order], sigma[order]), together[order], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(noisy[:1], sigma[:1]), together[:1], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_one_sigma_stands_for_all_images(recorded):
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


@torch.no_grad()
@pytest.mark.parametrize("architecture", UNETS)
def test_every_parameter_and_label_reaches_the_output(architecture):
    scale = 64 if architecture == "adm" else 8
    network = alive(build(architecture, resolution=8, scale=scale, attention_resolutions=(8,)))
    noisy, labels = noisy_images(2, 3, 8, 8), noisy_images(2, 9)
    before = network(noisy, 0.5, labels)
    unheard = []
    for name, weight in network.named_parameters():
        kept = weight.clone()
        weight += noisy_images(*weight.shape, seed=3)
        if torch.equal(network(noisy, 0.5, labels), before):
            unheard.append(name)
        weight.copy_(kept)
    assert unheard == []


@torch.no_grad()
@pytest.mark.parametrize("architecture", UNETS)
def test_a_new_network_passes_on_the_skipped_image_only(architecture):
    noisy = noisy_images(3, 3, 16, 16)
    sigma = torch.tensor([0.1, 0.5, 10.0])
    estimate = build(architecture).eval()(noisy, sigma)
    kept = torch.ones(3) if architecture == "ve-baseline" else 0.25 / (sigma**2 + 0.25)
    torch.testing.assert_close(estimate, noisy * kept[:, None, None, None], rtol=1e-3, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (VarianceExploding, lambda noisy, sigma: noisy + sigma * (3 * noisy + torch.log(sigma / 2))),
        (Direct, lambda noisy, sigma: 3 * noisy + sigma),
    ],
)
def test_other_parametrisations_in_float64(kind, expected):
    network = kind(torch.nn.Identity(), 0.4, {})
    network.model.forward = lambda image, label, labels=None: 3 * image + label.reshape(-1, 1, 1, 1)
    noisy, sigma = noisy_images(2, 1, 4, 4).double(), torch.tensor([0.3, 3.0]).double()
    torch.testing.assert_close(network(noisy, sigma), expected(noisy, sigma[:, None, None, None]))


def test_autoencoders_take_no_labels():
    with pytest.raises(InputError, match=r"training\.augment"):
        build("dae-skip", augment_dim=0)(torch.zeros(1, 3, 16, 16), 1.0, torch.zeros(1, 9))


@pytest.mark.parametrize(("blocks", "layers"), [(4, 12), (1, 3)])
def test_the_transformer_has_the_published_size(blocks, layers):
    """DiT-S: 12 layers of width 384; counted layer by layer, with our patches and without classes of images."""
    network = build("dae-dit", resolution=32, channels=3, scale=128, blocks=blocks, augment_dim=0)
    width, pixels = 384, 3 * 2 * 2
    attention = 3 * width**2 + 3 * width + width**2 + width
    perceptron = 2 * 4 * width**2 + 5 * width
    layer = attention + perceptron + 6 * width**2 + 6 * width
    noise = 256 * width + width + width**2 + width
    ends = (pixels * width + width) + (2 * width**2 + 2 * width) + (width * pixels + pixels)
    assert sum(weight.numel() for weight in network.parameters()) == layers * layer + noise + ends
    assert network.model.side == 16
    assert network.model.blocks[0].heads == 6


@torch.no_grad()
def test_attention_of_the_transformer_in_float64():
    """One layer against the formulas, written out a head and a token at a time."""
    block = build("dae-dit", resolution=4, channels=1, scale=64, blocks=1, augment_dim=0).double().model.blocks[0]
    generator = torch.Generator().manual_seed(0)
    for weight in block.parameters():
        weight.copy_(torch.randn(weight.shape, generator=generator).double() / 14)
    tokens = torch.randn(1, 5, 192, generator=generator).double()
    query, key, value = (part.reshape(5, 3, 64) for part in block.qkv(tokens)[0].split(192, dim=-1))
    mixed = torch.empty(5, 3, 64).double()
    for token in range(5):
        for head in range(3):
            scores = torch.stack([query[token, head] @ key[other, head] / 8 for other in range(5)])
            mixed[token, head] = scores.softmax(0) @ value[:, head]
    torch.testing.assert_close(block._attend(tokens)[0], block.proj(mixed.reshape(5, 192)))


@torch.no_grad()
def test_patches_of_the_transformer_are_put_back_in_place():
    """A new transformer has its gates shut: a pixel reaches its own patch, and no other."""
    network = build("dae-dit", resolution=32, channels=3, scale=4, blocks=1, augment_dim=0)
    network.model.last.weight.copy_(noisy_images(*network.model.last.weight.shape))
    image = noisy_images(1, 3, 32, 32)
    before = network(image, 1.0)
    for channel, row, column in [(0, 5, 9), (2, 31, 30), (1, 0, 17)]:
        changed = image.clone()
        changed[0, channel, row, column] += 1
        touched = (network(changed, 1.0) != before)[0].any(0).nonzero()
        top, left = row // 2 * 2, column // 2 * 2
        assert touched.tolist() == [[top, left], [top, left + 1], [top + 1, left], [top + 1, left + 1]]


@torch.no_grad()
def test_a_linear_autoencoder_is_affine_and_the_skip_net_is_not_told_the_level():
    linear = alive(build("dae-linear", resolution=8, channels=1, augment_dim=0)).double()
    first, second = noisy_images(2, 1, 1, 8, 8).double()
    between = linear(0.3 * first + 0.7 * second, 2.0)
    torch.testing.assert_close(between, 0.3 * linear(first, 2.0) + 0.7 * linear(second, 2.0))
    assert sum(weight.numel() for weight in linear.parameters()) == 64 * 64 + 64
    skip = alive(build("dae-skip", resolution=8, channels=1, augment_dim=0))
    assert torch.equal(skip(first.float(), 2.0), skip(first.float(), 3.0))


@torch.no_grad()
def test_preconditioning_in_float64():
    calls = []

    def model(image, label, augment_labels):
        calls.append((image, label, augment_labels))
        return torch.ones_like(image)

    network = networks.Preconditioned(torch.nn.Identity(), 0.4, {})
    network.model.forward = model
    noisy = noisy_images(2, 1, 4, 4).double()
    estimate = network(noisy, torch.tensor([0.3, 3.0]))
    for image, sigma, found in zip(noisy, (0.3, 3.0), estimate, strict=True):
        root = (sigma**2 + 0.16) ** 0.5
        torch.testing.assert_close(found, 0.16 / root**2 * image + sigma * 0.4 / root, rtol=1e-6, atol=1e-6)
    assert estimate.dtype == torch.float64
    torch.testing.assert_close(calls[0][1], torch.tensor([0.3, 3.0]).double().log() / 4)
    torch.testing.assert_close(calls[0][0][0], noisy[0] / 0.5, rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_dropout_is_for_training():
    network = alive(build(dropout=0.5))
    noisy = noisy_images(2, 3, 16, 16)
    assert torch.equal(network(noisy, 1.0), network(noisy, 1.0))
    network.train()
    assert not torch.equal(network(noisy, 1.0), network(noisy, 1.0))


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
    adm = build("adm", scale=64).state_dict()
    assert adm["model.enc.16x16_block0.conv0.weight"].abs().max() == pytest.approx((64 * 9) ** -0.5, rel=1e-3)
    assert not adm["model.out_conv.weight"].any()


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

    def look(layer, inputs, output):
        seen.append(output)
        output.register_hook(seen.append)

    for layer in layers:
        layer.register_forward_hook(look)
        if isinstance(layer, Dropout):
            layer.keys = torch.tensor([1, 3], dtype=torch.int32)
    network(torch.randn(2, 3, 16, 16), torch.ones(2)).sum().backward()
    assert len(seen) == 2 * len(layers)
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in seen)
