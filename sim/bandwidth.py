"""A capacity that flows share max-min fairly: the memory bus.

Each flow f has bytes left, a cap c_f and a weight w_f. Its rate is min(c_f, w_f x level), with one
level for all flows such that the rates add up to the capacity (or all caps are reached): weighted
max-min fairness, found by progressive filling. Rates change only when a flow starts, ends or is
changed; between changes bytes are integrated in closed form.
"""

from collections.abc import Sequence
from math import inf, isfinite

from simpy import Environment, Event, Timeout


def fair_rates(caps: Sequence[float], weights: Sequence[float], capacity: float) -> list[float]:
    """Weighted max-min fair rates of flows with caps that share a capacity, all in bytes/s."""
    if sum(caps) <= capacity:
        return list(caps)
    order = sorted(range(len(caps)), key=lambda i: caps[i] / weights[i])
    behind = [0.0] * (len(caps) + 1)
    for position in range(len(caps) - 1, -1, -1):
        behind[position] = behind[position + 1] + weights[order[position]]
    rates, left = [0.0] * len(caps), capacity
    for position, i in enumerate(order):
        rates[i] = min(caps[i], left * (weights[i] / behind[position]))
        left = max(left - rates[i], 0.0)
    return rates


class Flow(Event):
    """A transfer under way: an event that fires when its last byte has moved."""

    bus: "SharedBandwidth"
    size_bytes: float
    weight: float
    cap_bytes_per_s: float
    rate_bytes_per_s: float
    """Its present share; 0 once it has ended."""
    unmoved_bytes: float
    """Bytes left at the bus's last change of rates."""

    def __init__(
        self, bus: "SharedBandwidth", size_bytes: float, cap_bytes_per_s: float, weight: float
    ) -> None:
        super().__init__(bus.env)
        self.bus = bus
        self.size_bytes = self.unmoved_bytes = size_bytes
        self.cap_bytes_per_s, self.weight = cap_bytes_per_s, weight
        self.rate_bytes_per_s = 0.0

    @property
    def left_bytes(self) -> float:
        """Bytes that have not moved yet."""
        moved = self.rate_bytes_per_s * (self.env.now - self.bus.settled_s)
        return max(self.unmoved_bytes - moved, 0.0)

    def cancel(self) -> float:
        """End the flow now; it never fires. Returns the bytes left (0 when it had ended)."""
        self.bus.remove(self)
        return self.unmoved_bytes

    def set_cap(self, cap_bytes_per_s: float) -> None:
        """Change the cap from now on; nothing happens to a flow that has ended."""
        _check_rate("cap_bytes_per_s", cap_bytes_per_s)
        self.bus.change(self, cap_bytes_per_s)


def _check_rate(name: str, value: float) -> None:
    if not value >= 0.0:
        raise ValueError(f"{name} {value}: must be 0 or greater")


class SharedBandwidth:
    """Bandwidth that flows share max-min fairly, with caps and weights."""

    settled_s: float
    """Instant up to which the flows' bytes are accounted: the last change of rates."""

    def __init__(self, env: Environment, capacity_bytes_per_s: float) -> None:
        self.env = env
        self.capacity_bytes_per_s = 0.0
        self.settled_s = env.now
        self._flows: list[Flow] = []
        self._due: list[Flow] = []
        self._pending: Timeout | None = None
        self.set_capacity(capacity_bytes_per_s)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Flows under way, in order of their start."""
        return tuple(self._flows)

    def transfer(
        self, size_bytes: float, cap_bytes_per_s: float = inf, weight: float = 1.0
    ) -> Flow:
        """Start moving bytes; the returned event fires when the last has moved.

        No bytes: it fires at once. Raises ValueError for sizes, caps or weights out of range.
        """
        if not (isfinite(size_bytes) and size_bytes >= 0.0):
            raise ValueError(f"size_bytes {size_bytes}: must be finite and 0 or greater")
        if not (isfinite(weight) and weight > 0.0):
            raise ValueError(f"weight {weight}: must be finite and greater than 0")
        _check_rate("cap_bytes_per_s", cap_bytes_per_s)
        flow = Flow(self, size_bytes, cap_bytes_per_s, weight)
        if size_bytes == 0.0:
            flow.succeed()
            return flow
        self._settle()
        self._flows.append(flow)
        self._share()
        return flow

    def set_capacity(self, capacity_bytes_per_s: float) -> None:
        """Change the capacity from now on; at 0 all flows stand still."""
        _check_rate("capacity_bytes_per_s", capacity_bytes_per_s)
        if capacity_bytes_per_s == inf:
            raise ValueError("capacity_bytes_per_s inf: must be finite")
        self._settle()
        self.capacity_bytes_per_s = capacity_bytes_per_s
        self._share()

    def change(self, flow: Flow, cap_bytes_per_s: float) -> None:
        """Give a flow under way another cap."""
        if flow in self._flows:
            self._settle()
            flow.cap_bytes_per_s = cap_bytes_per_s
            self._share()

    def remove(self, flow: Flow) -> None:
        """Take a flow off the bus where it stands."""
        if flow in self._flows:
            self._settle()
            self._flows.remove(flow)
            flow.rate_bytes_per_s = 0.0
            self._share()

    def _settle(self) -> None:
        """Account the bytes that have moved since the last change."""
        elapsed_s = self.env.now - self.settled_s
        self.settled_s = self.env.now
        if elapsed_s > 0.0:
            for flow in self._flows:
                moved = flow.rate_bytes_per_s * elapsed_s
                flow.unmoved_bytes = max(flow.unmoved_bytes - moved, 0.0)

    def _share(self) -> None:
        """Give each flow its rate and wait for the first to end."""
        flows = self._flows
        if len(flows) == 1:
            flow = flows[0]
            flow.rate_bytes_per_s = min(flow.cap_bytes_per_s, self.capacity_bytes_per_s)
        elif flows:
            rates = fair_rates(
                [flow.cap_bytes_per_s for flow in flows],
                [flow.weight for flow in flows],
                self.capacity_bytes_per_s,
            )
            for flow, rate in zip(flows, rates, strict=True):
                flow.rate_bytes_per_s = rate
        self._await()

    def _await(self) -> None:
        """Wake up when the first flows end; an earlier wake-up that still comes is stale."""
        self._pending, self._due = None, []
        moving = [flow for flow in self._flows if flow.rate_bytes_per_s > 0.0]
        if not moving:
            return
        ends_s = [flow.unmoved_bytes / flow.rate_bytes_per_s for flow in moving]
        first_s = min(ends_s)
        if not isfinite(first_s):
            return
        self._due = [flow for flow, end_s in zip(moving, ends_s, strict=True) if end_s == first_s]
        self._pending = self.env.timeout(first_s)
        assert self._pending.callbacks is not None
        self._pending.callbacks.append(self._wake)

    def _wake(self, event: Event) -> None:
        if event is not self._pending:
            return
        self._settle()
        due = self._due
        for flow in due:
            flow.unmoved_bytes = flow.rate_bytes_per_s = 0.0
            self._flows.remove(flow)
        self._share()
        for flow in due:
            flow.succeed()
