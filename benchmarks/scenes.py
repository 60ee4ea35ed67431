"""The scene network on real frames it has not seen: cross-validated by background group, and with cameras left out.

    python benchmarks/scenes.py --data DIR --labels DIR --out DIR --leave-out

`--data` holds ``nuaa-sirst`` (``images/``, ``50_50/test.txt``), ``nudt-sirst`` (``images/``) and
``sirst-v2-backgrounds``; `--labels` holds ``nuaa-train-scenes.json``, ``nudt-scenes.json`` and
``sirst-v2-backgrounds-scenes.json``: a JSON object each, from frame id to ``scene``, ``content`` (the scene without
regard to brightness), ``confidence`` (high or low) and, where known, ``group`` (same background) and ``source``
(camera).

A network is first trained on procedural frames alone. Every other run begins from it and goes on with real and
procedural frames mixed. The CNN, its augmentation and its schedule were chosen by looking at fold 0, the statistics and
the size of the head by looking at all folds. The network that ships is that of fold 1.

Rules for labels. Clear sky counts as cloud, "other" is left out. Highlight is what glares: bright ground, water or sky,
and also clouds of which a quarter or more is at 230 or above. The label files differ on such clouds (NUAA-SIRST's says
highlight, the others cloud), the procedural highlight frames show them, so here they are highlight. A frame of low
confidence whose content contradicts its scene (a city block's frame full of sky) is left out. Only frames of high
confidence are tested on. The test frames of NUAA-SIRST are never touched.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sirstgen.backgrounds import procedural
from sirstgen.images import read_gray
from sirstgen.scenes.card import Figures, figures
from sirstgen.scenes.checkpoint import FILE_NAME
from sirstgen.scenes.classify import classify_images, load_classifier
from sirstgen.scenes.training import Progress, train_scenes
from sirstgen.scenes.tree import LabelledFrame, split_by_group
from sirstgen.seeding import stream

SCENES = ("city", "cloud", "field", "highlight", "sea")
CONTENT = {"sky-clear": "cloud", **{scene: scene for scene in SCENES}}
VALIDATION_SHARE = 0.12
TUNING_FOLD, SHIPPED_FOLD = 0, 1
SATURATED_CLOUD = 0.25  # share of pixels at 230 or above
NEAR_DUPLICATE = 0.9  # correlation of 32x32 thumbnails
PROCEDURAL_SIDE = 256
PROCEDURAL_GROUP = 100  # frames; keeps them at about the weight of the real ones, which come in few groups

READING = """\
The frames above: NUAA-SIRST (training half only), NUDT-SIRST, the backgrounds of SIRST-v2 and frames of
`sirstgen.backgrounds.procedural`, with scene labels by one person. Made by `benchmarks/scenes.py --leave-out`, where
the label rules stand (highlight: whatever glares, clouds of which a quarter is at 230 or above among it).

## Limits

- No frame that was measured was trained on, yet no fold is wholly untouched: the CNN was chosen on fold 0, the
  statistics and the head by accuracy on all four. Seven variants of the head lay between 0.885 and 0.915, so that 0.90
  is to be read as 0.88 to 0.91.
- The statistics carry it: over all folds the head alone has 0.907 (recall of highlight 0.79), the CNN alone 0.792, both
  0.903 (highlight 0.88).
- Few places: sea and highlight have about twenty real frames each, so their recall is known only roughly.
- In NUDT-SIRST the camera nearly decides the scene. On a camera that the network was not trained on it does worse: the
  last table. On cameras it knows its confidence is low (mean 0.83), since unsure labels took part in its calibration; a
  network trained on procedural frames alone was right in 0.86 of the real frames where it said 0.9 or more.
