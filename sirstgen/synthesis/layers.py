"""Background layers of a run's images; the blurred frames that several images show are kept."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import cast

import cv2
import numpy as np

from sirstgen.files.images import Gray
from sirstgen.plan import BackgroundCrop
from sirstgen.synthesis.optics import background_layer, blurred, leaves_alone

_KEPT_BYTES = 96 << 20  # of blurred frames
_COUNTED = 1 << 14  # frames whose uses are counted


class BackgroundLayers:
    """What `background_layer` returns, from blurred frames where these pay: a blur costs more than all else of a layer.

    A frame is blurred as a whole when its crops so far have had half as many pixels as the frame.
    """

    def __init__(self) -> None:
        self._frames: OrderedDict[tuple[str, float], Gray] = OrderedDict()
        self._bytes = 0
        self._uses: Counter[tuple[str, float]] = Counter()

    def layer(self, frame: Gray, crop: BackgroundCrop, size: tuple[int, int], sigma: float) -> Gray:
        """Return the layer of an image; arguments as of `background_layer`."""
        x, y, width, height = crop.crop
        if (width, height) != size or leaves_alone(sigma, frame.dtype):
            return background_layer(frame, crop, size, sigma)
        whole = self._whole(frame, (crop.id, sigma), width * height)
        if whole is None:
            return background_layer(frame, crop, size, sigma)
        layer = whole[y : y + height, x : x + width]
        return cast(Gray, cv2.flip(layer, 1) if crop.flip else np.ascontiguousarray(layer))

    def _whole(self, frame: Gray, key: tuple[str, float], pixels: int) -> Gray | None:
        """Return the blurred frame; None where it is not worth while yet."""
        kept = self._frames.pop(key, None)
        if kept is None:
            if len(self._uses) > _COUNTED:
                self._uses.clear()
            self._uses[key] += 1
            if 2 * self._uses[key] * pixels < frame.size:
                return None
            kept = blurred(frame, key[1])
            self._bytes += kept.nbytes
            while self._frames and self._bytes > _KEPT_BYTES:
                self._bytes -= self._frames.popitem(last=False)[1].nbytes
        self._frames[key] = kept
        return kept
