from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sirstgen.storage.manifest import card, libraries, split_by_group
from sirstgen.storage.run import read_manifest
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator

groups = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.tuples(st.sampled_from(["cloud", "sea"]), st.integers(1, 6)),
    min_size=1,
    max_size=25,
)


def with_ids(sizes: dict[str, tuple[str, int]]) -> dict[str, tuple[str, list[str]]]:
    return {group: (scene, [f"{group}{n}" for n in range(number)]) for group, (scene, number) in sizes.items()}


@given(groups, st.floats(0, 1), st.integers(0, 99))
def test_groups_stay_whole_and_the_share_is_near(sizes: dict[str, tuple[str, int]], share: float, seed: int) -> None:
    given_groups = with_ids(sizes)
    train, test = split_by_group(given_groups, share, seed)
    everything = sorted(name for _, ids in given_groups.values() for name in ids)
    assert sorted(train + test) == everything
    assert train == sorted(train)
    assert test == sorted(test)
    for _, ids in given_groups.values():
        assert set(ids) <= set(train) or set(ids) <= set(test)
    largest = max(number for _, number in sizes.values())
    assert abs(len(train) - share * len(everything)) <= largest
    assert split_by_group(dict(reversed(given_groups.items())), share, seed) == (train, test)


def test_one_side_may_be_empty() -> None:
    given_groups = with_ids({"a": ("sea", 3), "b": ("sea", 2)})
    assert split_by_group(given_groups, 1.0, 0)[1] == []
    assert split_by_group(given_groups, 0.0, 0)[0] == []


def test_every_scene_is_on_both_sides_where_it_can_be() -> None:
    given_groups = with_ids({f"{scene}{n}": (scene, 4) for scene in ("cloud", "sea") for n in range(6)})
    for seed in range(8):
        for side in split_by_group(given_groups, 0.5, seed):
            assert {name[:3] for name in side} == {"clo", "sea"}


def test_the_card_says_what_the_manifest_says(small_generator: Generator, tmp_path: Path) -> None:
    folder = write_dataset(small_generator, tmp_path / "my-set", 4, train_share=0.25)
    manifest = read_manifest(folder)
    text = (folder / "README.md").read_text()
    assert text == card(manifest)
    assert text.startswith("# my-set\n\n4 synthetic infrared images (96x80, 8 bit)")
    for scene, count in manifest["scenes"].items():
        assert f"| {scene} | {count} |" in text
    assert manifest["name"] == "my-set"
    assert manifest["train_share"] == 0.25
    assert manifest["split"] == {"train": 1, "test": 3}
    assert manifest["libraries"] == libraries()
    assert set(libraries()) == {"python", "numpy", "opencv", "isal", "cpu"}
