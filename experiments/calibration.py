"""Fitting few figures of devices and hosts to the abstract's ten energy cells.

Bounded least squares on log ratios (scipy). Parameters belong to a device, a host or a runtime,
never to a cell or a model, and may not leave the range of their sources. DeepX plans anew under
every set of figures: between rounds of replanning its energy is the smallest over the plans found
so far, which has the same derivatives (envelope theorem).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.abstract import CELLS, MODELS, SOCS, Cell, reading
from experiments.scenarios import scenario
from planners import Plan, Question, load_planner, predict
from socs import load_cloud, load_host, load_link, load_runtime, load_soc
from socs.figures import figures, sourced_only, with_figures

Floats = NDArray[np.float64]
Values = Mapping[str, float]
"""Figures by dotted name: `host.cudnn.weights.bytes_per_s`."""

_LOADERS: Mapping[str, Any] = {
    "soc": load_soc,
    "host": load_host,
    "runtime": load_runtime,
    "link": load_link,
    "cloud": load_cloud,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One figure that a fit may move."""

    name: str
    means: str
    whole: bool = False
    """Rounded at the end of a fit, the others refitted."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of its sources."""
        figure = sourced_figure(self.name)
        assert figure.low is not None and figure.high is not None
        return figure.low, figure.high

    @property
    def start(self) -> float:
        """What its sources give without a fit."""
        return float(sourced_figure(self.name).value)


MECHANISMS = (
    Parameter("host.cudnn.layers.dense.fp32.frames_per_call", "frames a GPU call takes", True),
    Parameter("host.cudnn.weights.bytes_per_s", "staging of weights for the GPU"),
    Parameter("runtime.deepx_2016.planning_s", "the prototype's planning per request"),
    Parameter("soc.snapdragon_800.storage.read_s_per_byte", "paging in of weights from flash"),
    Parameter("runtime.deepx_2016.dispatch_s", "dispatch per block and call"),
    Parameter(
        "host.openblas_caffe.layers.dense.fp32.frames_per_call", "frames a CPU call takes", True
    ),
    Parameter(
        "host.hexagon_fixed.layers.dense.int8.frames_per_call", "frames a DSP call takes", True
    ),
    Parameter("soc.snapdragon_800.board_w", "power of the rest of the developer board"),
    Parameter("soc.snapdragon_800.processors.dsp.block_memory_bytes", "heap of the DSP"),
)
"""What a fit may choose from: the mechanisms of the prototype that no source pins down."""


def parameter(name: str) -> Parameter:
    """The mechanism of that name."""
    return next(one for one in MECHANISMS if one.name == name)


@lru_cache(maxsize=64)
def _specs(kind: str, name: str) -> Any:
    return sourced_only(_LOADERS[kind](name))


def sourced_figure(name: str) -> Any:
    """The figure of a dotted name, before any fit."""
    kind, spec, *path = name.split(".")
    return _figures(kind, spec)[tuple(path)]


@lru_cache
def _figures(kind: str, name: str) -> dict[tuple[str, ...], Any]:
    return dict(figures(_specs(kind, name)))


def question(soc: str, model: str, values: Values, **changes: Any) -> Question:
    """A case of the abstract with some figures set, all others as their sources give them."""
    changed: dict[tuple[str, str], dict[tuple[str, ...], Any]] = {}
    for name, value in values.items():
        kind, spec, *path = name.split(".")
        figure = sourced_figure(name).model_copy(update={"value": value})
        changed.setdefault((kind, spec), {})[tuple(path)] = figure

    def spec_of(kind: str, name: str) -> Any:
        return with_figures(_specs(kind, name), changed.get((kind, name), {}))

    device = spec_of("soc", soc)
    names = {name: processor.default_host for name, processor in device.processors.items()}
    chosen = {name: spec_of("host", host) for name, host in names.items()}
    around = {"network": spec_of("link", "lte"), "cloud": spec_of("cloud", "k40_server")}
    settings = {**around, "hosts": chosen, **changes}
    asked = scenario(device, model, figures="sourced", **settings)
    runtimes = {name: spec_of("runtime", name) for name in ("native", asked.options.runtime)}
    return asked.under(runtimes=runtimes)


