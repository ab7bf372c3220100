"""Metrics from shards against the same formulas written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthetic
from hidden_gaussian import spectrum
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import parquet, schemas
from hidden_gaussian.tables import METRICS, TABLES, Measurements, gather, table, window
from hidden_gaussian.tables.formulas import signed_root
from toy_images import PIXELS

CELL = synthetic.cell(8)
KINDS = {CELL.id: "blend 0.3", "n8a/gaussian": "gaussian", "n8a/empirical": "empirical"}
LINEARITY = ("mixed_inner", "mixed_norm", "combined_norm", "mixed_gap")


@pytest.fixture(scope="module")
def held() -> Measurements:
    return Measurements([synthetic.measures(name, kind) for name, kind in KINDS.items()], pixels=6)


def outputs(sigma: float, inputs: str = "heldout", subset: str = "n8a") -> dict[str, np.ndarray]:
    """Noisy images, clean ones, and all outputs, (draw * image, pixel)."""
    clean = synthetic.images(inputs if inputs == "heldout" else subset)
    noise = np.random.default_rng(99).normal(size=(2, synthetic.IMAGES, 6))[:, : len(clean)]
    noisy = (clean + sigma * noise).reshape(-1, 6)
    made = {kind: synthetic.denoiser(kind, subset)(noisy, sigma) for kind in (*KINDS.values(), "all")}
    return made | {"clean": np.tile(clean, (2, 1)), "noisy": noisy}


def value(held: Measurements, metric: str, identifier: str = CELL.id, sigma: float = 1.0, **where: object) -> float:
    curve = held.curve(metric, identifier, **{"inputs": "heldout", **where}).set_index("sigma")
    return float(curve.loc[sigma, "value"])


def square(difference: np.ndarray) -> np.ndarray:
    return np.square(difference).sum(axis=1)


def test_distances_by_hand(held: Measurements) -> None:
    made = outputs(1.0)
    network, whole = made["blend 0.3"], made["gaussian"]
    gap, where = square(network - whole), {"reference_id": "n8a/gaussian"}
    assert value(held, "rmse", **where) == pytest.approx(np.sqrt(gap.mean() / 6))
    assert value(held, "rmse_per_image", **where) == pytest.approx(np.sqrt(gap / 6).mean())
    assert value(held, "nrmse", **where) == pytest.approx(np.sqrt(gap.sum() / square(network).sum()))
    centred = square(network - network.mean(0)).sum()
    assert value(held, "nrmse_centred", **where) == pytest.approx(np.sqrt(gap.sum() / centred))
    assert value(held, "difference_ratio", **where) == pytest.approx(np.sqrt(gap / square(network)).mean())


def test_a_blend_lies_on_the_line_to_the_empirical_denoiser(held: Measurements) -> None:
    assert value(held, "position") == pytest.approx(0.3)
    assert value(held, "off_axis") == pytest.approx(0, abs=1e-9)
    assert value(held, "rho") == pytest.approx(0.09)
    made = outputs(1.0)
    whole = square(made["blend 0.3"] - made["all"]).sum() / square(made["empirical"] - made["all"]).sum()
    assert value(held, "rho_star") == pytest.approx(whole)


def test_share_of_the_cross_term_is_what_neither_part_has(held: Measurements) -> None:
    rows, linear = synthetic.measures(CELL.id, KINDS[CELL.id]), f"{CELL.id}/linear"
    rows = rows[(rows["inputs"] == "heldout") & (rows["sigma"] == 1.0)]
    sums = rows.groupby(["quantity", "reference_id"], observed=True)["value"].sum()
    share = (sums["nonlinear", linear] + sums["mismatch", linear]) / sums["distance", "n8a/gaussian"]
    assert value(held, "energy_cross") == pytest.approx(1 - share)


def test_distances_of_linear_maps_are_products_of_two_fits(held: Measurements) -> None:
    rows, linear = synthetic.measures(CELL.id, KINDS[CELL.id]), f"{CELL.id}/linear"
    rows = rows[(rows["inputs"] == "heldout") & (rows["sigma"] == 1.0)]
    table = rows[rows["image"] >= 0].pivot_table(
        index=["image", "draw"], columns=["quantity", "reference_id"], values="value", observed=True, dropna=False
    )
    sums = rows.groupby(["quantity", "reference_id"], observed=True, dropna=False)["value"].mean()
    norm, between = square(outputs(1.0)["blend 0.3"]), square(outputs(1.0)["empirical"] - outputs(1.0)["gaussian"])
    for quantity, identifier, reference in (("nonlinear", CELL.id, linear), ("mismatch", linear, "n8a/gaussian")):
        product, where = sums[quantity, linear], {"reference_id": reference}
        signed = np.sign(product) * np.sqrt(abs(product))
        assert value(held, "rmse_unbiased", identifier, **where) == pytest.approx(signed / np.sqrt(6))
        assert value(held, "nrmse_unbiased", identifier, **where) == pytest.approx(signed / np.sqrt(norm.mean()))
        each = table[quantity, linear].to_numpy() / norm.reshape(2, -1).T.ravel()
        found = value(held, "difference_ratio_unbiased", identifier, **where)
        assert found == pytest.approx((np.sign(each) * np.sqrt(np.abs(each))).mean())
        name = {"nonlinear": "rho_nonlinear", "mismatch": "rho_linear"}[quantity]
        assert value(held, name, identifier, **where) == pytest.approx(product / between.mean())
    assert value(held, "nonlinear_share") == pytest.approx(sums["nonlinear", linear] / sums["distance", "n8a/gaussian"])


def test_distance_and_correlation_of_input_and_output_by_hand() -> None:
    frames = [synthetic.measures(name, kind) for name, kind in KINDS.items()]
    made = outputs(1.0)
    network, noisy = made["blend 0.3"], made["noisy"]
    centred, residual, spread = (part - part.mean(0) for part in (network, noisy - network, noisy))
    identity = frames[1].query(
        "quantity == 'norm_centred' and inputs == 'heldout' and sigma == 1.0 and parameter.isna()"
    )
    values = square(spread).reshape(synthetic.DRAWS, -1)[identity["draw"], identity["image"]]
    identity = identity.assign(id="n8a/identity", value=values)
    held = Measurements([*frames, identity], pixels=6)
    ratio = np.sqrt(square(residual).sum() / square(centred).sum())
    assert value(held, "residual_ratio") == pytest.approx(ratio)
    correlation = (centred * spread).sum() / np.sqrt(square(centred).sum() * square(spread).sum())
    assert value(held, "decorrelation") == pytest.approx(1 - correlation)


def test_half_a_decides_the_largest_gaussian() -> None:
    network, empirical = synthetic.cell(128, "b").id, "n128b/empirical"
    kinds = {network: "blend 0.3", empirical: "empirical"}
    held = Measurements([synthetic.measures(name, kind) for name, kind in kinds.items()])
    made = outputs(1.0, subset="n128b")
    share = square(made["blend 0.3"] - made["all"]).sum() / square(made["empirical"] - made["all"]).sum()
    assert value(held, "rho_star", network) == pytest.approx(share)


def test_a_root_keeps_its_sign() -> None:
    np.testing.assert_array_equal(signed_root(np.array([-4.0, 0.0, 9.0])), [-2, 0, 3])


def test_losses_and_gaps_by_hand(held: Measurements) -> None:
    losses = {
        (kind, inputs): square(made[kind] - made["clean"]).mean()
        for inputs in ("heldout", "train")
        for made in [outputs(1.0, inputs)]
        for kind in KINDS.values()
    }
    gaps = {kind: losses[kind, "heldout"] - losses[kind, "train"] for kind in KINDS.values()}
    assert value(held, "loss") == pytest.approx(losses["blend 0.3", "heldout"] / 6)
    ratio = losses["blend 0.3", "heldout"] / losses["gaussian", "heldout"]
    assert value(held, "loss_ratio", reference_id="n8a/gaussian") == pytest.approx(ratio)
    assert value(held, "gap") == pytest.approx(gaps["blend 0.3"] / 6)
    for reference in ("gaussian", "empirical"):
        found = value(held, "gap_ratio", reference_id=f"n8a/{reference}")
        assert found == pytest.approx(gaps["blend 0.3"] / gaps[reference])


def test_linear_map_of_an_affine_denoiser_is_itself(held: Measurements) -> None:
    assert value(held, "r2_linear", "n8a/gaussian") == pytest.approx(1)
    assert value(held, "mismatch", "n8a/gaussian") == pytest.approx(0, abs=1e-9)
    assert value(held, "fit_error", "n8a/gaussian", parameter=None) == pytest.approx(0, abs=1e-6)
    where = {"parameter": "draws", "at": float(synthetic.PAIRS)}
    assert value(held, "weight_distance", "n8a/gaussian", **where) == pytest.approx(0, abs=1e-6)
    assert value(held, "asymmetry", "n8a/gaussian", **where) == pytest.approx(0, abs=1e-6)
    assert value(held, "asymmetry_raw", "n8a/gaussian", **where) == pytest.approx(0, abs=1e-6)
    assert value(held, "jacobian_to_linear", **where) == pytest.approx(0.2)
    assert value(held, "jacobian_to_gaussian", **where) == pytest.approx(0.3)
    assert value(held, "fit_error", **where) == pytest.approx(0.25)
    assert value(held, "rmse", f"{CELL.id}/linear", reference_id="n8a/gaussian") > 0


def test_alignment_by_hand() -> None:
    linear = f"{CELL.id}/linear"
    place = {"id": CELL.id, "reference_id": linear, "inputs": "train", "sigma": 1.0}
    rank = {"overlap": 3.0, "overlap_whole": 5.0, "overlap_random": 25 / 64, "overlap_ceiling": 4.0}
    component = {"gain": 0.8, "gaussian_gain": 0.9, "singular_value": 0.85}
    parts = [
        ({**place, "parameter": name, "at": 5.0, "quantity": quantity}, {"image": [-1], "draw": [0], "value": [number]})
        for name, values in (("rank", rank), ("component", component))
        for quantity, number in values.items()
    ]
    parts = [(where, {key: np.array(value) for key, value in columns.items()}) for where, columns in parts]
    made = table(Measurements([synthetic.shard(parts)]), "toy", families=["alignment"])
    found = {(row.id, row.metric): (row.value, row.parameter, row.at) for row in made.itertuples()}
    assert found == {
        (CELL.id, "gain"): (0.8, "component", 5.0),
        ("n8a/gaussian", "gain"): (0.9, "component", 5.0),
        (CELL.id, "singular_value"): (0.85, "component", 5.0),
        ("n8a/gaussian", "singular_value"): (0.9, "component", 5.0),
        (CELL.id, "subspace_overlap"): (0.6, "rank", 5.0),
        (CELL.id, "subspace_ceiling"): (0.8, "rank", 5.0),
        (CELL.id, "subspace_random"): (5 / 64, "rank", 5.0),
    }


@pytest.mark.parametrize("images", [None, slice(0, None, 2), slice(1, None, 2)])
def test_pooled_over_levels_before_the_ratio(held: Measurements, images: slice | None) -> None:
    sigmas, some = (0.6, 1.0), images or slice(None)  # of both draws: the number of images is even
    made = [outputs(sigma) for sigma in sigmas]
    top = sum(square(one["blend 0.3"] - one["clean"])[some].sum() for one in made)
    bottom = sum(square(one["gaussian"] - one["clean"])[some].sum() for one in made)
    where = {"inputs": "heldout", "reference_id": "n8a/gaussian"}
    assert held.over("loss_ratio", CELL.id, sigmas, images=images, **where)[0] == pytest.approx(top / bottom)
    assert held.over("loss_ratio", CELL.id, (0.6, 1.1), **where) is None


def test_the_window_is_where_empirical_and_gaussian_denoiser_differ(held: Measurements) -> None:
    made = {sigma: outputs(sigma, "train") for sigma in synthetic.SIGMAS}
    gaps = {sigma: square(of["empirical"] - of["gaussian"]).sum() for sigma, of in made.items()}
    expected = tuple(sigma for sigma, gap in gaps.items() if gap > max(gaps.values()) / 2)
    assert held.window() == expected
    assert min(expected) > min(synthetic.SIGMAS)
    assert max(expected) < max(synthetic.SIGMAS)
    outside = [sigma for sigma in synthetic.SIGMAS if sigma not in expected]
    middles = np.sqrt([outside[0] * min(expected), max(expected) * outside[1]])
    assert window.ends(held.departures().index.tolist(), expected) == pytest.approx(tuple(middles))


def pairs(seed: int = 0, count: int = 20) -> tuple[Measurements, dict[str, np.ndarray]]:
    """Rows of the linearity metrics for vectors that are known."""
    mixed, combined = np.random.default_rng(seed).normal(size=(2, count, 6)) + 0.5
    values = {
        "mixed_inner": (mixed * combined).sum(1),
        "mixed_norm": square(mixed),
        "combined_norm": square(combined),
        "mixed_gap": square(mixed - combined),
        "affine_gap": square(mixed - 1),
        "norm_centred": square(combined - combined.mean(0)),
    }
    place = {"id": CELL.id, "inputs": "heldout", "sigma": 1.0, "parameter": "alpha", "at": 0.7}
    index = {"image": np.arange(count), "draw": np.zeros(count)}
    parts = [({**place, "quantity": name}, {**index, "value": value}) for name, value in values.items()]
    return Measurements([synthetic.shard(parts)]), {"mixed": mixed, "combined": combined}


def test_linearity_by_hand() -> None:
    held, made = pairs()
    mixed, combined = made["mixed"], made["combined"]
    cosine = (mixed * combined).sum(1) / np.linalg.norm(mixed, axis=1) / np.linalg.norm(combined, axis=1)
    where = {"parameter": "alpha", "at": 0.7}
    assert value(held, "cosine", **where) == pytest.approx(cosine.mean())
    assert value(held, "cosine_abs", **where) == pytest.approx(np.abs(cosine).mean())
    ratio = np.linalg.norm(mixed - combined, axis=1) / np.linalg.norm(combined, axis=1)
    assert value(held, "additivity_ratio", **where) == pytest.approx(ratio.mean())
    affinity = square(mixed - 1).sum() / square(combined - combined.mean(0)).sum()
    assert value(held, "affinity", **where) == pytest.approx(affinity)


def test_how_many_images_speak_is_a_table_of_means() -> None:
    values = {"entropy": np.array([0.1, 0.5, 1.5, 0.3]), "effective": np.array([1.0, 2.0, 4.5, 1.5])}
    place = {"id": "n8a/empirical", "inputs": "heldout", "sigma": 1.0}
    index = {"image": np.arange(4), "draw": np.zeros(4)}
    parts = [({**place, "quantity": name}, {**index, "value": value}) for name, value in values.items()]
    made = table(Measurements([synthetic.shard(parts)], pixels=6), "toy", families={"memorisation"})
    means = made.set_index("metric")["value"].to_dict()
    assert means == pytest.approx({"posterior_entropy": 0.6, "effective_images": 2.25})


def test_images_that_are_not_shared_are_refused(held: Measurements) -> None:
    other = synthetic.measures("n8a/gaussian", "gaussian")
    fewer = Measurements([synthetic.measures(CELL.id, "blend 0.3"), other[other["image"] != 3]])
    with pytest.raises(InputError, match="share"):
        fewer.curve("loss_ratio", CELL.id, inputs="heldout", reference_id="n8a/gaussian")


def test_a_shard_read_twice_counts_once(held: Measurements) -> None:
    frames = [synthetic.measures(name, kind) for name, kind in KINDS.items()]
    twice = Measurements([*frames, *frames], pixels=6)
    assert value(twice, "rho") == value(held, "rho")
    pd.testing.assert_frame_equal(table(twice, "x"), table(held, "x"))


def test_asking_for_what_is_ambiguous_or_absent(held: Measurements) -> None:
    with pytest.raises(ValueError, match="times"):
        held.curve("nrmse", CELL.id)
    assert held.curve("nrmse", CELL.id, inputs="foreign", reference_id="n8a/gaussian").empty
    assert held.curve("gl_score", CELL.id).empty


def test_table_holds_every_metric_that_was_measured(held: Measurements, tmp_path: Path) -> None:
    made = table(held, "toy", window=held.window())
    families = {"distance", "distillation", "gap", "position"}
    expected = {metric.name for metric in METRICS if metric.family in families} | {"affinity"}
    expected |= {"r2_linear", "r2_linear_residual"}
    expected -= {"decorrelation"}  # this world has no identity denoiser
    assert set(made["metric"]) == expected
    parquet.write_table(tmp_path / "t.parquet", made, schemas.ESTIMATES)
    own = made[(made["id"] == CELL.id) & (made["metric"] == "rho") & (made["inputs"] == "heldout")]
    assert own["parameter"].tolist().count("window") == 1
    assert set(own["interval"]) == {"given these networks"}
    maps = made[made["id"].str.startswith(CELL.id) & made["metric"].isin(["mismatch", "fit_error", "r2_linear"])]
    assert set(maps["interval"].dropna()) == {"given these networks and fits"}
    exact = made[made["id"].isin(["n8a/empirical", "n8a/gaussian"])].dropna(subset=["interval"])
    assert set(exact.loc[exact["metric"] == "r2_linear", "interval"]) == {"photographs, given these fits"}
    assert set(exact.loc[exact["metric"] == "rho", "interval"]) == {"photographs"}
    assert set(own["epoch"]) == {8000.0}
    assert set(made.loc[made["metric"] == "position", "sigma"].dropna()) == set(held.window())
    assert made.loc[made["metric"] == "asymmetry", ["low", "high"]].isna().all(axis=None)
    bounded = made.dropna(subset=["low"])
    assert (bounded["low"] <= bounded["high"]).all()


def test_tables_of_nothing_can_be_written(tmp_path: Path) -> None:
    for name, made in gather(tmp_path, [], pixels=6).items():
        parquet.write_table(tmp_path / f"{name}.parquet", made, TABLES[name])
        assert parquet.read_table(tmp_path / f"{name}.parquet", TABLES[name]).empty


def test_gather_reads_files(tmp_path: Path) -> None:
    for name, kind in KINDS.items():
        parquet.write_shard(tmp_path / name / "measures.parquet", synthetic.measures(name, kind))
    log = pd.DataFrame({"images_seen": [64, 128], "loss": [1.0, 0.5], "learning_rate": 1e-3})
    parquet.write_log(tmp_path / CELL.id / "training.parquet", log)
    laws = {name: spectrum.fit(PIXELS[:count]) for name, count in (("n8b", 8), ("n12a", 12))}
    for name, law in laws.items():
        law.save(tmp_path / name / "spectrum.safetensors", (1, 8, 8))
    paths = [str(path) for path in [*tmp_path.rglob("*.parquet"), *tmp_path.rglob("*.safetensors")]]
    made = gather(tmp_path, paths, pixels=6)
    assert set(made) == set(TABLES)
    parquet.write_table(tmp_path / "spectrum.parquet", made["spectrum"], schemas.SPECTRUM)
    spectra = made["spectrum"].set_index(["subset_size", "half"])
    assert spectra.index.unique().tolist() == [(8, "b"), (12, "a")]
    np.testing.assert_array_equal(spectra.loc[(12, "a"), "variance"], laws["n12a"].eigenvalues)
    assert spectra.loc[(12, "a"), "component"].tolist() == list(range(1, 12))
    assert spectra.groupby(level=[0, 1])["share"].last().tolist() == pytest.approx([1, 1])
    assert spectra["share"].iloc[0] == pytest.approx(laws["n8b"].eigenvalues[0] / laws["n8b"].eigenvalues.sum())
    assert made["training"]["epoch"].tolist() == [8.0, 16.0]
    parquet.write_table(tmp_path / "training.parquet", made["training"], schemas.TRAINING)
    again = gather(tmp_path, paths[::-1], pixels=6)
    for name in made:
        pd.testing.assert_frame_equal(made[name].reset_index(drop=True), again[name].reset_index(drop=True))


def test_an_empirical_denoiser_with_jacobians_alone_decides_no_window(held: Measurements) -> None:
    """Its distances are distances to its own Taylor map."""
    jacobians = synthetic.measures("n8a/empirical", "empirical")
    jacobians = jacobians[jacobians["reference_id"] == "n8a/gaussian"]
    jacobians = jacobians.assign(id="n64a/empirical", reference_id="n64a/empirical/taylor")
    assert "distance" in set(jacobians["quantity"])
    frames = [synthetic.measures(name, kind) for name, kind in KINDS.items()]
    assert Measurements([*frames, jacobians], pixels=6).window() == held.window() != ()


def test_a_metric_that_is_none_or_several_is_named(held: Measurements) -> None:
    with pytest.raises(ValueError, match=r"no metric 'nrsme'; did you mean 'nrmse'\?"):
        held.curve("nrsme", CELL.id)
    with pytest.raises(ValueError, match=rf"nrmse of {CELL.id} is there \d+ times; choose .*inputs of .*train"):
        held.curve("nrmse", CELL.id)
