"""What each job requests from a cluster: memory for the arrays it holds, minutes for its computations.

Notation: d is the number of values in an image, N the number of images in a subset, and speed the number of images
trained per second at the largest scale (a setting of the dataset). Speed is inversely proportional to the scale, and a
forward pass costs a third of a training step. Minutes are twice the estimate plus ten. A failed job is retried with
twice, then three times the request, but never with more than a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hidden_gaussian.cells import Cell, DenoiserId
from hidden_gaussian.noise_schedule import AUTOENCODERS, SOLVERS
from hidden_gaussian.reference_names import ALWAYS_MEASURED
from hidden_gaussian.settings import Dataset

PLAIN, TORCH = 1_000, 3_000  # MB of Snakemake's process and the job's libraries, without and with torch
FLOPS = 1e10  # float64 operations per second of one core, in matrix products and decompositions
GPU_FLOPS = 2e11  # the same on a consumer GPU; data-centre GPUs are fifty times faster
DAY = 1_440  # minutes; longer trainings are stopped, save their state and continue in the next attempt
ROW, SHARDS = 40, 4  # bytes per row of measurements in pandas; shards that a figure holds at a time
CONVERTED, COMPARED = 300, 2e8  # images packed per second; pairs of images screened for duplicates per second
EVALUATIONS = {name: n if scheme == "euler" else 2 * n - 1 for name, (scheme, n) in SOLVERS.items()} | {"exact": 0}


@dataclass(frozen=True)
class Request:
    """Resources of the first attempt.

    Attributes
    ----------
    mem_mb : int
        Megabytes.
    runtime : int
        Minutes.
    """

    mem_mb: int
    runtime: int


def request(base: int, held: float, seconds: float) -> Request:
    """Return a request for `base` megabytes plus `held` bytes, and for twice the seconds plus ten minutes."""
    return Request(base + int(held / 1e6), min(10 + int(2 * seconds / 60), DAY))


def dimension(dataset: Dataset) -> int:
    """Return d, the number of values in an image."""
    return dataset.channels * dataset.resolution**2


def speed(dataset: Dataset, scale: int) -> float:
    """Return images per second in training a network of this scale."""
    return dataset.speed * dataset.grid.largest_scale / scale


def rows(dataset: Dataset) -> int:
    """Return the rows of one shard: for each image, level, draw and alpha, and for the components of linear maps."""
    measures = dataset.measures
    per_image = 18 * measures.draws * measures.levels + 13 * len(measures.alphas) * measures.linearity_levels
    components = 8 * dimension(dataset) * measures.levels * len(dataset.distillation.inputs)
    return len(dataset.inputs) * measures.images * per_image + components


def _blocks(dataset: Dataset) -> int:
    return max(network.blocks for network in dataset.networks)


def packing(dataset: Dataset, count: int) -> Request:
    """Pack a source. CIFAR-10's batches are held as bytes; other archives are read image by image."""
    held = 3 * count * dimension(dataset) if dataset.source.kind == "cifar10" else 0
    return request(TORCH, held, count / CONVERTED)


def splitting(dataset: Dataset) -> Request:
    """Split and find duplicates: 67 float32 values per image, twice, and all pairs of images."""
    count = dataset.source.count
    return request(PLAIN, 2 * 67 * 4 * count, count**2 / COMPARED)


def spectrum(dataset: Dataset, size: int) -> Request:
    """Diagonalise the smaller of Gram matrix and covariance: the pixels, and four float64 arrays of min(N, d) x d."""
    d = dimension(dataset)
    smaller = min(size, d)
    operations = 2 * size * smaller * d + 20 * smaller**3
    return request(PLAIN, (32 * smaller + size) * d, operations / FLOPS)


