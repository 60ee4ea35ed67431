"""A folder of background frames, seen through once and kept as light records."""

from __future__ import annotations

import copyreg
import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from sirstgen.assets import packed_path, unpacked_path
from sirstgen.backgrounds.duplicates import group_duplicates
from sirstgen.backgrounds.index import LEAST, FrameIndex, groups_key
from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.backgrounds.pixel_cache import PixelCache
from sirstgen.backgrounds.place_maps import PlaceMaps
from sirstgen.backgrounds.scan import Frame, Issue, background_files, digest_of, judge, see, summary
from sirstgen.backgrounds.source import Background
from sirstgen.errors import InputError, InvalidValueError, SirstgenWarning
from sirstgen.files.decoding import read_levels
from sirstgen.files.gray_scale import EIGHT_BIT, Gray, GrayScale
from sirstgen.files.image_files import named, warn_of_mixed_depths
from sirstgen.places.classes import PlaceMap
from sirstgen.scenes.labels import SceneDecisions, SceneLabel, frame_name, read_labels

Classifier = Callable[[Iterable[NDArray[Any]]], Iterator[tuple[str, float]]]

_PLAIN_FOLDER = "images"  # the one folder name that says what the files are, not what they show
_NAMED_FAULTS = 20  # files listed per reason in the manifest; the rest are counted


@dataclass(slots=True)
class _Entry:
    frame: Frame
    label: SceneLabel | None = None
    source: str = "cnn"


class BackgroundLibrary:
    """The backgrounds of one folder tree; a `BackgroundSource`. Made by `BackgroundLibrary.open`.

    Only records are kept; pixels are decoded when asked for and the last ones held, up to a bound in bytes. It pickles
    without pixels, so workers may be given one. Order and numbers depend on file names only.

    Attributes:
        folder: what was opened.
        faults: the files that are not used, with reasons.
        gray_scale: black and white of its frames of more than 8 bits (`sirstgen.files.gray_scale`).
    """

    def __init__(
        self,
        folder: Path,
        entries: list[_Entry],
        backgrounds: list[Background],
        faults: list[Issue],
        cache: PixelCache,
        scale: GrayScale,
        maps: PlaceMaps,
    ) -> None:
        self.folder = folder
        self.faults = tuple(faults)
        self.gray_scale = scale
        self._opened: dict[str, Any] | None = None  # how to open it again; None where there is no index
        self._cache = cache
        self._files = {entry.frame.id: (entry.frame.file, entry.frame.digest) for entry in entries}
        self._backgrounds = {background.id: background for background in backgrounds}
        self._maps = maps
        self._prepared: dict[str, object] = {}
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
        places: Path | str | None = None,
    ) -> BackgroundLibrary:
        """See every image below `folder` once: what is usable, of which scene, and near-duplicate of what.

        A frame's scene is, in this order: `scene`; its entry in `labels`; the first sub-folder it lies in
        (``sea/0007.png``), unless that is called ``images``; the decision kept for it in the user's cache; else what
        the scene network says, which is then kept there. Hidden files and other suffixes than `IMAGE_SUFFIXES` are
        passed over. A file that cannot be used is listed in `faults`. Near-duplicates form a group, and so do the
        frames of one sub-folder that is no scene, such as a sequence: a group stays on one side of a split.

        Args:
            folder: the folder; sub-folders to any depth, links followed.
            scene: the one scene that all frames show.
            labels: a file as `sirstgen.scenes.labels.read_labels` reads it.
            min_size: least (height, width) of a frame, pixels.
            min_confidence: frames whose scene is less sure than this are not used, 0 to 1.
            classify: takes (H, W) uint8 frames, gives (scene, confidence) each; the shipped scene network if None.
            cache_bytes: how much decoded pixels to hold.
            places: a folder of place maps with the names of the frames (`sirstgen.places.classes`); the place network
                maps the frames that it lacks.

        Raises:
            InputError: the folder is missing, holds no image or no usable one, is a dataset with targets in its
                images, or `labels` names none of its frames.
        """
        root = Path(folder).resolve()
        faults: list[Issue] = []
        files = background_files(root, Path(folder), faults)
        cache = PixelCache(cache_bytes)
        index = see(root, files, lambda file, image: cache.put((frame_name(file), image.dtype.itemsize * 8), image))
        warn_of_mixed_depths(root, {file: found.bits for file, found in index.seen.items()})
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
        maps = PlaceMaps(Path(places) if places is not None else None)
        maps.check(frame_name(file) for file in files)
        backgrounds = list(_backgrounds(sure, index))
        indexed = len(files) >= LEAST and (index.unchanged or index.write(root))
        library = cls(
            root, sure, backgrounds, sorted(faults, key=lambda f: (f.file, f.reason)), cache, index.scale, maps
        )
        if indexed:
            library._opened = {
                "folder": root,
                "scene": scene,
                "labels": None if labels is None else Path(labels).resolve(),
                "min_size": min_size,
                "min_confidence": min_confidence,
                "cache_bytes": cache_bytes,
                "places": None if places is None else Path(places).resolve(),
            }
        return library

    def __reduce__(self) -> tuple[Any, ...]:
        if self._opened is None:
            state = self.__dict__ | {"folder": packed_path(self.folder, "backgrounds")}
            return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]
        return _opened_again, (self._opened, self._digest, self._prepared)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"folder": unpacked_path(state["folder"], "backgrounds")})

    def scenes(self) -> tuple[str, ...]:
        """Return the scenes it has backgrounds of, sorted."""
        return tuple(sorted(self._scenes))

    def count(self, scene: str) -> int:
        """Return the number of backgrounds of `scene`."""
        return len(self._scenes.get(scene, ()))

    def background(self, scene: str, number: int) -> Background:
        """Return background `number` (from 0, in order of names) of `scene`."""
        if not 0 <= number < self.count(scene):
            counts = ", ".join(f"{self.count(name)} of {name}" for name in self.scenes())
            raise InvalidValueError(f"no background {number} of {scene!r}; there are {counts}, numbered from 0")
        return self._scenes[scene][number]

    def find(self, background_id: str) -> Background:
        """Return the background of that id."""
        found = self._backgrounds.get(background_id)
        if found is None:
            what = f"holds no usable background {background_id!r}; is it the folder the plan was made with?"
            raise InputError.of(self.folder, what)
        return found

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the whole frame on the folder's gray scale, (H, W), in levels of `bit_depth`; read-only."""
        key = (background.id, bit_depth)
        image = self._cache.get(key)
        if image is None:
            # 8 bits may come from 16, never the other way: they may be those of a frame of more bits, rounded.
            image = self._cache.get((background.id, 16)) if bit_depth == 8 else None
            if image is None:
                file, digest = self._files[self.find(background.id).id]
                path = self.folder / file
                image = self.gray_scale.apply(read_levels(path))
                if digest_of(image) != digest:
                    raise InputError.of(
                        path,
                        "its pixels are not those that the run was started with; put the same file there, or open "
                        "the backgrounds again",
                    )
            image = to_bit_depth(image, bit_depth)
            image.setflags(write=False)
            self._cache.put(key, image)
        return image

    def places(self, background: Background) -> PlaceMap:
        """Return the places of the frame's pixels, (H, W): the given map, else that of the place network."""
        return self._maps.get(*self._to_map(background))

    def prepare_places(self) -> None:
        """Map every frame once, so that workers find the maps; they are then part of what `describe` says."""
        self._prepared = self._maps.prepare(self._to_map(background) for background in self._backgrounds.values())

    def _to_map(self, background: Background) -> tuple[str, str, Callable[[], Gray]]:
        return background.id, self._files[background.id][1].hex(), lambda: self.pixels(background, 8)

    def describe(self) -> dict[str, object]:
        """Return what the manifest states: kind, name, counts, faults, digest of all that samples depend on."""
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
            **({"places": self._prepared} if self._prepared else {}),
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
    names = {name for entry in entries for name in (entry.frame.id, PurePosixPath(entry.frame.id).name)}
    other, left = sorted(labels.keys() - names), [entry.frame.id for entry in entries if entry.label is None]
    if other and left:
        what = f"names without background: {len(other)} ({named(other)}); backgrounds without label: {len(left)}"
        warnings.warn(f"{path}: {what} ({named(left)})", SirstgenWarning, stacklevel=2)


