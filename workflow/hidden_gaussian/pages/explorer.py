"""One self-contained page to leaf through the outputs of all denoisers of a dataset by noise level."""

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
from hidden_gaussian.cells import Cell
from hidden_gaussian.data import load_inputs, open_subset, to_unit
from hidden_gaussian.denoisers import Denoiser, open_denoiser
from hidden_gaussian.distillation import noised
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.metrics import neighbours
from hidden_gaussian.reference_names import possible
from hidden_gaussian.tables import Measurements

PICTURES = 4  # images shown side by side, each with one noise
LIMIT = 10_000_000  # bytes of the page
QUALITIES = (85, 60, 35)  # of JPEG, the next where the page is too large
TEMPLATE = Path(__file__).parents[2] / "report" / "explorer.html"

Sheet = NDArray[np.uint8]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """What the page is made from.

    Attributes
    ----------
    root : Path
        Folder of a dataset's results.
    cells : sequence of Cell
        Networks to choose from, the first shown first.
    references : sequence of str
        Names of the denoisers shown between the Gaussian and the empirical one, such as ``stationary``.
    linear : frozenset of str
        Ids of the cells whose distilled maps were kept.
    inputs : str
        Kind of clean image that is noised.
    seed : int
        Of the study.
    """

    root: Path
    cells: Sequence[Cell]
    references: Sequence[str]
    linear: frozenset[str]
    inputs: str
    seed: int

    def page(self, measured: Measurements) -> str:
        """Return the page as HTML.

        Every denoiser sees the same four clean images with the same noise, scaled to ten levels; the nearest training
        image is that of the network's output. Pictures share one range of display, [-1, 1].

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
            for identifier in (name for _, name in rows if name not in sheets and not name.endswith("/nearest")):
                outputs = evaluated(open_denoiser(self.root, identifier), noisy)
                sheets[identifier] = sheet(outputs)
                if identifier == cell.id:
                    sheets[f"{cell.id}/nearest"] = sheet(self._nearest(cell, outputs))
            chosen[cell] = {"title": title(cell), "rows": rows, "curves": curves(measured, cell, self.inputs)}
        data = {"levels": levels.tolist(), "side": clean.shape[-1], "inputs": self.inputs}
        return within_limit(self.root.name, data, chosen, sheets)

    def _clean(self) -> torch.Tensor:
        subset = self.root / self.cells[0].subset / "subset.npy"
        loaded = load_inputs(self.root, self.inputs, PICTURES, subset=subset)
        return to_unit(loaded).to(choose_device())

    def _noisy(self, clean: torch.Tensor, sigma: float) -> torch.Tensor:
        noisy, _ = noised(clean, range(len(clean)), sigma, seed=self.seed, purpose="explorer")
        return noisy

    def _rows(self, cell: Cell) -> list[tuple[str, str]]:
        """Return names and ids of the strips of a cell, from top to bottom."""
        linear = [("linear", f"{cell.id}/linear")] if cell.id in self.linear else []
        listed = possible(self.references, cell.subset)
        ids = [f"{cell.subset}/gaussian", *listed, f"{cell.subset}/empirical"]
        beside = [(identifier.split("/")[1], identifier) for identifier in ids]
        nearest = ("training image nearest to the network", f"{cell.id}/nearest")
        return [("clean", "clean"), ("noisy", "noisy"), ("network", cell.id), *linear, *beside, nearest]

    def _nearest(self, cell: Cell, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        training = open_subset(self.root / "images.npy", self.root / cell.subset / "subset.npy")
        flat = training.reshape(len(training), -1)
        nearest = [neighbours(output.flatten(1).cpu().numpy(), flat).index for output in outputs]
        return [to_unit(training[index]) for index in nearest]


def evaluated(denoiser: Denoiser, noisy: Mapping[float, torch.Tensor]) -> list[torch.Tensor]:
    """Return the outputs of a denoiser at each level."""
    return [denoiser(batch, sigma) for sigma, batch in noisy.items()]


def sheet(outputs: Sequence[torch.Tensor]) -> Sheet:
    """Return images (channels, side, side) as one picture: a row a level, a column an image; [-1, 1] is the range."""
    stacked = torch.stack([output.cpu().clamp(-1, 1) for output in outputs])
    pixels = ((stacked + 1) * 127.5).round().to(torch.uint8).numpy()  # level, image, channel, row, column
    levels, count, channels, height, width = pixels.shape
    return pixels.transpose(0, 3, 1, 4, 2).reshape(levels * height, count * width, channels)


def encoded(pixels: Sheet, quality: int = QUALITIES[0]) -> str:
    """Return a picture as the address of itself: lossless while that is small, else JPEG; below the best always."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    lossless = pixels.size < 100_000 and quality == QUALITIES[0]
    kind, options = ("png", {"optimize": True}) if lossless else ("jpeg", {"quality": quality})
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def title(cell: Cell) -> str:
    """Return what a cell is called in the list."""
    name = f"N = {cell.subset_size:,} ({cell.half}), {cell.architecture}, scale {cell.scale}"
    return f"{name}, {cell.images_seen:,} images seen" + (f", replicate {cell.replicate}" if cell.replicate > 1 else "")


def curves(measured: Measurements, cell: Cell, inputs: str) -> list[dict[str, Any]]:
    """Return the distance to the own Gaussian over sigma, of the network and of the memoriser of its images."""
    found = []
    for name, identifier in (("network", cell.id), ("empirical", f"{cell.subset}/empirical")):
        where = {"reference_id": f"{cell.subset}/gaussian", "inputs": inputs}
        table = measured.curve("nrmse", identifier, **where)
        rows = table[["sigma", "value", "low", "high"]].to_numpy(float).round(6).tolist()
        points = [[number if np.isfinite(number) else None for number in row] for row in rows]  # JSON has no NaN
        found.append({"name": name, "points": points})
    return found


def earlier(cells: Sequence[Cell]) -> list[Cell]:
    """Return the snapshots that later ones of the same run follow, the earliest first."""
    last = {cell.run: cell for cell in sorted(cells)}
    return sorted((cell for cell in cells if cell != last[cell.run]), key=lambda cell: cell.images_seen)


def within_limit(name: str, data: Mapping[str, Any], entries: Mapping[Cell, Entry], sheets: Mapping[str, Sheet]) -> str:
    """Return the fullest page that a browser bears: first pictures lose quality, then the earliest snapshots go.

    Raises
    ------
    InputError
        If the last snapshots alone are too many.
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
        f"the page of {name} would have {len(page) / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}, however compressed and "
        "without earlier snapshots: choose fewer cells in grid.sweeps"
    )


def _note(quality: int, count: int) -> str:
    """Return what the page says of what it lost."""
    if quality == QUALITIES[0]:
        return ""
    lost = f"; earlier snapshots that are left out: {count}" if count else ""
    return f"So that the page does not become too large, its pictures are compressed (JPEG, quality {quality}){lost}."


def _filled(name: str, data: Mapping[str, Any]) -> str:
    """Return the template with its data; a closing tag inside a string cannot end the script."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    return TEMPLATE.read_text(encoding="utf-8").replace("{{dataset}}", name).replace("{{data}}", text)
