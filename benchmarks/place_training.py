"""Changed frames to train the place network on, and its loss, for `places.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from place_frames import NOT_SKY
from torch.nn import functional

from sirstgen.places.classes import GROUND, SKY, WATER
from sirstgen.scenes.preparation import INPUT_SIDE as SIDE

SHARES = {"nuaa-sirst": 0.22, "sirst-v2-backgrounds": 0.45, "nudt": 0.15, "drawn": 0.18}
"""Share of each set in a batch."""

SEA_WEIGHT = 2.5  # of frames with water
SKIES_ONLY_WEIGHT = 0.45  # of frames that show nothing but sky
GROUP_EXPONENT = -0.4  # of the number of frames of a group
SMOOTHING = 50.0  # pixels; of the soft IoU


def chances_of(pool: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The probability of each frame to be drawn into a batch."""
    _, number, sizes = np.unique(pool["groups"], return_inverse=True, return_counts=True)
    weight = sizes[number].astype(float) ** GROUP_EXPONENT
    sky = (pool["places"] == SKY).mean(axis=(1, 2))
    weight = np.where(sky > 0.98, SKIES_ONLY_WEIGHT, 1.0) * weight
    weight = np.where((pool["places"] == WATER).any(axis=(1, 2)), SEA_WEIGHT, 1.0) * weight
    for dataset, share in SHARES.items():
        mine = pool["datasets"] == dataset
        weight[mine] *= share / weight[mine].sum()
    return np.asarray(weight / weight.sum())


