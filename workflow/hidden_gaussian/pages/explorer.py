"""One self-contained page that shows the outputs of a dataset's denoisers at each noise level."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hidden_gaussian import noise
from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.data import load_inputs, open_subset
from hidden_gaussian.denoisers import Denoiser, open_denoiser
from hidden_gaussian.distillation import add_noise
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.metrics import nearest_neighbours
from hidden_gaussian.pixels import from_unit, to_unit
from hidden_gaussian.reference_names import possible
from hidden_gaussian.tables import Measurements

PICTURES = 4  # images shown side by side, each with one noise draw
LIMIT = 10_000_000  # bytes per page
QUALITIES = (85, 60, 35)  # JPEG qualities, tried in turn while the page is too large
NEAREST = "nearest"  # last part of the id of a strip of training images
TEMPLATE = Path(__file__).parents[2] / "report" / "explorer.html"

Sheet = NDArray[np.uint8]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """Inputs of the page.

    Attributes
    ----------
    root : Path
        Folder of a dataset's results.
    cells : sequence of Cell
        Networks to choose from; the page opens with the first.
    references : sequence of str
        Names of further denoisers to show, such as ``stationary``.
    linear : frozenset of str
        Ids of the cells whose distilled maps were saved.
    inputs : str
        Kind of clean image that is noised.
    seed : int
        Seed of the study.
    """

    root: Path
    cells: Sequence[Cell]
    references: Sequence[str]
    linear: frozenset[str]
    inputs: str
    seed: int

    def page(self, measured: Measurements) -> str:
        """Return the page as HTML.

        Every denoiser sees the same four clean images with the same noise, scaled to ten levels. The nearest training
        image is the one nearest to the network's output. All pictures show the range [-1, 1].

        Parameters
        ----------
        measured : Measurements
            Shards of the cells and of the empirical denoisers of their subsets, for the curves.

        Raises
        ------
        InputError
            If the page would be too large for a browser, see :func:`within_limit`.
        """
        clean, levels = self._clean(), noise.schedule(10)
        noisy = {sigma: self._noisy(clean, sigma) for sigma in levels.tolist()}
        sheets = {"clean": sheet([clean] * len(noisy)), "noisy": sheet(list(noisy.values()))}
        chosen: dict[Cell, Entry] = {}
        for cell in self.cells:
            rows = self._rows(cell)
            for identifier in (name for _, name in rows if name not in sheets and not name.endswith(NEAREST)):
                outputs = evaluated(open_denoiser(self.root, identifier), noisy)
                sheets[identifier] = sheet(outputs)
                if identifier == cell.id:
                    sheets[f"{cell.id}/{NEAREST}"] = sheet(self._nearest(cell, outputs))
            chosen[cell] = {"title": title(cell), "rows": rows, "curves": curves(measured, cell, self.inputs)}
        data = {"levels": levels.tolist(), "side": clean.shape[-1], "inputs": self.inputs}
        return within_limit(self.root.name, data, chosen, sheets)

    def _clean(self) -> torch.Tensor:
        subset = self.root / self.cells[0].subset / "subset.npy"
        loaded = load_inputs(self.root, self.inputs, PICTURES, subset=subset)
        return torch.from_numpy(to_unit(loaded.astype(np.float32))).to(choose_device())

    def _noisy(self, clean: torch.Tensor, sigma: float) -> torch.Tensor:
        noisy, _ = add_noise(clean, range(len(clean)), sigma, seed=self.seed, purpose="explorer")
        return noisy

    def _rows(self, cell: Cell) -> list[tuple[str, str]]:
        """Return names and ids of a cell's strips of images, from top to bottom."""
        linear = [("linear", f"{cell.id}/linear")] if cell.id in self.linear else []
        ids = [f"{cell.subset}/gaussian", *possible(self.references, cell.subset), f"{cell.subset}/empirical"]
        references = [(DenoiserId.parse(identifier).name, identifier) for identifier in ids]
        nearest = ("training image nearest to the network", f"{cell.id}/{NEAREST}")
        return [("clean", "clean"), ("noisy", "noisy"), ("network", cell.id), *linear, *references, nearest]

    def _nearest(self, cell: Cell, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        training = open_subset(self.root / "images.npy", self.root / cell.subset / "subset.npy")
        flat = training.reshape(len(training), -1)
        nearest = [nearest_neighbours(output.flatten(1).cpu().numpy(), flat).index for output in outputs]
        return [torch.from_numpy(to_unit(training[index].astype(np.float32))) for index in nearest]


def evaluated(denoiser: Denoiser, noisy: Mapping[float, torch.Tensor]) -> list[torch.Tensor]:
    """Return the outputs of a denoiser at each level."""
    return [denoiser(batch, sigma) for sigma, batch in noisy.items()]


def sheet(outputs: Sequence[torch.Tensor]) -> Sheet:
    """Return images as one picture with a row per level and a column per image, clipped to [-1, 1].

    Parameters
    ----------
    outputs : sequence of Tensor of shape (images, channels, side, side)
        One tensor per level.

    Returns
    -------
    ndarray of shape (levels * side, images * side, channels)
    """
    stacked = torch.stack([output.cpu().clamp(-1, 1) for output in outputs])
    pixels = from_unit(stacked).round().to(torch.uint8).numpy()  # level, image, channel, row, column
    levels, count, channels, height, width = pixels.shape
    return pixels.transpose(0, 3, 1, 4, 2).reshape(levels * height, count * width, channels)


def encoded(pixels: Sheet, quality: int = QUALITIES[0]) -> str:
    """Return a picture as a data URL: PNG if it is small and the quality the best, else JPEG."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    lossless = pixels.size < 100_000 and quality == QUALITIES[0]
    kind, options = ("png", {"optimize": True}) if lossless else ("jpeg", {"quality": quality})
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def title(cell: Cell) -> str:
    """Return the name of a cell in the list of networks."""
    name = f"N = {cell.subset_size:,} ({cell.half}), {cell.architecture}, scale {cell.scale}"
    return f"{name}, {cell.images_seen:,} images seen" + (f", replicate {cell.replicate}" if cell.replicate > 1 else "")


def curves(measured: Measurements, cell: Cell, inputs: str) -> list[dict[str, Any]]:
    """Return nRMSE to the subset's Gaussian over sigma, for the network and for the empirical denoiser."""
    lines = []
    for name, identifier in (("network", cell.id), ("empirical", f"{cell.subset}/empirical")):
        where = {"reference_id": f"{cell.subset}/gaussian", "inputs": inputs}
        table = measured.curve("nrmse", identifier, **where)
        rows = table[["sigma", "value", "low", "high"]].to_numpy(float).round(6).tolist()
        points = [[number if np.isfinite(number) else None for number in row] for row in rows]  # JSON has no NaN
        lines.append({"name": name, "points": points})
    return lines


def earlier(cells: Sequence[Cell]) -> list[Cell]:
    """Return the checkpoints that are not the last of their run, the earliest first."""
    last = {cell.run: cell for cell in sorted(cells)}
    return sorted((cell for cell in cells if cell != last[cell.run]), key=lambda cell: cell.images_seen)


def within_limit(name: str, data: Mapping[str, Any], entries: Mapping[Cell, Entry], sheets: Mapping[str, Sheet]) -> str:
    """Return the fullest page below LIMIT: pictures first lose quality, then the earliest checkpoints are left out.

    Raises
    ------
    InputError
        If the last checkpoints alone exceed the limit.
    """
    early = earlier(list(entries))
    for quality in QUALITIES:
        pictures = {identifier: encoded(pixels, quality) for identifier, pixels in sheets.items()}
        for count in range(len(early) + 1 if quality == QUALITIES[-1] else 1):
            cells = [entry for cell, entry in entries.items() if cell not in early[:count]]
            shown = {identifier: pictures[identifier] for entry in cells for _, identifier in entry["rows"]}
            page = _filled(name, {**data, "cells": cells, "sheets": shown, "note": _note(quality, count)})
            if len(page) <= LIMIT:
                return page
    raise InputError(
        f"datasets.{name}.grid.sweeps: the explorer has {len(page) / 1e6:.0f} MB even when compressed and without "
        f"earlier snapshots; expected at most {LIMIT / 1e6:.0f} MB; select fewer cells"
    )


def _note(quality: int, count: int) -> str:
    """Return the sentence that tells readers of a compressed page what it lacks."""
    if quality == QUALITIES[0]:
        return ""
    lost = f", and earlier snapshots are left out: {count}" if count else ""
    return f"To limit the size of the page, pictures are compressed (JPEG, quality {quality}){lost}."


def _filled(name: str, data: Mapping[str, Any]) -> str:
    """Return the template with its data."""
    # a closing tag inside a string would end the script
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    return TEMPLATE.read_text(encoding="utf-8").replace("{{dataset}}", name).replace("{{data}}", text)
