"""Which figures there are, and which files each of them is drawn from; known without importing matplotlib or pandas."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hidden_gaussian.errors import InputError
from hidden_gaussian.plotting import Entry, FigureData
from hidden_gaussian.results_index import ResultsIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = (
    "overview",
    "linearity",
    "denoiser_distance",
    "denoising_outputs",
    "samples",
    "linear_weights",
    "singular_vectors",
    "memorisation",
    "dataset_size",
    "model_scale",
    "training_time",
    "strong_generalisation",
    "generalisation_score",
    "position",
    "energy_split",
    "loss_gap",
    "training_clock",
    "distillation_inputs",
    "high_noise_training",
    "normalised_distance",
    "residual_linearity",
    "identity_distance",
    "low_noise",
    "agreement",
    "regimes",
    "score_thresholds",
    "moments",
    "sampler_error",
    "high_noise",
    "outputs_sigma4",
    "outputs_by_scale",
    "other_datasets",
    "architectures",
    "baseline_parametrisation",
    "autoencoders",
    "analytic_models",
    "alpha_sweep",
    "surrogates",
    "splice",
    "jacobian",
    "perturbation",
    "distillation_course",
)
"""Modules of this package in the order of the report: the overview, the paper's main figures, measures over noise
levels, samples and outputs, and last those that need settings beyond the default."""

ENTRIES: dict[str, Entry] = {name: import_module(f"hidden_gaussian.figures.{name}").ENTRY for name in NAMES}


def available(index: ResultsIndex) -> list[str]:
    """Return the figures that a dataset has the settings for."""
    return [name for name, entry in ENTRIES.items() if not entry.lacks(index)]


def visible(name: str, index: ResultsIndex) -> ResultsIndex:
    """Return the part of an index that one figure shows; a change elsewhere does not draw the figure again."""
    entry = ENTRIES[name]
    part = index.only([*entry.sweeps, *entry.also])
    unseen: dict[str, Any] = dict.fromkeys({"surrogates", "measured_references", "alphas"} - {entry.requires}, ())
    return replace(part, **unseen)


def input_files(name: str, index: ResultsIndex) -> list[str]:
    """Return the files below the dataset's folder that a figure is drawn from, each once.

    Raises
    ------
    InputError
        If the settings lack what the figure needs.
    """
    entry = ENTRIES[name]
    if lacking := entry.lacks(index):
        raise InputError(
            f"there is no figure '{name}' of dataset '{index.name}': the settings have no {' and no '.join(lacking)}, "
            "which it shows; add that, or ask for another figure"
        )
    return list(dict.fromkeys(entry.needs(visible(name, index))))


def draw(name: str, data: FigureData) -> Figure:
    """Return a figure, drawn from its declared files and metrics."""
    known = FigureData.of(data.root, data.index, data.declared, ENTRIES[name].metrics)
    figure: Figure = import_module(f"hidden_gaussian.figures.{name}").draw(known)
    return figure
