"""Measurements on shared noise of denoisers whose results are known exactly."""

import numpy as np
import pandas as pd
import pytest
import scipy.special
import torch
from scipy.special import softmax

from hidden_gaussian import noise, spectrum
from hidden_gaussian.denoisers import Denoiser, EmpiricalDenoiser, GaussianDenoiser
from hidden_gaussian.distillation import gradient_descent
from hidden_gaussian.distillation.exact import Fit
from hidden_gaussian.errors import InputError
from hidden_gaussian.measurement import example_outputs, noised_batch, shared_noise
from hidden_gaussian.noise_schedule import schedule
from hidden_gaussian.sampling import solvers
from hidden_gaussian.settings import Adam, Distillation, Measures
from hidden_gaussian.storage import parquet, schemas
from hidden_gaussian.tables import Measurements, table

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 1, 3, 3), dtype=np.uint8)
CLEAN = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (12, 1, 3, 3)) / 127.5 - 1).float()


def _target(kind: str, own: Denoiser | None = None) -> noised_batch.Target:
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    empirical = EmpiricalDenoiser(torch.from_numpy(IMAGES))
    return noised_batch.Target(
        f"n24a/{kind}",
        own or {"gaussian": gaussian, "empirical": empirical}[kind],
        "n24a/gaussian",
        gaussian,
        {"n24a/empirical": empirical},
        gaussian.mean.reshape(1, 3, 3).float(),
    )


