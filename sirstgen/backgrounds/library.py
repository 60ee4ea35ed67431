"""A folder of background frames, seen through once and kept as light records."""

from __future__ import annotations

import copyreg
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import group_duplicates
from sirstgen.backgrounds.index import LEAST, FrameIndex, groups_key
from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.backgrounds.scan import Frame, Issue, background_files, digest_of, judge, see, summary
from sirstgen.backgrounds.source import Background
from sirstgen.decoding import read_levels
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.gray_scale import EIGHT_BIT, Gray, GrayScale
from sirstgen.scenes.labels import SceneLabel, SceneStore, frame_name, read_labels

Classifier = Callable[[Iterable[NDArray[Any]]], Iterator[tuple[str, float]]]

_PLAIN_FOLDER = "images"  # the one folder name that says what the files are, not what they show
_NAMED_FAULTS = 20  # files listed per reason in the manifest; the rest are counted
_SAVE_EVERY = 500


@dataclass(slots=True)
class _Entry:
    frame: Frame
    label: SceneLabel | None = None
    source: str = "cnn"


@dataclass(slots=True)
class _PixelCache:
    """The frames used last, up to `limit` bytes; travels empty to other processes."""

    limit: int
    used: int = 0
    frames: OrderedDict[tuple[str, int], Gray] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, int]) -> Gray | None:
        if key in self.frames:
            self.frames.move_to_end(key)
            return self.frames[key]
        return None

    def put(self, key: tuple[str, int], image: Gray) -> None:
        if key in self.frames:
            return
        self.frames[key] = image
        self.used += image.nbytes
        while self.used > self.limit and len(self.frames) > 1:
            self.used -= self.frames.popitem(last=False)[1].nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        return _PixelCache, (self.limit,)


