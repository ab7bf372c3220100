"""A results folder of plausible numbers for one tiny dataset, made without the library's measurements."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pandas as pd
from synthetic_measures import MeasureShards
from synthetic_samples import SampleShards

from hidden_gaussian import files, sampler_error, tables
from hidden_gaussian.figures.catalogue import CATALOGUE, narrowed, needs
from hidden_gaussian.figures.data import FigureData
from hidden_gaussian.spectrum import Spectrum


class World(MeasureShards, SampleShards):
    """The files of every figure below a folder, and the arrays that they were made from."""

    def add_imitation(self) -> None:
        """A dataset beside this one whose networks are nearer to the Gaussian."""
        root = self.root.parent / f"{self.root.name}-gaussian"
        self.double = World(root, self.dataset.model_dump(mode="json"), wiggle=0.2)
        imitation = replace(self.double.plan.only(["size"]), name=root.name)
        self.plan = replace(self.plan, imitations=[imitation])

    def write(self) -> None:
        for relative in {path for name in CATALOGUE for path in needs(name, self.plan)}:
            self.write_one(relative)

    def write_one(self, relative: str) -> None:
        if relative.startswith("../"):
            self.double.write_one(relative.split("/", 2)[2])
            return
        folder, name = relative.rsplit("/", 1) if "/" in relative else ("", relative)
        path = self.root / relative
        kind, _, sampler = name.split(".")[0].partition("_")
        if kind in ("images", "subset"):
            files.save_array(path, self.images if kind == "images" else self.indices(folder))
        elif name == "sampler_error.parquet":
            tables.write_table(path, self.sampler_error(folder), sampler_error.TABLE)
        elif name == "jacobian.safetensors":
            files.save_tensors(path, self.slope_images(folder))
        elif kind == "outputs":
            files.save_tensors(path, self.outputs(folder))
        elif kind in ("samples", "trajectories"):
            files.save_array(path, getattr(self, kind)(folder, sampler))
        else:
            tables.write_shard(path, getattr(self, kind)(folder, sampler))

    def sampler_error(self, subset: str) -> pd.DataFrame:
        mean, values, vectors = self.spectrum(subset)
        kept = np.flatnonzero(values > 1e-9 * values[-1])[::-1]
        return sampler_error.table("digits", subset, Spectrum(mean, values[kept], vectors[:, kept], int(subset[1:-1])))

    def data(self, name: str) -> FigureData:
        declared = [os.path.normpath(self.root / path) for path in needs(name, self.plan)]
        return FigureData.of(self.root, narrowed(name, self.plan), declared)
