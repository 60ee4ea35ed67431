"""Place maps by the network: which regions count as sky."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.places.checkpoint import load_places, save_places
from sirstgen.places.classes import GROUND, SKY, UNKNOWN, WATER
from sirstgen.places.segment import SKY_FROM, SKY_TO, load_shipped, segment


class Answers(torch.nn.Module):
    """In place of the network: logits of the probabilities of sky and of water given for a square."""

    def __init__(self, sky: np.ndarray, water: np.ndarray) -> None:
        super().__init__()
        self.chances = np.stack([sky, water, 1 - sky - water]).astype(np.float32)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.log(self.chances + 1e-9))[None]


def test_sky_is_sure_large_and_at_the_top() -> None:
    sky, water = np.zeros((192, 192)), np.zeros((192, 192))
    sky[:40] = (SKY_FROM + 1) / 2  # sure
    sky[60:90, 20:60] = (SKY_FROM + 1) / 2  # sure, but below the ground that starts at 40
    sky[100:110] = (SKY_FROM + SKY_TO) / 2  # neither
    water[150:] = 0.8
    places = segment(np.zeros((192, 192), np.uint8), Answers(sky, water))  # type: ignore[arg-type]
    assert (places[:38] == SKY).all()
    assert (places[62:88, 22:58] == UNKNOWN).all() and (places[102:108] == UNKNOWN).all()
    assert (places[42:58] == GROUND).all() and (places[152:] == WATER).all()
    sky[:] = 0
    sky[:5, :5] = 1  # at the top, smaller than any sky
    assert not (segment(np.zeros((192, 192), np.uint8), Answers(sky, water)) == SKY).any()  # type: ignore[arg-type]


def test_the_shipped_network_maps_a_frame_of_any_size() -> None:
    rows = np.linspace(60, 90, 120)[:, None]
    frame = np.where(np.arange(120)[:, None] < 70, rows, 170).astype(np.uint8) * np.ones((1, 90), np.uint8)
    assert segment(frame).shape == (120, 90)
    with pytest.raises(InvalidValueError, match="must be"):
        segment(frame.astype(np.uint16))


def test_weights_survive_their_file_without_the_encoder(tmp_path: Path) -> None:
    network = load_shipped()
    save_places(network, tmp_path / "places.safetensors")
    assert (tmp_path / "places.safetensors").stat().st_size < 1_000_000
    for name, tensor in load_places(tmp_path / "places.safetensors").state_dict().items():
        torch.testing.assert_close(tensor, network.state_dict()[name], rtol=0, atol=0)
    (tmp_path / "places.safetensors").write_bytes(b"{}")
    with pytest.raises(InputError, match="no place weights of this version"):
        load_places(tmp_path / "places.safetensors")
