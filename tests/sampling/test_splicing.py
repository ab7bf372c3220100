"""Spliced samplers against what must come out when both denoisers are known."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gaussian import spectrum
from hidden_gaussian.data import splits
from hidden_gaussian.denoisers import EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.denoisers.spliced import SplicedDenoiser
from hidden_gaussian.noise_schedule import sampler_levels
from hidden_gaussian.sampling import sample_moments, solvers, splicing
from hidden_gaussian.sampling.splicing import SplicedSamples
from hidden_gaussian.storage import arrays, parquet
from hidden_gaussian.tables import Measurements

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4), dtype=np.uint8)
GAUSSIAN = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
EMPIRICAL = EmpiricalDenoiser(torch.from_numpy(IMAGES))
START = solvers.latents(range(6), (1, 4, 4), seed=0)
ENDS = (0.0, 0.5, 5.0, 80.0)


def test_a_spliced_denoiser_is_the_one_that_the_level_says() -> None:
    noisy = torch.randn(4, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    spliced = SplicedDenoiser(EMPIRICAL, GAUSSIAN, 0.5, 5.0)
    for sigma, expected in ((0.5, EMPIRICAL), (0.6, GAUSSIAN), (5.0, GAUSSIAN), (5.1, EMPIRICAL)):
        torch.testing.assert_close(spliced(noisy, sigma), expected(noisy, sigma))
    sigmas = torch.tensor([0.5, 0.6, 5.0, 5.1])
    one_by_one = torch.cat([spliced(image[None], float(sigma)) for image, sigma in zip(noisy, sigmas, strict=True)])
    torch.testing.assert_close(spliced(noisy, sigmas), one_by_one)


def assert_drawn_from_the_start(sets: Iterable[SplicedSamples], sampler: str) -> None:
    for one in sets:
        low = float(one.parameter.split()[1])
        whole = solvers.draw(SplicedDenoiser(EMPIRICAL, GAUSSIAN, low, one.at), START, sampler)
        torch.testing.assert_close(one.samples, whole, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("sampler", ["euler10", "heun18"])
def test_spliced_samples_equal_the_whole_trajectory_with_a_spliced_denoiser(sampler: str) -> None:
    """The states above the range are the network's own: beginning there changes nothing but rounding."""
    states = list(solvers.trajectory(EMPIRICAL, START, sampler))
    sets = list(splicing.splice(EMPIRICAL, {"gaussian": GAUSSIAN}, states, sampler, ENDS))
    assert [(one.parameter, one.at) for one in sets] == [
        (f"above {low:g}", high) for low, high in [(0, 0.5), (0, 5), (0, 80), (0.5, 5), (0.5, 80), (5, 80)]
    ]
    assert_drawn_from_the_start(sets, sampler)
    assert (sets[3].samples - states[-1]).abs().max() > 1e-3
    replaced = next(one for one in sets if one.parameter == "above 0" and one.at == 80)
    torch.testing.assert_close(replaced.samples, solvers.draw(GAUSSIAN, START, sampler), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("sampler", ["euler10", "heun18"])
def test_ranges_may_end_at_levels_of_the_sampler(sampler: str) -> None:
    """There Heun's correction at the upper end is the other denoiser's already."""
    states = list(solvers.trajectory(EMPIRICAL, START, sampler))
    ends = sampler_levels(sampler)[2::4]
    assert_drawn_from_the_start(splicing.splice(EMPIRICAL, {"gaussian": GAUSSIAN}, states, sampler, ends), sampler)


def test_ranges_are_named_by_all_digits_of_their_ends() -> None:
    levels = sampler_levels("euler10")
    states = list(solvers.trajectory(EMPIRICAL, START, "euler10"))
    sets = splicing.splice(EMPIRICAL, {"gaussian": GAUSSIAN}, states, "euler10", sorted(levels))
    named = {(float(one.parameter.removeprefix("above ")), one.at) for one in sets}
    assert named == set(splicing.level_ranges(levels))


def test_a_sampler_can_begin_at_any_of_its_states() -> None:
    states = list(solvers.trajectory(EMPIRICAL, START, "heun18"))
    for begin in (0, 5, 17, 18):
        torch.testing.assert_close(
            solvers.draw(EMPIRICAL, states[begin], "heun18", begin), states[-1], atol=2e-5, rtol=1e-4
        )


def test_teleporting_the_gaussian_leaves_only_the_later_error_of_the_solver() -> None:
    sets = list(splicing.teleport(GAUSSIAN, GAUSSIAN, START, "heun18"))
    assert [one.at for one in sets] == sampler_levels("heun18")
    exact = solvers.draw(GAUSSIAN, START, "exact")
    errors = [float((one.samples - exact).norm()) for one in sets]
    torch.testing.assert_close(sets[0].samples, solvers.draw(GAUSSIAN, START, "heun18"))
    assert errors[-1] < 1e-5 < errors[0]
    assert errors[12] < 0.1 * errors[0]


def test_spliced_samples_agree_about_the_mean_of_the_dataset() -> None:
    drawn = torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    mean, reference = (
        np.linspace(-0.5, 0.5, 16),
        sample_moments.MomentReference("n12a", spectrum.fit(IMAGES), IMAGES, None),
    )
    made = [SplicedSamples("splice-gaussian", "above 0", 80.0, drawn)]
    rows = splicing.splice_rows("n12a/ve4r1/i64", made, drawn + 0.3, reference, mean, "heun18")
    found = rows.groupby("quantity")["value"].sum()
    a, b = (one.flatten(1).numpy() - mean for one in (drawn, drawn + 0.3))
    expected = [(a * b).sum(), (a * a).sum(), (b * b).sum()]
    assert found[["inner", "norm_a", "norm_b"]].tolist() == pytest.approx(expected)


def test_rows_of_spliced_samples(tmp_path: Path) -> None:
    arrays.save_array(tmp_path / "images.npy", IMAGES)
    splits.save_split(tmp_path / "split.safetensors", splits.Split(np.arange(8, 12), np.arange(8)))
    arrays.save_array(tmp_path / "n8a" / "subset.npy", np.arange(8))
    own = spectrum.fit(IMAGES[:8])
    own.save(tmp_path / "n8a" / "spectrum.safetensors", (1, 4, 4))
    reference = sample_moments.MomentReference.open(tmp_path, "n8a", "n8a", ["heldout"])
    network, gaussian = EmpiricalDenoiser(torch.from_numpy(IMAGES[:8])), GaussianDenoiser(own, dtype=torch.float64)
    states = list(solvers.trajectory(network, START, "heun18"))
    sets = [
        *splicing.splice(network, {"gaussian": gaussian}, states, "heun18", (0.0, 80.0)),
        *splicing.teleport(network, gaussian, START, "heun18"),
    ]
    identifier = "n8a/ve4r1/i64"
    rows = splicing.splice_rows(identifier, sets, states[-1], reference, own.mean, "heun18")
    parquet.write_shard(tmp_path / "splice.parquet", rows)
    results = Measurements.read([tmp_path / "splice.parquet"], pixels=16)
    spliced = f"{identifier}/splice-gaussian"
    assert results.curve("memorised_fraction", spliced, parameter="above 0", at=80.0)["value"].item() < 1
    assert results.curve("r_c", spliced, reference_id=identifier)["value"].item() < 0.99
    teleport = f"{identifier}/teleport"
    whole = results.curve("r_c", teleport, parameter="start", at=80.0, reference_id=identifier)
    assert whole["value"].item() == pytest.approx(1, abs=1e-6)
    late = results.curve("pixel_distance", teleport, parameter="start", at=0.0, reference_id=identifier)
    assert late["value"].item() == pytest.approx(results.curve("pixel_distance", spliced)["value"].item(), rel=0.2)
    assert results.curve("memorised_fraction", teleport, parameter="start", at=80.0)["value"].item() == 1
    assert len(results.curve("frechet_distance", teleport, parameter="start", at=0.0)) == 1
