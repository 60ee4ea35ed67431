"""Pictures of single images after the paper's figures: maps (Fig. 8), surfaces (Fig. 9), features (Fig. 10 and 13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sirstgen.bench.learned import LearnedDetector
from sirstgen.bench.overlay import DetectorMap, draw_overlay
from sirstgen.bench.results import MapSource
from sirstgen.bench.run import gray_levels
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import OutputExistsError
from sirstgen.figures.features import draw_features
from sirstgen.figures.surfaces import draw_surfaces
from sirstgen.files.lock import locked
from sirstgen.files.output import refuse_file


def write_figures(
    dataset: Dataset,
    images: Sequence[str],
    detectors: Sequence[MapSource],
    out: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Draw ``<id>-maps.png`` and ``<id>-surfaces.png`` of each image, and ``<id>-features.png`` of the DNA-Nets.

    Args:
        dataset: an opened dataset folder.
        images: ids.
        detectors: classical and learned ones, a panel each.
        out: folder for the pictures; made if missing.
        overwrite: replace pictures that are there.
        progress: called with images done and images in all.

    Returns:
        The pictures.

    Raises:
        OutputExistsError: a picture is there already, or another process is writing there.
        InputError: there is no such image, or it cannot be read.
    """
    refuse_file(out)
    with locked(out):
        return _write_figures(dataset, images, detectors, out, overwrite, progress)


def _write_figures(
    dataset: Dataset,
    images: Sequence[str],
    detectors: Sequence[MapSource],
    out: Path,
    overwrite: bool,
    progress: Callable[[int, int], None] | None,
) -> list[Path]:
    nets = [detector for detector in detectors if isinstance(detector, LearnedDetector) and detector.is_dnanet]
    kinds = ("maps", "surfaces", *(("features",) if nets else ()))
    paths = {key: [out / f"{key}-{kind}.png" for kind in kinds] for key in images}
    if not overwrite:
        for path in (path for own in paths.values() for path in own if path.exists()):
            raise OutputExistsError.of(path, "the picture exists already")
    for done, (key, own) in enumerate(paths.items(), start=1):
        pixels, mask = dataset.sample(key)
        image = gray_levels(pixels)
        maps = [DetectorMap.of(detector, image) for detector in detectors]
        draw_overlay(image, mask, maps, own[0])
        draw_surfaces(image, mask, maps, own[1])
        if nets:
            draw_features(image, mask, nets, own[2])
        if progress:
            progress(done, len(paths))
    return [path for own in paths.values() for path in own]
