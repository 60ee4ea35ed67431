"""The faults that an audit looks for, and a finding of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sirstgen.verification.issues import Issue

FAULT, WARNING = "fault", "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of fault.

    Args:
        level: `FAULT` for what gives wrong results, `WARNING` for what a person should look at.
        title: what is wrong, as a heading.
        advice: what to do.
    """

    level: str
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a check found something.

    Args:
        check: its name in `CHECKS`.
        issue: place, what, and what was stated and found.
        partner: id of the image that this one is a copy of, within the dataset.
    """

    check: str
    issue: Issue
    partner: str = ""

    @classmethod
    def of(cls, check: str, place: str, what: str, found: Any = None, stated: Any = None) -> Finding:
        """Return a finding of `check` at `place`, an image's id or a file below the dataset folder."""
        return cls(check, Issue(place, what, stated, found))


CHECKS: dict[str, Check] = {
    # Files.
    "unreadable": Check(FAULT, "Files that cannot be read", "Fetch them again, or take image and mask out."),
    "other-format": Check(WARNING, "Files of a format that is not read", "Save them as PNG or TIFF, or take them out."),
    "image-without-mask": Check(
        FAULT, "Images without mask", "Add the masks; an image without target has a black one."
    ),
    "mask-without-image": Check(FAULT, "Masks without image", "Add the images, or take the masks out."),
    "two-files": Check(FAULT, "Two files for one id", "Keep one of them."),
    "size-differs": Check(FAULT, "Masks of another size than their image", "Find the size the masks were drawn at."),
    "transposed": Check(FAULT, "Masks with width and height exchanged", "Transpose or rotate the masks."),
    "exif-orientation": Check(
        FAULT, "Files with an EXIF orientation", "Apply it and save again: some readers turn the image, others do not."
    ),
    "bit-depths-mixed": Check(WARNING, "8-bit and 16-bit images in one set", "Bring them to one depth, by one scale."),
    # Masks.
    "mask-gray": Check(FAULT, "Masks of many gray values", "Decide what is target, and save 0 and 255."),
    "mask-stray-values": Check(FAULT, "Masks with stray values", "Save 0 and 255 only; JPEG cannot hold a mask."),
    "mask-colours": Check(FAULT, "Masks of several colours", "Turn every colour that is a target into 255."),
    "mask-void": Check(FAULT, "Masks of classes with a border of 255", "Save classes as 255, the border as 0."),
    "mask-inverted": Check(FAULT, "Inverted masks", "Invert them: targets are white."),
    "mask-palette": Check(WARNING, "Masks with a palette", "Save as gray: some readers see the palette's indices."),
    "mask-rgb": Check(WARNING, "Masks stored as RGB", "Save as gray: some readers expect one channel."),
    "mask-alpha": Check(WARNING, "Masks with an alpha channel", "Save as gray without alpha."),
    "mask-1-bit": Check(WARNING, "Masks of 1 bit", "Save as 8-bit gray of 0 and 255: readers that divide by 255 fail."),
    "mask-of-1": Check(WARNING, "Masks of 0 and 1", "Save 0 and 255: readers that divide by 255 see no target."),
    "mask-other-value": Check(WARNING, "Masks whose targets have another value than 255", "Save 0 and 255."),
    "coverage": Check(WARNING, "Masks that cover over 5 % of the image", "Look at them: small targets cover less."),
    "no-contrast": Check(WARNING, "Targets without contrast", "Look at them: the mask may be in a wrong place."),
    "mixed-sign": Check(WARNING, "Bright and dark targets in one image", "Look at them; detectors seek bright ones."),
    "masks-shifted": Check(FAULT, "All masks shifted by one distance", "Shift the masks back."),
    "mask-shifted": Check(FAULT, "Single masks shifted", "Shift these masks back."),
    "one-pixel-targets": Check(WARNING, "All targets are one pixel", "These are points, no masks: IoU means little."),
    "rectangle-targets": Check(WARNING, "All targets are rectangles", "These are boxes, no masks: IoU means little."),
    "border-target": Check(WARNING, "Targets at the border", "A part of them may be missing."),
    # Images.
    "byte-swapped": Check(FAULT, "16-bit images with exchanged bytes", "Exchange the bytes of each pixel."),
    "colour-rendering": Check(FAULT, "False-colour images", "Get the gray frames: colours do not state gray levels."),
    "image-not-gray": Check(
        WARNING, "Gray images stored in colour", "Save as gray; readers differ in how they convert."
    ),
    "burnt-in-text": Check(WARNING, "Text or symbols in the image", "Crop it, or take the images out."),
    "clipped": Check(WARNING, "Clipped images", "Differences above or below the clipped level are lost."),
    "unused-range": Check(
        WARNING,
        "Images that use a small part of the range",
        "Their contrast is low. For raw counts, state the scale.",
    ),
    "nodata": Check(WARNING, "Pixels without data", "Crop them, or leave them out of statistics."),
    "constant": Check(WARNING, "Images of one gray level", "Take them out."),
    # Split.
    "list-unreadable": Check(FAULT, "Split lists that cannot be read", "One id a line, as UTF-8 text."),
    "list-without-file": Check(FAULT, "Ids in a list without image", "Correct the list."),
    "in-two-lists": Check(FAULT, "Ids in the training and in the test list", "Take them out of one list."),
    "twice-in-list": Check(WARNING, "Ids more than once in a list", "Keep one line each."),
    "in-no-list": Check(WARNING, "Images in no list", "Add them to a list, or know that they are not used."),
    "lists-differ": Check(WARNING, "Two layouts of lists that differ", "Keep one of them."),
    # Copies.
    "copy-across-split": Check(FAULT, "The same frame in training and test images", "Take it out of one side."),
    "copy-of-other-set": Check(FAULT, "Frames that are in the other set", "Do not test on one and train on the other."),
    "copy": Check(WARNING, "The same frame more than once", "Keep one, or keep all on one side of the split."),
    "similar-across-split": Check(
        WARNING, "Views of one scene in training and test images", "Split by scene or sequence, not by frame."
    ),
    "similar-to-other-set": Check(WARNING, "Views of one scene in the other set", "Do not test on one of the two."),
}
"""All checks, in the order in which they are reported."""
