"""Work spread over processes on one machine: the same results whatever their number."""

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Each process holds the models' weights: more would ask for memory that a laptop needs."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Processes side by side with several threads each ruin each other."""


def free_workers() -> int:
    """Processes worth starting here: the processor cores at hand, `MOST` at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST)


def spread(task: Callable[[T], R], items: Sequence[T], *, workers: int) -> Generator[R, None, None]:
    """Results of a task in the order in which they are ready.

    One worker means this process; so does the rest of the work where a process dies or none can
    be started. Interrupted, the processes are ended.
    """
    left = dict(enumerate(items))
    if workers > 1 and len(items) > 1:
        try:
            for number, result in _in_processes(task, items, min(workers, len(items))):
                del left[number]
                yield result
        except (BrokenProcessPool, OSError):
            pass  # a process died, or this machine does not let us start any
    for item in left.values():
        yield task(item)


def _in_processes(
    task: Callable[[T], R], items: Sequence[T], workers: int
) -> Generator[tuple[int, R], None, None]:
    before = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        with uninterrupted(), environment(ONE_THREAD):
            futures = {pool.submit(task, item): number for number, item in enumerate(items)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - before:
            child.terminate()
        raise
    pool.shutdown()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes started here never see Ctrl-C themselves: this one hears it and ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes started here."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