def _apply_folders(entries: list[_Entry]) -> None:
    for entry in entries:
        parts = PurePosixPath(entry.frame.id).parts
        if entry.label is None and len(parts) > 1 and parts[0] != _PLAIN_FOLDER:
            entry.label, entry.source = SceneLabel(parts[0]), "folder"


def _apply_decisions(root: Path, entries: list[_Entry], scale: GrayScale, classify: Classifier | None) -> None:
    """Give the entries without a label the scene network's decision: the stored one, else a new one."""
    undecided = [entry for entry in entries if entry.label is None]
    decisions = SceneDecisions() if undecided and classify is None else None  # what another function said is not kept
    if decisions is not None:
        for entry in undecided:
            entry.label = decisions.get(entry.frame.digest.hex())
        undecided = [entry for entry in undecided if entry.label is None]
    if not undecided:
        return
    if classify is None:
        from sirstgen.scenes.classify import classify_images  # brings torch

        classify = classify_images
    frames = (to_bit_depth(scale.apply(read_levels(root / entry.frame.file)), 8) for entry in undecided)
    for entry, (scene, confidence) in zip(undecided, classify(frames), strict=True):
        entry.label = SceneLabel(scene, round(float(confidence), 4))
        if decisions is not None:
            decisions.put(entry.frame.digest.hex(), entry.label)


def _opened_again(how: dict[str, Any], digest: str, prepared: dict[str, object]) -> BackgroundLibrary:
    """Return the library of another process, opened in this one.

    Raises:
        InputError: this process reads other backgrounds.
    """
    with warnings.catch_warnings(action="ignore", category=SirstgenWarning):  # the first process has shown them
        library = BackgroundLibrary.open(**how)
    if library._digest != digest:
        raise InputError.of(
            library.folder, "the backgrounds there are not those that the run began with; copy them again"
        )
    library._prepared = prepared
    return library


def _sequence(entry: _Entry) -> str | None:
    """Return the sub-folder of a frame, below that of its scene: its frames are taken for one sequence."""
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
