"""A cost model that is wrong in a hidden, seeded way."""

import hashlib
from dataclasses import dataclass, field, replace
from math import exp

import numpy as np

from planners.cost import CostModel, Roofline, Units
from socs import Runtime
from socs.law import Device, Phase
from workloads import Stage


@dataclass(slots=True, eq=False)
class Mistaken:
    """Another model's answers times exp(sigma z), z normal, by layer and processor.

    Durations and energies err together; z depends on the seed and the two names alone.
    """

    sigma: float
    seed: int = 0
    believed: CostModel = field(default_factory=Roofline)

    def __post_init__(self) -> None:
        if not 0.0 <= self.sigma < float("inf"):
            raise ValueError(f"sigma {self.sigma}: must be finite and 0 or greater")

    @property
    def evaluations(self) -> int:
        """As the other model counts."""
        return self.believed.evaluations

    @evaluations.setter
    def evaluations(self, count: int) -> None:
        self.believed.evaluations = count

    def factor(self, layer: str, processor: str) -> float:
        """By how much this model errs on blocks of a layer on a processor."""
        digest = hashlib.sha256(f"{layer}\n{processor}".encode()).digest()
        generator = np.random.default_rng([self.seed, int.from_bytes(digest[:8], "big")])
        return exp(self.sigma * float(generator.standard_normal()))

    def block(
        self,
        device: Device,
        stage: Stage,
        first: Units,
        last: Units,
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: Units | None,
        runtime: Runtime,
        *,
        counted: bool = True,
    ) -> tuple[Phase, ...]:
        """The other model's phases, longer or shorter."""
        phases = self.believed.block(
            device,
            stage,
            first,
            last,
            processor,
            frequency_hz,
            precision,
            rank,
            runtime,
            counted=counted,
        )
        wrong = self.factor(stage.name, processor)
        return tuple(
            replace(
                phase,
                seconds=phase.seconds * wrong,
                loads=tuple((name, joules * wrong, watts) for name, joules, watts in phase.loads),
            )
            for phase in phases
        )
