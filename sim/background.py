"""What moves around a device by itself: load that comes and goes, links that wander, traces.

Each process acts only at instants of change, drawn from its own generator; nothing polls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray
from simpy import Environment, Event

from sim.clock import after

Switched = Callable[[bool], None]


class OnOff:
    """An alternating renewal process: on and off for exponential times, stationary from the start.

    Share of time on: mean_on / (mean_on + mean_off). `switched` is called at each change, and at
    the start where it begins on.
    """

    def __init__(
        self,
        env: Environment,
        generator: np.random.Generator,
        mean_on_s: float,
        mean_off_s: float,
        switched: Switched,
        *,
        begin_off: bool = False,
    ) -> None:
        self._env, self._generator, self._switched = env, generator, switched
        self._mean_s = {True: mean_on_s, False: mean_off_s}
        share_on = mean_on_s / (mean_on_s + mean_off_s)
        self.on = bool(generator.random() < share_on) and not begin_off
        if self.on:
            switched(True)
        self._wait()

    def _wait(self) -> None:
        after(self._env, float(self._generator.exponential(self._mean_s[self.on])), self._switch)

    def _switch(self, _: Event) -> None:
        self.on = not self.on
        self._switched(self.on)
        self._wait()


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """A Markov chain in steps of time: values of its states and how it moves between them."""

    values: tuple[float, ...]
    moves: NDArray[np.float64]
    """(states, states): row i holds the probabilities of the next state."""
    stationary: NDArray[np.float64]


def log_walk(*, spread: float, correlation_s: float, step_s: float, states: int) -> Chain:
    """A first-order autoregression of a logarithm as a Markov chain: factors of mean-log 0.

    z' = rho z + sqrt(1 - rho^2) spread e, e standard normal, rho = exp(-step / correlation): the
    logarithm has standard deviation `spread` and autocorrelation exp(-t / correlation). Method of
    Rouwenhorst (Kopecky and Suen, Review of Economic Dynamics 2010), which keeps mean, variance
    and autocorrelation exactly: states z_i = spread sqrt(n - 1) (2 i / (n - 1) - 1), binomially
    distributed.
    """
    share = (1.0 + exp(-step_s / correlation_s)) / 2.0
    moves = np.array([[share, 1.0 - share], [1.0 - share, share]])
    for size in range(3, states + 1):
        grown = np.zeros((size, size))
        grown[:-1, :-1] += share * moves
        grown[:-1, 1:] += (1.0 - share) * moves
        grown[1:, :-1] += (1.0 - share) * moves
        grown[1:, 1:] += share * moves
        grown[1:-1] /= 2.0
        moves = grown
    edge = spread * sqrt(states - 1)
    values = tuple(exp(z) for z in np.linspace(-edge, edge, states).tolist())
    weights = np.ones(1)
    for _ in range(states - 1):
        weights = np.convolve(weights, [0.5, 0.5])
    return Chain(values, moves, weights)


class Walk:
    """A chain under way: waits as many steps as its state lasts, then moves to another.

    The steps that a state lasts are geometric, so that the times in between need no events.
    """

    def __init__(
        self,
        env: Environment,
        generator: np.random.Generator,
        chain: Chain,
        step_s: float,
        moved: Callable[[float], None],
    ) -> None:
        self._env, self._generator, self._chain = env, generator, chain
        self._step_s, self._moved = step_s, moved
        self._state = int(generator.choice(len(chain.values), p=chain.stationary))
        moved(chain.values[self._state])
        self._wait()

    def _wait(self) -> None:
        leaves = 1.0 - float(self._chain.moves[self._state, self._state])
        if leaves > 0.0:
            steps = int(self._generator.geometric(min(1.0, leaves)))
            after(self._env, steps * self._step_s, self._move)

    def _move(self, _: Event) -> None:
        odds = self._chain.moves[self._state].copy()
        odds[self._state] = 0.0
        self._state = int(self._generator.choice(len(odds), p=odds / odds.sum()))
        self._moved(self._chain.values[self._state])
        self._wait()


class Trace:
    """Values that hold from instants of a trace on; after the last one it begins anew.

    A trace of n instants lasts until the last instant plus the mean gap between instants.
    """

    def __init__(
        self,
        env: Environment,
        instants_s: Sequence[float],
        moved: Callable[[int], None],
        *,
        repeat: bool = True,
    ) -> None:
        self._env, self._instants_s, self._moved = env, instants_s, moved
        self._repeat, self._at, self._round = repeat, 0, 0
        gap_s = instants_s[-1] / (len(instants_s) - 1) if len(instants_s) > 1 else 0.0
        self._length_s = instants_s[-1] + gap_s
        self._wait()

    def _wait(self) -> None:
        at_s = self._round * self._length_s + self._instants_s[self._at]
        if at_s <= self._env.now:
            self._step(None)
        else:
            after(self._env, at_s - self._env.now, self._step)

    def _step(self, _: Event | None) -> None:
        self._moved(self._at)
        self._at += 1
        if self._at == len(self._instants_s):
            if not self._repeat or self._length_s <= 0.0:
                return
            self._at, self._round = 0, self._round + 1
        self._wait()
