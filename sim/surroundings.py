"""The truth about a device at an instant, and what the device believes of it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simpy import Environment

Shares = tuple[tuple[str, float], ...]
"""By processor, ascending by name; what is not named is 0 (busy) or unlimited (caps)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that changes while requests come and go, apart from what the requests do."""

    busy: Shares = ()
    """Share of each processor that other work takes, in [0, 1)."""
    caps_hz: Shares = ()
    """Highest clock that thermal engine and faults allow."""
    governed_hz: Shares = ()
    """Clock that a processor's governor has chosen; planners do not reckon with it."""
    temperature_c: float = 50.0
    """Of the die, in whole steps of the thermal model."""
    bus_taken: float = 0.0
    """Share of the memory's bandwidth that other work takes, in [0, 1)."""
    up_bytes_per_s: float | None = None
    """None: no link."""
    down_bytes_per_s: float | None = None
    server_speed: float = 1.0
    """Share of its speed that the server leaves to this device; 0: it is down."""
    offline: tuple[str, ...] = ()
    """Processors that are off."""
    free_memory_bytes: float | None = None
    """None: the capacity less what the system holds."""

    @property
    def law(self) -> tuple[Shares, Shares, float]:
        """What a block's seconds and watts depend on: load, highest clocks, temperature."""
        if not self.governed_hz:
            return self.busy, self.caps_hz, self.temperature_c
        clocks = dict(self.governed_hz)
        for name, cap_hz in self.caps_hz:
            clocks[name] = min(cap_hz, clocks.get(name, cap_hz))
        return self.busy, tuple(sorted(clocks.items())), self.temperature_c


def with_share(shares: Shares, name: str, value: float | None) -> Shares:
    """Shares with one of them changed; None takes it out."""
    changed = {**dict(shares)}
    changed.pop(name, None)
    if value is not None:
        changed[name] = value
    return tuple(sorted(changed.items()))


Changed = Callable[[Surroundings, Surroundings], None]
"""Told (before, after)."""


class World:
    """The present surroundings; remembers as much of the past as beliefs lag behind."""

    version: int
    """Grows with every change."""

    def __init__(self, env: Environment, first: Surroundings, *, lag_s: float = 0.0) -> None:
        self.env, self.now, self.lag_s, self.version = env, first, lag_s, 0
        self._past: deque[tuple[float, Surroundings]] = deque([(env.now, first)])
        self._listeners: list[Changed] = []

    def listen(self, changed: Changed) -> None:
        """Tell of every change from now on."""
        self._listeners.append(changed)

    def change(self, **fields: Any) -> None:
        """Set fields of the surroundings from now on; nothing happens where none changes."""
        before = self.now
        after = replace(before, **fields)
        if after == before:
            return
        self.now = after
        self.version += 1
        self._remember(after)
        for changed in self._listeners:
            changed(before, after)

    def believed(self) -> Surroundings:
        """The surroundings as they were `lag_s` ago."""
        self._forget()
        return self._past[0][1]

    def _remember(self, state: Surroundings) -> None:
        if self._past[-1][0] == self.env.now:
            self._past.pop()
        self._past.append((self.env.now, state))
        self._forget()

    def _forget(self) -> None:
        """Drop what lies further back than the belief: its successor is old enough."""
        seen_s = self.env.now - self.lag_s
        while len(self._past) > 1 and self._past[1][0] <= seen_s:
            self._past.popleft()