class Batches:
    """Batches of changed frames.

    Args:
        pool: `place_frames.unpack`.
        chances: of each frame, (n,).
        device: where the frames lie and are changed.
        seed: of all random values.
    """

    def __init__(self, pool: dict[str, NDArray[Any]], chances: NDArray[np.float64], device: str, seed: int) -> None:
        self.images = torch.from_numpy(pool["images"]).to(device)
        self.places = torch.from_numpy(pool["places"]).to(device)
        self.chances = torch.from_numpy(chances).float().to(device)
        sky = (pool["places"] == SKY).mean(axis=(1, 2)) > 0.995
        self.skies = torch.from_numpy(chances * sky).float().to(device)
        self.lands = torch.from_numpy(chances * (pool["places"] == GROUND).mean(axis=(1, 2))).float().to(device)
        self.random = torch.Generator(device).manual_seed(seed)
        self.device = device

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Input (count, 1, SIDE, SIDE), float32, and places (count, SIDE, SIDE), int64."""
        gray, places = self._frames(self.chances, count, 1.0)
        gray, places = self._other_sky(gray, places)
        gray, places = self._hills(gray, places)
        return self._as_input(self._camera(gray)), places[:, 0].round().long()

    def _uniform(self, count: int, low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, 1, device=self.device, generator=self.random)

    def _normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.device, generator=self.random)

    def _some(self, count: int, share: float) -> torch.Tensor:
        return self._uniform(count, 0, 1) < share

    def _frames(self, chances: torch.Tensor, count: int, largest: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops of other scale, aspect, place, side and, for a third, tilt."""
        picked = torch.multinomial(chances, count, replacement=True, generator=self.random)
        images, places = self.images[picked, None].float(), self.places[picked, None].float()
        scale, stretch = self._uniform(count, 0.5, largest), (0.22 * self._normal(count, 1, 1, 1)).exp()
        wide, high = (scale * stretch).clamp(max=largest), (scale / stretch).clamp(max=largest)
        wide = torch.where(self._some(count, 0.2), largest, wide)
        high = torch.where(self._some(count, 0.2), largest, high)
        x, y = self._uniform(count, -1, 1) * (1 - wide), self._uniform(count, -1, 1) * (1 - high)
        flip = torch.where(self._some(count, 0.5), -1.0, 1.0)
        tilt = 0.1 * self._normal(count, 1, 1, 1) * self._some(count, 0.35)
        zero = torch.cat([tilt.cos() * wide * flip, -tilt.sin() * wide, x], dim=3)
        one = torch.cat([tilt.sin() * high * flip, tilt.cos() * high, y], dim=3)
        affine = torch.cat([zero, one], dim=2)[:, 0]
        grid = functional.affine_grid(affine, [count, 1, SIDE, SIDE], align_corners=False)
        return (
            functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False),
            functional.grid_sample(places, grid, mode="nearest", padding_mode="reflection", align_corners=False),
        )

    def _other_sky(self, gray: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace the sky of a third of the frames by another; half of them keep their own mean and contrast."""
        count = len(gray)
        other, _ = self._frames(self.skies, count, 1.0)
        sky = places == SKY
        inside = _blurred(sky.float(), torch.full((count, 1, 1, 1), 0.6, device=self.device))
        total = sky.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        mean = (gray * sky).sum(dim=(2, 3), keepdim=True) / total
        spread = (((gray - mean) ** 2 * sky).sum(dim=(2, 3), keepdim=True) / total).sqrt()
        own = other.std(dim=(2, 3), keepdim=True).clamp(min=1)
        free = self._some(count, 0.5)
        gain = torch.where(free, self._uniform(count, 0.15, 1.3), (spread / own).clamp(0.1, 3))
        level = mean + free * 30 * self._normal(count, 1, 1, 1)
        changed = (other - other.mean(dim=(2, 3), keepdim=True)) * gain + level
        chosen = self._some(count, 0.33) & (total > 400)
        return torch.where(chosen, (changed * inside + gray * (1 - inside)).clamp(0, 255), gray), places

    def _hills(self, gray: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw faint hills in front of the lower sky of a seventh of the frames, with a gray level near the sky's."""
        count = len(gray)
        land, _ = self._frames(self.lands, count, 1.0)
        ridge = self._normal(count, 1, 1, 3) * self._uniform(count, 0.05, 0.3)
        line = functional.interpolate(ridge, size=(1, SIDE), mode="bicubic", align_corners=True)
        for knots, size in ((9, 0.05), (25, 0.02), (70, 0.007)):
            rough = self._normal(count, 1, 1, knots) * self._uniform(count, 0, size)
            line = line + functional.interpolate(rough, size=(1, SIDE), mode="bicubic", align_corners=True)
        line = line + self._uniform(count, 0.15, 0.9)
        rows = torch.linspace(0, 1, SIDE, device=self.device)[None, None, :, None]
        below = (rows > line) & (places == SKY)
        edge = ((rows > line - 0.03) & (rows <= line) & (places == SKY)).float()
        level = (gray * edge).sum(dim=(2, 3), keepdim=True) / edge.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        level = level + 14 * self._normal(count, 1, 1, 1)
        own = land.std(dim=(2, 3), keepdim=True).clamp(min=1)
        texture = (land - land.mean(dim=(2, 3), keepdim=True)) / own * self._uniform(count, 0, 6)
        hills = level + texture + (rows - line) * 25 * self._normal(count, 1, 1, 1)
        hills = hills + self._normal(count, 1, SIDE, SIDE) * self._uniform(count, 0, 2)
        chosen = self._some(count, 0.14) & (edge.sum(dim=(2, 3), keepdim=True) > 40)
        below = below & chosen
        inside = _blurred(below.float(), self._uniform(count, 0.3, 1.0))
        return (hills * inside + gray * (1 - inside)).clamp(0, 255), torch.where(below, float(GROUND), places)

    def _camera(self, gray: torch.Tensor) -> torch.Tensor:
        """Shading, tone curve, inversion, blur, sharpening, saturation, noise, column offsets, 8 bit."""
        count = len(gray)
        shade = functional.interpolate(self._normal(count, 1, 5, 5), size=(SIDE, SIDE), mode="bicubic")
        gray = gray + shade * self._uniform(count, 2, 12) * self._some(count, 0.3)
        power = torch.where(self._some(count, 0.6), (0.4 * self._normal(count, 1, 1, 1)).exp(), 1.0)
        gray = 255 * (gray / 255).clamp(0, 1) ** power
        gray = torch.where(self._some(count, 0.04), 255 - gray, gray)
        gray = torch.where(self._some(count, 0.35), _blurred(gray, self._uniform(count, 0.3, 1.8)), gray)
        smooth = _blurred(gray, self._uniform(count, 0.8, 3))
        gray = torch.where(self._some(count, 0.2), gray + (gray - smooth) * self._uniform(count, 0.3, 2.5), gray)
        mean = gray.mean(dim=(2, 3), keepdim=True)
        detail = (gray - smooth) * self._uniform(count, 2, 7) + mean * self._uniform(count, 0.3, 1.0)
        detail = detail + (gray - mean) * self._uniform(count, 0, 0.4)
        gray = torch.where(self._some(count, 0.08), detail, gray)
        burnt = (gray - mean) * self._uniform(count, 1.3, 3) + mean + 25 * self._normal(count, 1, 1, 1)
        gray = torch.where(self._some(count, 0.18), burnt, gray).clamp(0, 255)
        gray = gray + self._normal(*gray.shape) * self._uniform(count, 0.3, 7) * self._some(count, 0.4)
        gray = gray + self._normal(count, 1, 1, SIDE) * self._uniform(count, 0.3, 3) * self._some(count, 0.15)
        return gray.clamp(0, 255).round()

    def _as_input(self, gray: torch.Tensor) -> torch.Tensor:
        """As `sirstgen.places.segment.as_input`."""
        flat = gray[:, 0, ::2, ::2].flatten(1).sort(dim=1).values
        last = flat.shape[1] - 1
        low, high = (flat[:, round(share * last)][:, None, None, None] for share in (0.01, 0.99))
        return ((gray - (low + high) / 2) / ((high - low).clamp(min=24) / 2)).clamp(-1.5, 1.5)


def _blurred(values: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w) by Gaussians of 13 taps, sigma (n, 1, 1, 1) pixels."""
    count = len(values)
    taps = torch.exp(-(torch.arange(-6.0, 7.0, device=values.device) ** 2) / (2 * sigma[:, :, 0] ** 2))
    taps = taps / taps.sum(dim=2, keepdim=True)
    turned = functional.pad(values.transpose(0, 1), (6, 6, 6, 6), mode="reflect")
    rows = functional.conv2d(turned, taps[:, :, None], groups=count)
    return functional.conv2d(rows, taps[:, :, :, None], groups=count).transpose(0, 1)


def loss_of(logits: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Cross entropy over known pixels, `NOT_SKY` as water or ground, and half the soft IoU loss of the sky."""
    assert NOT_SKY == 4
    chances = functional.log_softmax(logits, dim=1)
    either = torch.logsumexp(chances[:, 1:], dim=1, keepdim=True)
    known = (places > 0).float()
    picked = torch.cat([chances, either], dim=1).gather(1, (places - 1).clamp(min=0)[:, None])[:, 0]
    entropy = -(picked * known).sum() / known.sum()
    sky, truth = chances[:, 0].exp(), (places == SKY).float()
    both = (sky * truth * known).sum(dim=(1, 2))
    one = ((sky + truth - sky * truth) * known).sum(dim=(1, 2))
    return entropy + 0.5 * (1 - ((both + SMOOTHING) / (one + SMOOTHING)).mean())
