"""The frames that the runs of a check train on: each decoded once, none of them a test frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sirstgen.errors import InputError
from sirstgen.files.images import Gray
from sirstgen.mix.mix import Mix, MixEntry
from sirstgen.training.frames import Frames


class JobFrames:
    """Reader of the images of mixes; keeps them, since rows share most of their images.

    Args:
        size: frames are resized to this square; None leaves them as they are.
    """

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._frames: dict[str, Frames] = {}
        self._pixels: dict[str, bytes] = {}

    def read(self, mix: Mix) -> Frames:
        """Return the frames of a mix, in its order.

        Raises:
            InputError: a file cannot be used.
        """
        frames = []
        for entry in mix.entries:
            key = _key(entry)
            if key not in self._frames:
                frame = Frames.read(entry.source, [entry.source_id])
                self._pixels[key] = pixel_digest(frame.images[0])
                self._frames[key] = frame if self._size is None else frame.resized(self._size)
            frames.append(self._frames[key])
        return Frames(
            tuple(entry.id for entry in mix.entries),
            tuple(frame.images[0] for frame in frames),
            tuple(frame.masks[0] for frame in frames),
        )

    def refuse_test_frames(self, mixes: Iterable[Mix], test: Frames, where: str) -> None:
        """Refuse mixes that hold test frames. Reads all of their images, so that a bad file is found as well.

        Args:
            mixes: of all runs.
            test: the test frames.
            where: the folder of the test frames, for the message.

        Raises:
            InputError: a file cannot be used, or an image is one of the test frames; says how many and which.
        """
        tested = {pixel_digest(image): key for key, image in zip(test.ids, test.images, strict=True)}
        leaks: dict[str, str] = {}
        for mix in mixes:
            self.read(mix)
            for entry in mix.entries:
                test_id = tested.get(self._pixels[_key(entry)])
                if test_id is not None:
                    leaks[_key(entry)] = test_id
        if leaks:
            first = ", ".join(f"{image} is test image {key}" for image, key in list(leaks.items())[:3])
            raise InputError(
                f"{len(leaks)} training images are test images of {where} ({first}); "
                "give another set, or a training list without them",
                path=where,
            )


def pixel_digest(image: Gray) -> bytes:
    """Return a digest of an image's pixels, depth and size."""
    head = f"{image.dtype.str} {image.shape[0]}x{image.shape[1]} ".encode()
    return hashlib.blake2b(head + image.tobytes(), digest_size=16).digest()


def _key(entry: MixEntry) -> str:
    return f"{entry.source.folder}/{entry.source_id}"
