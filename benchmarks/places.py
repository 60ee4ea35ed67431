"""The place network: trained on sky masks of real frames and on procedural frames, measured on held-out groups.

    python benchmarks/places.py pack --data DIR --labels DIR --pool pool.npz
    python benchmarks/places.py describe --pool pool.npz --parts parts
    python benchmarks/places.py train --parts parts --fold 0 --out fold0.safetensors  # and 1 to 3
    python benchmarks/places.py measure --data DIR --labels DIR --weights fold0.safetensors ... fold3.safetensors
    python benchmarks/places.py train --parts parts --out places.safetensors

`--data` holds ``nuaa-sirst``, ``nudt-sirst`` and ``sirst-v2-backgrounds``; `--labels` holds the scene labels of
`benchmarks/scenes.py` and ``sky/nuaa-sirst`` and ``sky/sirst-v2-backgrounds``, a mask (255: sky) for each frame.
The encoder is that of the scene network that ships. It has its ImageNet weights, so it has seen none of the frames.

`describe` draws changed frames, those of a fold from frames of that fold alone, and writes what the encoder gives for
them and for unchanged ones. `train --fold N` leaves the frames of fold N out, whole groups together. Without it all
frames are used, which is how the weights that ship were made. `measure` measures every frame of the folds with weights
by the network that has not seen its fold: by threshold on the probability, by the place map, and by place maps whose
threshold was chosen on the other folds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from place_decoder import changed_part, load_part, save_part, train, unchanged_part
from place_frames import (
    Frame,
    drawn_frames,
    folds_of,
    pack,
    real_frames,
    sky_figures,
    uniform_frames,
    unpack,
)

from sirstgen.places.checkpoint import load_places, save_places
from sirstgen.places.classes import SKY
from sirstgen.places.network import PlaceNetwork
from sirstgen.scenes.classify import load_classifier

FOLDS = 4
DRAWN = {"city": 110, "field": 110, "sea": 90, "highlight": 30}
THRESHOLDS = (0.5, 0.8, 0.9, 0.95)
MAP_THRESHOLDS = (0.95, 0.97, 0.98, 0.985, 0.99, 0.991, 0.992, 0.993, 0.994, 0.995, 0.997)
GROUND_CALLED_SKY = 0.0025  # at most; then less than 1 % of extended targets for the sky lie on ground


def pack_frames(args: argparse.Namespace) -> None:
    """Write the frames to train on, with their folds, into one file."""
    real = real_frames(args.data, args.labels)
    others = [*uniform_frames(args.data, args.labels), *drawn_frames(DRAWN)]
    pack([*real, *others], folds_of(real, FOLDS) + [-1] * len(others), args.pool)


def describe_frames(args: argparse.Namespace) -> None:
    """Write changed and unchanged frames of each fold, and what the encoder gives for them."""
    encoder = load_classifier().network.backbone
    pool = unpack(args.pool)
    args.parts.mkdir(parents=True, exist_ok=True)
    for fold in range(-1, FOLDS):
        torch.manual_seed(args.seed)
        save_part(changed_part(pool, fold, args.count, encoder), args.parts / f"changed{fold}.npz")
        save_part(unchanged_part(pool, fold, encoder), args.parts / f"unchanged{fold}.npz")


def train_network(args: argparse.Namespace) -> None:
    """Train on all frames, or on those outside a fold."""
    torch.manual_seed(args.seed)
    network = PlaceNetwork()
    network.encoder.load_state_dict(load_classifier().network.backbone.state_dict())
    folds = [fold for fold in range(FOLDS) if fold != args.fold]
    changed, unchanged = (
        {fold: load_part(args.parts / f"{name}{fold}.npz") for fold in (*folds, -1)}
        for name in ("changed", "unchanged")
    )
    train(network, changed, unchanged, args.coarse_steps, args.fine_steps)
    save_places(network, args.out)


def measure(args: argparse.Namespace) -> None:
    """Print the figures of the frames of the first folds, each by the network that has not seen its fold."""
    from sirstgen.places.segment import SKY_FROM, chances, place_map

    networks = [load_places(path) for path in args.weights]
    every = real_frames(args.data, args.labels)
    pairs = [(frame, fold) for frame, fold in zip(every, folds_of(every, FOLDS), strict=True) if fold < len(networks)]
    frames, folds = [frame for frame, _ in pairs], np.array([fold for _, fold in pairs])
    small = [chances(frame.image, networks[fold]) for frame, fold in pairs]

    def chance(number: int) -> NDArray[np.float32]:
        size = frames[number].image.shape[::-1]
        return np.asarray(cv2.resize(small[number][0], size, interpolation=cv2.INTER_LINEAR))

    def sky(number: int, threshold: float) -> NDArray[np.float32]:
        found = place_map(small[number], frames[number].image.shape, threshold)
        return np.asarray(found == SKY, np.float32)

    for threshold in THRESHOLDS:
        tell(str(threshold), sky_figures(frames, chance, threshold))
    tell("map", sky_figures(frames, lambda number: sky(number, SKY_FROM), 0.5))
    best = map_thresholds(frames, sky, [folds != fold for fold in range(len(networks))] + [folds >= 0])
    print("map thresholds chosen on the other folds, then on all:", *best)
    tell("map, chosen so", sky_figures(frames, lambda number: sky(number, best[folds[number]]), 0.5))


def map_thresholds(
    frames: Sequence[Frame],
    sky: Callable[[int, float], NDArray[np.float32]],
    parts: Sequence[NDArray[np.bool_]],
) -> list[float]:
    """For each part of the frames the lowest threshold that calls at most `GROUND_CALLED_SKY` of the ground sky.

    Args:
        frames: the frames.
        sky: the sky of a frame by its number and a threshold, (H, W).
        parts: which frames are used, (n,) each.
    """
    ground = [frame.places != SKY for frame in frames]
    total = np.array([one.sum() for one in ground])
    wrong = np.array(
        [[(one & (sky(n, threshold) > 0)).sum() for n, one in enumerate(ground)] for threshold in MAP_THRESHOLDS]
    )
    low = [wrong[:, part].sum(axis=1) <= GROUND_CALLED_SKY * total[part].sum() for part in parts]
    return [MAP_THRESHOLDS[int(np.argmax(one))] for one in low]


def tell(name: str, found: dict[str, dict[str, float]]) -> None:
    """Print figures by set."""
    for dataset, row in found.items():
        figures = ", ".join(f"{key} {value:.4f}" for key, value in row.items() if key != "frames")
        print(f"{name} {dataset}: {row['frames']} frames, {figures}")


def main() -> None:
    """Run one of the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    names = ("pack", "describe", "train", "measure")
    packing, describing, training, measuring = (commands.add_parser(name) for name in names)
    for part in (packing, measuring):
        part.add_argument("--data", type=Path, required=True)
        part.add_argument("--labels", type=Path, required=True)
    for part in (packing, describing):
        part.add_argument("--pool", type=Path, required=True)
    for part in (describing, training):
        part.add_argument("--parts", type=Path, required=True, help="folder of the described frames")
        part.add_argument("--seed", type=int, default=0)
    describing.add_argument("--count", type=int, default=1504, help="changed frames of each fold")
    training.add_argument("--fold", type=int, choices=range(FOLDS))
    training.add_argument("--coarse-steps", type=int, default=400)
    training.add_argument("--fine-steps", type=int, default=160)
    training.add_argument("--out", type=Path, required=True)
    measuring.add_argument("--weights", type=Path, nargs="+", required=True, help="of fold 0, 1 and so on")
    packing.set_defaults(run=pack_frames)
    describing.set_defaults(run=describe_frames)
    training.set_defaults(run=train_network)
    measuring.set_defaults(run=measure)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    args.run(args)


if __name__ == "__main__":
    main()
