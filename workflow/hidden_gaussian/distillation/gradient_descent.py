"""Linear distillation as Li et al. ran it: gradient descent from zero, which ends short of the exact optimum."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hidden_gaussian.denoisers import Denoiser
from hidden_gaussian.distillation.exact import Fit
from hidden_gaussian.settings import Adam

# Li et al.'s best step sizes for an EDM-VP network on FFHQ, at the ten levels of their sampler
LEARNING_RATES = {
    80.0: 5e-5,
    42.415189: 5e-5,
    21.108677: 5e-5,
    9.723201: 5e-5,
    4.066124: 5e-5,
    1.501742: 5e-4,
    0.469979: 5e-4,
    0.116639: 5e-3,
    0.020435: 5e-2,
    0.002: 5e-2,
}


def learning_rate(sigma: float) -> float:
    """Return the step size that the paper uses at its level nearest to sigma on a logarithmic axis."""
    return LEARNING_RATES[min(LEARNING_RATES, key=lambda level: abs(math.log(level / sigma)))]


def recorded_epochs(epochs: int) -> list[int]:
    """Return the epochs after which the map is measured: 0, 1, 2, 5, every tenth, and the last."""
    return sorted({0, epochs, *(epoch for epoch in (1, 2, 5, *range(10, epochs, 10)) if epoch < epochs)})


@dataclass(frozen=True)
class EpochMap:
    """The affine map y -> weight y + bias after some epochs of gradient descent."""

    epoch: int
    weight: Tensor
    bias: Tensor

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the image of a batch of shape (batch, channels, height, width)."""
        return (noisy.flatten(1) @ self.weight.T + self.bias).reshape(noisy.shape)


def fit_by_epochs(denoiser: Denoiser, fit: Fit, sigma: float, settings: Adam) -> Iterator[EpochMap]:
    """Yield the affine map after growing numbers of epochs; each is only valid until the next one is taken.

    Weights start at zero and act on the input over sqrt(d). So a step of Adam changes the effective weights by the step
    size over sqrt(d), but the bias by the whole step size. Images come in their order, with new noise in every epoch.

    Parameters
    ----------
    denoiser : Denoiser
        Its outputs are the targets of the mean squared error.
    fit : Fit
        Images and noise; its number of draws is not used.
    sigma : float
        Standard deviation of the noise.
    settings : Adam
        Epochs, batch, step size.
    """
    count, size = fit.images, fit.clean[0].numel()
    layer = nn.Linear(size, size).to(fit.clean.device)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    rate = learning_rate(sigma) if settings.learning_rate is None else settings.learning_rate
    optimiser = torch.optim.Adam(layer.parameters(), lr=rate)
    for epoch in range(settings.epochs + 1):
        if epoch in recorded_epochs(settings.epochs):
            yield EpochMap(epoch, layer.weight.detach() / math.sqrt(size), layer.bias.detach().clone())
        if epoch < settings.epochs:
            for start in range(epoch * count, (epoch + 1) * count, settings.batch):
                noisy, _ = fit.noisy_pairs(range(start, min(start + settings.batch, (epoch + 1) * count)), sigma)
                target = denoiser(noisy, sigma).flatten(1).clone()  # autograd refuses a tensor made in inference mode
                loss = nn.functional.mse_loss(layer(noisy.flatten(1) / math.sqrt(size)), target)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
