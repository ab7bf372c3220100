"""From the files of a dataset to a denoiser ready to be evaluated, and from there to its measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hidden_gaussian import reference_names
from hidden_gaussian.cells import DenoiserId
from hidden_gaussian.data import images
from hidden_gaussian.denoisers import GaussianDenoiser, LinearDenoiser, mean_image, open_denoiser
from hidden_gaussian.distillation import Fit, distil_levels
from hidden_gaussian.jobs import choose_device
from hidden_gaussian.measurement.example_outputs import EXAMPLES, outputs_on_shared_inputs
from hidden_gaussian.measurement.jacobian import SAMPLER, ceiling_rows, jacobian_measurements
from hidden_gaussian.measurement.noised_batch import ShardAndImages, Target
from hidden_gaussian.measurement.shared_noise import measure
from hidden_gaussian.pixels import to_unit
from hidden_gaussian.settings import Distillation, Jacobian, Measures, unseen
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_array

SAMPLED = ("heldout", "foreign")
"""Kinds of input for which linear maps are evaluated on images not used to fit them.

These images are a sample, and a map is nearer to a denoiser on the images that it was fitted to. The training images
are not a sample but the whole set, so fresh noise alone makes new pairs.
"""


def open_target(root: str | Path, identifier: str, *, largest: str, references: Sequence[str] = ()) -> Target:
    """Open a denoiser with the references that it is compared with.

    Parameters
    ----------
    root : path
        Folder of a dataset's results.
    identifier : str
        Id of the denoiser, below ``n<size><half>/``.
    largest : str
        Folder of the largest subset, such as ``n512a``; its Gaussian is one of the references.
    references : sequence of str
        Names of further reference denoisers of the subset, such as ``mixture-8``; a mixture of more components than
        the subset has images is left out.

    Examples
    --------
    >>> open_target("results/digits", "n64a/ve16r1/i32000", largest="n512a").gaussian_id  # doctest: +SKIP
    'n64a/gaussian'
    """
    device = choose_device()
    subset = DenoiserId.parse(identifier).subset.id
    spectrum = Path(root) / subset / "spectrum.safetensors"
    configurable = reference_names.possible(references, subset)
    names = dict.fromkeys([f"{subset}/empirical", f"{largest}/gaussian", *configurable])
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
        Id of a denoiser; ``train`` are the images of its subset.
    count : int, optional
        Number of images of each kind, the first ones; default: all.

    Returns
    -------
    dict of Tensor of shape (images, channels, height, width)
        Only kinds that the dataset has images of.

    Examples
    --------
    >>> clean_images("results/digits", "n64a/gaussian", ["train"], 8)["train"].shape  # doctest: +SKIP
    torch.Size([8, 1, 8, 8])
    """
    subset = Path(root) / DenoiserId.parse(identifier).subset.id / "subset.npy"
    kinds = [name for name in inputs if name not in ("noise", "trajectory")]
    loaded = {name: images.load_inputs(Path(root), name, count, subset=subset) for name in kinds}
    return {
        name: torch.from_numpy(to_unit(array.astype("float32"))).to(choose_device())
        for name, array in loaded.items()
        if len(array)
    }