def reference(dataset: Dataset, size: int) -> Request:
    """Fit a shrunk, stationary or mixture model: a spectrum, plus float64 images and components with a copy."""
    once = spectrum(dataset, size)
    return Request(TORCH + 32 * size * dimension(dataset) // 1_000_000, once.runtime + 10)


def training(dataset: Dataset, scale: int, images: int) -> Request:
    """Train for some images: the activations of a batch, 60 float32 values per pixel, channel and block."""
    return _training(dataset, scale, images, dataset.training.gpus)


def autoencoders(dataset: Dataset, cell: Cell, images: int) -> Request:
    """Train the ten autoencoders of a cell on one device, each for some images.

    A `dae-linear` network is a d x d matrix at any scale. Memory peaks when the ten are put together, while the last
    one is read and copied into its network; training one network holds fewer copies.
    """
    plain = _training(dataset, cell.scale, AUTOENCODERS * images, 1)
    matrices = AUTOENCODERS + 2 if cell.architecture == "dae-linear" else 0
    return Request(plain.mem_mb + 4 * matrices * dimension(dataset) ** 2 // 1_000_000, plain.runtime)


def _training(dataset: Dataset, scale: int, images: int, gpus: int) -> Request:
    batch = dataset.training.microbatch or dataset.training.batch // gpus
    activations = 4 * batch * dataset.resolution**2 * scale * _blocks(dataset) * 60
    return request(gpus * TORCH, gpus * activations, images / speed(dataset, scale) / gpus)


def opening(dataset: Dataset, identifier: str) -> int:
    """Return megabytes beyond the base to open a denoiser: the ten matrices of `dae-linear`, else 0.

    The matrices are held twice for a moment, as tensors of the file and as networks.
    """
    denoiser = DenoiserId.parse(identifier)
    if not (denoiser.is_network and denoiser.cell("").architecture == "dae-linear"):
        return 0
    return 2 * AUTOENCODERS * 4 * dimension(dataset) ** 2 // 1_000_000


def importing() -> Request:
    """Import a network file: the largest published one has 300 million float32 parameters, held three times."""
    return request(TORCH, 3 * 4 * 3e8, 600)


def sampling(dataset: Dataset, size: int, scale: int | None, sampler: str) -> Request:
    """Draw a sample set, and compare it with the N training images."""
    count, steps = dataset.sampling.count, EVALUATIONS[sampler]
    seconds = 2 * size * count * dimension(dataset) / GPU_FLOPS
    if scale is None:
        seconds *= 1 + steps
    else:
        seconds += count * steps / (3 * speed(dataset, scale))
    return request(TORCH, _held(dataset, size), seconds)


def sampling_references(dataset: Dataset, size: int) -> Request:
    """Draw from a subset's Gaussian and empirical denoisers, with the networks' solver and with the paper's."""
    solvers = ("exact", *2 * (dataset.sampling.sampler, "euler10"))
    requests = [sampling(dataset, size, None, sampler) for sampler in solvers]
    return Request(max(one.mem_mb for one in requests), sum(one.runtime for one in requests))


def measuring(dataset: Dataset, size: int, scale: int | None, *, largest: int, distilled: bool) -> Request:
    """Measure a network, or the references of a subset: noisy images, pairs for linearity, least squares.

    The spectrum of the largest subset, which all are compared with, is held in float64 and float32.
    """
    measures, distillation = dataset.measures, dataset.distillation
    images = len(dataset.inputs) * measures.images
    noisy = images * (measures.draws * measures.levels + 3 * measures.linearity_levels)
    fits = measures.levels * len(distillation.inputs) if distilled else 0
    noisy += fits * distillation.draws
    d = dimension(dataset)
    empirical = 2 * min(noisy, images * measures.draws * measures.levels) * size * d
    seconds = empirical / GPU_FLOPS
    if scale is None:
        seconds *= len(ALWAYS_MEASURED)
        seconds += 2 * noisy * (size + d) * d / GPU_FLOPS
    else:
        seconds += noisy / (3 * speed(dataset, scale))
    seconds += fits * (2 * distillation.draws * d**2 + 10 * d**3) / GPU_FLOPS
    held = _held(dataset, size) + 12 * d * min(largest, d) + ROW * rows(dataset)
    return request(TORCH, held + 8 * 8 * d**2 * distilled, seconds)


def adding(dataset: Dataset, size: int, scales: Sequence[int | None], *, largest: int) -> Request:
    """Measure one more reference or weight for all denoisers of a subset, one after the other; None: no network."""
    each = [measuring(dataset, size, scale, largest=largest, distilled=False) for scale in scales]
    rows_held = ROW * rows(dataset) * len(each) // 1_000_000
    return Request(max(one.mem_mb for one in each) + rows_held, min(sum(one.runtime for one in each), DAY))


def linearising(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Measure Jacobians of a network: each product with the Jacobian costs as much as a training step."""
    jacobian = dataset.measures.jacobian
    if jacobian is None:
        return request(TORCH, 0, 0)
    products = 10 * (2 * jacobian.components * jacobian.states * jacobian.rounds + jacobian.probes)
    activations = 4 * jacobian.components * dataset.resolution**2 * (scale or 1) * _blocks(dataset) * 60
    return request(TORCH, _held(dataset, size) + activations, products / speed(dataset, scale or 1))


def distilling(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Save the ten affine maps of a network, or of the empirical denoiser of N images."""
    d, draws = dimension(dataset), dataset.distillation.draws
    one = 2 * size * d / GPU_FLOPS if scale is None else 1 / (3 * speed(dataset, scale))
    seconds = 10 * draws * one + 10 * (2 * draws * d**2 + 10 * d**3) / GPU_FLOPS
    return request(TORCH, _held(dataset, size) + 32 * 8 * d**2, seconds)


def comparing(dataset: Dataset, size: int, partners: int, spectra: int) -> Request:
    """Compare a sample set with others (two sets at a time in float64), and Gaussians by their spectra."""
    d, samples = dimension(dataset), dataset.sampling.count * dimension(dataset)
    smaller = min(size, d)
    held = (4 * (1 + partners) + 5 * 8) * samples + spectra * 8 * d * smaller
    return request(PLAIN, held, 60 + max(spectra - 1, 0) * 2 * d * smaller**2 / FLOPS)


def moments(dataset: Dataset, size: int, largest: int) -> Request:
    """Compare samples, photographs or noisy copies with the N training images and the largest subset's spectrum."""
    seconds = 4 * dataset.sampling.count * size * dimension(dataset) / FLOPS
    compared = 8 * dimension(dataset) * 20_000  # samples, photographs and training images in float64
    return request(PLAIN, _held(dataset, size) + _held(dataset, largest) + compared, seconds + 60)


def splicing(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Draw a network's samples again for every range of noise levels, holding all states of all latents."""
    once = sampling(dataset, size, scale, dataset.sampling.sampler)
    ranges = 3 * len(dataset.sampling.splice_ends) ** 2 // 2 + len(dataset.sampling.splice_ends)
    states = 4 * dataset.sampling.count * dimension(dataset) * 2 * EVALUATIONS[dataset.sampling.sampler]
    return Request(once.mem_mb + states // 1_000_000, min(once.runtime * max(ranges, 1), DAY))


def exploring(dataset: Dataset, size: int, cells: int) -> Request:
    """Evaluate all networks of the sweeps on four images at ten levels, and hold the values of their shards."""
    return request(TORCH, _held(dataset, size) + 8 * rows(dataset) * cells, 20 * cells)


def tabulating(dataset: Dataset, shards: int) -> Request:
    """Estimate from shards: the values of all, and one of them whole."""
    return request(2 * PLAIN, 12 * rows(dataset) * shards + 2 * ROW * rows(dataset), rows(dataset) * shards / 1e5)


def plotting(dataset: Dataset, shards: int) -> Request:
    """Draw a figure from shards, a few at a time."""
    return request(PLAIN, ROW * rows(dataset) * min(shards, SHARDS), rows(dataset) * shards / 1e6)


def _held(dataset: Dataset, size: int) -> float:
    """Return bytes of the training images in float64 and of the spectrum's eigenvectors."""
    d = dimension(dataset)
    return 8 * d * (min(size, 20_000) + min(size, d))