Case = tuple[str, str]
CASES: tuple[Case, ...] = tuple((soc, model) for soc in SOCS for model in MODELS)


@dataclass(slots=True)
class Bench:
    """The ten cells as a function of figures; remembers the plans that DeepX has chosen."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of every question: `network`, `frames`, ..."""
    planner: str = "deepx"
    """Whose energy the cells divide by."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Of that planner's question alone."""
    plans: dict[Case, dict[tuple[Any, ...], Plan]] = field(default_factory=dict)
    bases: dict[tuple[Case, str], Plan] = field(default_factory=dict)

    def energies_j(self, values: Values, *, replan: bool) -> dict[tuple[str, str, str], float]:
        """Energy by (soc, model, planner)."""
        found: dict[tuple[str, str, str], float] = {}
        for case in CASES:
            asked = self.ask(case, values)
            for planner in {f"{cell.versus}_only" for cell in CELLS if _of(cell, case)}:
                found[*case, planner] = predict(self._base(case, planner, asked), asked).energy_j
            if self.own:
                asked = question(*case, values, **{**self.changes, **self.own})
            found[*case, "deepx"] = self._deepx_j(case, asked, replan)
        return found

    def ask(self, case: Case, values: Values) -> Question:
        """The question of a case."""
        return question(*case, values, **self.changes)

    def _base(self, case: Case, planner: str, asked: Question) -> Plan:
        """Single processors at their highest clock have one plan, whatever the figures."""
        key = (case, planner)
        if key not in self.bases:
            self.bases[key] = load_planner(planner)(asked)
        return self.bases[key]

    def _deepx_j(self, case: Case, asked: Question, replan: bool) -> float:
        known = self.plans.setdefault(case, {})
        if replan or not known:
            plan = load_planner(self.planner)(asked)
            known.setdefault(plan.blocks, plan)
        predicted = (predict(plan, asked) for plan in known.values())
        return min((each.plan_energy_j, each.energy_j) for each in predicted)[1]

    def cells(self, values: Values, *, replan: bool = True) -> Floats:
        """The ten ratios, in the printed order."""
        energies = self.energies_j(values, replan=replan)
        return np.array(
            [
                energies[cell.soc, cell.model, f"{cell.versus}_only"]
                / energies[cell.soc, cell.model, "deepx"]
                for cell in CELLS
            ]
        )


def _of(cell: Cell, case: Case) -> bool:
    return (cell.soc, cell.model) == case


def printed(name: str = "as_printed") -> Floats:
    """The ten cells of the abstract under a reading."""
    values = reading(name)
    return np.array([values[cell.soc, cell.model, cell.versus] for cell in CELLS])


def factor(simulated: Floats, paper: Floats) -> float:
    """exp of the root mean square of log(simulated / printed)."""
    return math.exp(float(np.sqrt(np.mean(np.log(simulated / paper) ** 2))))


@dataclass(frozen=True, slots=True)
class Fit:
    """Figures that bring the cells nearest to what is printed."""

    values: Values
    cells: Floats
    factor: float
    """Over the cells that were fitted."""
    jacobian: Floats
    """(cells, parameters): d log cell / d position of the parameter in its range."""

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Parameters within 1 % of their range from an end of it."""
        return tuple(
            name for name, value in self.values.items() if _margin(parameter(name), value) < 0.01
        )


def _margin(one: Parameter, value: float) -> float:
    position = float(_position(one, value))
    return min(position, 1.0 - position)


def _logarithmic(one: Parameter) -> bool:
    return one.bounds[0] > 0.0


def _position(one: Parameter, value: float) -> float:
    """Place in the parameter's range, 0 to 1: logarithmic where the range excludes 0."""
    low, high = one.bounds
    if _logarithmic(one):
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _value(one: Parameter, position: float) -> float:
    low, high = one.bounds
    if _logarithmic(one):
        return float(low * (high / low) ** position)
    return float(low + position * (high - low))


