"""How hard a dataset is: detectors that need no training, scored on it as a whole and by what is in it."""

from __future__ import annotations

from sirstgen.bench.results import BenchResult
from sirstgen.bench.run import run_bench

__all__ = ["BenchResult", "run_bench"]
