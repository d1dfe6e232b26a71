"""Several causes that move the same surroundings: what they come to together."""

from collections import Counter

from sim.surroundings import World, with_share


class Causes:
    """What each cause says of the surroundings; the world is told what they come to.

    A link is there while no fault has lost it and its rates are above 0; the server's speed is
    what others' load leaves, 0 while it is down; a clock's cap is the lowest of all.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._rates = (world.now.up_bytes_per_s, world.now.down_bytes_per_s)
        self._speed = world.now.server_speed
        self._down: Counter[str] = Counter()
        """How many faults have put a thing out of order now."""
        self._caps_hz: dict[str, dict[str, float]] = {}
        """By processor and cause."""
        self._free_bytes: dict[str, float] = {}

    def busy(self, processor: str, share: float) -> None:
        """Other work takes this share of a processor from now on."""
        busy = with_share(self.world.now.busy, processor, share or None)
        self.world.change(busy=busy)

    def bus(self, share: float) -> None:
        """Other work takes this share of the memory's bandwidth from now on."""
        self.world.change(bus_taken=share)

    def rates(self, up_bytes_per_s: float, down_bytes_per_s: float) -> None:
        """The link's rates from now on; where one is 0 there is no link."""
        there = up_bytes_per_s > 0.0 and down_bytes_per_s > 0.0
        self._rates = (up_bytes_per_s, down_bytes_per_s) if there else (None, None)
        self._tell_link()

    def link_lost(self, lost: bool) -> None:
        """A fault of the link begins or ends."""
        self._count("link", lost)
        self._tell_link()

    def server_speed(self, speed: float) -> None:
        """What others' load leaves of the server from now on."""
        self._speed = speed
        self._tell_server()

    def server_down(self, down: bool) -> None:
        """A fault of the server begins or ends."""
        self._count("server", down)
        self._tell_server()

    def offline(self, processor: str, off: bool) -> None:
        """A processor goes off, or comes back."""
        self._count(f"processor {processor}", off)
        names = [key.removeprefix("processor ") for key in self._down if key.startswith("proc")]
        self.world.change(offline=tuple(sorted(names)))

    def cap(self, cause: str, processor: str, cap_hz: float | None) -> None:
        """A cause caps a processor's clock from now on; None: it no longer does."""
        caps = self._caps_hz.setdefault(processor, {})
        if cap_hz is None:
            caps.pop(cause, None)
        else:
            caps[cause] = cap_hz
        lowest = min(caps.values(), default=None)
        self.world.change(caps_hz=with_share(self.world.now.caps_hz, processor, lowest))

    def free_memory(self, cause: str, free_bytes: float | None) -> None:
        """A cause leaves no more memory than that from now on; None: it no longer does."""
        if free_bytes is None:
            self._free_bytes.pop(cause, None)
        else:
            self._free_bytes[cause] = free_bytes
        self.world.change(free_memory_bytes=min(self._free_bytes.values(), default=None))

    def _count(self, name: str, begins: bool) -> None:
        self._down[name] += 1 if begins else -1
        if self._down[name] <= 0:
            del self._down[name]

    def _tell_link(self) -> None:
        up, down = (None, None) if self._down["link"] else self._rates
        self.world.change(up_bytes_per_s=up, down_bytes_per_s=down)

    def _tell_server(self) -> None:
        self.world.change(server_speed=0.0 if self._down["server"] else self._speed)
