"""Which images are measured, and which linear maps are fitted to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hidden_gaussian import spectrum
from hidden_gaussian.data import duplicates, splits
from hidden_gaussian.measurement import targets
from hidden_gaussian.settings import Distillation, Measures
from hidden_gaussian.storage import arrays
from hidden_gaussian.tables import Measurements
from toy_images import pixels

SUBSET, HELDOUT = 16, 120
SETTINGS = Measures(images=100, draws=4, levels=3, linearity_levels=3, inputs=("train", "heldout"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    array = pixels(160, 4)[..., :1].transpose(0, 3, 1, 2)
    found = duplicates.find(array)
    split = splits.split(array, HELDOUT, seed=1, found=found)
    chosen = splits.subset_indices(split, SUBSET, "a")
    arrays.save_array(tmp_path / "images.npy", array)
    splits.save_split(tmp_path / "split.safetensors", split)
    duplicates.save(tmp_path / "duplicates.json", found)
    arrays.save_array(tmp_path / "n16a/subset.npy", chosen)
    spectrum.fit(array[chosen]).save(tmp_path / "n16a/spectrum.safetensors", array.shape[1:])
    return tmp_path


def test_at_most_half_of_the_held_out_images_are_measured_so_that_maps_can_be_fitted_to_the_rest(results: Path) -> None:
    for count, expected in ((100, HELDOUT // 2), (HELDOUT // 2, HELDOUT // 2), (5, 5)):
        found = targets.evaluation_images(results, "n16a/gaussian", ["train", "heldout", "noise"], count)
        assert {name: len(images) for name, images in found.items()} == {
            "train": min(count, SUBSET),
            "heldout": expected,
        }


def test_outputs_that_do_not_depend_on_the_input_have_no_linear_share(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The denoiser gives each image a random one, so a map predicts only the images that it was fitted to."""
    clean = targets.clean_images(results, "n16a/x", ["heldout"])["heldout"].flatten(1)
    outputs = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))

    def random(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        return outputs[torch.cdist(noisy.flatten(1), clean).argmin(1)].reshape(noisy.shape)

    opened = targets.open_denoiser
    monkeypatch.setattr(targets, "open_denoiser", lambda *names: random if "/x" in names[1] else opened(*names))
    shard, images = targets.measure_target(
        results,
        "n16a/x",
        largest="n16a",
        measures=SETTINGS.model_dump(),
        inputs=("train", "heldout"),
        distillation=Distillation(draws=400, inputs=("heldout",)).model_dump(),
        seed=0,
    )
    curve = Measurements([shard]).curve("r2_linear", "n16a/x", inputs="heldout")
    sigma, value, low, high = (curve[name].iloc[0] for name in ("sigma", "value", "low", "high"))
    assert sigma < 0.01
    assert low < 0 < high
    assert abs(value) < 0.1
    assert {"clean", "of_images"} <= set(images)
