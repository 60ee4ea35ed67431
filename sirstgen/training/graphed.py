"""A whole training step as one CUDA graph: augmentation, forward pass, loss, backward pass and optimiser.

A step of DNA-Net is some 2,400 small operations. Launched one by one they take longer than the GPU needs for them; a
captured graph is launched at once. What changes from step to step is written into tensors that the graph reads: the
draws of the batch, the learning rate, the seed of the dropout.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from sirstgen.training import ranks
from sirstgen.training.adagrad import CapturableAdagrad
from sirstgen.training.config import TrainingConfig
from sirstgen.training.resident import ResidentBatches
from sirstgen.training.runtime import Runtime, seeded
from sirstgen.training.supervised import SupervisedSteps

_WARM_UP = 3  # steps before a capture, in which cuDNN chooses and the allocator grows


class ResidentSteps(SupervisedSteps):
    """Supervised training on frames that are kept on the device; one CUDA graph a step where that is possible.

    Args:
        settings: the run.
        hardware: the device; on a CPU every step is taken operation by operation.
        batches: makes the batch of a step on the device.
        graph: whether to capture; where a capture fails, one warning says so and the steps are taken without a graph.
    """

    def __init__(
        self, settings: TrainingConfig, hardware: Runtime, batches: ResidentBatches, *, graph: bool = True
    ) -> None:
        super().__init__(settings, hardware)
        self.batches = batches
        self._packed = ranks.own(torch.zeros(settings.batch, 9, device=hardware.device))
        self._may_capture = graph and hardware.device.type == "cuda" and ranks.count() == 1
        self._graph: torch.cuda.CUDAGraph | None = None
        self._loss = torch.zeros((), device=hardware.device)

    @property
    def captured(self) -> bool:
        """Whether steps are replays of a graph."""
        return self._graph is not None

    def advance_packed(self, step: int, packed: Tensor) -> Tensor:
        """Take a step.

        Args:
            step: counted from 0.
            packed: its draws, (B, 9) float32 on the CPU, from `ResidentBatches.packed`; this rank's slice of them.

        Returns:
            The loss, on the device; the next step overwrites it.
        """
        self._packed.copy_(packed, non_blocking=True)
        if self._may_capture and self._graph is None:
            self._may_capture = False
            self._capture()
        self.set_rate(step)
        dropout = seeded(self.dropout_seed(step), self.hardware.device) if self._draws else contextlib.nullcontext()
        with dropout:
            if self._graph is None:
                return self._work()
            self._graph.replay()
        return self._loss

    def _work(self) -> Tensor:
        return self.step_on(*self.batches.make(self._packed))

    def _capture(self) -> None:
        """Record a step as a graph; weights and optimiser are put back as they were."""
        kept = [tensor.detach().clone() for tensor in self._state()]
        graph, device = torch.cuda.CUDAGraph(), self.hardware.device
        try:
            side = torch.cuda.Stream(device)
            side.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(side):
                for _ in range(_WARM_UP):
                    self._work()
            torch.cuda.current_stream(device).wait_stream(side)
            # On a stream of its own: cuBLAS keeps one workspace a stream, and graphs that are replayed at the same time
            # must not share it.
            with torch.cuda.graph(graph, stream=side):
                self._loss = self._work()
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            warnings.warn(f"no CUDA graph could be captured, training operation by operation: {reason}", stacklevel=2)
        else:
            self._graph = graph
        finally:
            for tensor, value in zip(self._state(), kept, strict=True):
                tensor.data.copy_(value)

    def _state(self) -> Iterator[Tensor]:
        assert isinstance(self.optimizer, CapturableAdagrad)
        yield from self.net.parameters()
        yield from self.net.buffers()
        yield from self.optimizer.sums
