"""Everything that decides a training run, in one record that travels with its checkpoints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

from sirstgen import detectors
from sirstgen.errors import InvalidValueError
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.schedule import Schedule

Precision = Literal["float32", "bfloat16"]
Compilation = Literal["no", "default", "reduce-overhead", "max-autotune-no-cudagraphs"]


@dataclass(frozen=True)
class TrainingConfig:
    """One training run; the defaults are the paper's (section V-B), 1500 epochs of 213 frames.

    Args:
        detector: name for `sirstgen.detectors.build`.
        in_channels: 3 as published (the gray frame three times, with ImageNet statistics), or 1.
        steps: optimiser steps.
        batch: frames per step.
        seed: of weights, order, augmentation and dropout.
        learning_rate: at the start, of Adagrad; for adversarial training of Adam, see `sirstgen.training.adversarial`.
        final_learning_rate: at the end of the cosine, or in the last third.
        schedule: ``cosine``, ``constant`` or ``thirds``, see `sirstgen.training.schedule`.
        augmentation: what happens to each frame.
        test_size: frames are resized to this square for validation and test; None keeps each frame's own size.
        validate_every: steps between two validations, and between two checkpoints.
        precision: ``bfloat16`` computes the net under autocast; loss, weights and optimiser stay float32.
        channels_last: the memory order in which CPUs and tensor cores are fastest; changes no result beyond rounding.
        compile: mode of ``torch.compile``, or ``no``. If the compiled net cannot be built or has another gradient, a
            warning is issued and the plain net is trained.

    Raises:
        InvalidValueError: a value that makes no run.
    """

    detector: str = "dnanet-resnet18"
    in_channels: int = 3
    steps: int = 1500 * 13
    batch: int = 16
    seed: int = 0
    learning_rate: float = 0.05
    final_learning_rate: float = 1e-5
    schedule: Schedule = "cosine"
    augmentation: Augmentation = field(default_factory=Augmentation)
    test_size: int | None = 256
    validate_every: int = 500
    precision: Precision = "float32"
    channels_last: bool = True
    compile: Compilation = "no"

    def __post_init__(self) -> None:
        detectors.canonical(self.detector)
        for name in ("steps", "batch", "validate_every", "in_channels"):
            if getattr(self, name) < 1:
                raise InvalidValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}", value=getattr(self, name)
                )
        if self.in_channels not in (1, 3):
            raise InvalidValueError(f"in_channels must be 1 or 3, got {self.in_channels}", value=self.in_channels)
        if self.seed < 0:
            raise InvalidValueError(f"seed must be 0 or more, got {self.seed}", value=self.seed)
        if not self.learning_rate > 0 or not 0 <= self.final_learning_rate <= self.learning_rate:
            raise InvalidValueError(
                f"learning rates must be positive and fall, got {self.learning_rate} to {self.final_learning_rate}"
            )
        if self.test_size is not None and self.test_size < 16:
            raise InvalidValueError(f"test_size must be at least 16, got {self.test_size}", value=self.test_size)
        for name, allowed in (("schedule", Schedule), ("precision", Precision), ("compile", Compilation)):
            if getattr(self, name) not in get_args(allowed):
                raise InvalidValueError(
                    f"{name} must be one of {', '.join(get_args(allowed))}, got {getattr(self, name)!r}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the settings whose `to_dict` gave `values`."""
        return cls(**{**values, "augmentation": Augmentation.from_dict(values["augmentation"])})
