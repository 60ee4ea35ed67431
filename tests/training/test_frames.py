"""Frames in memory: reading, resizing, splitting."""

from __future__ import annotations

import numpy as np
import pytest
from making.training_frames import make_frames
from PIL import Image

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.images import resize_frame
from sirstgen.training.frames import Frames


def test_read_decodes_a_dataset_folder(tmp_path, frames: Frames) -> None:
    for folder, pictures in (("images", frames.images), ("masks", [m.astype(np.uint8) * 255 for m in frames.masks])):
        (tmp_path / folder).mkdir()
        for key, picture in zip(frames.ids, pictures, strict=True):
            Image.fromarray(picture).save(tmp_path / folder / f"{key}.png")
    dataset = Dataset.open(tmp_path)
    read = Frames.read(dataset, ["003", "001"])
    assert read.ids == ("003", "001")
    np.testing.assert_array_equal(read.images[1], frames.images[1])
    np.testing.assert_array_equal(read.masks[0], frames.masks[3])
    assert len(Frames.read(dataset)) == len(frames)
    with pytest.raises(InputError, match="list of ids is empty"):
        Frames.read(dataset, [])


def test_a_split_has_no_frame_on_both_sides_and_loses_none() -> None:
    frames = make_frames(11)
    train, validation = frames.split(0.2, seed=4)
    assert len(validation) == 2
    assert sorted(train.ids + validation.ids) == sorted(frames.ids)
    assert frames.split(0.2, seed=4)[1].ids == validation.ids
    assert frames.split(0.2, seed=5)[1].ids != validation.ids
    assert len(frames.split(0.0, seed=4)[1]) == 0
    assert len(frames.split(0.001, seed=4)[1]) == 1


@pytest.mark.parametrize("share", [-0.1, 1.0, 0.97])
def test_a_split_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(InvalidValueError, match="validation share"):
        make_frames(11).split(share, seed=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_resizing_keeps_levels_and_targets(dtype: type) -> None:
    image = np.full((60, 90), 77, dtype)
    mask = np.zeros((60, 90), bool)
    mask[20:32, 30:48] = True
    small, target = resize_frame(image, mask, 30)
    assert small.dtype == dtype
    assert (small == 77).all()
    assert target.sum() == 6 * 6
    assert resize_frame(small, target, 30)[0] is small


def test_frames_that_do_not_fit_together_are_refused(frames: Frames) -> None:
    with pytest.raises(InvalidValueError, match="one image and one mask per id"):
        Frames(frames.ids[:2], frames.images, frames.masks)
    with pytest.raises(InvalidValueError, match="000: a mask must be bool"):
        Frames(frames.ids[:1], frames.images[:1], (frames.masks[0].astype(np.uint8),))  # type: ignore[arg-type]
