"""Place weights on disk: one safetensors file, convolutions in half precision. The encoder is the scene network's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from sirstgen.errors import InputError
from sirstgen.files.atomic import write_file
from sirstgen.files.images import read_bytes
from sirstgen.places.network import PlaceNetwork
from sirstgen.scenes.classify import load_classifier

_FORMAT = "sirstgen-places-2"
_ENCODER = "encoder."  # begins the names of weights that are not stored
_DIGEST = "encoder_digest"  # name of what tells which encoder the weights belong to


def save_places(network: PlaceNetwork, path: Path) -> None:
    """Write the weights of the network without its encoder, whole or not at all."""
    tensors = {
        name: (tensor.half() if tensor.ndim >= 2 else tensor).contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith(_ENCODER)
    }
    write_file(path, save(tensors | {_DIGEST: _digest(network.encoder.state_dict())}, {"format": _FORMAT}))


def load_places(path: Path) -> PlaceNetwork:
    """Return the network stored at `path`, in evaluation mode.

    Raises:
        InputError: the file is missing, damaged, or holds other weights, or weights for another encoder; names it.
    """
    network = PlaceNetwork()
    encoder = load_classifier().network.backbone.state_dict()
    try:
        tensors = load(read_bytes(path))
        if not torch.equal(tensors.pop(_DIGEST), _digest(encoder)):
            raise ValueError("they belong to another encoder")
        whole = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        network.load_state_dict(whole | {_ENCODER + name: tensor for name, tensor in encoder.items()})
    except (SafetensorError, RuntimeError, ValueError, KeyError) as fault:
        reason = str(fault).splitlines()[0]
        raise InputError.of(path, f"no place weights of this version ({reason}); install the package again") from None
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def _digest(encoder: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the SHA-256 of the encoder's weights, (32,) uint8."""
    found = hashlib.sha256()
    for name, tensor in sorted(encoder.items()):
        found.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return torch.tensor(list(found.digest()), dtype=torch.uint8)
