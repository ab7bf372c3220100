"""Random streams and noise depend on seed, purpose and index alone; schedules follow their formula."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hidden_gaussian import noise, seeding


def test_seeds_are_repeatable_and_distinct() -> None:
    seeds = {seeding.derive(s, p, i) for s in range(3) for p in ("order", "latents") for i in range(50)}
    assert len(seeds) == 300
    assert max(seeds) < 2**63
    assert seeding.derive(1, "order", 2) == seeding.derive(1, "order", 2)


def test_noise_of_a_sample_does_not_depend_on_its_batch() -> None:
    together = noise.noise_for(range(6), (1, 4, 4), seed=3, purpose="latents")
    alone = noise.noise_for([4], (1, 4, 4), seed=3, purpose="latents")
    assert torch.equal(together[4], alone[0])


def test_noise_is_standard_normal() -> None:
    drawn = noise.noise_for(range(400), (3, 8, 8), seed=0, purpose="test").double()
    assert abs(drawn.mean()) < 4 / drawn.numel() ** 0.5
    assert abs(drawn.var() - 1) < 4 * (2 / drawn.numel()) ** 0.5
    neighbours = (drawn[:-1] * drawn[1:]).mean()
    assert abs(neighbours) < 4 / drawn.numel() ** 0.5


def test_schedule_equals_the_published_levels() -> None:
    published = [80.0, 42.415189, 21.108677, 9.723201, 4.066124, 1.501742, 0.469979, 0.116639, 0.020435, 0.002]
    torch.testing.assert_close(torch.tensor(noise.schedule(10)), torch.tensor(published).double(), rtol=3e-6, atol=6e-7)


@given(
    count=st.integers(2, 200),
    lowest=st.floats(1e-3, 0.1),
    ratio=st.floats(2, 1e5),
    rho=st.floats(1, 12),
)
def test_every_schedule_follows_the_formula(count: int, lowest: float, ratio: float, rho: float) -> None:
    """Karras et al. (2022), eq. 5, level by level, rounded to ten decimals."""
    highest = lowest * ratio
    found = noise.schedule(count, lowest, highest, rho)
    start, end = highest ** (1 / rho), lowest ** (1 / rho)
    expected = [(start + i / (count - 1) * (end - start)) ** rho for i in range(count)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose([found[0], found[-1]], [highest, lowest], rtol=1e-12, atol=1e-10)
    assert (np.diff(found) < 0).all()