def evaluation_images(root: str | Path, identifier: str, inputs: Sequence[str], count: int) -> dict[str, Tensor]:
    """Return the clean images for measurements by kind of input: the first `count`, but at most half of `SAMPLED`.

    Linear maps are fitted to the rest of these. The images are the same for every denoiser.
    """
    clean = clean_images(root, identifier, inputs, 2 * count)
    return {
        name: images[: min(count, len(images) // 2) if name in SAMPLED else count] for name, images in clean.items()
    }


def measure_target(
    root: str | Path,
    identifier: str,
    *,
    largest: str,
    measures: Mapping[str, Any],
    inputs: Sequence[str],
    distillation: Mapping[str, Any],
    seed: int,
) -> ShardAndImages:
    """Return the measurements of a denoiser, and its outputs for a few shared inputs, from the files of a dataset.

    Parameters
    ----------
    root, identifier, largest
        See :func:`open_target`.
    measures, distillation : mapping
        Settings of those names. An empty `distillation` fits no linear maps; nor does a denoiser that is affine.
    inputs : sequence of str
        Kinds of clean images that the dataset has.
    seed : int
        Root seed of the study.

    Returns
    -------
    ShardAndImages
        See :func:`~hidden_gaussian.measurement.shared_noise.measure` and
        :func:`~hidden_gaussian.measurement.example_outputs.outputs_on_shared_inputs`.

    Examples
    --------
    >>> settings = {"largest": "n512a", "measures": {}, "inputs": ["train", "heldout"], "distillation": {}, "seed": 0}
    >>> shard, images = measure_target("results/digits", "n64a/gaussian", **settings)  # doctest: +SKIP
    """
    settings, name = Measures.model_validate(measures), DenoiserId.parse(identifier)
    fitted = distillation and not reference_names.is_affine(name.kind)
    distil = Distillation.model_validate(distillation) if fitted else None
    clean = noised_inputs(root, identifier, inputs, settings)
    everything = clean_images(root, identifier, [name for name in inputs if distil and name in distil.inputs])
    pools = {name: images[len(clean[name]) if name in SAMPLED else 0 :] for name, images in everything.items()}
    target = open_target(root, identifier, largest=largest, references=settings.references)
    trajectories = trajectories_of(root, identifier, inputs)
    shard, shown = measure(target, clean, pools, settings, distil, seed=seed, trajectories=trajectories)
    kind = unseen(inputs)
    examples = clean_images(root, identifier, [kind], EXAMPLES)[kind]
    return ShardAndImages(shard, outputs_on_shared_inputs(target.denoiser, examples, seed=seed) | shown)


def noised_inputs(root: str | Path, identifier: str, inputs: Sequence[str], settings: Measures) -> dict[str, Tensor]:
    """Return everything that noise is added to: the images of :func:`evaluation_images`, and zeros for ``noise``."""
    clean = evaluation_images(root, identifier, inputs, settings.images)
    if "noise" in inputs:
        shape = next(iter(clean.values())).shape[1:]
        clean["noise"] = torch.zeros(settings.images, *shape, device=choose_device())
    return clean


def trajectories_of(root: str | Path, identifier: str, inputs: Sequence[str]) -> Tensor | None:
    """Return the states of a network's own sampler if these are among the kinds of input, else None."""
    wanted = "trajectory" in inputs and DenoiserId.parse(identifier).is_network
    return _trajectories(root, identifier) if wanted else None


def _trajectories(root: str | Path, identifier: str) -> Tensor:
    return torch.from_numpy(load_array(Path(root) / identifier / f"trajectories_{SAMPLER}.npy"))


def measure_jacobians(
    root: str | Path,
    identifier: str,
    *,
    other_half: str | None,
    image_count: int,
    inputs: Sequence[str],
    jacobian: Mapping[str, Any],
    seed: int,
) -> ShardAndImages:
    """Return the measurements of the Jacobians of a denoiser, and images that show them, from the files of a dataset.

    Parameters
    ----------
    root, identifier
        See :func:`open_target`.
    other_half : str or None
        Folder of the other half's subset of equal size, if there is one.
    image_count : int
        Clean images of each kind of input, see :func:`evaluation_images`.
    inputs : sequence of str
        Kinds of clean images.
    jacobian : mapping
        Settings of that name.
    seed : int
        Root seed of the study.

    Examples
    --------
    >>> settings = {"other_half": "n64b", "image_count": 64, "inputs": ["heldout"], "jacobian": {}, "seed": 0}
    >>> shard, images = measure_jacobians("results/digits", "n64a/empirical", **settings)  # doctest: +SKIP
    """
    target = open_target(root, identifier, largest=DenoiserId.parse(identifier).subset.id)
    clean = evaluation_images(root, identifier, inputs, image_count)
    linear = LinearDenoiser.load(Path(root) / identifier / "linear.safetensors")
    trajectories, settings = _trajectories(root, identifier), Jacobian.model_validate(jacobian)
    shard, shown = jacobian_measurements(target, clean, linear, trajectories, settings, seed=seed)
    if other_half:
        spectrum = Spectrum.load(Path(root) / other_half / "spectrum.safetensors")
        other = torch.from_numpy(spectrum.eigenvectors).float()
        rows = ceiling_rows(identifier, target.gaussian.vectors.cpu(), f"{other_half}/gaussian", other)
        shard = pd.concat([shard, *rows], ignore_index=True)
    return ShardAndImages(shard, shown)


def distil_target(
    root: str | Path, identifier: str, *, inputs: Sequence[str], draws: int, ridge: float, seed: int
) -> LinearDenoiser:
    """Return the affine maps nearest to a denoiser at the levels of the Euler sampler, from the files of a dataset.

    Parameters
    ----------
    root, identifier
        See :func:`open_target`.
    inputs : sequence of str
        Kinds of clean images; the maps are fitted to images not trained on, if there are any.
    draws, ridge
        See :class:`~hidden_gaussian.distillation.Fit`.
    seed : int
        Root seed of the study.

    Examples
    --------
    >>> settings = {"inputs": ["heldout"], "draws": 4096, "ridge": 0.0, "seed": 0}
    >>> linear = distil_target("results/digits", "n64a/ve16r1/i32000", **settings)  # doctest: +SKIP
    """
    kind = unseen(inputs)
    clean = clean_images(root, identifier, [kind])[kind]
    target = open_target(root, identifier, largest=DenoiserId.parse(identifier).subset.id)
    fit = Fit(clean, draws, seed, "distillation/kept", ridge=ridge)
    return distil_levels(target.denoiser, fit, target.gaussian)
