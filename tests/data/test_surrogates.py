"""Moments of surrogates against the moments of their source images."""

from pathlib import Path

import numpy as np
import pytest

from hidden_gaussian.data import images, surrogates
from hidden_gaussian.data.surrogates import Surrogates
from hidden_gaussian.metrics.moments import radial_power
from hidden_gaussian.settings import Source
from hidden_gaussian.storage import arrays

SIDE = 6


def originals(count: int = 40, spread: float = 12.0) -> np.ndarray:
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(2 * SIDE**2, 2 * SIDE**2)) / SIDE
    shape = generator.exponential(size=(count, 2 * SIDE**2)) - 1
    return (128 + spread * shape @ mixing).clip(0, 255).astype(np.uint8).reshape(count, 2, SIDE, SIDE)


def made(kind: str, count: int, of: np.ndarray) -> tuple[np.ndarray, float]:
    surrogates = Surrogates(kind, of, count, seed=3)
    return np.stack(list(surrogates)).transpose(0, 3, 1, 2).astype(float), surrogates.clipped


@pytest.mark.parametrize("kind", ["gaussian-surrogate", "phase-surrogate"])
def test_surrogates_have_the_mean(kind: str) -> None:
    of, count = originals(), 3000
    found, clipped = made(kind, count, of)
    error = np.sqrt(found.var(0) / count)
    assert (np.abs(found.mean(0) - of.mean(0)) < 5 * error + 0.05).all()
    assert clipped < 1e-3


def test_gaussian_surrogates_have_the_covariance_and_no_kurtosis() -> None:
    of, count = originals(), 4000
    found, _ = made("gaussian-surrogate", count, of)
    covariance = np.cov(of.reshape(len(of), -1).T.astype(float), bias=True)
    sampled = np.cov(found.reshape(count, -1).T, bias=True) - np.eye(len(covariance)) / 12
    noise = np.linalg.norm(covariance) ** 2 + np.trace(covariance) ** 2
    assert np.linalg.norm(sampled - covariance) ** 2 < 1.3 * noise / count
    direction = np.linalg.eigh(covariance)[1][:, -1]
    scores = (found.reshape(count, -1) - of.mean(0).ravel()) @ direction
    assert np.mean(scores**4) / np.mean(scores**2) ** 2 - 3 == pytest.approx(0, abs=0.35)


def test_gaussian_surrogates_of_few_images_have_the_variance() -> None:
    of = originals(3)
    found, _ = made("gaussian-surrogate", 4000, of)
    sampled = found.var(0) - 1 / 12  # of rounding
    assert sampled.sum() == pytest.approx(of.var(0).sum(), rel=0.08)


def test_phase_surrogates_keep_every_power_spectrum() -> None:
    of = originals()
    found, _ = made("phase-surrogate", len(of), of)
    power, expected = radial_power(found - of.mean(0)), radial_power(of - of.mean(0))
    rounding = 2 * SIDE**2 / 12  # channels times pixels times the variance of rounding, for each frequency
    np.testing.assert_allclose(power, expected, rtol=0.35, atol=20 * rounding)
    assert np.corrcoef(power.ravel(), expected.ravel())[0, 1] > 0.999
    assert np.abs(found - of).mean() > 5


def test_phase_surrogates_are_stationary_around_the_mean() -> None:
    of = originals()
    found, _ = made("phase-surrogate", 4000, of)
    variance = (found - of.mean(0)).var(axis=0)
    whole = np.square(of - of.mean(0)).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(variance, np.broadcast_to(whole[:, None, None], variance.shape), rtol=0.12)


def test_phases_of_the_channels_keep_their_differences() -> None:
    of = originals()
    found, _ = made("phase-surrogate", len(of), of)
    spectra = [np.fft.fft2(pixels - of.mean(0)) for pixels in (found, of)]
    between, expected = (spectrum[:, 0] * spectrum[:, 1].conj() for spectrum in spectra)
    assert np.abs(between - expected).mean() < 0.1 * np.abs(expected).mean()


def test_a_surrogate_depends_on_its_index_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the number of surrogates, nor on the size of blocks."""
    of = originals()
    few, _ = made("gaussian-surrogate", 3, of)
    monkeypatch.setattr(surrogates, "BLOCK", 7)
    many, _ = made("gaussian-surrogate", 300, of)
    np.testing.assert_array_equal(few, many[:3])
    assert np.abs(many[0] - many[1]).max() > 3


def test_clipping_is_counted_and_recorded(tmp_path: Path) -> None:
    of = originals(spread=60.0)
    arrays.save_array(tmp_path / "of.npy", of[:, :1])
    source = Source(kind="gaussian-surrogate", of="toy", count=50, path=str(tmp_path / "of.npy"))
    record = images.pack(source, tmp_path / "images.npy", tmp_path / "images.json", resolution=SIDE, colour="grey")
    packed = images.open_images(tmp_path / "images.npy")
    assert packed.shape == (50, 1, SIDE, SIDE)
    ends = np.isin(packed, (0, 255)).mean()
    assert 0.01 < record["clipped"] <= ends < record["clipped"] + 0.01


def test_surrogates_depend_on_the_seed_of_the_study(tmp_path: Path) -> None:
    arrays.save_array(tmp_path / "of.npy", originals()[:, :1])
    source = Source(kind="gaussian-surrogate", of="toy", count=5, path=str(tmp_path / "of.npy"))
    packed = []
    for seed in (1, 2):
        array, about = tmp_path / f"{seed}.npy", tmp_path / f"{seed}.json"
        images.pack(source, array, about, resolution=SIDE, colour="grey", seed=seed)
        packed.append(images.open_images(array))
    assert not np.array_equal(*packed)
