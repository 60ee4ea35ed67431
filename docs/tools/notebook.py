"""Write docs/notebooks/quickstart.ipynb: ``python docs/tools/notebook.py``."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PLACE = Path(__file__).parents[1] / "notebooks" / "quickstart.ipynb"

CELLS = (
    "# Quickstart\n\nMake images with small targets, look at them, write a dataset and check it.",
    "## One image\n\nImage 41 of seed 0 depends on the seed and its number, and on nothing else.",
    """from sirstgen import Generator, Recipe

generator = Generator(Recipe(scr=[4], width=128, height=128), seed=0)
sample = generator[41]
sample.image.shape, [(target.plan.kind, target.center, round(target.scr, 3)) for target in sample.targets]""",
    "The image, and the pixels of its mask.",
    """import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.5))
left.imshow(sample.image, cmap="gray", vmin=0, vmax=255)
right.imshow(sample.mask, cmap="gray")
left.axis("off")
right.axis("off")
figure""",
    "## A dataset",
    """from sirstgen import Dataset, verify, write_dataset

folder = write_dataset(generator, "quickstart-set", 24)
dataset = Dataset.open(folder)
len(dataset), dataset.split("train")[:3]""",
    "Recompute every mask, box, SCR and checksum from the files. The result is the list of faults; it is empty.",
    "verify(folder)",
    "## Its statistics, beside the paper's",
    """from sirstgen import dataset_statistics

dataset_statistics(folder).shares()""",
)


def main() -> None:
    """Write the notebook, without outputs."""
    cells = []
    for number, text in enumerate(CELLS):
        prose = text.startswith("#") or ("\n" not in text and text.endswith(".") and " " in text)
        cell = new_markdown_cell(text) if prose else new_code_cell(text)
        cell["id"] = f"cell-{number}"
        cells.append(cell)
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    nbformat.write(notebook, PLACE)


if __name__ == "__main__":
    main()
