"""Writing a mix as a dataset folder: gray PNGs, exact masks, lists, truth, provenance and checksums."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sirstgen import __version__
from sirstgen.datasets.gray_files import place_gray
from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.datasets.split import write_split_lists
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.atomic import MANIFEST, write_file
from sirstgen.files.decoding import decode_levels, is_8_bit
from sirstgen.files.gray_scale import EIGHT_BIT, SIXTEEN_BIT, GrayScale
from sirstgen.files.input_files import loaded_json
from sirstgen.files.lock import locked
from sirstgen.files.output import output_folder, recover, refuse_existing, refuse_overlap, stage_of
from sirstgen.mix.mix import Mix, MixEntry
from sirstgen.mix.surrogate import NOTE
from sirstgen.storage.checksums import write_sums
from sirstgen.storage.manifest import SCHEMA_VERSION
from sirstgen.storage.owned import owned_files


def write_mix(
    mix: Mix,
    out: Path | str,
    *,
    link: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Write `mix` as a dataset folder, whole or not at all, and open it.

    Files that are gray PNGs already keep their bytes; others (palette, RGB, 1-bit masks, masks of another size) are
    written anew as gray PNGs with the same meaning. ``test.txt`` is empty unless the mix carries the real test images.

    Args:
        mix: from `sirstgen.mix.mix.draw_mix`.
        out: the folder; must be absent or empty.
        link: hard links in place of copies where bytes are kept and both are on one disk. Linked files are the source's
            own: change neither.
        overwrite: replace a dataset that is there, once the new one is complete.
        resume: continue an interrupted run of this very mix, or accept the finished one that is there.
        progress: called with images done and images in all.

    Raises:
        OutputExistsError: `out` holds something else.
        InvalidValueError: `out` is or holds one of the sources, or an interrupted run there is of another mix.
        InputError: a file of a source cannot be used, or 8- and 16-bit images meet.
        GenerationError: the disk is full or may not be written to.
    """
    folder = Path(out)
    refuse_overlap(folder, *{entry.source.folder for entry in mix.entries})
    manifest = _manifest(mix, folder.resolve().name, _common_scale(mix))
    if resume and stage_of(folder) is None and _written(folder) == manifest:
        with locked(folder):
            recover(folder.resolve())
        return Dataset.open(folder)
    check_files((entry.source, (entry.source_id,)) for entry in mix.entries)
    if resume and stage_of(folder) is None:
        refuse_existing(folder)
    with output_folder(folder, owned_files, overwrite=overwrite, resume=resume, staged=True) as output:
        work = output.work
        if _written(work) not in (None, manifest):
            raise InvalidValueError(f"cannot resume {folder}: another mix was started there; repeat its command")
        write_file(work / MANIFEST, _as_text(manifest))
        for part in ("images", "masks"):
            (work / part).mkdir(exist_ok=True)
        for number, entry in enumerate(mix.entries, start=1):
            _write_pair(entry, work, link)
            if progress is not None:
                progress(number, len(mix.entries))
        _write_truth(mix, work / "targets.jsonl")
        write_split_lists(work, manifest["name"], mix.ids("train"), mix.ids("test"))
        (work / "README.md").write_text(_card(mix, manifest), encoding="utf-8", newline="\n")
        write_sums(work, kept=output.kept)
    return Dataset.open(folder)


def _write_pair(entry: MixEntry, work: Path, link: bool) -> None:
    stored = entry.source.entry(entry.source_id)
    image, mask = entry.source.sample(entry.source_id)
    name = f"{entry.id}.png"
    for part, file, pixels in (("images", stored.image, image), ("masks", stored.mask, mask * np.uint8(255))):
        target = work / part / name
        target.parent.mkdir(parents=True, exist_ok=True)  # ids of sub-folders hold slashes
        place_gray(file.path, file.read(), pixels, target, link)


