"""What each job asks a cluster for, from its size: memory of what it holds, minutes from what it computes.

Notation: d numbers in an image, N images of a subset, speed: images trained a second at the largest scale (the
dataset's setting), inversely proportional to the scale; a forward pass costs a third of a training step. Minutes are
twice the estimate plus ten. A job that fails is tried again with twice, then three times as much, but no attempt asks
for more than a day.
"""

from __future__ import annotations

from dataclasses import dataclass

from hidden_gaussian.cells import Cell
from hidden_gaussian.noise_schedule import AUTOENCODERS, SOLVERS
from hidden_gaussian.reference_names import ALWAYS_MEASURED
from hidden_gaussian.settings import Dataset

PLAIN, TORCH = 1_000, 3_000  # MB of Snakemake's own process beside the job's, and of the libraries that it imports
FLOPS = 1e10  # float64 operations a second of one core, of matrix products and decompositions
GPU_FLOPS = 2e11  # of a consumer's GPU; those of data centres do fifty times as many
DAY = 1_440  # minutes: longer trainings are stopped, save and go on in the next attempt
ROW, SHARDS = 40, 4  # bytes of a row of measurements in pandas; shards that a figure holds at a time
CONVERTED, COMPARED = 300, 2e8  # images packed a second; pairs of images screened for likeness a second
EVALUATIONS = {name: n if scheme == "euler" else 2 * n - 1 for name, (scheme, n) in SOLVERS.items()} | {"exact": 0}


@dataclass(frozen=True)
class Request:
    """What the first attempt asks for.

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
    """Return megabytes of a base and of bytes held, and minutes: twice the seconds and ten minutes, a day at most."""
    return Request(base + int(held / 1e6), min(10 + int(2 * seconds / 60), DAY))


def dimension(dataset: Dataset) -> int:
    """Return d, the numbers in an image."""
    return dataset.channels * dataset.resolution**2


def speed(dataset: Dataset, scale: int) -> float:
    """Return images trained a second by a network of a scale."""
    return dataset.speed * dataset.grid.largest_scale / scale


def rows(dataset: Dataset) -> int:
    """Return the rows of one shard: of every image, level, draw and weight, and of the components of linear maps."""
    measures = dataset.measures
    places = 18 * measures.draws * measures.levels + 13 * len(measures.alphas) * measures.linearity_levels
    components = 8 * dimension(dataset) * measures.levels * len(dataset.distillation.inputs)
    return len(dataset.inputs) * measures.images * places + components


def _blocks(dataset: Dataset) -> int:
    return max(network.blocks for network in dataset.networks)


def packing(dataset: Dataset, count: int) -> Request:
    """Pack a source: CIFAR-10's batches are held as bytes, archives are read image by image."""
    held = 3 * count * dimension(dataset) if dataset.source.kind == "cifar10" else 0
    return request(TORCH, held, count / CONVERTED)


def splitting(dataset: Dataset) -> Request:
    """Split and find duplicates: 67 float32 numbers an image, twice, and all pairs of images."""
    count = dataset.source.count
    return request(PLAIN, 2 * 67 * 4 * count, count**2 / COMPARED)


def spectrum(dataset: Dataset, size: int) -> Request:
    """Diagonalise the smaller of Gram matrix and covariance: pixels, and four arrays of min(N, d) x d in float64."""
    smaller, numbers = min(size, dimension(dataset)), dimension(dataset)
    operations = 2 * size * smaller * numbers + 20 * smaller**3
    return request(PLAIN, (32 * smaller + size) * numbers, operations / FLOPS)


