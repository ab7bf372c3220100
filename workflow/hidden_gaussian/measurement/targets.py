"""From the files of a dataset to a denoiser ready to be measured or sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian import reference_names
from hidden_gaussian.data import images
from hidden_gaussian.denoisers import GaussianDenoiser, LinearDenoiser, mean_image, open_denoiser
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.measurement.example_outputs import PICTURES, outputs
from hidden_gaussian.measurement.jacobian import SAMPLER, ceiling_rows, measure_slopes
from hidden_gaussian.measurement.noised_batch import Target
from hidden_gaussian.measurement.shared_noise import measure
from hidden_gaussian.settings import Distillation, Jacobian, Measures, unseen
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_array

APART = ("heldout", "foreign")
"""Kinds of input of which linear maps are judged on other images than they are fitted to.

They stand for others like them, and a map is nearer to a denoiser on the images that it was fitted to. Training images
are the whole law that a map is fitted to, so that fresh noise alone makes pairs new.
"""


def open_target(root: str | Path, identifier: str, *, largest: str, listed: Sequence[str] = ()) -> Target:
    """Return a denoiser with the references that it is compared to.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        Id of the denoiser, below ``n<size><half>/``.
    largest : str
        Folder of the largest subset, such as ``n512a``, whose Gaussian stands for that of all images.
    listed : sequence of str
        Names of further reference denoisers of the subset, such as ``mixture-8``; a mixture of more components than
        the subset has images is left out.
    """
    device = choose_device()
    subset = identifier.split("/")[0]
    spectrum = Path(root) / subset / "spectrum.safetensors"
    names = dict.fromkeys([f"{subset}/empirical", f"{largest}/gaussian", *reference_names.possible(listed, subset)])
    others = {
        name: open_denoiser(root, name, device) for name in names if name not in {identifier, f"{subset}/gaussian"}
    }
    return Target(
        identifier,
        open_denoiser(root, identifier, device),
        f"{subset}/gaussian",
        GaussianDenoiser(Spectrum.load(spectrum), device),
        others,
        mean_image(spectrum).to(device),
    )


def clean_images(
    root: str | Path, identifier: str, inputs: Sequence[str], count: int | None = None
) -> dict[str, Tensor]:
    """Return clean images by kind of input, float32 in [-1, 1], on the device of the denoisers.

    Parameters
    ----------
    identifier : str
        Its subset is the training images.
    count : int, optional
        The first so many of each kind; default: all.

    Returns
    -------
    dict of Tensor of shape (images, channels, height, width)
        Without kinds that are no images, or of which there are none.
    """
    subset = Path(root) / identifier.split("/")[0] / "subset.npy"
    kinds = [name for name in inputs if name not in ("noise", "trajectory")]
    loaded = {name: images.load_inputs(Path(root), name, count, subset=subset) for name in kinds}
    return {name: images.to_unit(array).to(choose_device()) for name, array in loaded.items() if len(array)}


def measured_images(root: str | Path, identifier: str, inputs: Sequence[str], count: int) -> dict[str, Tensor]:
    """Return the clean images that are measured, by kind of input: the first `count`, but at most half of `APART`.

    What is left of these are the images that linear maps are fitted to. The same for every denoiser, fitted or not.
    """
    clean = clean_images(root, identifier, inputs, 2 * count)
    return {name: images[: min(count, len(images) // 2) if name in APART else count] for name, images in clean.items()}


def measured(
    root: str | Path,
    identifier: str,
    *,
    largest: str,
    measures: Mapping[str, Any],
    inputs: Sequence[str],
    distillation: Mapping[str, Any],
    seed: int,
    kept: dict[str, Tensor] | None = None,
) -> pd.DataFrame:
    """Return the measurement shard of a denoiser, from the settings that its rule is given.

    Parameters
    ----------
    root, identifier, largest
        See :func:`open_target`.
    measures, distillation : mapping
        Settings of those names; an empty `distillation` fits no linear maps.
    inputs : sequence of str
        Kinds of clean images that the dataset has.
    seed : int
        Root seed of the study.
    kept : dict, optional
        Takes pictures of the descent, see :func:`hidden_gaussian.measurement.shared_noise.measure`.
    """
    settings = Measures.model_validate(measures)
    distil = Distillation.model_validate(distillation) if distillation else None
    clean = measured_images(root, identifier, inputs, settings.images)
    if "noise" in inputs:
        shape = next(iter(clean.values())).shape[1:]
        clean["noise"] = torch.zeros(settings.images, *shape, device=choose_device())
    everything = clean_images(root, identifier, [name for name in inputs if distil and name in distil.inputs])
    pools = {name: images[len(clean[name]) if name in APART else 0 :] for name, images in everything.items()}
    subject = open_target(root, identifier, largest=largest, listed=settings.references)
    is_network = len(identifier.split("/")) == 3  # references share their states with no network
    way = _way(Path(root) / identifier) if is_network and "trajectory" in inputs else None
    return measure(subject, clean, pools, settings, distil, seed=seed, kept=kept, way=way)


def _way(folder: Path) -> Tensor:
    return torch.from_numpy(load_array(folder / f"trajectories_{SAMPLER}.npy"))


def shared_outputs(root: str | Path, identifier: str, *, inputs: Sequence[str], seed: int) -> dict[str, Tensor]:
    """Return a denoiser's outputs on noised images that no network was trained on, where there are any.

    Parameters
    ----------
    root, identifier
        See :func:`open_target`.
    inputs : sequence of str
        Kinds of clean images that the dataset has.
    seed : int
        Root seed of the study.
    """
    kind = unseen(inputs)
    clean = clean_images(root, identifier, [kind], PICTURES)[kind]
    return outputs(open_denoiser(root, identifier), clean, seed=seed)


def measured_slopes(
    root: str | Path,
    identifier: str,
    *,
    twin: str | None,
    image_count: int,
    inputs: Sequence[str],
    jacobian: Mapping[str, Any],
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Tensor]]:
    """Return the shard of local slopes of a denoiser and the images that show them, from its rule's settings.

    Parameters
    ----------
    root, identifier
        See :func:`open_target`.
    twin : str or None
        Folder of the other half's subset of the same size, if there is one.
    image_count : int
        Clean images of each kind of input, see :func:`measured_images`.
    inputs : sequence of str
        Kinds of clean images.
    jacobian : mapping
        Settings of that name.
    seed : int
        Root seed of the study.
    """
    folder, settings = Path(root) / identifier, Jacobian.model_validate(jacobian)
    subject = open_target(root, identifier, largest=identifier.split("/")[0])
    clean = measured_images(root, identifier, inputs, image_count)
    way = _way(folder)
    linear = LinearDenoiser.load(folder / "linear.safetensors")
    shard, found = measure_slopes(subject, clean, linear, way, settings, seed=seed)
    if twin:
        other = torch.from_numpy(Spectrum.load(Path(root) / twin / "spectrum.safetensors").eigenvectors)
        rows = ceiling_rows(identifier, subject.gaussian.vectors.cpu(), f"{twin}/gaussian", other.float())
        shard = pd.concat([shard, rows], ignore_index=True)
    return shard, found
