"""Comparison of a distilled weight matrix with the Gaussian's: entries, gains, singular values and vectors."""

from __future__ import annotations

from collections import defaultdict

from torch import Tensor

from hidden_gaussian.distillation.least_squares import Rows, blocks, product
from hidden_gaussian.metrics import LEADING, leading_triplets, overlap_quantities, pad_basis, subspace_overlaps


def weight_quantities(first: Tensor, second: Tensor, gaussian: Rows) -> dict[str, float]:
    """Return squared distances and norms of two independent fits W1 and W2, their mean W, and the Gaussian's W_G.

    Parameters
    ----------
    first, second : Tensor of shape (d, d), float64
    gaussian : callable
        Rows of W_G(sigma) of the training subset, see :func:`~hidden_gaussian.distillation.gaussian_rows`.

    Returns
    -------
    dict of float
        ``weight_mismatch`` <W1 - W_G, W2 - W_G> (unbiased for the squared distance), ``weight_gap`` |W - W_G|^2,
        ``gaussian_weight`` |W_G|^2, ``linear_weight`` |W|^2, ``linear_product`` <W1, W2>, ``asymmetry`` |W - W^T|^2,
        ``asymmetry_product`` <W1 - W1^T, W2 - W2^T>.

    Examples
    --------
    >>> import torch
    >>> weight = torch.tensor([[1.0, 2.0], [0.0, 1.0]]).double()
    >>> found = weight_quantities(weight, weight, torch.eye(2).double().__getitem__)
    >>> found["weight_gap"], found["asymmetry"]
    (4.0, 8.0)
    """
    total: defaultdict[str, float] = defaultdict(float)
    for rows in blocks(len(first)):
        own = gaussian(rows).to(first)
        one, other = first[rows], second[rows]
        turned = one - first[:, rows].T, other - second[:, rows].T
        pairs = {
            "weight_mismatch": (one - own, other - own),
            "weight_gap": ((one + other) / 2 - own,) * 2,
            "gaussian_weight": (own, own),
            "linear_weight": ((one + other) / 2,) * 2,
            "linear_product": (one, other),
            "asymmetry": ((turned[0] + turned[1]) / 2,) * 2,
            "asymmetry_product": turned,
        }
        for name, (left, right) in pairs.items():
            total[name] += float((left * right).sum())
    return dict(total)


def component_quantities(first: Tensor, second: Tensor, vectors: Tensor, gains: Tensor) -> dict[str, Tensor]:
    """Return the gains of the mean W of two fits, and of W_G, along each leading principal component u.

    Parameters
    ----------
    first, second : Tensor of shape (d, d), float64
    vectors : Tensor of shape (d, k)
        Principal components of the training subset, by variance.
    gains : Tensor of shape (k,)
        lambda / (lambda + sigma^2) of each.

    Returns
    -------
    dict of Tensor of shape (up to 100,)
        ``gain`` u^T W u, ``gaussian_gain`` u^T W_G u, which is also W_G's singular value.

    Examples
    --------
    >>> import torch
    >>> found = component_quantities(torch.eye(2) / 2, torch.eye(2), torch.eye(2)[:, :1], torch.tensor([0.75]))
    >>> {name: values.tolist() for name, values in found.items()}
    {'gain': [0.75], 'gaussian_gain': [0.75]}
    """
    chosen = vectors[:, :LEADING].to(first)
    mapped = (product(first, chosen) + product(second, chosen)) / 2
    return {"gain": (mapped * chosen).sum(0), "gaussian_gain": gains[:LEADING].to(first)}


def singular_quantities(first: Tensor, second: Tensor, vectors: Tensor) -> tuple[Tensor, dict[int, dict[str, float]]]:
    """Return the leading singular values of the mean of two fits, and the overlap of its vectors with the components.

    Parameters
    ----------
    first, second : Tensor of shape (d, d), float64
    vectors : Tensor of shape (d, k)
        Principal components of the training subset, by variance.

    Returns
    -------
    values : Tensor of shape (up to 100,)
        Descending.
    dict of dict of float
        For each rank, :func:`~hidden_gaussian.metrics.overlap_quantities` of the left singular vectors, averaged over
        both fits, and ``overlap_ceiling`` of one fit with the other: the overlap that the noise of a fit allows.

    Examples
    --------
    >>> import torch
    >>> weight = torch.diag(torch.tensor([3.0, 2.0, 1.0])).double()
    >>> values, overlaps = singular_quantities(weight, weight, torch.eye(3).double())
    >>> round(float(values[0]), 6), round(overlaps[2]["overlap"], 6)
    (3.0, 2.0)
    """
    count = min(LEADING, len(first))
    start = pad_basis(vectors.to(first), count)
    whole = leading_triplets(
        lambda right: (product(first, right) + product(second, right)) / 2,
        lambda left: (product(first.T, left) + product(second.T, left)) / 2,
        start,
        count,
    )
    guess = pad_basis(whole.right, count)
    halves = [_left(weight, guess, count) for weight in (first, second)]
    chosen = vectors[:, :count].to(first)
    one, other = (subspace_overlaps(half, chosen) for half in halves)
    ceiling = subspace_overlaps(*halves)
    return whole.values, {
        rank: {
            **overlap_quantities((one[rank] + other[rank]) / 2, rank, len(first)),
            "overlap_ceiling": ceiling[rank],
        }
        for rank in one
    }


def _left(weight: Tensor, start: Tensor, count: int) -> Tensor:
    found = leading_triplets(lambda right: product(weight, right), lambda left: product(weight.T, left), start, count)
    return found.left
