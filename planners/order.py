"""Which steps of a request wait for which others: a partial order, kept in its smallest form.

A step waits for those that make what it reads, and for the step before it on each resource that
it holds: a processor, with its exclusive partner, takes the planned layers in their order, and so
do the link and the cloud together. On a chain that leaves one step after the other; where a graph
branches, steps on different processors run at the same time.
"""

from collections.abc import Iterable, Mapping, Sequence

from planners.values import CLOUD
from workloads import Stage


class Order:
    """Steps numbered from 0, each after some of those before it."""

    def __init__(self) -> None:
        self._ancestors: list[int] = []
        """Of each step: all that have ended when it begins, as bits."""

    def add(self, wanted: Iterable[int]) -> tuple[int, ...]:
        """Number the next step; of those that it waits for, the ones that no other implies."""
        direct = 0
        for step in wanted:
            direct |= 1 << step
        implied = 0
        for step in _bits(direct):
            implied |= self._ancestors[step]
        self._ancestors.append(direct | implied)
        return tuple(_bits(direct & ~implied))

    def precedes(self, first: int, second: int) -> bool:
        """Whether `first` has always ended when `second` begins."""
        return bool(self._ancestors[second] >> first & 1)

    def together(self, step: int) -> tuple[int, ...]:
        """Steps that may run at the same time as one: neither waits for the other."""
        return tuple(
            other
            for other in range(len(self._ancestors))
            if other != step and not self.precedes(other, step) and not self.precedes(step, other)
        )


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def resources(processors: Iterable[str], partners: Mapping[str, str | None]) -> tuple[str, ...]:
    """What a step on some processors holds: they and their exclusive partners, or the cloud.

    `partners`: of each processor of the device, the one that it cannot be on together with.
    """
    used = set(processors)
    if CLOUD in used:
        return (CLOUD,)
    off = {partners[name] for name in used}
    return tuple(
        name for name, other in partners.items() if name in used or name in off or other in used
    )


def layer_order(
    stages: Sequence[Stage],
    processors: Sequence[Iterable[str]],
    partners: Mapping[str, str | None],
) -> Order:
    """The order of planned layers, by number, from the processors that each runs on."""
    order, made, last = Order(), dict[str, int](), dict[str, int]()
    for number, (stage, used) in enumerate(zip(stages, processors, strict=True)):
        held = resources(used, partners)
        wanted = {last[name] for name in held if name in last}
        order.add(wanted | {made[name] for name in stage.reads if name in made})
        made[stage.name] = number
        last.update(dict.fromkeys(held, number))
    return order
