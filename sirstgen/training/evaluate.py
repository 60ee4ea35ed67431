"""A detector on labelled frames: logits, and the paper's measures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.detectors.detector import Detector, folded
from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.metrics import Convention, DetectionMetrics, DetectionResult
from sirstgen.training.augmentation import gray_tensor, unit_range
from sirstgen.training.config import Precision
from sirstgen.training.frames import Frames
from sirstgen.training.runtime import Runtime


def logits_of(
    net: Detector,
    frames: Frames,
    hardware: Runtime,
    size: int | None = 256,
    batch: int | None = None,
    precision: Precision = "float32",
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield the logits of each frame, beside its mask.

    Args:
        net: the detector; it is copied, and stays as it is.
        frames: of any sizes.
        hardware: where and how to compute; nothing is compiled here.
        size: frames are resized to this square first, as the published test protocol has it; None leaves them as they
            are, one frame at a time.
        batch: resized frames per forward pass; None leaves it to the hardware.
        precision: ``float32`` for every reported figure, ``bfloat16`` where speed counts more.

    Yields:
        id, logits (H, W) float32 and mask (H, W) bool, both of the size that the net saw.
    """
    if batch is None:
        batch = hardware.inference_batch
    if batch < 1:
        raise InvalidValueError(f"batch must be at least 1, got {batch}", value=batch)
    if size is None:
        batch = 1
    hardware = hardware.for_inference(precision)
    net = hardware.place(folded(net))
    for start in range(0, len(frames), batch):
        part = frames.take(range(start, min(start + batch, len(frames))))
        if size is not None:
            part = part.resized(size)
        images = torch.stack([unit_range(gray_tensor(image))[None] for image in part.images])
        with (
            hardware.autocast(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):  # reported figures: whole float32
            logits = net.predict(hardware.inputs(images, net.in_channels))
        yield from zip(part.ids, logits[:, 0].cpu().numpy(), part.masks, strict=True)


def evaluate(
    net: Detector,
    frames: Frames,
    hardware: Runtime,
    size: int | None = 256,
    batch: int | None = None,
    *,
    convention: Convention = "exact",
    deviation: float = 3.0,
) -> DetectionResult:
    """Return IoU, nIoU, Pd and Fa of a detector on `frames`; a pixel is target where its logit is above 0.

    Args:
        net: the detector.
        frames: the test frames.
        hardware: where and how to compute.
        size: see `logits_of`.
        batch: see `logits_of`.
        convention: how false alarms are counted, see `sirstgen.evaluation.metrics`.
        deviation: pixels; centroids this far apart or farther do not match.
    """
    metrics = DetectionMetrics(convention, deviation, threshold=0.0)
    for _, logits, mask in logits_of(net, frames, hardware, size, batch):
        metrics.update(logits, mask)
    return metrics.result()
