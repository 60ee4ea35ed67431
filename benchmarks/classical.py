"""The classical detectors on NUAA-SIRST's 214 test frames at native size, beside Table II of the DNA-Net paper.

    OMP_NUM_THREADS=1 python benchmarks/classical.py --data NUAA-SIRST --out DIR

Writes ``classical-nuaa.md`` and ``classical-nuaa.json`` into `--results`; `--out` keeps the single scores, so that an
interrupted run goes on. None of the detectors learns anything: the published settings are used as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sirstgen.bench import BenchResult, run_bench
from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.classical import REGISTRY
from sirstgen.files.atomic import write_file
from sirstgen.pages.table import Grid

# Table II of the DNA-Net paper, NUAA-SIRST: IoU %, Pd %, Fa 1e-6.
TABLE_II = {
    "top-hat": (7.143, 79.84, 1012.0),
    "max-median": (4.172, 69.20, 55.33),
    "wslcm": (1.158, 77.95, 5446.0),
    "tllcm": (1.029, 79.09, 5899.0),
    "ipi": (25.67, 85.55, 11.47),
    "nram": (12.16, 74.52, 13.85),
    "ript": (11.05, 79.08, 22.61),
    "pstnn": (22.40, 77.95, 29.11),
    "mslstipt": (10.30, 82.13, 1131.0),
}


def main() -> None:
    """Run the bench and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="NUAA-SIRST with 50_50/test.txt")
    parser.add_argument("--out", type=Path, default=Path("bench-nuaa"), help="folder of the single scores")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    result = run_bench(
        Dataset.open(options.data),
        list(REGISTRY.values()),
        options.out,
        part="test",
        workers=options.workers,
        resume=True,
        progress=lambda done, total: print(f"\r{done} of {total} maps", end="", file=sys.stderr),
    )
    print(file=sys.stderr)
    write_file(options.results / "classical-nuaa.json", json.dumps(_report(result), indent=1) + "\n")
    table = _table(result)
    write_file(options.results / "classical-nuaa.md", _HEAD + table + "\n\n" + result.grid().markdown() + "\n")
    print(table)


def _report(result: BenchResult) -> dict[str, object]:
    published = {name: dict(zip(("iou", "pd", "fa_1e6"), row, strict=True)) for name, row in TABLE_II.items()}
    return result.to_dict() | {"table_ii": published}


def _table(result: BenchResult) -> str:
    rows = []
    for detector in result.detectors:
        figures = result.figures(detector.name)
        ours = (100 * figures["iou"], 100 * figures["pd"], 1e6 * figures["fa"])
        paper = TABLE_II.get(detector.name)
        rows.append(
            (
                detector.title,
                *(f"{value:.2f}" for value in ours),
                *((f"{value:g}" for value in paper) if paper else ("-",) * 3),
            )
        )
    head = ("method", "IoU %", "Pd %", "Fa 1e-6", "Table II: IoU", "Pd", "Fa")
    return Grid(head, rows).markdown()


_HEAD = """# Classical detectors on NUAA-SIRST, 214 test frames, native size

    OMP_NUM_THREADS=1 python benchmarks/classical.py --data NUAA-SIRST

Published settings, adaptive threshold (Eq. 14), exact Fa. Why some rows differ from Table II is explained in
`docs/classical-detectors.md`. Processor seconds an image are of one thread of a shared machine with other work on it.

"""


if __name__ == "__main__":
    main()
