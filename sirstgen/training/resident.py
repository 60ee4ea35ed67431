"""Training frames kept on the device, and the augmentation of a whole batch there.

Flip, antialiased bilinear resize, padding and crop are separable, so a crop is two matrix products,
``rows @ image @ columns.T``, whose matrices follow from a few numbers a crop. The blur is a separable sum of shifted
images, the mask is one gather. All shapes are static and nothing waits for the device, so the work fits into a CUDA
graph. The draws are those of `sirstgen.training.augmentation.Augmentation.draw`, from the same streams.

On a CPU this is slower than `Augmentation.apply`, which stays the path there. Masks are equal in both. Images of 8 bit
differ by at most one gray level where a frame is resized or blurred, and not at all elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sirstgen.training.augmentation import LEAST_BLUR, Augmentation, AugmentationDraw, gray_tensor
from sirstgen.training.batches import Batch, FrameBatches
from sirstgen.training.frames import Frames

_SIDE_UNIT = 8  # the side of resident frames is a multiple of this, for which matrix products are faster


class ResidentFrames:
    """All frames of a training as two tensors on one device.

    Args:
        frames: of any sizes; 8-bit frames stay uint8, a set that holds 16-bit frames becomes float32 in 0..1.
        device: where the tensors are kept.

    Attributes:
        images: (N, S, S) uint8 or float32, frames at the top left, zeros beside them.
        masks: (N, S, S) uint8 of 0 and 1.
        sizes: (N, 2) float32, height and width of each frame, pixels.
    """

    def __init__(self, frames: Frames, device: torch.device | str = "cpu") -> None:
        longest = max(max(image.shape) for image in frames.images)
        side = math.ceil(longest / _SIDE_UNIT) * _SIDE_UNIT
        deep = any(image.dtype != np.uint8 for image in frames.images)
        images = torch.zeros(len(frames), side, side, dtype=torch.float32 if deep else torch.uint8)
        masks = torch.zeros(len(frames), side, side, dtype=torch.uint8)
        for number, (image, mask) in enumerate(zip(frames.images, frames.masks, strict=True)):
            height, width = image.shape
            gray = gray_tensor(image)
            images[number, :height, :width] = gray / 255 if deep and gray.dtype == torch.uint8 else gray
            masks[number, :height, :width] = torch.from_numpy(mask.astype(np.uint8))
        self.images, self.masks = images.to(device), masks.to(device)
        self.sizes = torch.tensor([image.shape for image in frames.images], dtype=torch.float32).to(device)

    @property
    def side(self) -> int:
        """S, pixels."""
        return int(self.images.shape[-1])

    @property
    def nbytes(self) -> int:
        """Memory of images and masks, bytes."""
        return self.images.nbytes + self.masks.nbytes


def pack(draws: Sequence[AugmentationDraw], frames: Sequence[int]) -> Tensor:
    """Return draws as numbers: (B, 9) float32, all that travels to the device for a batch.

    Args:
        draws: one a crop.
        frames: number of each crop's frame in the `ResidentFrames`.
    """
    rows = [
        (frame, draw.transpose, draw.mirror, draw.upside_down, *draw.size, *draw.corner, draw.blur)
        for frame, draw in zip(frames, draws, strict=True)
    ]
    return torch.tensor(rows, dtype=torch.float32)


def augment(frames: ResidentFrames, packed: Tensor, augmentation: Augmentation) -> Batch:
    """Return the crops of a batch, made on the device of the frames.

    Args:
        frames: what the crops are taken from.
        packed: (B, 9) float32 from `pack`, on the same device.
        augmentation: gives the crop's side and the largest blur.

    Returns:
        Images (B, 1, crop, crop) float32 in 0..1 and masks (B, 1, crop, crop) float32 of 0 and 1.
    """
    crop = augmentation.crop
    frame, transpose, mirror, upside_down, height, width, top, left, blur = packed.unbind(1)
    number = frame.long()
    turned = transpose[:, None, None] > 0
    images, masks = frames.images[number], frames.masks[number]
    images, masks = torch.where(turned, images.mT, images), torch.where(turned, masks.mT, masks)
    own_height, own_width = frames.sizes[number].unbind(1)
    before = (
        torch.where(transpose > 0, own_width, own_height),
        torch.where(transpose > 0, own_height, own_width),
    )
    rows, row_of, in_rows = _axis(before[0], height, top, upside_down, crop, frames.side)
    columns, column_of, in_columns = _axis(before[1], width, left, mirror, crop, frames.side)
    scale = 255.0 if frames.images.dtype == torch.uint8 else 1.0
    crops = rows @ (images.float() @ columns.mT)
    if scale > 1:
        crops = crops.round()  # as a resized uint8 image is
    if augmentation.blur > 0 and augmentation.blur_radius[1] >= LEAST_BLUR:
        crops = _blurred(crops, blur, math.ceil(3 * augmentation.blur_radius[1]))
        if scale > 1:
            crops = crops.round()
    batch = torch.arange(len(packed), device=packed.device)[:, None, None]
    targets = masks[batch, row_of[:, :, None], column_of[:, None, :]] * (in_rows[:, :, None] & in_columns[:, None, :])
    return crops[:, None] / scale, targets[:, None].float()


def _axis(
    length: Tensor, new: Tensor, first: Tensor, flip: Tensor, crop: int, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the resampling along one axis: weights (B, crop, S), nearest source (B, crop), whether the crop's pixel is
    inside.
    """
    at = first[:, None] + torch.arange(crop, device=length.device)  # pixels of the resized frame
    inside = at < new[:, None]
    scale = (length / new)[:, None]
    centre = (at + 0.5) * scale
    source = torch.arange(side, device=length.device, dtype=torch.float32)
    reach = scale.clamp(min=1.0)[..., None]
    weights = (1 - ((source + 0.5 - centre[..., None]) / reach).abs()).clamp(min=0) * (source < length[:, None, None])
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-12) * inside[..., None]
    nearest = centre.floor().clamp(min=0).minimum(length[:, None] - 1)
    # A flip reverses the first `length` pixels of the source: the matrix is read backwards.
    back = torch.where(flip[:, None] > 0, length[:, None] - 1 - source, source).clamp(min=0).long()
    weights = weights.gather(2, back[:, None, :].expand(-1, crop, -1)) * (source < length[:, None, None])
    nearest = torch.where(flip[:, None] > 0, length[:, None] - 1 - nearest, nearest).long()
    return weights, nearest, inside


