"""The explorer: what its pictures show, and what a browser does with it."""

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hidden_gaussian import networks, spectrum
from hidden_gaussian.cells import Cell
from hidden_gaussian.denoisers import GaussianDenoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.pages import explorer
from hidden_gaussian.plotting import style
from hidden_gaussian.storage import arrays
from hidden_gaussian.tables import Measurements

CELL = Cell("digits", 8, "a", "ve", 4, 1, 64)
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = """
<script>
  const errors = [];
  addEventListener("error", event => errors.push(event.message));
  const wait = setInterval(() => {
    if (document.body.dataset.ready !== "yes") return;
    clearInterval(wait);
    const look = () => [...document.querySelectorAll("canvas")].map(canvas => canvas.toDataURL()).join();
    const before = look(), slider = document.getElementById("level");
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
    document.title = JSON.stringify({errors, changed: look() !== before, sigma: slider.getAttribute("aria-valuetext"),
      names: [...document.querySelectorAll("canvas")].map(canvas => canvas.getAttribute("aria-label")).slice(0, 2),
      strips: document.querySelectorAll("canvas").length, curves: document.querySelectorAll("polyline").length});
  }, 20);
</script>
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of eight grey images and one untrained network."""
    root = tmp_path_factory.mktemp("results") / "digits"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 1, 8, 8), dtype=np.uint8)
    arrays.save_array(root / "images.npy", pixels)
    arrays.save_array(root / "n8a/subset.npy", np.arange(8))
    spectrum.fit(pixels).save(root / "n8a/spectrum.safetensors", (1, 8, 8))
    options = {"channel_mult": [1], "blocks": 1, "attention_resolutions": [], "dropout": 0.0, "augment_dim": 0}
    network = networks.build("ve", resolution=8, channels=1, scale=4, sigma_data=0.5, seed=0, **options)
    metadata = {"options": json.dumps(network.options)}
    arrays.save_tensors(root / CELL.id / "weights.safetensors", network.state_dict(), metadata)
    return root


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    made = explorer.Explorer(root, [CELL], ["patch-3", "mixture-12"], frozenset(), "train", 0)
    return made.page(Measurements([distances(CELL.id), distances("n8a/empirical")]))


def distances(identifier: str) -> pd.DataFrame:
    """A shard with the two quantities that the curves need."""
    rows = [
        {"quantity": quantity, "reference_id": reference, "sigma": sigma, "image": image, "value": value + image}
        for quantity, reference, value in (("distance", "n8a/gaussian", 1.0), ("norm", None, 4.0))
        for sigma in (0.1, 1.0, 10.0)
        for image in range(4)
    ]
    empty = {"sampler": None, "parameter": None, "at": np.nan, "draw": 0}
    return pd.DataFrame(rows).assign(id=identifier, inputs="train", **empty)


def content(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def picture(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))


def test_a_row_of_the_sheet_is_a_level_and_a_column_an_image(root: Path, page: str) -> None:
    data = content(page)
    clean = torch.from_numpy(arrays.load_array(root / "images.npy")[:4] / 127.5 - 1).float()
    sheet = picture(data["sheets"]["clean"])
    np.testing.assert_array_equal(sheet[8:16, 16:24], arrays.load_array(root / "images.npy")[2, 0])
    gaussian = GaussianDenoiser(spectrum.Spectrum.load(root / "n8a/spectrum.safetensors"))
    noisy = explorer.Explorer(root, [CELL], [], frozenset(), "train", 0)._noisy(clean, data["levels"][3])
    expected = (gaussian(noisy, data["levels"][3])[1, 0].clamp(-1, 1) + 1) * 127.5
    shown = picture(data["sheets"]["n8a/gaussian"])[24:32, 8:16]
    assert np.abs(shown - expected.numpy()).max() <= 0.51