def _common_scale(mix: Mix) -> GrayScale:
    """Return the scale of the images of a mix.

    Raises:
        InputError: some have 8 bits, others more.
    """
    first: dict[bool, MixEntry] = {}
    for entry in mix.entries:
        image = entry.source.entry(entry.source_id).image
        data = image.read()
        narrow = is_8_bit(data) or decode_levels(data, image.path).values.dtype == np.uint8
        first.setdefault(narrow, entry)
    if len(first) < 2:
        return EIGHT_BIT if True in first else SIXTEEN_BIT
    eight, more = first[True], first[False]
    bits = 8 if eight.kind == "real" else 16
    raise InputError.of(
        more.source.image_path(more.source_id),
        f"has more than 8 bits and {eight.source.name} {eight.source_id} has 8; a mix needs images of one bit depth: "
        f"draw the synthetic ones with sirstgen synth --bit-depth {bits}",
    )


def _write_truth(mix: Mix, path: Path) -> None:
    """Write the lines of the sources that have some, under their new ids; no file where none has."""
    truth = {entry.source.folder: entry.source for entry in mix.entries}
    rows_of = {folder: source.truth() for folder, source in truth.items()}
    lines = []
    for index, entry in enumerate(mix.entries):
        row = rows_of[entry.source.folder].get(entry.source_id)
        if row is not None:
            source = {"dataset": entry.source.name, "id": entry.source_id, "index": row.get("index")}
            lines.append(json.dumps(row | {"id": entry.id, "index": index, "source": source}, separators=(",", ":")))
    if lines:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _manifest(mix: Mix, name: str, scale: GrayScale) -> dict[str, Any]:
    sources = {entry.kind: entry.source.name for entry in mix.entries}
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "mix",
        "name": name,
        "sirstgen": __version__,
        **({"surrogate": True, "note": NOTE} if mix.surrogate else {}),
        "gray_scale": scale.to_dict(),
        "seed": mix.seed,
        "count": len(mix.entries),
        "real": {"dataset": sources.get("real"), "train": mix.count("real"), "test": len(mix.ids("test"))},
        "synthetic": {"dataset": sources.get("synthetic"), "train": mix.count("synthetic")},
        "images": [
            {
                "id": entry.id,
                "kind": entry.kind,
                "dataset": entry.source.name,
                "source_id": entry.source_id,
                "part": entry.part,
            }
            for entry in mix.entries
        ],
    }


def _written(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of the finished dataset in `folder`, None where there is none."""
    try:
        manifest = loaded_json((folder / MANIFEST).read_bytes(), folder / MANIFEST)
    except OSError:
        return None
    return manifest if isinstance(manifest, dict) else None


def _as_text(manifest: dict[str, Any]) -> str:
    """Return JSON with one line an image, so that people can read and compare it."""
    head = json.dumps({key: value for key, value in manifest.items() if key != "images"}, indent=2)
    rows = ",\n".join(f"    {json.dumps(row)}" for row in manifest["images"])
    return f'{head[:-2]},\n  "images": [\n{rows}\n  ]\n}}\n'


def _card(mix: Mix, manifest: dict[str, Any]) -> str:
    real, synthetic = manifest["real"], manifest["synthetic"]
    parts = [
        f"{part['train']} {kind} ({part['dataset']})"
        for kind, part in (("real", real), ("synthetic", synthetic))
        if part["train"]
    ]
    tested = (
        f"The {real['test']} test images of {real['dataset']} are carried for testing only."
        if real["test"]
        else "It holds no test images; `test.txt` is empty. Test on the real set's own test list."
    )
    return (
        f"# {manifest['name']}{' (surrogate domain)' if mix.surrogate else ''}\n\n"
        f"{f'{NOTE}{chr(10)}{chr(10)}' if mix.surrogate else ''}"
        f"A training mix of {mix.count('real') + mix.count('synthetic')} images: {' and '.join(parts)}, "
        f"drawn with seed {mix.seed} by `sirstgen mix`. {tested}\n\n"
        "Ids are `real-` or `synth-` followed by the id in the source; `dataset.json` lists every image's "
        "source. Real images come from the real set's training list only. Images are gray PNGs, masks 0 and 255. "
        "`targets.jsonl`, where there is one, holds the truth of the synthetic images.\n\n"
        "The licences of the sources apply to their images.\n"
    )
