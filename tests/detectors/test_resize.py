"""The two ways of resizing features agree, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from sirstgen.detectors import detector
from sirstgen.detectors.detector import resize_by_products


@pytest.mark.parametrize("factor", [2.0, 0.5, 16.0])
def test_products_equal_interpolation(factor: float) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(2, 3, 16, 32, generator=generator, requires_grad=True)
    expected = functional.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=True)
    weights = torch.rand(expected.shape, generator=generator)
    (gradient,) = torch.autograd.grad((expected * weights).sum(), features)
    found = resize_by_products(features, factor)
    (found_gradient,) = torch.autograd.grad((found * weights).sum(), features)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(found_gradient, gradient, rtol=1e-5, atol=1e-4)


def test_products_have_second_gradients() -> None:
    features = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize_by_products(x, 2.0), features)
    assert torch.autograd.gradgradcheck(lambda x: resize_by_products(x, 0.5), features)


def test_matrices_first_needed_in_inference_serve_training() -> None:
    detector._resampling.cache_clear()
    with torch.inference_mode():
        resize_by_products(torch.rand(1, 2, 8, 8), 2.0)
    features = torch.rand(1, 2, 8, 8, requires_grad=True)
    resize_by_products(features, 2.0).sum().backward()
    assert features.grad is not None
