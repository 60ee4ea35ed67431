"""A Dask cluster as an executor: connecting to one, starting one here, and its faults in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from sirstgen.errors import GenerationError, InputError, InvalidValueError, SirstgenError
from sirstgen.workers import as_finished

T = TypeVar("T")
R = TypeVar("R")

LOCAL = "local"
_PATIENCE = 20  # seconds in which a scheduler answers


@contextlib.contextmanager
def dask_client(address: str, workers: int) -> Iterator[Any]:
    """Yield a client of the Dask cluster at `address`, closed when the block ends.

    Args:
        address: of a scheduler, such as ``tcp://10.0.0.1:8786``, or ``local``: start a cluster on this machine.
        workers: processes of a local cluster.

    Raises:
        InvalidValueError: the package `distributed` is not installed.
        InputError: no scheduler answers at `address`.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InvalidValueError("--dask needs a package that is not installed; install sirstgen[dask]") from None
    with contextlib.ExitStack() as opened:
        target: Any = address
        try:
            if address == LOCAL:
                target = opened.enter_context(
                    LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")  # type: ignore[no-untyped-call]
                )
            client = opened.enter_context(Client(target, timeout=_PATIENCE))  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError, ValueError) as fault:
            raise InputError(
                f"dask must be the address of a running scheduler, such as tcp://HOST:8786, or {LOCAL}; "
                f"none answers at {address} ({type(fault).__name__})",
                path=address,
            ) from None
        yield client


def is_dask_client(executor: Any) -> bool:
    """Return whether `executor` is a Dask client rather than an executor."""
    return hasattr(executor, "get_executor") and hasattr(executor, "nthreads")


def as_finished_on_cluster(client: Any, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
    """Yield ``function(task)`` of every task on a Dask cluster, in the order in which they finish.

    Two tasks a thread are with the scheduler at a time. Dask gives the tasks of a worker that has ended to another.

    Raises:
        GenerationError: the scheduler is gone, a task has killed several workers, or a worker cannot run sirstgen.
    """
    executor = client.get_executor(pure=False)
    try:
        yield from as_finished(executor, function, tasks, lambda: max(4, 2 * sum(client.nthreads().values())))
    except SirstgenError:
        raise
    except (ImportError, AttributeError) as fault:
        raise GenerationError(
            f"a Dask worker cannot run this version of sirstgen ({fault}); install it there"
        ) from None
    except (CancelledError, OSError, RuntimeError, TimeoutError) as fault:
        raise GenerationError(_lost(fault)) from None
    except Exception as fault:
        if type(fault).__module__.split(".")[0] not in ("distributed", "dask"):
            raise
        raise GenerationError(_lost(fault)) from None


def _lost(fault: BaseException) -> str:
    text = " ".join(str(fault).split())[:160]
    return f"the Dask cluster has failed ({type(fault).__name__}{': ' if text else ''}{text}); --resume continues"