def test_the_nearest_training_image_of_a_clean_one_is_itself(root: Path) -> None:
    made = explorer.Explorer(root, [CELL], [], frozenset(), "train", 0)
    unit = torch.from_numpy(arrays.load_array(root / "images.npy") / 127.5 - 1).float()
    (nearest,) = made._nearest(CELL, [unit[[5, 2]]])
    torch.testing.assert_close(nearest, unit[[5, 2]])


def test_curves_show_the_network_and_the_empirical_denoiser(page: str) -> None:
    (cell,) = content(page)["cells"]
    assert [curve["name"] for curve in cell["curves"]] == ["network", "empirical"]
    sigma, value, low, high = cell["curves"][0]["points"][0]
    assert sigma == 0.1 and value == pytest.approx((10 / 22) ** 0.5, abs=1e-5) and low < value < high
    references = ["gaussian", "patch-3", "empirical"]  # no mixture of more than N components
    names = ["network", *references, "training image nearest to the network"]
    assert [name for name, _ in cell["rows"]][2:] == names


def test_the_page_works_offline_and_its_data_cannot_end_the_script(page: str) -> None:
    assert not re.search(r"(src|href)=.?https?:", page)
    assert "</script><b>" not in explorer._filled("x", {"title": "</script><b>"})


def test_undefined_values_are_null() -> None:
    shards = [distances(CELL.id), distances("n8a/empirical")]
    zero = shards[0]["sigma"] == 1.0
    shards[0].loc[zero, "value"] = 0.0  # 0 over 0
    (network, _) = explorer.curves(Measurements(shards), CELL, "train")
    assert network["points"][1] == [1.0, None, None, None]
    assert None not in network["points"][0]
    assert "NaN" not in explorer._filled("x", {"curves": [network]})


def test_a_large_page_loses_quality_then_early_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [replace(CELL, images_seen=seen) for seen in (640, 64, 6400)]
    entries = {cell: {"title": explorer.title(cell), "rows": [("network", cell.id)], "curves": []} for cell in cells}
    noise = np.random.default_rng(0).integers(0, 256, (80, 32, 3), dtype=np.uint8)
    sheets = {cell.id: noise for cell in cells}

    def made(limit: int) -> dict[str, Any]:
        monkeypatch.setattr(explorer, "LIMIT", limit)
        return content(explorer.within_limit("digits", {}, entries, sheets))

    whole = made(10**7)
    assert whole["note"] == "" and picture(whole["sheets"][CELL.id]).tolist() == noise.tolist()
    sizes = {quality: len(explorer.encoded(noise, quality)) for quality in explorer.QUALITIES}
    page = len(explorer._filled("digits", {"cells": list(entries.values())})) + 400
    lower = made(page + 3 * sizes[60])
    assert len(lower["cells"]) == 3 and "quality 60" in lower["note"]
    fewer = made(page + 2 * sizes[35])
    assert [one["title"] for one in fewer["cells"]] == [explorer.title(cells[0]), explorer.title(cells[2])]
    assert fewer["sheets"].keys() == {cells[0].id, cells[2].id} and "left out: 1" in fewer["note"]
    with pytest.raises(InputError, match=r"datasets\.digits\.grid\.sweeps: .* select fewer cells"):
        made(1000)


def test_curves_have_the_colours_of_the_figures() -> None:
    template = explorer.TEMPLATE.read_text(encoding="utf-8")
    for name, colour in (("network", style.NETWORK), ("empirical", style.EMPIRICAL)):
        assert f".{name} {{ color: {colour.lower()}; }}" in template


@pytest.mark.skipif(BROWSER is None, reason="no Chromium to drive")
def test_the_slider_changes_the_pictures(page: str, tmp_path: Path) -> None:
    (tmp_path / "driven.html").write_text(page.replace("</html>", DRIVER + "</html>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    command = [BROWSER or "", *options, (tmp_path / "driven.html").as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>(.*?)</title>", ended.stdout)
    assert found
    expected = {"errors": [], "changed": True, "sigma": "sigma 0.002", "strips": 7, "curves": 2}
    assert json.loads(found[1]) == {**expected, "names": ["clean, sigma 0.002", "noisy, sigma 0.002"]}