class BackgroundLibrary:
    """The backgrounds of one folder tree; a `BackgroundSource`. Made by `BackgroundLibrary.open`.

    Only records are kept; pixels are decoded when asked for and the last ones held, up to a bound in bytes. It pickles
    without pixels, so workers may be given one. Order and numbers depend on file names only.

    Attributes:
        folder: what was opened.
        faults: the files that are not used, with reasons.
        gray_scale: black and white of its frames of more than 8 bits (`sirstgen.gray_scale`).
    """

    def __init__(
        self,
        folder: Path,
        entries: list[_Entry],
        backgrounds: list[Background],
        faults: list[Issue],
        cache: _PixelCache,
        scale: GrayScale,
    ) -> None:
        self.folder = folder
        self.faults = tuple(faults)
        self.gray_scale = scale
        self._opened: dict[str, Any] | None = None  # how to open it again; None where there is no index
        self._cache = cache
        self._files = {entry.frame.id: (entry.frame.file, entry.frame.digest) for entry in entries}
        self._backgrounds = {background.id: background for background in backgrounds}
        self._scenes: dict[str, list[Background]] = {}
        for background in self._backgrounds.values():
            self._scenes.setdefault(background.scene, []).append(background)
        content = hashlib.sha256()
        for entry in entries:
            content.update(f"{self._backgrounds[entry.frame.id]}".encode() + entry.frame.digest)
        self._digest = content.hexdigest()

    def __repr__(self) -> str:
        return f"BackgroundLibrary({str(self.folder)!r}, {len(self._backgrounds)} frames of {len(self._scenes)} scenes)"

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        scene: str | None = None,
        labels: Path | str | None = None,
        min_size: tuple[int, int] = (32, 32),
        min_confidence: float = 0.0,
        classify: Classifier | None = None,
        cache_bytes: int = 256 << 20,
    ) -> BackgroundLibrary:
        """See every image below `folder` once: what is usable, of which scene, and near-duplicate of what.

        A frame's scene is, in this order: `scene`; its entry in `labels`; the first sub-folder it lies in
        (``sea/0007.png``), unless that is called ``images``; the decision kept for it in ``scenes.json``; else what the
        scene CNN says, which is then kept there. Hidden files and other suffixes than `IMAGE_SUFFIXES` are passed over.
        A file that cannot be used is listed in `faults`. Near-duplicates form a group, and so do the frames of one
        sub-folder that is no scene, such as a sequence: a group stays on one side of a split.

        Args:
            folder: the folder; sub-folders to any depth, links followed.
            scene: the one scene that all frames show.
            labels: a file as `sirstgen.scenes.labels.read_labels` reads it.
            min_size: least (height, width) of a frame, pixels.
            min_confidence: frames whose scene is less sure than this are not used, 0 to 1.
            classify: takes (H, W) uint8 frames, gives (scene, confidence) each; the shipped scene CNN if None.
            cache_bytes: how much decoded pixels to hold.

        Raises:
            InputError: the folder is missing, holds no image or no usable one, is a dataset with targets in its
                images, or `labels` names none of its frames.
        """
        root = Path(folder).resolve()
        faults: list[Issue] = []
        files = background_files(root, Path(folder), faults)
        cache = _PixelCache(cache_bytes)
        index = see(root, files, lambda file, image: cache.put((frame_name(file), image.dtype.itemsize * 8), image))
        entries = [_Entry(frame) for frame in judge(index.seen, min_size, faults)]
        if scene is not None:
            for entry in entries:
                entry.label, entry.source = SceneLabel(scene), "folder"
        else:
            if labels is not None:
                _apply_labels(entries, labels)
            _apply_folders(entries)
            _apply_decisions(root, entries, index.scale, classify)
        sure = [entry for entry in entries if entry.label is not None and entry.label.confidence >= min_confidence]
        for entry in entries:
            if entry.label is not None and entry.label.confidence < min_confidence:
                detail = f"{entry.label.scene} with confidence {entry.label.confidence:.2f}, needs {min_confidence:g}"
                faults.append(Issue(entry.frame.file, "low scene confidence", detail))
        if not sure:
            raise InputError.of(folder, f"no usable background among {len(files)} images: {summary(faults)}")
        backgrounds = list(_backgrounds(sure, index))
        indexed = len(files) >= LEAST and (index.unchanged or index.write(root))
        library = cls(root, sure, backgrounds, sorted(faults, key=lambda f: (f.file, f.reason)), cache, index.scale)
        if indexed:
            library._opened = {
                "folder": root,
                "scene": scene,
                "labels": None if labels is None else Path(labels).resolve(),
                "min_size": min_size,
                "min_confidence": min_confidence,
                "cache_bytes": cache_bytes,
            }
        return library

    def __reduce__(self) -> tuple[Any, ...]:
        if self._opened is None:
            return copyreg.__newobj__, (type(self),), self.__dict__  # type: ignore[attr-defined]
        return _opened_again, (self._opened, self._digest)

    def scenes(self) -> tuple[str, ...]:
        """The scenes it has backgrounds of, sorted."""
        return tuple(sorted(self._scenes))

    def count(self, scene: str) -> int:
        """How many backgrounds of `scene` there are."""
        return len(self._scenes.get(scene, ()))

    def background(self, scene: str, number: int) -> Background:
        """Background `number` (from 0, in order of names) of `scene`."""
        if not 0 <= number < self.count(scene):
            raise InvalidValueError(f"{scene} has backgrounds 0 to {self.count(scene) - 1}, got number {number}")
        return self._scenes[scene][number]

    def find(self, background_id: str) -> Background:
        """The background of that id."""
        found = self._backgrounds.get(background_id)
        if found is None:
            raise InputError(
                f"{self.folder} holds no usable background {background_id!r}; is it the folder the plan was made with?",
                path=str(self.folder),
            )
        return found

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the whole frame on the folder's gray scale, (H, W), in levels of `bit_depth`; read-only."""
        key = (background.id, bit_depth)
        image = self._cache.get(key)
        if image is None:
            image = self._cache.get((background.id, 24 - bit_depth))  # the other depth, 16 for 8 and 8 for 16
            if image is None:
                file, digest = self._files[self.find(background.id).id]
                path = self.folder / file
                image = self.gray_scale.apply(read_levels(path))
                if digest_of(image) != digest:
                    raise InputError.of(
                        path,
                        "its pixels are not those that the run was begun with; put the same file there, or open "
                        "the backgrounds again",
                    )
            image = to_bit_depth(image, bit_depth)
            image.setflags(write=False)
            self._cache.put(key, image)
        return image

    def describe(self) -> dict[str, object]:
        """For the manifest: kind, name, counts, faults by reason, and a digest of everything the samples depend on."""
        listed: dict[str, dict[str, Any]] = {}
        for fault in self.faults:
            entry = listed.setdefault(fault.reason, {"count": 0, "files": []})
            entry["count"] += 1
            if entry["count"] <= _NAMED_FAULTS:
                entry["files"].append(f"{fault.file}: {fault.detail}")
        backgrounds = self._backgrounds.values()
        return {
            "kind": "folder",
            "name": self.folder.name,
            "scenes": {scene: self.count(scene) for scene in self.scenes()},
            "scene_sources": dict(sorted(Counter(background.scene_source for background in backgrounds).items())),
            **({} if self.gray_scale == EIGHT_BIT else {"gray_scale": self.gray_scale.to_dict()}),
            "groups": len({background.group for background in backgrounds}),
            "faults": dict(sorted(listed.items())),
            "digest": self._digest,
        }


