"""Clean backgrounds from a labelled set: every frame without its targets, or the reason why not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from sirstgen.backgrounds.removal import MARGIN, remove_targets
from sirstgen.datasets.readers import read_mask
from sirstgen.errors import GenerationError, InputError, InvalidValueError
from sirstgen.images import read_gray
from sirstgen.output import output_folder
from sirstgen.png import encode_png

REPORT_NAME = "harvest.json"


@dataclass(slots=True)
class HarvestReport:
    """What became of the frames.

    Attributes:
        written: places covered, for each frame written.
        dropped: reason and detail, for each frame left out.
        resized_masks: frames whose mask had another size and was resized by nearest neighbour.
    """

    written: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, tuple[str, str]] = field(default_factory=dict)
    resized_masks: list[str] = field(default_factory=list)

    def dropped_by_reason(self) -> dict[str, int]:
        """How many frames were left out for each reason."""
        reasons = [reason for reason, _ in self.dropped.values()]
        return {reason: reasons.count(reason) for reason in sorted(set(reasons))}

    def to_json(self) -> str:
        """The report as it is written beside the frames."""
        content = {
            "written": len(self.written),
            "dropped": self.dropped_by_reason(),
            "dropped_frames": {key: f"{reason}: {detail}" for key, (reason, detail) in sorted(self.dropped.items())},
            "resized_masks": sorted(self.resized_masks),
            "targets_removed": dict(sorted(self.written.items())),
        }
        return json.dumps(content, indent=1) + "\n"


def harvest_folder(
    frames: Iterable[tuple[str, Path, Path]], out: Path | str, *, margin: int = MARGIN, scene: str | None = None
) -> HarvestReport:
    """Write each labelled frame without its targets to ``<out>/<id>.png``, and ``harvest.json`` beside them.

    The folder appears whole at the end or not at all, so an interrupted run leaves nothing to be taken for finished.

    Args:
        frames: (id, image file, mask file) each; an id may hold slashes.
        out: the folder to make; it must be absent or empty.
        margin: how far masks are grown, pixels (see `remove_targets`).
        scene: put the frames in a sub-folder of this name, which a background library takes for their scene.

    Raises:
        InputError: no frame was given, or an id leaves the folder.
        OutputExistsError: `out` is not empty.
        GenerationError: none of the frames could be cleaned, or `out` cannot be written to.
    """
    if margin < 0:
        raise InvalidValueError(f"margin must be 0 or more pixels, got {margin}", value=margin)
    report = HarvestReport()
    with output_folder(Path(out), lambda _: set(), staged=True) as output:
        work = output.work
        for key, image_path, mask_path in frames:
            _harvest_frame(key, image_path, mask_path, work / (scene or ""), margin, report)
        if not report.written:
            if not report.dropped:
                raise InputError.of(out, "no frame was given to harvest; are there images with masks in the folder?")
            counts = ", ".join(f"{count} {reason}" for reason, count in report.dropped_by_reason().items())
            key, (_, detail) = next(iter(report.dropped.items()))
            raise GenerationError(
                f"{out}: none of {len(report.dropped)} frames became a background: {counts} ({key}: {detail})"
            )
        (work / REPORT_NAME).write_text(report.to_json(), encoding="utf-8")
    return report


def _harvest_frame(
    key: str, image_path: Path, mask_path: Path, folder: Path, margin: int, report: HarvestReport
) -> None:
    path = folder / f"{key}.png"
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError.of(image_path, f"the id {key!r} names a place outside the output folder; rename it")
    try:
        image, mask = read_gray(image_path), read_mask(mask_path)
        if mask.shape != image.shape:
            size = (image.shape[1], image.shape[0])
            resized = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
            mask = np.asarray(resized, dtype=bool)
            report.resized_masks.append(key)
        clean = remove_targets(image, mask, margin)
    except InputError as fault:
        report.dropped[key] = (
            "unreadable",
            Path(str(fault.data["path"])).name + fault.message.removeprefix(str(fault.data["path"])),
        )
        return
    except GenerationError as fault:
        report.dropped[key] = fault.data["reason"], fault.message
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(clean.image))
    report.written[key] = clean.targets
