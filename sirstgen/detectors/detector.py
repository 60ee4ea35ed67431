"""What every segmentation detector of this package has in common: its logit maps and `predict`."""

from __future__ import annotations

import copy
import functools
import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sirstgen.errors import InvalidValueError


class Detector(nn.Module):
    """Base of the detectors: a net from images to maps of logits, where a pixel above 0 belongs to a target.

    ``forward`` takes images of shape (B, in_channels, H, W), float, with H and W multiples of `stride`, and returns a
    tuple of logit maps (B, 1, H, W). The last one is the prediction; the others exist for deep supervision.
    """

    stride: int = 16
    """What H and W must be multiples of in ``forward``, in pixels."""

    blocks: tuple[type[nn.Module], ...] = ()
    """Classes of its parts that are worth compiling one by one; none: the whole net."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        if in_channels < 1:
            raise InvalidValueError(f"in_channels must be at least 1, got {in_channels}", value=in_channels)
        self.in_channels = in_channels

    def check_input(self, images: Tensor) -> None:
        """Refuse images that the net cannot take, naming the rule.

        Raises:
            InvalidValueError: wrong number of dimensions or channels, or H or W no multiple of `stride`.
        """
        if images.ndim != 4 or images.shape[1] != self.in_channels:
            raise InvalidValueError(
                f"images must have shape (B, {self.in_channels}, H, W), got {tuple(images.shape)}",
                value=tuple(images.shape),
            )
        if images.shape[2] % self.stride or images.shape[3] % self.stride or 0 in images.shape:
            raise InvalidValueError(
                f"height and width must be positive multiples of {self.stride}, got {images.shape[2]}x"
                f"{images.shape[3]}; use predict(), which pads and crops back",
                value=tuple(images.shape),
            )

    def drop_auxiliary_heads(self) -> None:
        """Leave out what only training needs; nothing in a net with one head."""

    @torch.inference_mode()
    def predict(self, images: Tensor) -> Tensor:
        """Return the logits of images of any size, in evaluation mode; the net's mode is put back afterwards.

        The images are extended to a multiple of `stride` at the right and the bottom by repeating their last column
        and row (zeros would draw an edge into the image), and the logits are cropped back.

        Args:
            images: (B, in_channels, H, W), float, normalised as in training.

        Returns:
            Logits of shape (B, 1, H, W), float32 (float64 for a float64 net).
        """
        height, width = images.shape[-2:]
        padding = (0, -width % self.stride, 0, -height % self.stride)
        padded = functional.pad(images, padding, mode="replicate") if any(padding) else images
        was_training = self.training
        self.eval()
        try:
            logits: Tensor = self(padded)[-1][..., :height, :width]
        finally:
            self.train(was_training)
        return logits if logits.dtype == torch.float64 else logits.float()


def folded(net: Detector) -> Detector:
    """Return a copy of `net` for inference: one head, batch normalisations multiplied into the convolutions before
    them.

    Equal to the net in evaluation mode up to rounding, and faster. By the convention of this package a normalisation
    that is registered right after a convolution follows it in ``forward``.
    """
    net = copy.deepcopy(net).eval()
    net.drop_auxiliary_heads()
    for module in list(net.modules()):
        children = list(module.named_children())
        for (first, conv), (second, norm) in itertools.pairwise(children):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                setattr(module, first, fuse_conv_bn_eval(conv, norm))
                setattr(module, second, nn.Identity())
    return net


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution; in channels_last on a CPU it is run as the matrix product that it is, which is faster."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        matrix_wise = input.device.type == "cpu" and input.is_contiguous(memory_format=torch.channels_last)
        if torch.compiler.is_compiling() or not matrix_wise:
            return super().forward(input)
        pixels = functional.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return pixels.permute(0, 3, 1, 2)


def resize(features: Tensor, factor: float) -> Tensor:
    """Return `features` (B, C, H, W) made `factor` times as large, bilinear, corner pixels kept in the corners."""
    if features.device.type == "cuda":
        return resize_by_products(features, factor)
    out = functional.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=True)
    if out.requires_grad and not torch.compiler.is_compiling() and out.is_contiguous(memory_format=torch.channels_last):
        # Behind a concatenation the gradient is a slice of channels, which torch's CPU kernel for channels_last does
        # not take: it would go by way of NCHW, five times as slow as one copy into dense memory.
        out.register_hook(_dense)  # type: ignore[no-untyped-call]
    return out


def resize_by_products(features: Tensor, factor: float) -> Tensor:
    """Return what `resize` does, as two matrix products.

    On a GPU the backward pass of torch's own operation adds atomically, which is slow and not repeatable, and under
    ``torch.compile`` it becomes gathers with the same fault. Equal to 5e-5 of the largest value, the gradient too.
    """
    height, width = features.shape[-2:]
    dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else features.dtype
    nhwc = features.permute(0, 2, 3, 1).to(dtype)
    resized: Tensor = _products(nhwc, int(height * factor), int(width * factor), adjoint=False)
    return resized.permute(0, 3, 1, 2)


@torch.library.custom_op("sirstgen::resize_by_products", mutates_args=())
def _products(nhwc: Tensor, rows: int, columns: int, adjoint: bool) -> Tensor:
    """Resample (B, H, W, C) to (B, rows, columns, C); `adjoint`: the gradient of resampling the other way.

    One operation for ``torch.compile``, which would otherwise compute the matrices anew in every step.
    """
    batch, height, width, channels = nhwc.shape
    vertical = _resampling(height, rows, adjoint, nhwc.dtype, nhwc.device)
    horizontal = _resampling(width, columns, adjoint, nhwc.dtype, nhwc.device)
    # A matrix expanded over the batch is read once; torch.matmul would transpose the features in memory instead.
    by_rows = torch.bmm(vertical.expand(batch, -1, -1), nhwc.reshape(batch, height, width * channels))
    both = torch.bmm(horizontal.expand(batch * rows, -1, -1), by_rows.view(batch * rows, width, channels))
    return both.view(batch, rows, columns, channels)


@_products.register_fake
def _(nhwc: Tensor, rows: int, columns: int, adjoint: bool) -> Tensor:
    return nhwc.new_empty(nhwc.shape[0], rows, columns, nhwc.shape[3])


def _remember_sides(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    nhwc, _, _, ctx.adjoint = inputs
    ctx.height, ctx.width = nhwc.shape[1:3]


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
    return _products(gradient, ctx.height, ctx.width, adjoint=not ctx.adjoint), None, None, None


_products.register_autograd(_backward, setup_context=_remember_sides)


@functools.cache
def _resampling(before: int, after: int, adjoint: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the (after, before) matrix of bilinear resampling along one axis, first and last pixels kept.

    `adjoint`: the transposed matrix of resampling from `after` to `before`.
    """
    if adjoint:
        return _resampling(after, before, False, dtype, device).T.contiguous()
    with torch.inference_mode(False):  # a matrix that is first needed by `predict` must serve training as well
        place = torch.arange(after, dtype=torch.float64) * ((before - 1) / (after - 1) if after > 1 else 0.0)
        low = place.floor().clamp(max=before - 1).long()
        share = place - low
        matrix = torch.zeros(after, before, dtype=torch.float64)
        rows = torch.arange(after)
        matrix[rows, low] += 1 - share
        matrix[rows, (low + 1).clamp(max=before - 1)] += share
        return matrix.to(dtype).to(device)


def _dense(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)