def _apply_labels(entries: list[_Entry], path: Path | str) -> None:
    labels = read_labels(path)
    for entry in entries:
        entry.label = labels.get(entry.frame.id) or labels.get(PurePosixPath(entry.frame.id).name)
        if entry.label is not None:
            entry.source = "labels"
    if entries and not any(entry.label for entry in entries):
        example = entries[0].frame.id
        raise InputError.of(path, f"names none of the backgrounds, such as {example!r}; is it of another folder?")


def _apply_folders(entries: list[_Entry]) -> None:
    for entry in entries:
        parts = PurePosixPath(entry.frame.id).parts
        if entry.label is None and len(parts) > 1 and parts[0] != _PLAIN_FOLDER:
            entry.label, entry.source = SceneLabel(parts[0]), "folder"


def _apply_decisions(root: Path, entries: list[_Entry], scale: GrayScale, classify: Classifier | None) -> None:
    """Give the entries without a label the scene CNN's decision: the stored one, else a new one."""
    unlabelled = [entry for entry in entries if entry.label is None]
    if not unlabelled:
        return
    store = SceneStore.beside(root)
    undecided: list[tuple[_Entry, str]] = []
    for entry in unlabelled:
        key = entry.frame.content
        entry.label = store.decisions.get(key)
        if entry.label is None:
            undecided.append((entry, key))
    if not undecided:
        return
    frames = (to_bit_depth(scale.apply(read_levels(root / entry.frame.file)), 8) for entry, _ in undecided)
    answers = (classify or _shipped_classifier())(frames)
    try:
        for number, ((entry, key), (scene, confidence)) in enumerate(zip(undecided, answers, strict=True)):
            entry.label = store.decisions[key] = SceneLabel(scene, round(float(confidence), 4))
            if number % _SAVE_EVERY == _SAVE_EVERY - 1:
                store.save()
    finally:  # what was decided before an interruption need not be decided again
        store.save()


def _shipped_classifier() -> Classifier:
    from sirstgen.scenes.classify import classify_images  # brings torch

    return classify_images


def _opened_again(how: dict[str, Any], digest: str) -> BackgroundLibrary:
    """The library of another process, opened in this one.

    Raises:
        InputError: this process sees other backgrounds.
    """
    library = BackgroundLibrary.open(**how)
    if library._digest != digest:
        raise InputError.of(
            library.folder, "this machine sees other backgrounds there than the run was begun with; copy them again"
        )
    return library


def _sequence(entry: _Entry) -> str | None:
    """The sub-folder of a frame, below that of its scene: its frames are taken for those of one camera and moment."""
    folders = PurePosixPath(entry.frame.id).parts[:-1]
    if folders and (folders[0] == _PLAIN_FOLDER or (entry.label is not None and folders[0] == entry.label.scene)):
        folders = folders[1:]
    return f"folder {'/'.join(folders)}" if folders else None


def _backgrounds(entries: list[_Entry], index: FrameIndex) -> Iterator[Background]:
    first: dict[str, int] = {}
    linked = []
    for place, entry in enumerate(entries):
        named_group = entry.label.group if entry.label is not None else None
        for name in filter(None, (named_group, _sequence(entry))):
            linked.append((first.setdefault(name, place), place))
    key = groups_key([entry.frame.id for entry in entries], [entry.frame.digest for entry in entries], linked)
    groups = index.groups(key)
    if groups is None:
        groups = group_duplicates([entry.frame.thumbnail for entry in entries], linked)
        index.keep_groups(key, groups)
    for entry, group in zip(entries, groups, strict=True):
        assert entry.label is not None  # `open` keeps labelled entries only
        label, first_id = entry.label, entries[group].frame.id
        yield Background(entry.frame.id, label.scene, label.confidence, entry.source, first_id)
