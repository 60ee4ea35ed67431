"""Scene weights on disk: one safetensors file that also says what its outputs mean.

Convolution and linear weights are stored in half precision, which halves the file; the rest (biases, batch statistics)
is small and keeps its own. Metadata: the scene names in output order, the softmax temperature, the input side.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from sirstgen.atomic import write_file
from sirstgen.errors import InputError
from sirstgen.scenes.network import SceneNetwork
from sirstgen.scenes.preparation import INPUT_SIDE

FILE_NAME = "scenes.safetensors"
_FORMAT = "sirstgen-scenes-2"
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
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim >= 2:
                tensor.copy_(tensor.half().to(tensor.dtype))


def save_classifier(classifier: SceneClassifier, path: Path) -> None:
    """Write the classifier to `path`, whole or not at all."""
    tensors = {
        name: (tensor.half() if tensor.ndim >= 2 else tensor).contiguous()
        for name, tensor in classifier.network.state_dict().items()
    }
    # One entry: safetensors writes several in an order that changes from run to run, and equal runs give equal bytes.
    about = {
        "scenes": classifier.scenes,
        "temperature": classifier.temperature,
        "input_side": INPUT_SIDE,
    }
    write_file(path, save(tensors, {_FORMAT: json.dumps(about)}))


def load_weights(path: Path) -> SceneClassifier:
    """The classifier stored at `path`.

    Raises:
        InputError: the file is missing, cut off, damaged, or no scene weights of this version.
    """
    with _named_faults(path):
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(metadata.get(_FORMAT, "{}"))
        if about.get("input_side") != INPUT_SIDE:
            raise InputError.of(path, f"no scene weights of this version ({_FORMAT}, {INPUT_SIDE} px); {_WAY_OUT}")
        scenes = tuple(str(name) for name in about["scenes"])
        temperature = float(about["temperature"])
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError.of(path, f"temperature must be positive, got {temperature}; {_WAY_OUT}")
        network = SceneNetwork(len(scenes))
        network.load_state_dict({name: tensor.to(_precision(tensor)) for name, tensor in tensors.items()})
    return SceneClassifier(network.eval(), scenes, temperature)


def _precision(tensor: torch.Tensor) -> torch.dtype:
    return torch.float32 if tensor.is_floating_point() else tensor.dtype


@contextlib.contextmanager
def _named_faults(path: Path) -> Iterator[None]:
    """What goes wrong while reading `path` as an `InputError` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise InputError.of(path, f"there is no such file of scene weights; {_WAY_OUT}") from None
    except SafetensorError as fault:
        raise InputError.of(path, f"cut off or damaged scene weights ({fault}); {_WAY_OUT}") from None
    except OSError as fault:
        raise InputError.of(path, f"cannot be read ({fault.strerror or fault})") from None
    except (KeyError, ValueError, RuntimeError) as fault:
        reason = str(fault).splitlines()[0]
        raise InputError.of(path, f"its weights do not fit the scene network ({reason}); {_WAY_OUT}") from None
