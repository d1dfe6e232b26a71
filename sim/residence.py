"""Models in flash and in memory: a cold model is read before a request can run on it.

One read at a time, in order of asking. Models that no longer fit are evicted, the one used longest
ago first; a system under memory pressure takes back what it needs in the same order.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simpy import Event

from planners.values import CLOUD
from sim.jobs import App
from sim.program import Activity, Wait
from sim.tasks import DelayTask

if TYPE_CHECKING:
    from sim.attempt import Attempt
    from sim.living import LivingDevice

STORAGE = "storage"


@dataclass(frozen=True, slots=True)
class Flash:
    """What reading weights takes: seconds a byte, and watts meanwhile."""

    read_s_per_byte: float
    read_w: float


class Residence:
    """Which apps' models are in memory, and who waits for theirs."""

    reads: int
    """Models read from flash so far."""

    def __init__(self, device: "LivingDevice", flash: Flash | None) -> None:
        """Without flash, all models are always in memory."""
        self.device, self.flash, self.reads = device, flash, 0
        self._resident: OrderedDict[App, float] = OrderedDict()
        self._waiting: dict[Attempt, Callable[[], None]] = {}
        self._reading: Attempt | None = None

    @property
    def resident_bytes(self) -> float:
        """What the models in memory take."""
        return sum(self._resident.values())

    def is_warm(self, app: App) -> bool:
        """Whether the app's model is in memory."""
        return app in self._resident

    def ready(self, attempt: "Attempt", go: Callable[[], None]) -> None:
        """Call `go` once the attempt's model is in memory; at once where it needs none."""
        app = attempt.job.app
        if self.flash is None or app.weight_bytes <= 0.0 or not _is_local(attempt):
            go()
        elif app in self._resident:
            self._resident.move_to_end(app)
            go()
        else:
            self._waiting[attempt] = go
            self._next()

    def withdraw(self, attempt: "Attempt") -> None:
        """It no longer waits; a read under way for it has been cancelled."""
        self._waiting.pop(attempt, None)
        if self._reading is attempt:
            self._reading = None
            self._next()

    def shrink(self, room_bytes: float) -> None:
        """Evict until the models fit."""
        while self._resident and self.resident_bytes > room_bytes:
            self._resident.popitem(last=False)

    def _next(self) -> None:
        if self._reading is not None or not self._waiting:
            return
        attempt = self._reading = next(iter(self._waiting))
        assert self.flash is not None
        seconds = attempt.job.app.weight_bytes * self.flash.read_s_per_byte
        loads = ((STORAGE, self.flash.read_w * seconds, 0.0),)
        activity = Activity(STORAGE, "read weights", seconds, 0.0, loads, "delay")
        self.device.settle()
        task = DelayTask(attempt, Wait("delay", (activity,), seconds, loads), self._read)
        self.device.take(task)
        task.begin()

    def _read(self, _: Event) -> None:
        assert self._reading is not None
        app = self._reading.job.app
        self.reads += 1
        self._reading = None
        self._resident[app] = app.weight_bytes
        free = self.device.free_memory_bytes
        while len(self._resident) > 1 and self.resident_bytes > free:
            self._resident.popitem(last=False)
        served = [attempt for attempt in self._waiting if attempt.job.app is app]
        for attempt in served:
            go = self._waiting.pop(attempt, None)
            if go is not None and not attempt.closed:
                go()
        self._next()


def _is_local(attempt: "Attempt") -> bool:
    """Whether a layer that is left to do runs on the device."""
    draft = attempt.draft
    left = {stage.name for stage in draft.question.workload.stages[draft.first_layer :]}
    return any(b.processor != CLOUD and b.layer in left for b in draft.plan.blocks)
