"""The cloud's server as a living device sees it: slots, a queue, and a speed that moves."""

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from simpy import Event

from sim.clock import Ended
from sim.program import Wait
from sim.tasks import Task

if TYPE_CHECKING:
    from sim.attempt import Attempt
    from sim.living import LivingDevice


class LivingServer:
    """Requests' work in `slots` at a time, all at one speed.

    They queue by precedence, then first come first served.
    """

    def __init__(self, device: "LivingDevice", slots: int) -> None:
        self.device, self.slots = device, slots
        self._serving: dict[Task, None] = {}
        self._waiting: list[tuple[int, int, Task]] = []
        self._numbers = count()

    def serve(self, attempt: "Attempt", wait: Wait, ended: Ended) -> Task:
        """Do the work after all that goes before."""
        task = ServedTask(self, attempt, wait, ended)
        attempt.tasks[task] = None
        heappush(self._waiting, (attempt.precedence, next(self._numbers), task))
        self._fill()
        return task

    def served(self, task: Task) -> None:
        """Work is done: its slot is free."""
        del self._serving[task]
        self._fill()

    def follow(self) -> None:
        """The server's speed has changed; the device has been settled."""
        for task in self._serving:
            self._go(task)

    def withdraw(self, attempt: "Attempt") -> None:
        """Forget an attempt's work."""
        for task in [task for task in self._serving if task.attempt is attempt]:
            del self._serving[task]
        self._waiting = [entry for entry in self._waiting if entry[2].attempt is not attempt]
        heapify(self._waiting)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._serving) < self.slots:
            task = heappop(self._waiting)[2]
            self._serving[task] = None
            self.device.take(task)
            self._go(task)

    def _go(self, task: Task) -> None:
        seconds = task.wait.seconds
        speed = self.device.world.now.server_speed
        task.run(speed / seconds if seconds > 0.0 else 1e12)


class ServedTask(Task):
    """Work in a slot of the server.

    A closure over the task would do, but it would refer to itself, and what was done would lie in
    memory until the next full garbage collection.
    """

    __slots__ = ("_server",)

    def __init__(self, server: LivingServer, attempt: "Attempt", wait: Wait, ended: Ended) -> None:
        super().__init__(attempt, wait, ended)
        self._server = server

    def _tell(self, event: Event) -> None:
        self._server.served(self)
        super()._tell(event)
