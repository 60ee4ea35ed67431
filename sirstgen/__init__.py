"""Synthetic datasets for infrared small-target (SIRST) detection.

The public names, imported when they are first used::

    from sirstgen import Generator, Recipe, write_dataset

    generator = Generator(Recipe(scr=[4]), seed=0)
    sample = generator[41]                       # image, mask and truth of one image
    write_dataset(generator, "my-set", 1327)     # a dataset folder
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.3.0.dev0"

if TYPE_CHECKING:
    from sirstgen.audit.audit import audit_dataset as audit_dataset
    from sirstgen.backgrounds.library import BackgroundLibrary as BackgroundLibrary
    from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds as ProceduralBackgrounds
    from sirstgen.backgrounds.source import Background as Background
    from sirstgen.backgrounds.source import BackgroundSource as BackgroundSource
    from sirstgen.comparison.compare import Effort as Effort
    from sirstgen.comparison.compare import compare as compare
    from sirstgen.datasets.readers import Dataset as Dataset
    from sirstgen.errors import GenerationError as GenerationError
    from sirstgen.errors import InputError as InputError
    from sirstgen.errors import InvalidValueError as InvalidValueError
    from sirstgen.errors import OutputExistsError as OutputExistsError
    from sirstgen.errors import SirstgenError as SirstgenError
    from sirstgen.export.export import export_dataset as export_dataset
    from sirstgen.fit.fit import FittedRecipe as FittedRecipe
    from sirstgen.fit.fit import fit_recipe as fit_recipe
    from sirstgen.plan import BackgroundCrop as BackgroundCrop
    from sirstgen.plan import ClutterRegion as ClutterRegion
    from sirstgen.plan import ImagePlan as ImagePlan
    from sirstgen.plan import TargetPlan as TargetPlan
    from sirstgen.recipe.distributions import Distribution as Distribution
    from sirstgen.recipe.recipe import Recipe as Recipe
    from sirstgen.stages import register_stage as register_stage
    from sirstgen.stats.dataset_statistics import dataset_statistics as dataset_statistics
    from sirstgen.storage.reopen import reopen_generator as reopen_generator
    from sirstgen.storage.reopen import reopen_plans as reopen_plans
    from sirstgen.storage.shard_writer import finish_shards as finish_shards
    from sirstgen.storage.shard_writer import write_shards as write_shards
    from sirstgen.storage.writer import redraw as redraw
    from sirstgen.storage.writer import write_dataset as write_dataset
    from sirstgen.synthesis.canvas import TargetRejectedError as TargetRejectedError
    from sirstgen.synthesis.generator import Generator as Generator
    from sirstgen.synthesis.planned import PlannedGenerator as PlannedGenerator
    from sirstgen.synthesis.render import Sample as Sample
    from sirstgen.synthesis.render import Target as Target
    from sirstgen.synthesis.render import render as render
    from sirstgen.synthesis.sources import open_backgrounds as open_backgrounds
    from sirstgen.synthesis.templates import TemplateLibrary as TemplateLibrary
    from sirstgen.training.shard_stream import ShardStream as ShardStream
    from sirstgen.training.stream import SyntheticStream as SyntheticStream
    from sirstgen.training.torch_dataset import TorchDataset as TorchDataset
    from sirstgen.verification.verify import verify as verify

_HOMES = {
    "audit.audit": ("audit_dataset",),
    "backgrounds.library": ("BackgroundLibrary",),
    "backgrounds.procedural.source": ("ProceduralBackgrounds",),
    "backgrounds.source": ("Background", "BackgroundSource"),
    "comparison.compare": ("Effort", "compare"),
    "datasets.readers": ("Dataset",),
    "errors": ("GenerationError", "InputError", "InvalidValueError", "OutputExistsError", "SirstgenError"),
    "export.export": ("export_dataset",),
    "fit.fit": ("FittedRecipe", "fit_recipe"),
    "plan": ("BackgroundCrop", "ClutterRegion", "ImagePlan", "TargetPlan"),
    "recipe.distributions": ("Distribution",),
    "recipe.recipe": ("Recipe",),
    "stages": ("register_stage",),
    "stats.dataset_statistics": ("dataset_statistics",),
    "storage.reopen": ("reopen_generator", "reopen_plans"),
    "storage.shard_writer": ("finish_shards", "write_shards"),
    "storage.writer": ("redraw", "write_dataset"),
    "synthesis.canvas": ("TargetRejectedError",),
    "synthesis.generator": ("Generator",),
    "synthesis.planned": ("PlannedGenerator",),
    "synthesis.render": ("Sample", "Target", "render"),
    "synthesis.sources": ("open_backgrounds",),
    "synthesis.templates": ("TemplateLibrary",),
    "training.shard_stream": ("ShardStream",),
    "training.stream": ("SyntheticStream",),
    "training.torch_dataset": ("TorchDataset",),
    "verification.verify": ("verify",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted((*_HOME, "__version__"))


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"sirstgen.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sirstgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
