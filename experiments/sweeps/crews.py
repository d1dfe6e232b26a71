"""Who computes chunks: this process, processes of this machine, or workers of a Dask cluster.

All are executors of the standard library's kind; a crew knows how to start one anew after a
worker died, and which errors say that one did.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, Protocol

from experiments.faults import InputFault
from experiments.workers import ONE_THREAD, environment, uninterrupted

TIMEOUT_S = 10.0
"""How long a scheduler may take to answer."""


class Crew(Protocol):
    """Workers that may die and be replaced."""

    size: int

    def submit(self, task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have a task done."""

    def died(self, error: BaseException) -> bool:
        """Whether an error says that a worker died."""

    def restart(self) -> None:
        """Replace the workers after one died."""

    def close(self, *, now: bool) -> None:
        """Let the workers go; `now`: whatever they are doing."""


class Alone:
    """This process."""

    size = 1

    def submit(self, task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Done before this returns."""
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def died(self, error: BaseException) -> bool:
        """This process cannot outlive itself."""
        return False

    def restart(self) -> None:
        """Nothing to replace."""

    def close(self, *, now: bool) -> None:
        """Nothing to let go."""


def _end_with_parent() -> None:
    """A worker whose parent was killed must not live on: nobody would ever stop it."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Processes:
    """Processes of this machine; they end with this one and never hear Ctrl-C themselves."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._before = set(active_children())
        self._pool = self._start()

    def _start(self) -> Executor:
        return ProcessPoolExecutor(
            self.size, mp_context=get_context("spawn"), initializer=_end_with_parent
        )

    def submit(self, task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have a task done by any of them."""
        with uninterrupted(), environment(ONE_THREAD):
            return self._pool.submit(task, *arguments)

    def died(self, error: BaseException) -> bool:
        """The pool says so of all that was under way."""
        return isinstance(error, BrokenExecutor)

    def restart(self) -> None:
        """A new pool."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._start()

    def close(self, *, now: bool) -> None:
        """End them."""
        if now:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - self._before:
                child.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


class Cluster:
    """Workers of a Dask scheduler, which itself gives a dead worker's tasks to others."""

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError:
            raise InputFault(
                "command line: --scheduler: needs Dask, install deepx-sim[dask]"
            ) from None
        try:
            make: Any = distributed.Client
            self._client = make(address, timeout=TIMEOUT_S, set_as_default=False)
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, ValueError, TimeoutError) as error:
            raise InputFault(
                f"command line: --scheduler: no scheduler answers at {address!r} ({error}), "
                "must be the address of one, e.g. tcp://127.0.0.1:8786"
            ) from None
        self.size = max(1, sum(worker["nthreads"] for worker in workers.values()))
        self._executor = self._client.get_executor(pure=False, retries=3)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have a task done by any of them."""
        future: Future[Any] = self._executor.submit(task, *arguments)
        return future

    def died(self, error: BaseException) -> bool:
        """Several workers died of one task, or the scheduler is gone."""
        from distributed import KilledWorker

        return isinstance(error, KilledWorker)

    def restart(self) -> None:
        """The scheduler does it."""

    def close(self, *, now: bool) -> None:
        """Leave the cluster as it was."""
        self._executor.shutdown(wait=not now)
        self._client.close()
