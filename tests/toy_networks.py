"""Small networks of every architecture, with weights under which every layer matters."""

import torch

from hidden_gaussian import networks


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


@torch.no_grad()
def unheard(network, noisy, labels=None):
    """Names of the parameters that do not reach the output."""
    before, names = network(noisy, 0.5, labels), []
    for name, weight in network.named_parameters():
        kept = weight.clone()
        weight += noisy_images(*weight.shape, seed=3)
        if torch.equal(network(noisy, 0.5, labels), before):
            names.append(name)
        weight.copy_(kept)
    return names
