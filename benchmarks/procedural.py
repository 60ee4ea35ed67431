"""How well a random forest separates procedural frames from real ones, scene by scene.

    python benchmarks/procedural.py FOLDER [FOLDER ...] [--labels FILE] [--frames 60] [--seed 0]

FOLDER: real frames without targets, a sub-folder a scene as `sirstgen backgrounds harvest --labels` writes them, or
with scenes from `--labels`. Procedural frames have the sizes of the real ones; both are resized to 256x256. Prints the
AUC of 32x32 patches and of whole frames (0.5: not separated), and the three statistics of frames that differ most.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.procedural import SCENES, generate
from sirstgen.comparison.distances import kolmogorov_smirnov
from sirstgen.comparison.forests import Forest, separate
from sirstgen.comparison.groups import grouped
from sirstgen.comparison.tables import MeasuredSet, measure_set
from sirstgen.datasets.readers import Dataset
from sirstgen.files.images import Gray
from sirstgen.seeding import stream

SKY = {"sky-clear": "cloud"}  # the cloud scene draws clear skies too


def real_frames(folders: list[Path], labels: Path | None) -> dict[str, list[Gray]]:
    """Real frames by the procedural scene that should resemble them."""
    found: dict[str, list[Gray]] = {scene: [] for scene in SCENES}
    for folder in folders:
        labelled = labels if labels is not None and not any(part.is_dir() for part in folder.iterdir()) else None
        library = BackgroundLibrary.open(folder, labels=labelled, min_size=(64, 64))
        for scene in library.scenes():
            members = found.get(SKY.get(scene, scene))
            for number in range(library.count(scene) or 0) if members is not None else ():
                members.append(library.pixels(library.background(scene, number), 8))
    return found


def measured(frames: list[Gray], name: str, seed: int) -> MeasuredSet:
    """Frames without targets, as `sirstgen compare` measures them."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("images", "masks"):
            (Path(folder) / name / part).mkdir(parents=True)
        for number, frame in enumerate(frames):
            cv2.imwrite(f"{folder}/{name}/images/{name}-{number:04d}.png", frame)
            cv2.imwrite(f"{folder}/{name}/masks/{name}-{number:04d}.png", np.zeros_like(frame))
        dataset = Dataset.open(Path(folder) / name)
        return measure_set(dataset, dataset.ids, name, 256, seed)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--frames", type=int, default=60, help="of either kind, a scene")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| scene | real frames | 32x32 patches | whole frames | most discriminative (KS) |\n|---|---|---|---|---|")
    for scene, real in real_frames(options.folders, options.labels).items():
        if len(real) < 5:
            print(f"| {scene} | {len(real)} | | | |")
            continue
        draw = stream(options.seed, scene, "frames")
        real = [real[place] for place in draw.permutation(len(real))[: options.frames]]
        sizes = [real[number % len(real)].shape for number in range(options.frames)]
        drawn = [generate(scene, options.seed, number, *size) for number, size in enumerate(sizes)]
        ours, theirs = grouped(measured(drawn, "drawn", options.seed), measured(real, "real", options.seed))
        aucs = [
            separate(getattr(ours, kind), getattr(theirs, kind), ours.groups, theirs.groups, Forest(), draw).auc
            for kind in ("patches", "backgrounds")
        ]
        apart = {
            name: kolmogorov_smirnov(ours.backgrounds.values[:, place], theirs.backgrounds.values[:, place])
            for place, name in enumerate(ours.backgrounds.names)
        }
        worst = sorted(apart, key=lambda name: -apart[name])[:3]
        named = ", ".join(f"{name} {apart[name]:.2f}" for name in worst)
        print(f"| {scene} | {len(real)} | {aucs[0]:.2f} | {aucs[1]:.2f} | {named} |", flush=True)


if __name__ == "__main__":
    main()
