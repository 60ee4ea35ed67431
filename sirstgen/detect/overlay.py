"""A picture of an image with a box and a score at every detection."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sirstgen.detect.detect import Detection
from sirstgen.errors import InvalidValueError
from sirstgen.files.gray_scale import Gray

_BOX = (60, 60, 255)  # red, in OpenCV's order of channels
_BOX_MARGIN = 4


def overlay(image: Gray, found: Sequence[Detection]) -> bytes:
    """Return a colour PNG of `image` (H, W), stretched to its own range, with a box and the score at each detection."""
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
