"""Count the Python calls that one image with one target costs, and how deep they go.

    python benchmarks/calls.py [--images 60] [--list]

Images are drawn by the generator once before they are counted, so that backgrounds are decoded and analysed. Only those
whose first draws are all accepted count: the others draw again, as often as their background asks for. Calls are those
of Python functions, as `sys.setprofile` reports them; calls into C are not counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from types import FrameType
from typing import Any

from sirstgen import Generator


class CallCounter:
    """Counts Python calls and their depth while it is active."""

    def __init__(self) -> None:
        self.calls = self.depth = self.deepest = 0
        self.names: Counter[str] = Counter()

    def __enter__(self) -> CallCounter:
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self.calls -= self.names.pop("calls.py:__exit__", 0)

    def _event(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self.calls += 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
            self.names[f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_code.co_name}"] += 1
        elif event == "return":
            self.depth -= 1


def main() -> None:
    """Print the median number of calls and the depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60, help="images with one target to count")
    parser.add_argument("--list", action="store_true", help="also list the functions called")
    arguments = parser.parse_args()
    generator = Generator(seed=0)
    counts, depths, names = [], [], Counter[str]()
    index = 0
    while len(counts) < arguments.images:
        sample = generator[index]
        if len(sample.targets) == 1 and not sample.rejections:
            with CallCounter() as counter:
                generator.make(index)
            counts.append(counter.calls)
            depths.append(counter.deepest)
            names.update(counter.names)
        index += 1
    print(f"{statistics.median(counts):.0f} calls an image (from {min(counts)} to {max(counts)}), {max(depths)} deep")
    if arguments.list:
        for name, calls in names.most_common():
            print(f"{calls / len(counts):8.2f}  {name}")


if __name__ == "__main__":
    main()
