"""Place weights on disk: one safetensors file, convolutions in half precision."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from sirstgen.errors import InputError
from sirstgen.files.atomic import write_file
from sirstgen.files.images import read_bytes
from sirstgen.places.network import PlaceNetwork

_FORMAT = "sirstgen-places-1"


def save_places(network: PlaceNetwork, path: Path) -> None:
    """Write the network's weights, whole or not at all."""
    tensors = {
        name: (tensor.half() if tensor.ndim >= 2 else tensor).contiguous()
        for name, tensor in network.state_dict().items()
    }
    write_file(path, save(tensors, {"format": _FORMAT}))


def load_places(path: Path) -> PlaceNetwork:
    """The network stored at `path`, in evaluation mode.

    Raises:
        InputError: the file is missing, damaged, or holds other weights; names it.
    """
    network = PlaceNetwork()
    try:
        tensors = load(read_bytes(path))
        whole = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        network.load_state_dict(whole)
    except (SafetensorError, RuntimeError, ValueError, KeyError) as fault:
        reason = str(fault).splitlines()[0]
        raise InputError.of(path, f"no place weights of this version ({reason}); install the package again") from None
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
