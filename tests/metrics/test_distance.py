"""Quantities of outputs against direct formulas."""

import numpy as np
import torch

from hidden_gaussian.metrics.distance import output_quantities


def test_output_quantities() -> None:
    clean, noisy, denoised = torch.randn(3, 8, 2, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    found = output_quantities(clean, noisy, denoised)
    flat = denoised.flatten(1).numpy()
    np.testing.assert_allclose(found["norm_centred"].sum(), 8 * flat.var(axis=0).sum())
    np.testing.assert_allclose(found["loss"], np.square(flat - clean.flatten(1).numpy()).sum(1))
    residual = (noisy - denoised).flatten(1).numpy()
    np.testing.assert_allclose(found["residual_norm_centred"].sum(), 8 * residual.var(axis=0).sum())