- Half-sky frames, clouds with burnt-out parts and blurred facades are what it mixes up.
- 16-bit frames are read on the scale of 12, 14 or 16 bits; raw counts in a narrow part of it look flat.
"""


@dataclass(frozen=True)
class Real:
    """A labelled real frame: `tested` where its label is sure, `source` its camera."""

    path: Path
    dataset: str
    scene: str
    group: str
    source: str
    tested: bool


def real_frames(data: Path, labels: Path) -> list[Real]:
    """Every frame whose label can be used, in order."""
    frames: list[Real] = []
    test_ids = set((data / "nuaa-sirst/50_50/test.txt").read_text().split())
    for dataset, folder, file in (
        ("nuaa", "nuaa-sirst/images", "nuaa-train-scenes.json"),
        ("nudt", "nudt-sirst/images", "nudt-scenes.json"),
        ("sirst-v2", "sirst-v2-backgrounds", "sirst-v2-backgrounds-scenes.json"),
    ):
        records = json.loads((labels / file).read_text())
        if dataset == "nuaa" and test_ids & set(records):
            raise SystemExit(f"{labels / file} holds test frames of NUAA-SIRST, which are not to be trained on")
        groups = near_duplicates([data / folder / f"{name}.png" for name in records]) if dataset == "nuaa" else None
        for number, (name, record) in enumerate(records.items()):
            sure = record["confidence"] == "high"
            scene, content = CONTENT.get(record["scene"]), CONTENT.get(record["content"])
            if not sure and scene == "cloud" and record["share_ge230"] >= SATURATED_CLOUD:
                scene = "highlight"
            if scene is None or (not sure and scene not in (content, "highlight")):
                continue
            group = f"nuaa-{groups[number]}" if groups else f"{dataset}-{record['group'].replace(':', '-')}"
            source = f"{dataset}-{record['source']}" if dataset == "nudt" else dataset
            frames.append(Real(data / folder / f"{name}.png", dataset, scene, group, source, sure))
    return frames


def near_duplicates(paths: Sequence[Path]) -> list[int]:
    """A group number for each frame: single linkage over the correlation of thumbnails. Errs towards one group."""
    thumbnails = []
    for path in paths:
        small = cv2.resize(read_gray(path), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
        thumbnails.append((small - small.mean()) / max(float(small.std()), 1e-9) / 32)
    near = np.stack(thumbnails) @ np.stack(thumbnails).T > NEAR_DUPLICATE
    group = np.arange(len(paths))
    for a, b in np.argwhere(np.triu(near, 1)):
        group[group == group[b]] = group[a]
    return [int(number) for number in group]


def folds_by_group(frames: Sequence[Real], count: int) -> dict[str, int]:
    """Fold of each group; scenes of datasets spread over the folds as evenly as whole groups allow, rare ones first."""
    kinds: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for frame in frames:
        if frame.tested:
            kinds[frame.dataset, frame.scene][frame.group] += 1
    fold: dict[str, int] = {}
    rng = stream(0, "benchmark", "folds")
    for _, sizes in sorted(kinds.items(), key=lambda kind: (sum(kind[1].values()), kind[0])):
        load = [sum(n for group, n in sizes.items() if fold.get(group) == number) for number in range(count)]
        order = rng.permutation(count).tolist()
        for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
            if group not in fold:
                fold[group] = min(order, key=lambda number: load[number])
                load[fold[group]] += sizes[group]
    return fold


def procedural_tree(folder: Path, number: int) -> dict[str, list[Path]]:
    """`number` procedural frames a scene, seed 0, kept in `folder`."""
    made: dict[str, list[Path]] = {}
    for scene in SCENES:
        (folder / scene).mkdir(parents=True, exist_ok=True)
        made[scene] = [folder / scene / f"{i:04d}.png" for i in range(number)]
        for i, path in enumerate(made[scene]):
            if not path.exists():
                cv2.imwrite(str(path), procedural.generate(scene, 0, i, PROCEDURAL_SIDE, PROCEDURAL_SIDE))
    return made


def link(tree: Path, frames: Sequence[LabelledFrame]) -> Path:
    """A new folder-per-scene tree of links to `frames`."""
    shutil.rmtree(tree, ignore_errors=True)
    for frame in frames:
        place = tree / frame.scene / frame.group / f"{frame.path.parent.parent.name}-{frame.path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(frame.path.resolve())
    return tree


def told(name: str) -> Progress:
    """Progress of run `name` on standard error."""
    return lambda done, total, loss: print(f"{name}: {done}/{total}, validation loss {loss:.3f}", file=sys.stderr)


def run(
    name: str, kept: Sequence[Real], tested: Sequence[Real], drawn: dict[str, list[Path]], args: argparse.Namespace
) -> list[tuple[Real, str, float]]:
    """Train on `kept` and the procedural frames, predict `tested`; the weights stay in ``<name>/weights``."""
    began = time.process_time()
    labelled = [LabelledFrame(frame.path, frame.scene, frame.group) for frame in kept]
    train, validation = split_by_group(labelled, VALIDATION_SHARE, stream(0, "benchmark", name))
    train += [
        LabelledFrame(path, scene, f"procedural-{i // PROCEDURAL_GROUP:02d}")
        for scene, paths in drawn.items()
        for i, path in enumerate(paths)
    ]
    work = args.out / name
    test = [LabelledFrame(frame.path, frame.scene, frame.group) for frame in tested]
    train_scenes(
        link(work / "train", train),
        work / "weights",
        validation=link(work / "validation", validation),
        test=link(work / "test", test),
        start=args.out / "base" / FILE_NAME,
        seed=args.seed,
        samples=args.samples,
        overwrite=True,
        progress=told(name),
    )
    rows = predicted(work / "weights", tested)
    print(
        f"{name}: accuracy {measured(rows).accuracy:.3f} on {len(rows)} frames, "
        f"{time.process_time() - began:.0f} s of CPU",
        file=sys.stderr,
    )
    return rows


def predicted(weights: Path, frames: Sequence[Real]) -> list[tuple[Real, str, float]]:
    """What the network in the folder `weights` says of each frame."""
    answers = classify_images((read_gray(frame.path) for frame in frames), load_classifier(weights / FILE_NAME))
    return [(frame, scene, confidence) for frame, (scene, confidence) in zip(frames, answers, strict=True)]


def measured(rows: Sequence[tuple[Real, str, float]]) -> Figures:
    """Figures of predictions."""
    truth = np.array([SCENES.index(frame.scene) for frame, _, _ in rows], dtype=np.int64)
    answer = np.array([SCENES.index(scene) for _, scene, _ in rows], dtype=np.int64)
    return figures(SCENES, truth, answer, np.array([confidence for _, _, confidence in rows]))


def section(title: str, rows: Sequence[tuple[Real, str, float]]) -> list[str]:
    """A part of the report: accuracy, confusion, accuracy by dataset, what a confidence threshold gives."""
    whole = measured(rows)
    lines = [f"## {title}", ""]
    lines += [
        f"Accuracy {whole.accuracy:.3f}, mean recall {whole.balanced_accuracy:.3f}, "
        f"expected calibration error {whole.calibration_error:.3f}; {len(rows)} frames of high confidence.",
        "",
    ]
    lines += [whole.table(), "", "| dataset | frames | accuracy |", "|---|---|---|"]
    for dataset in sorted({frame.dataset for frame, _, _ in rows}):
        mine = [row for row in rows if row[0].dataset == dataset]
        lines.append(f"| {dataset} | {len(mine)} | {measured(mine).accuracy:.3f} |")
    lines += ["", "| confidence at least | share of frames | accuracy |", "|---|---|---|"]
    for threshold in (0.5, 0.7, 0.9):
        sure = [row for row in rows if row[2] >= threshold]
        if sure:
            lines.append(f"| {threshold} | {len(sure) / len(rows):.2f} | {measured(sure).accuracy:.3f} |")
    return [*lines, ""]


def ship(weights: Path, folder: Path, report: str) -> None:
    """Copy the shipped fold's weights and card to `folder`, with the whole report and the reading of it."""
    shutil.copytree(weights, folder, dirs_exist_ok=True)
    card = (weights / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(f"{card}\n{READING}\n{report}\n", encoding="utf-8")


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="where trees, procedural frames and weights go")
    parser.add_argument("--procedural", type=int, default=400, help="procedural frames a scene")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--leave-out", action="store_true", help="train once more for every camera, without it")
    parser.add_argument("--base-samples", type=int, default=24_000, help="squares of the training on procedural frames")
    parser.add_argument("--samples", type=int, default=8_000, help="squares of each training that follows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ship", type=Path, help="folder that gets the shipped weights with the whole report")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    frames = real_frames(args.data, args.labels)
    drawn = procedural_tree(args.out / "procedural", args.procedural)
    if not (args.out / "base" / FILE_NAME).exists():
        train_scenes(
            args.out / "procedural",
            args.out / "base",
            seed=args.seed,
            samples=args.base_samples,
            overwrite=True,
            progress=told("base"),
        )
    fold = folds_by_group(frames, args.folds)
    report: list[str] = []
    by_fold: dict[int, list[tuple[Real, str, float]]] = {}
    for number in range(args.folds):
        kept = [frame for frame in frames if fold.get(frame.group) != number]
        held = [frame for frame in frames if fold.get(frame.group) == number and frame.tested]
        by_fold[number] = run(f"fold{number}", kept, held, drawn, args)
    report += section("Held-out groups, the network that ships", by_fold[SHIPPED_FOLD])
    others = [row for number, rows in by_fold.items() if number != TUNING_FOLD for row in rows]
    report += section("Held-out groups, all folds but the first", others)
    report += section("Held-out groups, all folds", [row for rows in by_fold.values() for row in rows])
    tested = [frame for frame in frames if frame.tested]
    report += section("Trained on procedural frames alone", predicted(args.out / "base", tested))
    if args.leave_out:
        report += [
            "## A whole camera left out",
            "",
            "| left out | frames | accuracy | recall by scene |",
            "|---|---|---|---|",
        ]
        for source in sorted({frame.source for frame in frames}):
            held = [frame for frame in frames if frame.source == source and frame.tested]
            rows = run(f"without-{source}", [f for f in frames if f.source != source], held, drawn, args)
            found = measured(rows)
            recall = ", ".join(f"{name} {share:.2f}" for name, share in found.recall.items() if share is not None)
            report.append(f"| {source} | {len(rows)} | {found.accuracy:.3f} | {recall} |")
    (args.out / "report.md").write_text("\n".join(report) + "\n")
    print("\n".join(report))
    if args.ship:
        ship(args.out / f"fold{SHIPPED_FOLD}" / "weights", args.ship, "\n".join(report))


if __name__ == "__main__":
    main()
