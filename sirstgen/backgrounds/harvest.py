"""Clean backgrounds from a labelled set: every frame without its targets, or the reason why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sirstgen.backgrounds.removal import MARGIN, remove_targets
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError
from sirstgen.files.gray_scale import EIGHT_BIT, SIXTEEN_BIT, GrayScale
from sirstgen.files.input_files import parse_json
from sirstgen.files.output import output_folder
from sirstgen.files.png import encode_png

REPORT_NAME = "harvest.json"


@dataclass(slots=True)
class HarvestReport:
    """What became of the frames.

    Attributes:
        written: places covered, for each frame written.
        dropped: reason and detail, for each frame left out.
        mask_notes: what had to be decided about masks, one line a kind (`sirstgen.datasets.readers.warning_lines`).
        gray_scale: of the frames that were read; those of more than 8 bits are written on it.
        files: SHA-256 of each file written, by its path below the folder.
    """

    written: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, tuple[str, str]] = field(default_factory=dict)
    mask_notes: list[str] = field(default_factory=list)
    gray_scale: GrayScale = EIGHT_BIT
    files: dict[str, str] = field(default_factory=dict)

    def dropped_by_reason(self) -> dict[str, int]:
        """Return the number of frames left out for each reason."""
        reasons = [reason for reason, _ in self.dropped.values()]
        return {reason: reasons.count(reason) for reason in sorted(set(reasons))}

    def to_json(self) -> str:
        """Return the report as it is written beside the frames."""
        content = {
            "gray_scale": SIXTEEN_BIT.to_dict(),
            "source_gray_scale": self.gray_scale.to_dict(),
            "written": len(self.written),
            "dropped": self.dropped_by_reason(),
            "dropped_frames": {key: f"{reason}: {detail}" for key, (reason, detail) in sorted(self.dropped.items())},
            "mask_notes": self.mask_notes,
            "targets_removed": dict(sorted(self.written.items())),
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(content, indent=1) + "\n"


def harvest_folder(
    dataset: Dataset,
    ids: Sequence[str],
    out: Path | str,
    *,
    margin: int = MARGIN,
    scenes: Mapping[str, str] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> HarvestReport:
    """Write labelled frames without their targets to ``<out>/<id>.png``, and ``harvest.json`` beside them.

    The folder appears whole at the end or not at all, so an interrupted run leaves nothing to be taken for finished.

    Args:
        dataset: the labelled frames.
        ids: which of them.
        out: the folder to make; it must be absent or empty, unless `overwrite` is given.
        margin: how far masks are grown, pixels (see `remove_targets`).
        scenes: by id; a frame goes to the sub-folder of its scene, which a background library takes for it.
        overwrite: replace an earlier harvest there, once the new one is complete; other files in it stay.
        progress: called with frames done and frames in all.

    Raises:
        InputError: no frame was given, or an id leaves the folder.
        OutputExistsError: `out` holds something else than a harvest that may be overwritten.
        GenerationError: none of the frames could be cleaned, or `out` cannot be written to.
    """
    if margin < 0:
        raise InvalidValueError(f"margin must be 0 or more pixels, got {margin}", value=margin)
    report = HarvestReport()
    with output_folder(Path(out), _owned_files, overwrite=overwrite, staged=True) as output:
        work = output.work
        for done, key in enumerate(ids, start=1):
            _harvest_frame(dataset, key, work, (scenes or {}).get(key), margin, report)
            if progress is not None:
                progress(done, len(ids))
        if not report.written:
            if not report.dropped:
                raise InputError.of(out, "no frame was given to harvest; are there images with masks in the folder?")
            counts = ", ".join(f"{count} {reason}" for reason, count in report.dropped_by_reason().items())
            key, (_, detail) = next(iter(report.dropped.items()))
            raise GenerationError(
                f"{out}: none of {len(report.dropped)} frames became a background: {counts} ({key}: {detail})"
            )
        report.gray_scale = dataset.gray_scale
        report.mask_notes = dataset.notes()
        (work / REPORT_NAME).write_text(report.to_json(), encoding="utf-8")
    return report


def _harvest_frame(
    dataset: Dataset, key: str, folder: Path, scene: str | None, margin: int, report: HarvestReport
) -> None:
    path = folder / (scene or "") / f"{key}.png"
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError.of(dataset.image_path(key), f"the id {key!r} names a place outside the output folder")
    try:
        clean = remove_targets(*dataset.sample(key), margin)
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
    data = encode_png(clean.image)
    path.write_bytes(data)
    report.files[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    report.written[key] = clean.targets


def _owned_files(folder: Path) -> set[str]:
    """Return the files of an earlier harvest in `folder`; see `sirstgen.files.output.Owned`."""
    try:
        files = dict(parse_json((folder / REPORT_NAME).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise OutputExistsError.of(
            folder, f"its {REPORT_NAME} does not list what a harvest wrote", overwrite=False
        ) from None
    for name, digest in files.items():
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise OutputExistsError.of(path, "changed since it was harvested", overwrite=False)
    return {REPORT_NAME, *files}
