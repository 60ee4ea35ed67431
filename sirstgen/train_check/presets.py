"""What `train_check` trains: rows, detectors, repeats and the recipe of each training, and the two named choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from sirstgen import detectors
from sirstgen.errors import InvalidValueError
from sirstgen.mix.mix import TOTAL, SynthPart
from sirstgen.training.adversarial import GENERATOR_RATE, with_published_rates
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import device_names

Equal = Literal["steps", "epochs"]
PresetName = Literal["auto", "paper", "quick", "benchmark"]


@dataclass(frozen=True)
class MixedRow:
    """`real` real training images, filled up to the check's total with synthetic ones."""

    real: int


@dataclass(frozen=True)
class RealRow:
    """All real training images, and no others."""


@dataclass(frozen=True)
class FolderRow:
    """The images of a dataset folder, to measure its training value.

    Args:
        folder: the dataset.
        part: ``train`` takes from its training list, ``all`` from all its images; None: the list if there is one.
        count: this many of them, drawn with the seed; None takes all.
        real: the images are real ones; says how the table labels them.
    """

    folder: Path
    part: Literal["train", "all"] | None = None
    count: int | None = None
    real: bool = False


Row = MixedRow | RealRow | FolderRow


@dataclass(frozen=True)
class CheckPlan:
    """Everything that a check does.

    Args:
        preset: what the choices are called in the table.
        rows: training sets, top to bottom.
        detectors: names for `sirstgen.detectors.build`; every row is trained with each.
        repeats: trainings per row and detector; repeat r draws images, weights and everything else from ``seed + r``.
        seed: of the first repeat.
        total: images in a mixed row.
        real_copies: real images of a mixed row are shown this many times as often as its synthetic ones.
        equal: ``steps``: every training has ``settings.steps`` steps. ``epochs``: every training sees its images
            ``epochs`` times, as in the paper, so that larger sets are trained longer.
        epochs: with ``equal="epochs"`` only.
        validation_share: share of a row's images that is held out to choose its checkpoint; 0 trains on all of them
            and takes the last weights.
        resize: training frames are made this square before augmentation; None leaves them as they are.
        minutes: wall-clock time of the whole check; the steps that fit are measured first and are equal in every row.
            None takes the steps as they are set.
        together: trainings that share a GPU at once; None chooses. On a CPU they follow one another.
        synth_part: where synthetic images are taken from, see `sirstgen.mix.mix.synthetic_pool`.
        settings: of each training; detector, seed and, for equal epochs, steps are set per run.

    Raises:
        InvalidValueError: no rows or detectors, one named twice, or a number out of range.
    """

    preset: str
    rows: tuple[Row, ...]
    detectors: tuple[str, ...]
    repeats: int = 1
    seed: int = 0
    total: int = TOTAL
    real_copies: int = 1
    equal: Equal = "steps"
    epochs: int = 1500
    validation_share: float = 0.0
    resize: int | None = None
    minutes: float | None = None
    together: int | None = None
    synth_part: SynthPart = "auto"
    settings: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if not self.rows or not self.detectors:
            raise InvalidValueError("a check needs at least one row and one detector")
        names = [detectors.canonical(name) for name in self.detectors]
        for what, values in (("row", list(self.rows)), ("detector", names)):
            if len(set(values)) < len(values):
                raise InvalidValueError(f"every {what} must be named once, got {', '.join(map(str, values))}")
        for what, number in (
            ("repeats", self.repeats),
            ("total", self.total),
            ("real_copies", self.real_copies),
            ("epochs", self.epochs),
            ("resize", self.resize),
            ("together", self.together),
        ):
            if number is not None and number < 1:
                raise InvalidValueError(f"{what} must be at least 1, got {number}", value=number)
        if self.minutes is not None and not 0 < self.minutes <= 1e5:
            raise InvalidValueError(f"minutes must be above 0 and at most 100000, got {self.minutes:g}")
        if self.synth_part not in get_args(SynthPart):
            raise InvalidValueError(
                f"synth_part must be one of {', '.join(get_args(SynthPart))}, got {self.synth_part!r}"
            )
        if self.minutes is not None and self.equal == "epochs":
            raise InvalidValueError("minutes sets equal steps; it does not go with equal epochs")
        if self.seed < 0:
            raise InvalidValueError(f"seed must be 0 or more, got {self.seed}", value=self.seed)
        if not 0 <= self.validation_share < 1:
            raise InvalidValueError(f"validation_share must be in [0, 1), got {self.validation_share}")
        if self.equal not in get_args(Equal):
            raise InvalidValueError(f"equal must be one of {', '.join(get_args(Equal))}, got {self.equal!r}")
        for row in self.rows:
            if isinstance(row, MixedRow) and not 0 <= row.real <= self.total:
                raise InvalidValueError(
                    f"a row's real images must be from 0 to the total of {self.total}, got {row.real}"
                )
        object.__setattr__(self, "detectors", tuple(names))

    @property
    def needs_synthetic(self) -> bool:
        """Whether any row takes images of the synthetic set."""
        return any(isinstance(row, MixedRow) and row.real < self.total for row in self.rows)

    @property
    def mixes(self) -> bool:
        """Whether any row holds both real and synthetic images."""
        return any(isinstance(row, MixedRow) and 0 < row.real < self.total for row in self.rows)

    def run_settings(self, detector: str, repeat: int, images: int) -> TrainingConfig:
        """Return the settings of one training on `images` images, each counted as often as an epoch shows it."""
        steps = self.settings.steps
        if self.equal == "epochs":
            steps = max(1, round(self.epochs * images / self.settings.batch))
        settings = replace(self.settings, detector=detector, seed=self.seed + repeat, steps=steps)
        return with_published_rates(settings) if detectors.is_adversarial(detector) else settings

    def describe(self) -> dict[str, str]:
        """Return the choices that a reader of the table must know, in words."""
        settings = self.settings
        if self.equal == "steps":
            length = f"equal steps: {settings.steps} of {settings.batch} crops in every row"
        else:
            length = f"equal epochs: {self.epochs} in every row, batch {settings.batch}; larger sets train longer"
        share = self.validation_share
        chosen = f"the best of {share:.0%} of each row's images, held out" if share else "the last weights"
        rates = f"{settings.schedule} learning rate from {settings.learning_rate:g}"
        adversarial = [name for name in self.detectors if detectors.is_adversarial(name)]
        if adversarial:
            rates += f" (Adagrad); {', '.join(adversarial)} against a discriminator from {GENERATOR_RATE:g} (Adam)"
        copies = self.real_copies
        often = f"; real images of mixed rows shown {copies} times as often as synthetic ones" if copies > 1 else ""
        size = settings.test_size
        crop = settings.augmentation.crop
        return {
            "training": f"{length}; {rates}{often}",
            "input": f"{crop}x{crop} crops, {settings.in_channels} channel(s), {settings.precision}",
            "checkpoint": chosen,
            "test": f"resized to {size}x{size}" if size else "at each frame's own size",
        }


