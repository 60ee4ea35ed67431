"""What closes a dataset: rows in order, splits, the manifest, the dataset card, checksums."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from sirstgen.datasets.split import PARTS, write_split_lists
from sirstgen.files.atomic import write_file, writing
from sirstgen.files.gray_scale import EIGHT_BIT, SIXTEEN_BIT
from sirstgen.storage.checksums import write_sums
from sirstgen.storage.fingerprint import fingerprint
from sirstgen.storage.libraries import libraries
from sirstgen.storage.run import FolderRun
from sirstgen.synthesis.generator import Generator

SCHEMA_VERSION = 1

_FILES = "* `images/`, `masks/`"
_SHARDS = (
    "* `shards/<split>-<number>.tar`: WebDataset shards of `<id>.image.png`, `<id>.mask.png` and `<id>.json`, the\n"
    "  line of `targets.jsonl`. Images and masks"
)


def write_closing_files(run: FolderRun, generator: Generator) -> None:
    """Write everything but images and masks; ``SHA256SUMS`` last, which is what makes a dataset finished."""
    folder, name = run.folder, run.name
    scenes: Counter[str] = Counter()
    rejections: Counter[str] = Counter()
    targets = 0
    split: dict[str, list[str]] = {part: [] for part in PARTS}
    sums: dict[str, str] = {}
    rows = run.scratch / "targets.jsonl"
    with writing(folder / "targets.jsonl"), rows.open("w", encoding="utf-8", newline="\n") as file:
        for entry in run.journal.entries():
            row = orjson.loads(entry.row)
            file.write(entry.row + "\n")
            scenes[row["scene"]] += 1
            if row["rejections"]:
                rejections.update(row["rejections"])
            targets += len(row["targets"])
            split[generator.side(row["index"])].append(entry.id)
            sums[f"images/{entry.id}.png"] = entry.image_sha256
            sums[f"masks/{entry.id}.png"] = entry.mask_sha256
    rows.replace(folder / "targets.jsonl")
    write_split_lists(folder, name, split["train"], split["test"], run.scratch)
    made = manifest(
        name,
        fingerprint(generator),
        run.count,
        targets,
        scenes,
        rejections,
        {part: len(ids) for part, ids in split.items()},
        run.redraws,
    )
    write_file(folder / "dataset.json", json.dumps(made, indent=2) + "\n", run.scratch)
    write_file(folder / "README.md", card(made), run.scratch)
    write_sums(folder, sums, run.kept)


def manifest(
    name: str,
    parts: Mapping[str, Any],
    count: int,
    targets: int,
    scenes: Mapping[str, int],
    rejections: Mapping[str, int],
    split: Mapping[str, int],
    redrawn: Mapping[str, int],
) -> dict[str, Any]:
    """Return the content of ``dataset.json``.

    Args:
        name: of the dataset.
        parts: the fingerprint of the generator.
        count, targets: images, and targets in them.
        scenes: images of each scene.
        rejections: rejected draws by reason.
        split: images of each part.
        redrawn: how often a person has rejected an image, by id.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "sirstgen": parts["sirstgen"],
        "libraries": libraries(),
        "seed": parts["seed"],
        "count": count,
        "targets": targets,
        "scenes": dict(sorted(scenes.items())),
        "gray_scale": (EIGHT_BIT if parts["recipe"]["bit_depth"] == 8 else SIXTEEN_BIT).to_dict(),
        "split": {part: split.get(part, 0) for part in PARTS},
        "rejections": dict(sorted(rejections.items())),
        "redrawn": dict(sorted(redrawn.items())),
        "backgrounds": parts["backgrounds"],
        "templates": parts["templates"],
        "plans": parts["plans"],
        "recipe": parts["recipe"],
    }


def card(manifest: dict[str, Any]) -> str:
    """Return the dataset card: what is in the folder, how it was made, what it does not claim."""
    recipe, split = manifest["recipe"], manifest["split"]
    size = f"{recipe['width']}x{recipe['height']}, {recipe['bit_depth']} bit"
    scenes = "\n".join(f"| {scene} | {count} |" for scene, count in manifest["scenes"].items())
    rejections = ", ".join(f"{name} {count}" for name, count in manifest["rejections"].items()) or "none"
    pixels = _SHARDS if "shards" in manifest else _FILES
    return f"""# {manifest["name"]}

{manifest["count"]} synthetic infrared images ({size}) with {manifest["targets"]} small targets, made by sirstgen
{manifest["sirstgen"]} with seed {manifest["seed"]}.

| scene | images |
|---|---|
{scenes}

{pixels}: gray PNG; masks are 0 or 255 where a target's own contribution is at least
  {recipe["mask_level"]:g} of its peak. Targets never touch.
* `targets.jsonl`: one line an image; kind, place, size and the measured signal-to-clutter ratio of each target.
  `sirstgen verify` recomputes every figure from the files.
* `50_50/`, `img_idx/`: {split["train"]} training and {split["test"]} test ids, in the layouts of the DNA-Net and
  BasicIRSTD codes. No background is on both sides.
* `dataset.json`: the complete recipe, library versions and rejections ({rejections}).
* `SHA256SUMS`: check with `sha256sum -c SHA256SUMS`.

The images are synthetic: no figure reached on them is a statement about real frames.

## Licence and citation

The authors of sirstgen claim no rights in this dataset. On the built-in or procedural backgrounds and the built-in
templates it may be used and published without restriction. The licence of other backgrounds or templates applies to
their pixels.

Cite sirstgen {manifest["sirstgen"]} with the seed and the recipe of `dataset.json`, and the paper whose section IV
it follows: B. Li et al., "Dense Nested Attention Network for Infrared Small Target Detection", IEEE Transactions on
Image Processing, 2023.
"""