def reference(dataset: Dataset, size: int) -> Request:
    """Fit a shrunk, stationary or mixture law: the images and components in float64, with a copy, ten minutes more."""
    once = spectrum(dataset, size)
    return Request(TORCH + 32 * size * dimension(dataset) // 1_000_000, once.runtime + 10)


def training(dataset: Dataset, scale: int, images: int) -> Request:
    """Train a stretch of so many images: activations of a batch, 60 float32 numbers a pixel, channel and block."""
    return _training(dataset, scale, images, dataset.training.gpus)


def autoencoders(dataset: Dataset, cell: Cell, images: int) -> Request:
    """Train the ten autoencoders of a cell on one device, each for so many images.

    One of `dae-linear` is a d x d matrix whatever the scale. Most memory is needed when the ten are put together, while
    the last of them is read and copied into its network; the training of one holds fewer copies.
    """
    asked = _training(dataset, cell.scale, AUTOENCODERS * images, 1)
    matrices = AUTOENCODERS + 2 if cell.architecture == "dae-linear" else 0
    return Request(asked.mem_mb + 4 * matrices * dimension(dataset) ** 2 // 1_000_000, asked.runtime)


def _training(dataset: Dataset, scale: int, images: int, gpus: int) -> Request:
    batch = dataset.training.microbatch or dataset.training.batch // gpus
    activations = 4 * batch * dataset.resolution**2 * scale * _blocks(dataset) * 60
    return request(gpus * TORCH, gpus * activations, images / speed(dataset, scale) / gpus)


def opening(dataset: Dataset, identifier: str) -> int:
    """Return megabytes to read the network of an id: none beside the base, but for the ten matrices of `dae-linear`.

    They are held twice for a moment, as what the file says and as networks.
    """
    if "/dae-linear" not in identifier or identifier.endswith("/linear"):
        return 0
    return 2 * AUTOENCODERS * 4 * dimension(dataset) ** 2 // 1_000_000


def importing() -> Request:
    """Read a file: the largest published network has 300 million float32 numbers, held three times."""
    return request(TORCH, 3 * 4 * 3e8, 600)


def sampling(dataset: Dataset, size: int, scale: int | None, sampler: str) -> Request:
    """Solve the sampler's equation for the sample set, and compare it with the N training images."""
    count, steps = dataset.sampling.count, EVALUATIONS[sampler]
    seconds = 2 * size * count * dimension(dataset) / GPU_FLOPS
    if scale is None:
        seconds *= 1 + steps
    else:
        seconds += count * steps / (3 * speed(dataset, scale))
    return request(TORCH, _held(dataset, size), seconds)


def sampling_references(dataset: Dataset, size: int) -> Request:
    """Draw from the Gaussian and the empirical denoiser of a subset, both as networks are, and as the paper did."""
    solvers = ("exact", *2 * (dataset.sampling.sampler, "euler10"))
    asked = [sampling(dataset, size, None, sampler) for sampler in solvers]
    return Request(max(one.mem_mb for one in asked), sum(one.runtime for one in asked))


def measuring(dataset: Dataset, size: int, scale: int | None, *, largest: int, distilled: bool) -> Request:
    """Measure a network, or the references of a subset: noisy images, pairs for linearity, least squares.

    The law of the largest subset, which all are compared with, is held in float64 and float32.
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


def linearising(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Follow the local slopes of a network: products with its Jacobian, each as dear as a training step."""
    slopes = dataset.measures.jacobian
    if slopes is None:
        return request(TORCH, 0, 0)
    products = 10 * (2 * slopes.components * slopes.states * slopes.rounds + slopes.probes)
    activations = 4 * slopes.components * dataset.resolution**2 * (scale or 1) * _blocks(dataset) * 60
    return request(TORCH, _held(dataset, size) + activations, products / speed(dataset, scale or 1))


def distilling(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Keep the ten affine maps of a network, or of the empirical denoiser of N images."""
    d, draws = dimension(dataset), dataset.distillation.draws
    one = 2 * size * d / GPU_FLOPS if scale is None else 1 / (3 * speed(dataset, scale))
    seconds = 10 * draws * one + 10 * (2 * draws * d**2 + 10 * d**3) / GPU_FLOPS
    return request(TORCH, _held(dataset, size) + 32 * 8 * d**2, seconds)


def comparing(dataset: Dataset, size: int, partners: int, spectra: int) -> Request:
    """Compare a sample set with those of others, of which two are in float64, and Gaussians by their spectra."""
    d, samples = dimension(dataset), dataset.sampling.count * dimension(dataset)
    smaller = min(size, d)
    held = (4 * (1 + partners) + 5 * 8) * samples + spectra * 8 * d * smaller
    return request(PLAIN, held, 60 + max(spectra - 1, 0) * 2 * d * smaller**2 / FLOPS)


def moments(dataset: Dataset, size: int, largest: int) -> Request:
    """Hold samples, photographs or noisy copies against the N training images and the largest subset's spectrum."""
    seconds = 4 * dataset.sampling.count * size * dimension(dataset) / FLOPS
    thousands = 8 * dimension(dataset) * 20_000  # samples, photographs and training images in float64
    return request(PLAIN, _held(dataset, size) + _held(dataset, largest) + thousands, seconds + 60)


def splicing(dataset: Dataset, size: int, scale: int | None) -> Request:
    """Draw a network's samples again for every range of noise levels, all states of all latents being held."""
    once = sampling(dataset, size, scale, dataset.sampling.sampler)
    ranges = 3 * len(dataset.sampling.splice_ends) ** 2 // 2 + len(dataset.sampling.splice_ends)
    states = 4 * dataset.sampling.count * dimension(dataset) * 2 * EVALUATIONS[dataset.sampling.sampler]
    return Request(once.mem_mb + states // 1_000_000, min(once.runtime * max(ranges, 1), DAY))


def exploring(dataset: Dataset, size: int, cells: int) -> Request:
    """Evaluate every network of the sweeps on four images at ten levels, and hold the values of their shards."""
    return request(TORCH, _held(dataset, size) + 8 * rows(dataset) * cells, 20 * cells)


def tabulating(dataset: Dataset, shards: int) -> Request:
    """Estimate from so many shards: their values, and one of them whole."""
    return request(2 * PLAIN, 12 * rows(dataset) * shards + 2 * ROW * rows(dataset), rows(dataset) * shards / 1e5)


def plotting(dataset: Dataset, shards: int) -> Request:
    """Draw a figure from so many shards, a few of which are held at a time."""
    return request(PLAIN, ROW * rows(dataset) * min(shards, SHARDS), rows(dataset) * shards / 1e6)


def _held(dataset: Dataset, size: int) -> float:
    """Return bytes of the training images in float64 and of the spectrum's vectors."""
    d = dimension(dataset)
    return 8 * d * (min(size, 20_000) + min(size, d))
