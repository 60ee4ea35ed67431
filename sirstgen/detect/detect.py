"""Detection on a folder of images: masks, a table of centroids with scores, and overlays to look at."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.atomic import write_file
from sirstgen.detectors.detector import Detector, folded
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.images import IMAGE_SUFFIXES, Gray, read_gray
from sirstgen.measure.components import find_components
from sirstgen.png import encode_png
from sirstgen.training.augmentation import gray_tensor, unit_range
from sirstgen.training.runtime import Runtime

_BOX = (60, 60, 255)  # red, in OpenCV's order of channels
_BOX_MARGIN = 4


@dataclass(frozen=True)
class Detection:
    """One detected target.

    Attributes:
        image: name of the image file.
        x: centroid of its pixels, from the left, pixels.
        y: from the top.
        left, top, width, height: its box, pixels.
        area: its pixels.
        score: the highest probability among them.
        mean_score: their mean probability.
    """

    image: str
    x: float
    y: float
    left: int
    top: int
    width: int
    height: int
    area: int
    score: float
    mean_score: float


def probabilities(net: Detector, image: Gray, hardware: Runtime, size: int | None = None) -> NDArray[np.float32]:
    """The probability of each pixel of `image` to be target, at the image's own size.

    Args:
        net: on the device, in evaluation mode.
        image: (H, W) uint8 or uint16.
        hardware: where and how to compute.
        size: the net sees the image squashed to this square, as in the published test protocol, and its logits are
            brought back bilinearly; None shows it the image as it is.
    """
    height, width = image.shape
    images = unit_range(gray_tensor(image))[None, None]
    if size is not None:
        images = torch.nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    with hardware.autocast():
        logits = net.predict(hardware.inputs(images, net.in_channels))
    if size is not None:
        logits = torch.nn.functional.interpolate(logits, (height, width), mode="bilinear")
    return torch.sigmoid(logits)[0, 0].cpu().numpy()


def detections(name: str, scores: NDArray[np.float32], threshold: float = 0.5) -> list[Detection]:
    """The eight-connected groups of pixels above `threshold` in a map of probabilities (section III-D)."""
    found = find_components(scores > threshold)
    result = []
    for index in range(len(found)):
        y, x = np.nonzero(found.labels == index + 1)
        values = scores[y, x]
        result.append(
            Detection(
                image=name,
                x=round(float(found.centroids[index, 0]), 3),
                y=round(float(found.centroids[index, 1]), 3),
                left=int(x.min()),
                top=int(y.min()),
                width=int(x.max() - x.min() + 1),
                height=int(y.max() - y.min() + 1),
                area=int(found.areas[index]),
                score=round(float(values.max()), 4),
                mean_score=round(float(values.mean()), 4),
            )
        )
    return result


def detect_folder(
    net: Detector,
    folder: Path,
    out: Path,
    hardware: Runtime,
    *,
    size: int | None = None,
    threshold: float = 0.5,
    overlays: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Detection]:
    """Detect targets on every image of `folder`.

    Writes ``masks/<name>.png`` (0 and 255), ``detections.csv`` (one line per target, see `Detection`) and, if asked
    for, ``overlays/<name>.png`` (every target in a red box with its score).

    Args:
        net: the detector; copied, and left as it is.
        folder: images of any size; files of other kinds are passed over.
        out: a folder that is empty or not there yet.
        hardware: where and how to compute.
        size: see `probabilities`.
        threshold: probability above which a pixel is target, in 0..1.
        overlays: also write pictures to look at.
        progress: called with images done and images in all.

    Raises:
        InputError: no such folder, no images in it, one that cannot be read, two images of one name.
        OutputExistsError: `out` holds something.
        InvalidValueError: a threshold outside 0..1.
    """
    if not 0 < threshold < 1:
        raise InvalidValueError(f"threshold must be in (0, 1), got {threshold}", value=threshold)
    if not folder.is_dir():
        raise InputError.of(folder, "there is no such folder of images")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not paths:
        raise InputError.of(folder, f"holds no images ({', '.join(IMAGE_SUFFIXES)})")
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError.of(folder, f"holds several images named {twice}; their masks would overwrite each other")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputExistsError(f"{out}: the output folder is not empty; choose another", path=str(out))

    net = hardware.place(folded(net))
    found: list[Detection] = []
    for number, path in enumerate(paths, start=1):
        image = read_gray(path)
        scores = probabilities(net, image, hardware, size)
        own = detections(path.name, scores, threshold)
        write_file(
            out / "masks" / f"{path.stem}.png", encode_png(np.where(scores > threshold, 255, 0).astype(np.uint8))
        )
        if overlays:
            write_file(out / "overlays" / f"{path.stem}.png", _overlay(image, own))
        found += own
        if progress is not None:
            progress(number, len(paths))
    write_file(out / "detections.csv", _as_csv(found))
    return found


def _overlay(image: Gray, found: list[Detection]) -> bytes:
    """A colour PNG of `image` with a box and the score at each detection."""
    low, high = float(image.min()), float(image.max())
    gray = np.rint((image.astype(np.float32) - low) * (255 / max(high - low, 1))).astype(np.uint8)
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    for target in found:
        left, top = target.left - _BOX_MARGIN, target.top - _BOX_MARGIN
        right = target.left + target.width - 1 + _BOX_MARGIN
        bottom = target.top + target.height - 1 + _BOX_MARGIN
        cv2.rectangle(picture, (left, top), (right, bottom), _BOX, 1)
        below = top < 10
        corner = (max(left, 0), bottom + 9 if below else top - 2)
        cv2.putText(picture, f"{target.score:.2f}", corner, cv2.FONT_HERSHEY_SIMPLEX, 0.3, _BOX, 1, cv2.LINE_AA)
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise InvalidValueError(f"a picture of {image.shape[1]}x{image.shape[0]} cannot be written as PNG")
    return data.tobytes()


def _as_csv(found: list[Detection]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Detection)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(target) for target in found)
    return text.getvalue()
