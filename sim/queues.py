"""Processors that one step at a time holds, earliest request first."""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count

Names = tuple[str, ...]
Granted = Callable[[], None]
Ticket = tuple[int, int, Names, Granted]
"""Number of the request, number of the ticket, processors wanted, what to do when granted."""


class ProcessorQueues:
    """One queue a processor, ordered by request.

    A ticket is granted when it heads the queues of all its processors and all are free: a later
    request never overtakes an earlier one on a processor that both wait for.
    """

    def __init__(self, processors: Iterable[str]) -> None:
        self._waiting: dict[str, list[Ticket]] = {name: [] for name in processors}
        self._free = set(self._waiting)
        self._numbers = count()
        self._granted: deque[Granted] = deque()
        self._granting = False

    def acquire(self, request: int, wanted: Names, granted: Granted) -> None:
        """Call `granted` once the request holds all the processors; at once where none is taken."""
        self.hand_over(request, (), wanted, granted)

    def hand_over(self, request: int, held: Names, wanted: Names, granted: Granted) -> None:
        """Release what a step held and acquire what the request's next one wants, as one act."""
        waiting = self._waiting
        if held == wanted and not any(waiting[name] for name in held):
            granted()
            return
        self._free.update(held)
        ticket = (request, next(self._numbers), wanted, granted)
        for name in wanted:
            heappush(waiting[name], ticket)
        for name in (*held, *wanted):
            self._dispatch(name)
        if not wanted:
            self._granted.append(granted)
        self._grant()

    def release(self, held: Names) -> None:
        """Give processors back."""
        self._free.update(held)
        for name in held:
            self._dispatch(name)
        self._grant()

    def withdraw(self, request: int) -> None:
        """Take a request's tickets out of all queues: it no longer wants what it waited for."""
        for waiting in self._waiting.values():
            kept = [ticket for ticket in waiting if ticket[0] != request]
            if len(kept) < len(waiting):
                waiting[:] = kept
                heapify(waiting)
        for name in self._waiting:
            self._dispatch(name)
        self._grant()

    def _dispatch(self, name: str) -> None:
        """Grant the ticket at the head of a processor's queue if it heads all its queues."""
        if name not in self._free or not self._waiting[name]:
            return
        ticket = self._waiting[name][0]
        wanted = ticket[2]
        if not self._free.issuperset(wanted):
            return
        if any(self._waiting[other][0] is not ticket for other in wanted):
            return
        self._free.difference_update(wanted)
        for other in wanted:
            heappop(self._waiting[other])
        self._granted.append(ticket[3])

    def _grant(self) -> None:
        """Tell those whose turn it is, and those whose turn comes by that."""
        if self._granting:
            return
        self._granting = True
        try:
            while self._granted:
                self._granted.popleft()()
        finally:
            self._granting = False