def paper() -> CheckPlan:
    """Return Table VIII by the full recipe: five rows, DNA-Net-ResNet18 and ACM, for a GPU.

    Rows get the steps of 1500 epochs of 213 images. No frame is held out: the rows have exactly the paper's numbers of
    images, and its code, too, keeps the last weights.
    """
    settings = TrainingConfig(precision="bfloat16", validate_every=1300)
    rows = (MixedRow(0), MixedRow(42), MixedRow(85), MixedRow(128), RealRow())
    return CheckPlan("paper", rows, ("dnanet-resnet18", "acm"), settings=settings)


def quick() -> CheckPlan:
    """Return three rows with ResNet10-Light on small crops: a smoke test of the data for two CPU cores, not a
    measurement.
    """
    crops = Augmentation(crop=128, base=None, upside_down=0.5, transpose=0.5, blur=0.0, around_target=0.7)
    settings = TrainingConfig(steps=240, batch=8, augmentation=crops, validate_every=120, final_learning_rate=1e-3)
    rows = (MixedRow(0), MixedRow(42), RealRow())
    return CheckPlan("quick", rows, ("dnanet-resnet10-light",), validation_share=0.05, resize=256, settings=settings)


def benchmark() -> CheckPlan:
    """Measure the training value of datasets: quick trainings, twice as long, three seeds each, no frame held out.

    A checkpoint chosen on frames of the row itself would favour rows that look like the test set; all take the last.
    """
    plan = quick()
    return replace(
        plan, preset="benchmark", repeats=3, validation_share=0.0, settings=replace(plan.settings, steps=520)
    )


PRESETS: dict[str, Callable[[], CheckPlan]] = {"paper": paper, "quick": quick, "benchmark": benchmark}


def preset(name: str = "auto", device: str = "auto") -> CheckPlan:
    """Return the plan of that name; ``auto`` is ``paper`` on a GPU and ``quick`` on a CPU.

    Raises:
        InvalidValueError: there is no such preset or device.
    """
    if name == "auto":
        name = "paper" if device_names(device)[0].startswith("cuda") else "quick"
    if name not in PRESETS:
        raise InvalidValueError(f"preset must be one of {', '.join(get_args(PresetName))}, got {name!r}", value=name)
    return PRESETS[name]()