def _blurred(crops: Tensor, blur: Tensor, taps: int) -> Tensor:
    """Return crops (B, H, W) after a Gaussian blur of their own sigma each, pixels; below `LEAST_BLUR` as they are."""
    height, width = crops.shape[-2:]
    sigma = blur.clamp(min=LEAST_BLUR)
    offset = torch.arange(-taps, taps + 1, device=crops.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]) ** 2) * (offset.abs() <= (3 * sigma).ceil()[:, None])
    kernel = torch.where(blur[:, None] >= LEAST_BLUR, kernel, (offset == 0).float())
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, :, None, None]
    padded = functional.pad(crops[:, None], (taps,) * 4, mode="reflect")[:, 0]
    tall = torch.zeros_like(padded[:, :height])
    for place in range(2 * taps + 1):
        tall = tall + kernel[:, place] * padded[:, place : place + height]
    wide = torch.zeros_like(crops)
    for place in range(2 * taps + 1):
        wide = wide + kernel[:, place] * tall[:, :, place : place + width]
    return wide


class ResidentBatches:
    """The batches of a `FrameBatches`, made on the device.

    Args:
        batches: frames, augmentation and the order of the crops.
        device: where the frames are kept and the batches are made.
    """

    def __init__(self, batches: FrameBatches, device: torch.device | str) -> None:
        self.batches = batches
        self.frames = ResidentFrames(batches.frames, device)
        self.device = torch.device(device)

    def packed(self, step: int) -> Tensor:
        """Return the draws of a step, (B, 9) float32 on the CPU."""
        numbers, draws = zip(*self.batches.draws(step), strict=True)
        return pack(draws, numbers)

    def make(self, packed: Tensor) -> Batch:
        """Return the batch of draws that are on the device already."""
        return augment(self.frames, packed, self.batches.augmentation)

    def __getitem__(self, step: int) -> Batch:
        return self.make(self.packed(step).to(self.device, non_blocking=True))
