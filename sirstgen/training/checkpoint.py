"""Checkpoints that are whole or not there, and load nothing but checked tensors and plain values.

The file is the zip archive of ``torch.save`` with the SHA-256 of everything before it in the archive's comment, so that
one changed bit anywhere is found before anything is unpickled, and other programs can still open it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from torch import Tensor

from sirstgen import detectors
from sirstgen.detectors.detector import Detector
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.atomic import write_file
from sirstgen.files.images import read_bytes
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import fresh_net
from sirstgen.training.trained_scale import TrainedScale

_Format = Literal["sirstgen-checkpoint-3"]
FORMAT: _Format = "sirstgen-checkpoint-3"
_EARLIER = (b"sirstgen-checkpoint-1", b"sirstgen-checkpoint-2")
_DIGEST = b"sirstgen sha256 "
_DIGEST_LENGTH = len(_DIGEST) + 64
_WAY_OUT = "train it again, or take another file"


class _Fields(BaseModel):
    """What a checkpoint's file holds; anything missing, extra or of another type is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    format: _Format
    settings: dict[str, Any]
    step: int = Field(ge=0)
    net: dict[str, Tensor]
    optimizer: dict[str, Any]
    history: list[dict[str, int | float | None]]
    data: str
    gray_scale: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after some step.

    Attributes:
        settings: of the run.
        step: optimiser steps done.
        net: state of the detector.
        optimizer: state of the optimiser; empty in a checkpoint that is for use only.
        history: one row of figures for each validation, and the last step.
        data: what the run was trained on, as the caller of `Training` describes it.
        gray_scale: of the frames it was trained on.
    """

    settings: TrainingConfig
    step: int
    net: dict[str, Any]
    optimizer: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    data: str = ""
    gray_scale: TrainedScale = field(default_factory=TrainedScale)

    def save(self, path: Path) -> None:
        """Write to `path`, whole or not at all."""
        buffer = io.BytesIO()
        fields = {
            "format": FORMAT,
            "settings": self.settings.to_dict(),
            "step": self.step,
            "net": dict(self.net),
            "optimizer": self.optimizer,
            "history": self.history,
            "data": self.data,
            "gray_scale": self.gray_scale.to_dict(),
        }
        torch.save(fields, buffer)
        write_file(path, _with_digest(buffer.getvalue()))

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Checkpoint:
        """Return what `save` wrote; only tensors and plain values are unpickled.

        Raises:
            InputError: no such file; cut off, changed, or not a checkpoint of this package; settings that are missing,
                unknown or not allowed; weights that are NaN, infinite or of other shapes than the detector's.
        """
        data = read_bytes(path)
        if not _digest_is_right(data):
            if _DIGEST not in data[-2 * _DIGEST_LENGTH :] and any(mark in data for mark in _EARLIER):
                raise InputError.of(path, f"a checkpoint of an earlier version, {FORMAT} is expected; train it again")
            raise InputError.of(path, f"not a whole checkpoint, it is cut off, damaged or another file; {_WAY_OUT}")
        try:
            fields = _Fields.model_validate(torch.load(io.BytesIO(data), map_location=device, weights_only=True))
            settings = _settings(fields.settings)
            gray_scale = TrainedScale.from_dict(fields.gray_scale)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "its content"
            raise InputError.of(path, f"not a checkpoint of this version: {place}: {first['msg']}") from None
        except InvalidValueError as error:
            raise InputError.of(path, f"not a checkpoint of this version: {error}") from None
        except (RuntimeError, EOFError, ValueError, OSError, KeyError, pickle.UnpicklingError):
            raise InputError.of(path, f"not a checkpoint: it cannot be unpacked; {_WAY_OUT}") from None
        if fault := _misfit(settings, fields.net) or _not_finite(fields.net) or _not_finite(fields.optimizer):
            raise InputError.of(path, f"{fault}; {_WAY_OUT}")
        return cls(settings, fields.step, fields.net, fields.optimizer, fields.history, fields.data, gray_scale)

    def detector(self) -> Detector:
        """Return the detector with the weights of this checkpoint, on the CPU, in evaluation mode."""
        net = fresh_net(self.settings)
        net.load_state_dict(self.net)
        return net.eval()


def _with_digest(archive: bytes) -> bytes:
    """Return the zip archive with its own checksum as its comment, whose length is the last two bytes of an archive."""
    body = archive[:-2] + _DIGEST_LENGTH.to_bytes(2, "little")
    return body + _DIGEST + hashlib.sha256(body).hexdigest().encode()


def _digest_is_right(data: bytes) -> bool:
    body, end = data[:-_DIGEST_LENGTH], data[-_DIGEST_LENGTH:]
    return end == _DIGEST + hashlib.sha256(body).hexdigest().encode()


def _settings(values: dict[str, Any]) -> TrainingConfig:
    """Return the settings whose `to_dict` gave `values`; what had to be converted, added or left out is an error."""
    settings = TypeAdapter(TrainingConfig).validate_python(values)
    kept = settings.to_dict()
    for name in sorted(values.keys() | kept.keys()):
        if values.get(name) != kept.get(name) or (name in values) != (name in kept):
            what = "missing" if name not in values else "unknown" if name not in kept else repr(values[name])[:80]
            raise InvalidValueError(f"settings.{name} is {what}", name=name)
    return settings


def _misfit(settings: TrainingConfig, net: Mapping[str, Tensor]) -> str | None:
    """Return the first tensor that is not what the detector holds, in words."""
    with torch.device("meta"):
        expected = detectors.build(settings.detector, settings.in_channels).state_dict()
    for name in sorted(expected.keys() | net.keys()):
        if name not in net:
            return f"lacks the weights {name} of {settings.detector}"
        if name not in expected:
            return f"holds weights {name}, which {settings.detector} does not have"
        found, wanted = net[name], expected[name]
        if found.shape != wanted.shape or found.is_floating_point() != wanted.is_floating_point():
            return f"its weights {name} are {_kind(found)}, {settings.detector} has {_kind(wanted)}"
    return None


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _not_finite(values: Mapping[Any, Any]) -> str | None:
    for name, tensor in _tensors(values, ""):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return f"its weights {name} hold NaN or infinite values"
    return None


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _tensors(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _tensors(part, f"{name}.{number}")
