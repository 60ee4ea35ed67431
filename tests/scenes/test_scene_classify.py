from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from sirstgen.backgrounds import procedural
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.scenes.checkpoint import load_weights, save_classifier
from sirstgen.scenes.classify import classify_images, load_classifier
from sirstgen.scenes.labels import WEIGHTS


def test_shipped_weights_are_small_and_know_the_five_scenes() -> None:
    assert WEIGHTS.stat().st_size < 3_000_000
    assert load_classifier().scenes == procedural.SCENES
    assert load_classifier() is load_classifier()


def test_most_procedural_frames_are_known() -> None:
    labels = [scene for scene in procedural.SCENES for _ in range(6)]
    frames = (procedural.generate(scene, 99, n, 160, 160) for scene in procedural.SCENES for n in range(6))
    answers = list(classify_images(frames))
    right = Counter(label for label, (scene, _) in zip(labels, answers, strict=True) if scene == label)
    assert right.total() >= 0.6 * len(labels), right  # of a seed that it has not seen
    assert all(0.2 <= confidence <= 1 for _, confidence in answers)


def test_an_answer_depends_on_its_image_alone_and_none_is_read_ahead_of_need() -> None:
    rng = np.random.default_rng(2)
    frames = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in [(64, 64), (50, 120), (200, 70)] * 12]
    taken = 0

    def source() -> object:
        nonlocal taken
        for frame in frames:
            taken += 1
            yield frame

    stream = classify_images(source())  # type: ignore[arg-type]
    first = next(stream)
    assert taken < len(frames)
    together = [first, *stream]
    alone = [next(classify_images([frame])) for frame in frames[:4]]
    for (scene, confidence), (scene_alone, confidence_alone) in zip(together[:4], alone, strict=True):
        assert scene == scene_alone
        assert confidence == pytest.approx(confidence_alone, abs=1e-4)


def test_a_bad_image_is_counted() -> None:
    with pytest.raises(InvalidValueError, match="image 1: a frame to classify must be"):
        list(classify_images([np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.float64)]))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.99])
def test_a_cut_off_file_is_refused(share: float, tmp_path: Path) -> None:
    whole = WEIGHTS.read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"cut.safetensors: cut off or damaged scene weights"):
        load_classifier(cut)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_classifier(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("these are no weights, but long enough to be read")
    with pytest.raises(InputError, match="cut off or damaged"):
        load_classifier(tmp_path / "text.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, foreign)
    with pytest.raises(InputError, match="no scene weights of this version"):
        load_classifier(foreign)
    metadata = {"sirstgen-scenes-1": '{"scenes": ["a", "b"], "temperature": 1.0, "input_side": 192}'}
    save_file({"weight": np.zeros(3, np.float32)}, foreign, metadata)
    with pytest.raises(InputError, match="no scene weights of this version"):
        load_classifier(foreign)


def test_one_changed_bit_is_found(tmp_path: Path) -> None:
    whole, file = WEIGHTS.read_bytes(), tmp_path / "w.safetensors"
    rng = np.random.default_rng(0)
    for place in (9, 40, len(whole) - 1, *rng.integers(0, len(whole), 12)):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(changed)
        with pytest.raises(InputError) as caught:
            load_classifier(file)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    classifier = load_weights(WEIGHTS)
    with torch.no_grad():
        next(classifier.network.parameters()).view(-1)[0] = value
    save_classifier(classifier, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="NaN or infinite"):
        load_classifier(tmp_path / "w.safetensors")