def fit(
    names: Sequence[str],
    *,
    bench: Bench | None = None,
    paper: Floats | None = None,
    cells: Sequence[int] = tuple(range(len(CELLS))),
    fixed: Values | None = None,
    start: Values | None = None,
    rounds: int = 6,
    ridge: float = 0.0,
) -> Fit:
    """Least squares over some parameters on some cells, replanning until plans stay the same.

    `ridge`: what moving a parameter over its whole range from what its sources give costs, in
    units of a cell's log ratio; keeps those in place that the cells say nothing about.
    """
    from scipy.optimize import least_squares

    bench, chosen = bench or Bench(), [parameter(name) for name in names]
    target, rows = np.log(printed() if paper is None else paper), list(cells)
    begin = {one.name: one.start for one in chosen} | dict(start or {})
    at = np.array([_inside(_position(one, begin[one.name])) for one in chosen])
    home = np.array([_position(one, one.start) for one in chosen])

    def values(position: Floats) -> dict[str, float]:
        moved = {one.name: _value(one, x) for one, x in zip(chosen, position, strict=True)}
        return dict(fixed or {}) | moved

    def misses(position: Floats) -> Floats:
        simulated = bench.cells(values(position), replan=False)
        moved = ridge * (position - home)
        return np.concatenate([(np.log(simulated) - target)[rows], moved])

    for _ in range(rounds if chosen else 0):
        bench.cells(values(at))
        before = sum(map(len, bench.plans.values()))
        found = least_squares(
            misses, at, bounds=(0.0, 1.0), diff_step=[1e-3] * len(at), max_nfev=60
        )
        settled = np.allclose(found.x, at, atol=1e-5)
        at = found.x
        bench.cells(values(at))
        if settled and sum(map(len, bench.plans.values())) == before:
            break
    simulated = bench.cells(values(at))
    score = factor(simulated[rows], np.exp(target)[rows])
    return Fit(values(at), simulated, score, _slopes(bench, values, at))


def _inside(position: float) -> float:
    """A start a little off the ends, where slopes are one-sided."""
    return min(max(position, 0.02), 0.98)


def _slopes(bench: Bench, values: Any, at: Floats) -> Floats:
    """Central differences of the log cells."""
    columns = []
    for index in range(len(at)):
        step = np.zeros_like(at)
        step[index] = 1e-3
        low, high = np.clip(at - step, 0.0, 1.0), np.clip(at + step, 0.0, 1.0)
        rise = np.log(bench.cells(values(high), replan=False))
        rise = rise - np.log(bench.cells(values(low), replan=False))
        columns.append(rise / (high - low)[index])
    return np.array(columns).reshape(len(at), len(CELLS)).T


def rounded(found: Fit, names: Sequence[str], **settings: Any) -> Fit:
    """The best fit with whole numbers where parameters are whole, next to a continuous fit."""
    from itertools import product

    whole = [name for name in names if parameter(name).whole]
    rest = [name for name in names if name not in whole]
    around = [sorted({math.floor(found.values[n]), math.ceil(found.values[n])}) for n in whole]
    tried = []
    for numbers in product(*around):
        fixed = {name: float(number) for name, number in zip(whole, numbers, strict=True)}
        start = {name: found.values[name] for name in rest}
        tried.append(fit(rest, fixed=fixed, start=start, **settings))
    return min(tried, key=lambda each: each.factor)


def shipped() -> Values:
    """The calibrated figures that the YAML files hold, among the mechanisms."""
    found = {}
    for one in MECHANISMS:
        kind, spec, *path = one.name.split(".")
        figure = dict(figures(_LOADERS[kind](spec)))[tuple(path)]
        if figure.basis == "calibrated":
            found[one.name] = float(figure.value)
    return found
