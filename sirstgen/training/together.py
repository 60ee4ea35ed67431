"""Several trainings on one device at once.

A step of one training leaves a GPU idle between its small operations. Steps of other trainings fill the gaps: each has
its own stream and its own graph, and they are launched in turn.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from sirstgen.training import ranks
from sirstgen.training.failures import TrainingError
from sirstgen.training.loop import Fitted, Training


class Together:
    """Trainings that take their steps in turn, on a GPU each on a stream of its own.

    Args:
        trainings: at least one, all on one device; they may be at different steps.
    """

    def __init__(self, trainings: Sequence[Training]) -> None:
        self.trainings = trainings
        device = trainings[0].hardware.device
        self._streams = [torch.cuda.Stream(device) if device.type == "cuda" else None for _ in trainings]
        for stream in self._streams:
            if stream is not None:
                stream.wait_stream(torch.cuda.current_stream(device))

    def on_stream(self, number: int) -> contextlib.AbstractContextManager[object]:
        """Return the context in which the work of a training is launched."""
        stream = self._streams[number]
        return contextlib.nullcontext() if stream is None else torch.cuda.stream(stream)

    def advance(self) -> None:
        """Take one step of each training."""
        for number, training in enumerate(self.trainings):
            with self.on_stream(number):
                training.advance()


def train_together(trainings: Sequence[Training]) -> list[Fitted | TrainingError]:
    """Run trainings to their end, a step of each in turn.

    Args:
        trainings: on one device; they may be at different steps.

    Returns:
        For each its trained net, or the error that ended it; the others continue. Where time ran out, the net as it is
        trained until then.
    """
    if not trainings:
        return []
    together = Together(trainings)
    ended: dict[int, Fitted | TrainingError] = {}
    with trainings[0].hardware.tuned():
        while len(ended) < len(trainings):
            for number, training in enumerate(trainings):
                if number in ended:
                    continue
                try:
                    with together.on_stream(number):
                        if training.done:
                            ended[number] = training.finish()
                        else:
                            training.advance()
                except TrainingError as error:
                    reason = error.data["reason"]
                    if ranks.count() > 1 and reason == "out of memory":
                        raise  # the other ranks wait for this one; torchrun ends them
                    ended[number] = training.finish() if reason == "out of time" else error
    return [ended[number] for number in range(len(trainings))]
