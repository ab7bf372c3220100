"""Products with Jacobians are compared with whole Jacobians, and with closed forms of affine denoisers."""

import numpy as np
import pandas as pd
import pytest
import torch

from hidden_gaussian import networks, noise, spectrum
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser, LinearDenoiser, NetworkDenoiser
from hidden_gaussian.measurement import jacobian
from hidden_gaussian.measurement.jacobian import LocalJacobian
from hidden_gaussian.measurement.noised_batch import NoisedBatch, ShardAndImages, Target
from hidden_gaussian.settings import Jacobian
from hidden_gaussian.storage import parquet

# torch warns about its own scripts when its forward derivatives are first used
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:FutureWarning")

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 1, 4, 4), dtype=np.uint8)
CLEAN = {"train": torch.from_numpy(IMAGES[:6] / 127.5 - 1)}
SETTINGS = Jacobian(components=3, states=2, probes=300, rounds=10)
SIGMAS = torch.from_numpy(np.append(noise.schedule(10), 0.0)).float()
TRAJECTORIES = torch.randn(3, 11, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * SIGMAS[:, None, None, None]


def test_products_and_singular_vectors_of_a_network() -> None:
    options = {"channel_mult": (1, 2), "blocks": 1, "attention_resolutions": (2,), "dropout": 0.0}
    network = networks.build(
        "ve", resolution=4, channels=1, scale=8, sigma_data=0.5, augment_dim=0, seed=1, **options
    ).double()
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():  # some start at zero, and the map would be the identity
        weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    state = torch.randn(1, 4, 4, generator=generator).double()
    product = LocalJacobian(NetworkDenoiser(network), state, 0.7)
    level = torch.tensor([0.7]).double()
    whole = torch.autograd.functional.jacobian(lambda y: network(y[None], level)[0], state).reshape(16, 16)
    directions = torch.randn(16, 70, generator=generator).double()  # more than a batch
    torch.testing.assert_close(product.forward(directions), whole @ directions, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(product.backward(directions), whole.T @ directions, atol=1e-6, rtol=1e-6)
    left, values, _ = torch.linalg.svd(whole)
    found = product.singular(directions[:, :2], 3, rounds=200)
    torch.testing.assert_close(found.values, values[:3], atol=1e-3, rtol=1e-2)
    assert abs(float(found.left[:, 0] @ left[:, 0])) > 0.99


def _target(kind: str) -> Target:
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    denoiser = {"gaussian": gaussian, "empirical": EmpiricalDenoiser(torch.from_numpy(IMAGES))}[kind]
    mean = gaussian.mean.reshape(1, 4, 4)
    return Target("n24a/ve16r1/i64", denoiser, "n24a/gaussian", gaussian, {}, mean)


def _linear(gaussian: GaussianDenoiser) -> LinearDenoiser:
    sigmas = torch.from_numpy(noise.schedule(10))
    weights = torch.stack([gaussian.weight(float(sigma)) for sigma in sigmas])
    return LinearDenoiser(sigmas, weights, gaussian.mean - weights @ gaussian.mean)


@pytest.fixture(scope="module")
def shards() -> dict[str, ShardAndImages]:
    targets = {kind: _target(kind) for kind in ("gaussian", "empirical")}
    return {
        kind: jacobian.jacobian_measurements(target, CLEAN, _linear(target.gaussian), TRAJECTORIES, SETTINGS, seed=0)
        for kind, target in targets.items()
    }


def _wide(shard: pd.DataFrame, *index: str) -> pd.DataFrame:
    return shard.pivot_table(index=list(index), columns="quantity", values="value")


def test_the_gaussian_is_its_own_taylor_map(shards: dict[str, ShardAndImages]) -> None:
    shard, _ = shards["gaussian"]
    wide = _wide(shard, "reference_id", "sigma")
    assert (wide["slope_gap"].dropna() < 1e-8 * wide["slope_weight"].dropna()).all()
    assert wide[["distance", "taylor_distance"]].max().max() < 1e-8
    pushed = _wide(shard[shard["parameter"] == "step"], "sigma", "at")
    np.testing.assert_allclose(pushed["step_gap"], pushed["step_linear"], rtol=1e-4)
    values = _wide(shard[shard["parameter"] == "component"], "sigma", "at")["singular_value"]
    variances = spectrum.fit(IMAGES).eigenvalues
    for (sigma, at), value in values.items():
        gain = variances / (variances + sigma**2)
        assert value == pytest.approx(gain[int(at) - 1], rel=2e-2)
    overlap = _wide(shard[shard["parameter"] == "rank"], "sigma", "at").xs(80.0, level="sigma")
    np.testing.assert_allclose(overlap["overlap"], overlap["overlap_whole"], rtol=0.05)


def test_states_and_steps_are_those_of_their_level(
    shards: dict[str, ShardAndImages],
) -> None:
    """A step is the spread of noisy images along the first component, which the Gaussian maps with its known gain."""
    shard, images = shards["gaussian"]
    torch.testing.assert_close(images["state"], TRAJECTORIES[:2, :10].transpose(0, 1))
    pushed = _wide(shard[shard["parameter"] == "step"], "sigma", "at")["step_gap"]
    first = spectrum.fit(IMAGES).eigenvalues[0]
    for (sigma, step), gap in pushed.items():
        assert gap == pytest.approx((2 * step * first) ** 2 / (first + sigma**2), rel=0.05)


def test_the_taylor_map_of_the_empirical_denoiser_is_taken_at_the_mean(
    shards: dict[str, ShardAndImages],
) -> None:
    shard, _ = shards["empirical"]
    target, sigma = _target("empirical"), float(noise.schedule(10)[5])
    mean = target.mean.float().double()
    whole = torch.autograd.functional.jacobian(lambda y: target.denoiser(y[None], sigma)[0], mean).reshape(16, 16)
    noisy = NoisedBatch.of("train", CLEAN["train"], sigma, draws=1, seed=0).noisy
    centre = target.denoiser(mean[None], sigma)
    assert float((centre - mean).norm()) > 0.01
    mapped = centre.flatten(1) + (noisy - target.mean).flatten(1) @ whole.T
    gap = (target.denoiser(noisy, sigma).flatten(1) - mapped).square().sum(1)
    rows = shard[(shard["sigma"] == sigma) & (shard["reference_id"] == f"{target.id}/taylor")].sort_values("image")
    np.testing.assert_allclose(rows["value"], gap, rtol=1e-3)


def test_the_empirical_denoiser_follows_its_definition(shards: dict[str, ShardAndImages]) -> None:
    shard, images = shards["empirical"]
    target, sigma = _target("empirical"), float(noise.schedule(10)[4])
    evaluate = lambda y: target.denoiser(y[None], sigma)[0]  # noqa: E731
    whole = torch.autograd.functional.jacobian(evaluate, target.mean).reshape(16, 16)
    rows = _wide(shard[shard["sigma"] == sigma], "reference_id").loc["n24a/gaussian"]
    gap = float((whole - target.gaussian.weight(sigma)).square().sum())
    assert rows["slope_gap"] == pytest.approx(gap, rel=0.25)
    assert rows["slope_weight"] == pytest.approx(float(whole.square().sum()), rel=0.25)
    assert {name: tuple(found.shape) for name, found in images.items()} == {
        "state": (10, 2, 1, 4, 4),
        "denoised": (10, 2, 1, 4, 4),
        "vectors": (10, 2, 3, 1, 4, 4),
        "pushed": (10, 2, 2, 1, 4, 4),
    }


def test_the_jacobian_of_the_empirical_denoiser_is_0_where_one_image_has_all_the_weight() -> None:
    """In float32 it would be a rounding error times 1 / sigma^2."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, 3, 8, 8), generator=generator, dtype=torch.uint8)
    directions = torch.randn(192, 5, generator=generator)
    for sigma in (0.002, 0.02):
        state = images[0] / 127.5 - 1 + sigma * torch.randn(3, 8, 8, generator=generator)
        product = LocalJacobian(EmpiricalDenoiser(images), state, sigma)
        assert float(product.forward(directions).norm()) < 1e-6
        assert float(product.backward(directions).norm()) < 1e-6


def test_shards_can_be_written(shards: dict[str, ShardAndImages], tmp_path: object) -> None:
    shard, _ = shards["empirical"]
    vectors = torch.linalg.qr(torch.randn(16, 8))[0]
    ceiling = pd.concat(jacobian.ceiling_rows("n24a/ve16r1/i64", vectors, "n24b/gaussian", vectors))
    parquet.write_shard(f"{tmp_path}/shard.parquet", pd.concat([shard, ceiling], ignore_index=True))
    wide = _wide(ceiling, "at")
    np.testing.assert_allclose(wide["overlap_ceiling"], wide.index, rtol=1e-5)
