"""Where tensors are and which processors are awake, while the steps of a plan are laid out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from planners.order import Order, resources
from planners.values import Question

Clocks = dict[str, float]
"""Awake processors and the frequency that each runs at."""


@dataclass(slots=True)
class Whereabouts:
    """What the steps laid out so far have made of tensors, processors, link and cloud."""

    question: Question
    parts: dict[str, list[tuple[str, float, str]]] = field(default_factory=dict)
    """Of each tensor: (processor that holds it, bytes, precision)."""
    made: dict[str, int] = field(default_factory=dict)
    """Of each tensor: the step that put it where its parts are."""
    in_cloud: set[str] = field(default_factory=set)
    """Tensors that the cloud has been sent or has made: several layers may read one."""
    after: tuple[int, ...] = ()
    """The steps that the newest one waits for; of those, the ones that no other implies."""
    awake: Clocks = field(default_factory=dict)
    """What is awake when the newest step begins."""
    _order: Order = field(default_factory=Order)
    _clocks: list[Clocks] = field(default_factory=list)
    """By step: what is awake when it has ended."""
    _last: dict[str, int] = field(default_factory=dict)
    """Of each processor, and of link and cloud together: the step that used it last."""
    _moved: dict[tuple[str, str], dict[str, list[int]]] = field(default_factory=dict)
    """By tensor and holder: whom its part is made visible to, and the steps that do it."""

    def begin(
        self, reads: Iterable[str], uses: Iterable[str], clocks: Clocks, makes: Iterable[str] = ()
    ) -> None:
        """Number the next step: what it reads, holds, leaves awake, and makes.

        A processor is awake if a step that this one waits for, implied by no other, has used it.
        """
        partners = {n: spec.exclusive_with for n, spec in self.question.soc.processors.items()}
        held, number = resources(uses, partners), len(self._clocks)
        before = {self._last[name] for name in held if name in self._last}
        self.after = self._order.add(before | {self.made[name] for name in reads})
        self.awake = {}
        for step in self.after:
            for name, frequency_hz in self._clocks[step].items():
                if name not in self.awake or self._last.get(name) == step:
                    self.awake[name] = frequency_hz
        self._clocks.append(clocks)
        self._last.update(dict.fromkeys(held, number))
        self.made.update(dict.fromkeys(makes, number))

    def sees(self, reader: str, name: str, holder: str) -> bool:
        """Whether a reader in the newest step sees a holder's part of a tensor without a move.

        A move by a step that may run at the same time does not count: it may end too late.
        """
        newest = len(self._clocks) - 1
        movers = self._moved.get((name, holder), {}).get(reader, ())
        return reader == holder or any(
            step == newest or self._order.precedes(step, newest) for step in movers
        )

    def move(self, reader: str, name: str, holder: str) -> None:
        """Note that the newest step moves a part to a reader, and to all that share its memory."""
        specs = self.question.soc.processors
        readers = [reader]
        if specs[reader].buffers == "shared":
            readers = [other for other, spec in specs.items() if spec.buffers == "shared"]
        moved = self._moved.setdefault((name, holder), {})
        for other in readers:
            moved.setdefault(other, []).append(len(self._clocks) - 1)
