from __future__ import annotations

from pathlib import Path

from sirstgen.storage.libraries import libraries
from sirstgen.storage.manifest import card
from sirstgen.storage.run import read_manifest
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator


def test_the_card_says_what_the_manifest_says(small_generator: Generator, tmp_path: Path) -> None:
    folder = write_dataset(small_generator, tmp_path / "my-set", 4)
    manifest = read_manifest(folder)
    text = (folder / "README.md").read_text()
    assert text == card(manifest)
    assert text.startswith("# my-set\n\n4 synthetic infrared images (96x80, 8 bit)")
    for scene, count in manifest["scenes"].items():
        assert f"| {scene} | {count} |" in text
    assert manifest["name"] == "my-set"
    sides = [small_generator.side(index) for index in range(4)]
    assert manifest["split"] == {"train": sides.count("train"), "test": sides.count("test")}
    assert manifest["libraries"] == libraries()
    assert set(libraries()) == {"python", "numpy", "opencv", "isal", "cpu"}
