"""Synthetic datasets for infrared small-target (SIRST) detection, and the proof that they are worth training on.

The public names, imported when they are first used::

    from sirstgen import Generator, Recipe, write_dataset

    generator = Generator(Recipe.default(scr=[4]), seed=0)
    sample = generator[41]                       # image, mask and truth of one image, alone
    write_dataset(generator, "my-set", 1327)     # a dataset folder
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from sirstgen.audit.audit import audit_dataset as audit_dataset
    from sirstgen.backgrounds.library import BackgroundLibrary as BackgroundLibrary
    from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds as ProceduralBackgrounds
    from sirstgen.datasets.readers import Dataset as Dataset
    from sirstgen.errors import GenerationError as GenerationError
    from sirstgen.errors import InputError as InputError
    from sirstgen.errors import InvalidValueError as InvalidValueError
    from sirstgen.errors import OutputExistsError as OutputExistsError
    from sirstgen.errors import SirstgenError as SirstgenError
    from sirstgen.export.export import export_dataset as export_dataset
    from sirstgen.plan import BackgroundCrop as BackgroundCrop
    from sirstgen.plan import ClutterRegion as ClutterRegion
    from sirstgen.plan import ImagePlan as ImagePlan
    from sirstgen.plan import TargetPlan as TargetPlan
    from sirstgen.recipe.recipe import Recipe as Recipe
    from sirstgen.stats.dataset_statistics import dataset_statistics as dataset_statistics
    from sirstgen.storage.writer import redraw as redraw
    from sirstgen.storage.writer import write_dataset as write_dataset
    from sirstgen.synthesis.generator import Generator as Generator
    from sirstgen.synthesis.render import Sample as Sample
    from sirstgen.synthesis.render import render as render
    from sirstgen.synthesis.sources import open_backgrounds as open_backgrounds
    from sirstgen.synthesis.templates import TemplateLibrary as TemplateLibrary
    from sirstgen.verification.verify import verify as verify

_HOMES = {
    "audit.audit": ("audit_dataset",),
    "backgrounds.library": ("BackgroundLibrary",),
    "backgrounds.procedural.source": ("ProceduralBackgrounds",),
    "datasets.readers": ("Dataset",),
    "stats.dataset_statistics": ("dataset_statistics",),
    "verification.verify": ("verify",),
    "storage.writer": ("redraw", "write_dataset"),
    "errors": ("InputError", "InvalidValueError", "OutputExistsError", "SirstgenError", "GenerationError"),
    "export.export": ("export_dataset",),
    "plan": ("BackgroundCrop", "ClutterRegion", "ImagePlan", "TargetPlan"),
    "recipe.recipe": ("Recipe",),
    "synthesis.generator": ("Generator",),
    "synthesis.render": ("Sample", "render"),
    "synthesis.sources": ("open_backgrounds",),
    "synthesis.templates": ("TemplateLibrary",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BackgroundCrop",
    "BackgroundLibrary",
    "ClutterRegion",
    "Dataset",
    "GenerationError",
    "Generator",
    "ImagePlan",
    "InputError",
    "InvalidValueError",
    "OutputExistsError",
    "ProceduralBackgrounds",
    "Recipe",
    "Sample",
    "SirstgenError",
    "TargetPlan",
    "TemplateLibrary",
    "__version__",
    "audit_dataset",
    "dataset_statistics",
    "export_dataset",
    "open_backgrounds",
    "redraw",
    "render",
    "verify",
    "write_dataset",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"sirstgen.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sirstgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
