"""Scene weights on disk: one safetensors file that also says what its outputs mean.

Convolution weights are stored as whole numbers from -127 to 127 and a factor for each output channel, linear weights in
half precision. The rest is small and keeps its own. Metadata: the scene names in output order, the softmax temperature,
the input side, and a checksum over all of these and the tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from sirstgen.errors import InputError
from sirstgen.files.atomic import write_file
from sirstgen.files.input_files import parse_json
from sirstgen.scenes.network import SceneNetwork
from sirstgen.scenes.preparation import INPUT_SIDE

FILE_NAME = "scenes.safetensors"
_FORMAT = "sirstgen-scenes-3"
_FACTOR = ".factor"  # after the name of a convolution's weights: what its whole numbers are multiplied by
_MOST = 127
_WAY_OUT = "make it again with `sirstgen scenes train`"


@dataclass(frozen=True, slots=True)
class SceneClassifier:
    """A trained scene network and what is needed to read its answer.

    Attributes:
        network: in evaluation mode.
        scenes: scene name of each output.
        temperature: logits are divided by it before the softmax (Guo et al., ICML 2017).
    """

    network: SceneNetwork
    scenes: tuple[str, ...]
    temperature: float


def round_to_storage(network: nn.Module) -> None:
    """Round the weights to what the file can hold, so that what is measured is what is stored."""
    network.load_state_dict(_unpacked(_packed(network.state_dict())))


def _packed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors in their stored form."""
    packed = {}
    for name, tensor in state.items():
        if tensor.ndim == 4:
            factor = tensor.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12) / _MOST
            packed[name], packed[name + _FACTOR] = (tensor / factor).round().to(torch.int8), factor.flatten()
        else:
            packed[name] = tensor.half() if tensor.ndim == 2 else tensor
    return {name: tensor.contiguous() for name, tensor in packed.items()}


def _unpacked(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of `_packed` in single precision."""
    return {
        name: tensor.float() * tensors[name + _FACTOR].view(-1, 1, 1, 1)
        if name + _FACTOR in tensors
        else tensor.float()
        for name, tensor in tensors.items()
        if not name.endswith(_FACTOR)
    }


def save_classifier(classifier: SceneClassifier, path: Path) -> None:
    """Write the classifier to `path`, whole or not at all."""
    tensors = _packed(classifier.network.state_dict())
    # One entry: safetensors writes several in an order that changes from run to run, and equal runs give equal bytes.
    about: dict[str, Any] = {
        "scenes": list(classifier.scenes),
        "temperature": classifier.temperature,
        "input_side": INPUT_SIDE,
    }
    about["sha256"] = _digest(about, tensors)
    write_file(path, save(tensors, {_FORMAT: json.dumps(about)}))


def load_weights(path: Path) -> SceneClassifier:
    """Return the classifier stored at `path`.

    Raises:
        InputError: the file is missing, cut off, damaged, or no scene weights of this version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = parse_json(metadata.get(_FORMAT, "{}"))
        if not isinstance(about, dict) or about.get("input_side") != INPUT_SIDE:
            raise InputError.of(path, f"no scene weights of this version ({_FORMAT}, {INPUT_SIDE} px); {_WAY_OUT}")
        if about.pop("sha256", "") != _digest(about, tensors):
            raise InputError.of(path, f"damaged scene weights, their checksum is wrong; {_WAY_OUT}")
        if not all(torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point()):
            raise InputError.of(path, f"its weights hold NaN or infinite values; {_WAY_OUT}")
        scenes = tuple(str(name) for name in about["scenes"])
        temperature = float(about["temperature"])
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError.of(path, f"temperature must be positive, got {temperature}; {_WAY_OUT}")
        network = SceneNetwork(len(scenes))
        network.load_state_dict(_unpacked(tensors))
    except FileNotFoundError:
        raise InputError.of(path, f"there is no such file of scene weights; {_WAY_OUT}") from None
    except SafetensorError as fault:
        raise InputError.of(path, f"cut off or damaged scene weights ({fault}); {_WAY_OUT}") from None
    except OSError as fault:
        raise InputError.of(path, f"cannot be read ({fault.strerror or fault})") from None
    except (KeyError, TypeError, ValueError, RuntimeError) as fault:
        reason = str(fault).splitlines()[0]
        raise InputError.of(path, f"its weights do not fit the scene network ({reason}); {_WAY_OUT}") from None
    return SceneClassifier(network.eval(), scenes, temperature)


def _digest(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return SHA-256 over what the file says of itself and over every tensor."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
