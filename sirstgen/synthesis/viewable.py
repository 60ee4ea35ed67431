"""What a sample does for a person at a prompt: compare, show itself, be plotted, be saved."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.atomic import MANIFEST, write_file, writing
from sirstgen.files.png import encode_png
from sirstgen.files.row_file import open_for_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sirstgen.synthesis.render import Sample

_SHOWN_SIDE = 256  # pixels that a picture of a small image is grown to


class Viewable:
    """Methods of `Sample` that only look at it."""

    __slots__ = ()

    def __eq__(self: Sample, other: object) -> bool:  # type: ignore[misc]
        """Return whether plan, pixels, mask and targets are equal; how many draws were rejected does not count."""
        if type(other) is not type(self):
            return NotImplemented
        same = (self.plan, self.targets, self.support_margin) == (other.plan, other.targets, other.support_margin)
        return same and np.array_equal(self.image, other.image) and np.array_equal(self.mask, other.mask)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self: Sample) -> str:  # type: ignore[misc]
        height, width = self.image.shape
        scrs = ", ".join(f"{target.scr:.2f}" for target in self.targets[:4])
        more = ", ..." if len(self.targets) > 4 else ""
        return (
            f"Sample({self.plan.scene}, {width}x{height}, {self.plan.bit_depth} bit, "
            f"{_counted(len(self.targets))}{f' of SCR {scrs}{more}' if scrs else ''})"
        )

    def _repr_png_(self: Sample) -> bytes:  # type: ignore[misc]
        """Return image and mask side by side as a PNG file, for notebooks."""
        from sirstgen.pages.picture import shown

        grown = max(1, _SHOWN_SIDE // max(self.image.shape))
        both = np.hstack([shown(self.image), np.full((len(self.image), 2), 128, np.uint8), self.mask])
        return encode_png(both.repeat(grown, axis=0).repeat(grown, axis=1))

    def plot(self: Sample) -> Figure:  # type: ignore[misc]
        """Return a figure of the image, with a box and the SCR at each target, and of the mask.

        ``sample.plot().savefig("sample.png")`` writes it.
        """
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        from sirstgen.pages.picture import shown

        figure = Figure(figsize=(9, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        left.imshow(shown(self.image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        right.imshow(self.mask, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        for target in self.targets:
            x, y, width, height = target.bbox
            box = Rectangle((x - 2, y - 2), width + 3, height + 3, fill=False, edgecolor="#ffd54a", linewidth=0.9)
            left.add_patch(box)
            left.annotate(f"{target.scr:.2f}", (x + width + 2, y - 2), color="#ffd54a", fontsize=8)
        left.set_title(f"{self.plan.scene}: {_counted(len(self.targets))}, SCR beside each")
        right.set_title("mask")
        return figure

    def save(self: Sample, folder: str | Path, image_id: str | None = None) -> Path:  # type: ignore[misc]
        """Write ``images/<id>.png``, ``masks/<id>.png`` and the line of ``targets.jsonl`` into a folder.

        Every command that reads a dataset reads the folder. An image of the same id is replaced.

        Args:
            folder: made if missing.
            image_id: by default the plan's index plus one, six digits.

        Returns:
            The file of the image.

        Raises:
            InvalidValueError: the id leads out of the folder.
            OutputExistsError: the folder holds a finished dataset, which `write_dataset` alone may change.
            InputError: a line of ``targets.jsonl`` is no JSON object with an id, or has an id or a key twice.
            GenerationError: a file cannot be written.
        """
        place = Path(folder)
        if (place / MANIFEST).exists():
            raise OutputExistsError(f"{place}: holds a finished dataset; choose another folder", path=str(place))
        name = image_id if image_id is not None else f"{self.plan.index + 1:06d}"
        if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise InvalidValueError(
                f"image_id must be a name, or a path below the folder, got {name!r}", name="image_id"
            )
        add_row = open_for_row(place / "targets.jsonl", name)
        for part, pixels in (("images", self.image), ("masks", self.mask)):
            file = place / part / f"{name}.png"
            with writing(file):
                file.parent.mkdir(parents=True, exist_ok=True)
            write_file(file, encode_png(pixels), scratch=place, durable=True)
        add_row(self.row(name))
        return place / "images" / f"{name}.png"


def _counted(targets: int) -> str:
    return "1 target" if targets == 1 else f"{targets} targets"