def _measured(kind: str) -> noised_batch.ShardAndImages:
    settings = Measures(images=12, draws=2, levels=3, linearity_levels=3, alphas=(0.5**0.5, 0.9), inputs=("heldout",))
    clean, distil = {"heldout": CLEAN}, Distillation(draws=300, solver="adam", adam=Adam(epochs=3, batch=5))
    noise = {"noise": torch.zeros_like(CLEAN)}
    return shared_noise.measure(_target(kind), clean | noise, clean, settings, distil, seed=0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    place = tmp_path_factory.mktemp("shards")
    for kind in ("gaussian", "empirical"):
        parquet.write_shard(place / f"{kind}.parquet", _measured(kind).shard)
    return {kind: parquet.read_shard(place / f"{kind}.parquet") for kind in ("gaussian", "empirical")}


def _values(shard: pd.DataFrame, quantity: str, reference: str | None = None) -> pd.Series:
    rows = shard[(shard["quantity"] == quantity) & (shard["inputs"] == "heldout") & (shard["image"] >= 0)]
    rows = rows[rows["parameter"].isna() | (rows["at"] == 0.5**0.5)]
    rows = rows[rows["reference_id"].isna() if reference is None else rows["reference_id"] == reference]
    return rows.set_index(["sigma", "image", "draw"])["value"].sort_index()


def test_the_gaussian_is_no_distance_from_itself_and_affine(shards: dict[str, pd.DataFrame]) -> None:
    gaussian = shards["gaussian"]
    assert (_values(gaussian, "distance", "n24a/gaussian") == 0).all()
    scale = _values(gaussian, "norm").mean()
    assert _values(gaussian, "distance", "n24a/gaussian/linear").max() < 1e-10 * scale
    assert _values(gaussian, "affine_gap").max() < 1e-9 * scale
    assert _values(gaussian, "mismatch", "n24a/gaussian/linear").abs().max() < 1e-9 * scale


def test_distances_are_symmetric_because_the_noise_is_shared(shards: dict[str, pd.DataFrame]) -> None:
    one = _values(shards["gaussian"], "distance", "n24a/empirical")
    other = _values(shards["empirical"], "distance", "n24a/gaussian")
    pd.testing.assert_series_equal(one, other, rtol=1e-4, atol=1e-8)
    assert (one > 0).any()


def test_loss_follows_its_definition(shards: dict[str, pd.DataFrame]) -> None:
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    sigma = 80.0
    noised = noised_batch.NoisedBatch.of("heldout", CLEAN, sigma, draws=2, seed=0)
    loss = (gaussian(noised.noisy, sigma) - noised.clean).square().flatten(1).sum(1)
    found = _values(shards["gaussian"], "loss").loc[sigma]
    np.testing.assert_allclose(found.loc[(3, 1)], float(loss[12 + 3]), rtol=1e-5)
    assert len(found) == 24


def test_example_outputs_have_shared_inputs() -> None:
    """The empirical denoiser of one image returns it; of more, their mean weighted by the softmax of distances."""
    training = torch.from_numpy(IMAGES[:5])
    found = example_outputs.outputs_on_shared_inputs(EmpiricalDenoiser(training), CLEAN[:3], seed=0)
    other = example_outputs.outputs_on_shared_inputs(EmpiricalDenoiser(training[:1]), CLEAN[:3], seed=0)
    assert torch.equal(found["noise"], other["noise"]) and torch.equal(found["clean"], CLEAN[:3].half())
    flat = IMAGES[:5].reshape(5, -1) / 127.5 - 1
    assert np.allclose(other["of_noise"].numpy().reshape(10, 3, -1), flat[0], atol=1e-3)
    for name, signal in (("of_images", CLEAN[:3].numpy()), ("of_noise", 0)):
        for level, sigma in zip(found[name].numpy(), schedule(10), strict=True):
            noisy = (signal + sigma * found["noise"].double().numpy()).reshape(3, -1)
            logits = -np.square(noisy[:, None] - flat).sum(2) / (2 * sigma**2)
            expected = softmax(logits, axis=1) @ flat
            first, second = np.sort(logits, axis=1)[:, :-3:-1].T
            sure = first - second > (10 if sigma < 1 else 0)  # the noise is kept in float16
            assert np.allclose(level.reshape(3, -1)[sure], expected[sure], atol=0.02)


def test_weights_of_training_images_are_measured_of_the_empirical_denoiser_only(
    shards: dict[str, pd.DataFrame],
) -> None:
    sigma = float(sorted(shards["empirical"]["sigma"].unique())[1])
    noised = noised_batch.NoisedBatch.of("heldout", CLEAN, sigma, draws=2, seed=0)
    gaps = noised.noisy.flatten(1).double().numpy()[:, None] - (IMAGES / 127.5 - 1).reshape(1, 24, 9)
    weights = scipy.special.softmax(-np.square(gaps).sum(-1) / (2 * sigma**2), axis=1)
    expected = {"entropy": scipy.special.entr(weights).sum(1), "effective": 1 / np.square(weights).sum(1)}
    for quantity, values in expected.items():
        found = _values(shards["empirical"], quantity).loc[sigma]
        np.testing.assert_allclose(found.loc[(5, 1)], values[12 + 5], rtol=1e-6)
        assert len(found) == 24
        assert quantity not in set(shards["gaussian"]["quantity"])
    assert 1.5 < expected["effective"].mean() < 20


def test_each_milestone_has_one_row_of_weights(shards: dict[str, pd.DataFrame]) -> None:
    rows = shards["empirical"][shards["empirical"]["parameter"] == "draws"]
    assert (rows["image"] == -1).all()
    assert sorted(rows["at"].unique()) == [75.0, 150.0, 300.0]
    assert rows.groupby(["sigma", "at"], observed=True)["quantity"].nunique().eq(11).all()


def test_only_images_not_trained_on_are_split_into_halves_by_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training images are a whole set; a map for other images must hold for images that it was not fitted to."""
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    target = noised_batch.Target(
        "n24a/gaussian", gaussian, "n24a/gaussian", gaussian, {}, gaussian.mean.reshape(1, 3, 3)
    )
    by_image = {}

    def record(_target: object, _noised: object, _denoised: object, fit: Fit, *_: object, **__: object) -> tuple:
        by_image[fit.purpose] = fit.by_image
        return [], {}

    monkeypatch.setattr(shared_noise, "measure_linear_maps", record)
    inputs = dict.fromkeys(("train", "heldout", "foreign"), CLEAN)
    settings = Measures(images=12, draws=1, levels=3, linearity_levels=3, inputs=tuple(inputs))
    shared_noise.measure(target, inputs, inputs, settings, Distillation(draws=300), seed=0)
    assert by_image == {"distillation/train": False, "distillation/heldout": True, "distillation/foreign": True}


def test_gradient_descent_has_one_row_for_each_epoch(shards: dict[str, pd.DataFrame]) -> None:
    rows = shards["empirical"][shards["empirical"]["parameter"] == "epoch"]
    assert sorted(rows["at"].unique()) == [0, 1, 2, 3]
    wide = rows.pivot_table(index=["sigma", "at"], columns="quantity", values="value", observed=True)
    start = wide.xs(0.0, level="at")
    assert (start["linear_weight"] == 0).all()
    pd.testing.assert_series_equal(start["weight_gap"], start["gaussian_weight"], check_names=False)
    assert (wide["fit_gap"] > 0).all()


def test_singular_vectors_after_gradient_descent_equal_a_full_decomposition() -> None:
    """They are shown at the level nearest to 4; the last ones are of the map after the last epoch."""
    shard, images = _measured("gaussian")
    gaussian = GaussianDenoiser(spectrum.fit(IMAGES), dtype=torch.float64)
    settings, fit = Adam(epochs=3, batch=5), Fit(CLEAN, 300, 0, "distillation/adam/heldout", True, 0.0)
    sigma = float(schedule(3)[1])
    *_, last = gradient_descent.fit_by_epochs(gaussian, fit, sigma, settings)
    left, values, _ = np.linalg.svd(last.weight.numpy())
    rows = shard[(shard["quantity"] == "descended_value") & (shard["sigma"] == sigma)].sort_values("at")
    np.testing.assert_allclose(rows["value"], values, rtol=1e-3, atol=1e-6)
    assert images["descended_epochs"].tolist() == [1, 2, 3]
    found = images["descended"][-1].double().numpy().reshape(-1, 9)
    assert np.allclose(np.abs(found[0] @ left[:, 0]) / 3, 1, atol=2e-3)
    own = images["components"].double().numpy().reshape(-1, 9)
    assert ((found * own).sum(1) >= 0).all()


def test_gaussian_components_have_their_gains(shards: dict[str, pd.DataFrame]) -> None:
    shard = shards["gaussian"]
    wide = shard[shard["parameter"] == "component"].pivot_table(
        index=["sigma", "at"], columns="quantity", values="value", observed=True
    )
    eigenvalues = spectrum.fit(IMAGES).eigenvalues
    for (sigma, at), row in wide.iterrows():
        gain = eigenvalues[int(at) - 1] / (eigenvalues[int(at) - 1] + sigma**2)
        np.testing.assert_allclose(row[["gain", "gaussian_gain", "singular_value"]], gain, rtol=1e-6, atol=1e-12)
    ranks = shard[shard["parameter"] == "rank"].pivot_table(
        index=["sigma", "at"], columns="quantity", values="value", observed=True
    )
    assert sorted(ranks.index.unique("at")) == [1, 2, 5]
    noisiest = ranks.xs(80.0, level="sigma")
    np.testing.assert_allclose(noisiest["overlap"], noisiest.index, rtol=1e-6)
    np.testing.assert_allclose(noisiest["overlap_random"], noisiest.index**2 / 9)


def test_every_weight_of_a_pair_is_measured_and_pure_noise_only_for_linearity(shards: dict[str, pd.DataFrame]) -> None:
    shard = shards["empirical"]
    pairs = shard[shard["parameter"] == "alpha"].groupby(["inputs", "at"], observed=True)["quantity"].unique()
    assert set(pairs.index) == {(inputs, at) for inputs in ("heldout", "noise") for at in (0.5**0.5, 0.9)}
    assert all("mixed_gap_residual" in found for found in pairs)
    assert [("affine_gap" in found) for found in pairs] == [at < 0.8 for _, at in pairs.index]
    assert set(shard.loc[shard["inputs"] == "noise", "parameter"]) == {"alpha"}


def test_states_of_the_sampler_have_distances_at_its_levels_and_nothing_else() -> None:
    gaussian, empirical = GaussianDenoiser(spectrum.fit(IMAGES)), EmpiricalDenoiser(torch.from_numpy(IMAGES))
    mean = gaussian.mean.reshape(1, 3, 3)
    cell, others = "n24a/ve4r1/i8", {"n24a/empirical": empirical}
    target = noised_batch.Target(cell, lambda y, sigma: y / (1 + sigma) + 3, "n24a/gaussian", gaussian, others, mean)
    _, trajectories = solvers.draw_with_trajectories(target.denoiser, 80 * CLEAN, "euler10", count=5)
    settings = Measures(images=12, levels=3, linearity_levels=3, inputs=("heldout", "trajectory"))
    inputs = {"heldout": CLEAN}
    shard, _ = shared_noise.measure(target, inputs, {}, settings, None, seed=0, trajectories=trajectories)
    rows = shard[shard["inputs"] == "trajectory"]
    assert set(rows["sampler"]) == {"euler10"}
    assert set(shard.loc[shard["inputs"] == "heldout", "sampler"].dropna()) == set()
    assert sorted(rows["sigma"].unique()) == sorted(noise.schedule(10).tolist())
    assert set(rows["quantity"]) == {"distance", "norm", "norm_centred"}
    sigma, state = noise.schedule(10)[4], trajectories[:, 4]  # four steps of the denoiser from 80 times a clean image
    denoised = state / (1 + sigma) + 3
    expected = (denoised - empirical(state, sigma)).square().flatten(1).sum(1)
    found = rows[
        (rows["quantity"] == "distance") & (rows["reference_id"] == "n24a/empirical") & (rows["sigma"] == sigma)
    ]
    np.testing.assert_allclose(found.sort_values("image")["value"], expected, rtol=1e-5)
    spread = rows.loc[(rows["quantity"] == "norm_centred") & (rows["sigma"] == sigma), "value"].sum()
    assert spread == pytest.approx(5 * denoised.flatten(1).double().numpy().var(axis=0).sum(), rel=1e-5)
    made = table(Measurements([shard.reindex(columns=[c.name for c in schemas.SHARD.columns])], pixels=9), "toy")
    names = set(made.loc[made["inputs"] == "trajectory", "metric"])
    assert {"nrmse", "rmse", "nrmse_centred", "difference_ratio"} <= names
    assert not names & {"rho", "rho_star", "position", "loss"}  # whose parts belong to other states


OWN: dict[str, tuple[Denoiser, str]] = {
    "another shape": (
        lambda noisy, _: noisy.mean((2, 3), keepdim=True),
        r"shape \(6, 1, 1, 1\), expected \(6, 1, 3, 3\)",
    ),
    "an array": (lambda noisy, _: noisy.numpy(), "returned a ndarray, expected a tensor"),
    "nothing": (lambda noisy, _: None, "returned a NoneType"),
    "a NaN": (lambda noisy, _: noisy.where(noisy < noisy.max(), torch.nan), "NaN or infinite"),
    "a gradient": (lambda noisy, _: noisy * torch.nn.Parameter(torch.ones(1)), r"torch\.no_grad"),
    "in place": (lambda noisy, _: noisy.mul_(0.5), "changed the noisy images"),
}


@pytest.mark.parametrize("kind", OWN)
def test_a_function_that_is_no_denoiser_is_refused(kind: str) -> None:
    own, message = OWN[kind]
    settings = Measures(images=8, draws=1, levels=2, linearity_levels=2, inputs=("heldout",))
    with pytest.raises(InputError, match=f"n24a/mine.*{message}"):
        shared_noise.measure(_target("mine", own), {"heldout": CLEAN[:6]}, {}, settings, None, seed=0)


def test_images_of_another_range_are_refused() -> None:
    settings = Measures(images=8, draws=1, levels=2, linearity_levels=2, inputs=("heldout",))
    with pytest.raises(InputError, match=r"'heldout' have pixels outside \[-1, 1\]"):
        shared_noise.measure(_target("gaussian"), {"heldout": CLEAN[:6] + 1}, {}, settings, None, seed=0)
