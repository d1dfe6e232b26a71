"""From values by dotted path to a case: the question, who plans it, and what is really so."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from experiments.faults import InputFault
from experiments.scenarios import OPTIONS, before_fits, find_cloud, find_link, known_processors
from experiments.sweeps.fields import FieldError, changed, leaves
from experiments.sweeps.spec import Scalar
from planners import Conditions, Goals, Options, Plan, Question, load_planner
from socs import Host, Runtime, Soc, hosts_of, load_host, load_runtime, load_soc
from workloads import Workload, load_workload
from workloads.building import BuildError
from workloads.building import build as build_workload
from workloads.faults import SpecError
from workloads.names import UnknownName, nearest_name

DEFAULTS: Mapping[str, Scalar] = {
    "soc": "tegra_k1",
    "model": "alexnet",
    "frames": None,
    "planner": "deepx",
    "network": "lte",
    "cloud": "k40_server",
    "options": "paper",
    "energy_window": "until_idle",
    "figures": "calibrated",
    "plan": None,
}
"""Named parts of a scenario, as on the command line where they are left out."""
_CHOICES = {"energy_window": ("until_idle", "until_output"), "figures": ("calibrated", "sourced")}
_CONDITIONS = (
    "uplink_bytes_per_s",
    "downlink_bytes_per_s",
    "free_memory_bytes",
    "temperature_c",
    "charge",
    "radio_state",
)
_GOALS = tuple(field.name for field in fields(Goals))
_OPTIONS = (
    "processors",
    "frequencies",
    "split_parts",
    "max_parts",
    "remote_segments",
    "runtime",
)
_WORDS = {
    "goals.objective": ("energy", "latency", "edp"),
    "options.frequencies": ("max", "all"),
    "conditions.radio_state": ("idle", "connected"),
    "truth.radio_state": ("idle", "connected"),
}
_TEXT = frozenset({"options.processors", "options.runtime"})
Values = Mapping[str, Any]
Problem = tuple[str, str]
"""Path, and what is wrong with its value."""


class WrongValues(ValueError):
    """Values that make no scenario; every problem with its path."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("; ".join(f"{path} {message}" for path, message in self.problems))

    def __reduce__(self) -> tuple[type["WrongValues"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


@dataclass(frozen=True, slots=True)
class Case:
    """One resolved scenario."""

    question: Question
    planner: str
    plan: Plan | None = None
    """Replayed instead of asking the planner."""
    truth: Conditions | None = None
    hidden_error: float | None = None


def build_case(values: Values) -> Case:
    """The case that values by path describe; WrongValues with all that is wrong."""
    return _Builder(values).case()


class _Builder:
    """Collects problems while a case is put together; lives for one call of `build_case`."""

    def __init__(self, values: Values) -> None:
        self.values: dict[str, Any] = {**DEFAULTS, **values}
        self.problems: list[Problem] = []

    def case(self) -> Case:
        soc = self._of("soc", lambda name: _soc(name, ()))
        model = self._of("model", lambda name: _model(name, self._frames(), ()))
        link = self._of("network", find_link)
        cloud = self._of("cloud", find_cloud)
        self._of("planner", load_planner)
        for path, words in _CHOICES.items():
            self._choose(path, self.values[path], words)
        options = self._of("options", _named_options)
        if self.problems:
            self._unknown_roots()
            raise WrongValues(self.problems)
        hosts = self._hosts(soc)
        runtime = self._runtime(options)
        self._unknown(runtime)
        if self.problems:
            raise WrongValues(self.problems)
        soc = self._spec("soc", lambda c: _soc(self.values["soc"], c), soc)
        soc = self._limited(soc)
        model = self._spec(
            "workload", lambda c: _model(self.values["model"], self._frames(), c), model
        )
        link = self._spec("link", lambda c: _changed(link, c), link)
        cloud = self._spec("cloud", lambda c: _changed(cloud, c), cloud)
        for name in hosts:
            hosts[name] = self._host(name, hosts[name])
        runtime = self._spec("runtime", lambda c: _changed(runtime, c), runtime)
        options = self._options(options, soc)
        conditions = self._conditions(
            "conditions", soc, Conditions(link=link, cloud=link and cloud)
        )
        goals = self._record("goals", _GOALS, Goals())
        truth, hidden = self._truth(soc, conditions)
        if self.problems:
            raise WrongValues(self.problems)
        runtimes = {runtime.name: runtime} if self._given("runtime") else {}
        question = Question(
            workload=model,
            soc=soc,
            conditions=conditions,
            goals=goals,
            options=options,
            hosts=hosts,
            runtimes=runtimes,
            energy_window=self.values["energy_window"],
        )
        if self.values["figures"] == "sourced":
            question = before_fits(question)
            if truth is not None:
                believed = question.conditions
                truth = replace(truth, link=believed.link, cloud=believed.cloud)
        return Case(question, self.values["planner"], self._plan(question), truth, hidden)

    def _of(self, path: str, load: Callable[[Any], Any]) -> Any:
        """What a name stands for."""
        value = self.values[path]
        if not isinstance(value, str):
            self.problems.append((path, f"is {value!r}, must be a name"))
            return None
        return self._tried(path, lambda: load(value))

    def _tried(self, path: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except SpecError as error:
            self.problems.append((path, f"names a file with faults: {error.faults[0]}"))
        except UnknownName as error:
            self.problems.append((path, str(error)))
        except (FieldError, InputFault, ValueError, OverflowError, BuildError) as error:
            self.problems.append((path, str(error)))
        return None

    def _frames(self) -> int | None:
        frames = self.values["frames"]
        if frames is None or (type(frames) is int and 1 <= frames <= 10**6):
            return frames
        raise FieldError(f"is {frames!r}, frames must be a whole number from 1 to 1000000")

    def _choose(self, path: str, value: Any, words: tuple[str, ...]) -> None:
        if value not in words:
            listed = ", ".join(words)
            self.problems.append((path, f"is {value!r}, must be one of {listed}"))

    def _given(self, root: str) -> dict[str, Any]:
        """Values below a root, by the rest of their path."""
        start = f"{root}."
        return {p.removeprefix(start): v for p, v in self.values.items() if p.startswith(start)}

    def _hosts(self, soc: Soc) -> dict[str, Host]:
        asked = {n: v for n, v in self._given("host").items() if "." not in n}
        found = {}
        for name in soc.processors:
            if name in asked:
                path = f"host.{name}"
                self.values[path] = asked[name]
                host = self._of(path, load_host)
                found[name] = host
                if host is not None:
                    self._tried(path, lambda name=name, host=host: hosts_of(soc, {name: host}))  # type: ignore[misc]
        named = {name: host for name, host in found.items() if host is not None}
        if len(named) < len(found) or self.problems:
            return {}
        return hosts_of(soc, named)

    def _runtime(self, options: Options) -> Runtime | None:
        name = self.values.get("options.runtime", options.runtime)
        path = "options.runtime"
        if not isinstance(name, str) or name.endswith((".yaml", ".yml")):
            self.problems.append((path, f"is {name!r}, must be the name of a shipped runtime"))
            return None
        found = self._tried(path, lambda: load_runtime(name))
        assert found is None or isinstance(found, Runtime)
        return found

    def _unknown_roots(self) -> None:
        known = {*DEFAULTS, *(path.split(".")[0] for path in _ROOTS)}
        for path in self.values:
            if path.split(".")[0] not in known:
                self.problems.append((path, str(nearest_name("field", path, known))))

    def _unknown(self, runtime: Runtime | None) -> None:
        if all(path in DEFAULTS for path in self.values):
            return
        asked = {n: v for n, v in self._given("host").items() if "." not in n}
        names = tuple(self.values[name] for name in ("soc", "model", "network", "cloud"))
        known = _known(
            *names, tuple(sorted(asked.items())), None if runtime is None else runtime.name
        )
        for path in self.values:
            if path not in known:
                self.problems.append((path, str(nearest_name("field", path, known))))

    def _spec(self, root: str, make: Callable[[tuple[Problem, ...]], Any], plain: Any) -> Any:
        """A specification with the figures given below its root."""
        changes = self._given(root)
        if not changes or plain is None:
            return plain
        found = None
        try:
            return make(tuple(sorted(changes.items())))
        except (FieldError, ValueError) as error:
            whole = str(error)
        for path, value in changes.items():  # which of them is it?
            try:
                make(((path, value),))
            except (FieldError, ValueError) as error:
                self.problems.append((f"{root}.{path}", f"is {value!r}: {error}"))
                found = path
        if found is None:
            self.problems.append((f"{root}.{next(iter(changes))}", whole))
        return plain

    def _host(self, name: str, host: Host) -> Host:
        found = self._spec(f"host.{name}", lambda c: _changed(host, c), host)
        assert isinstance(found, Host)
        return found

    def _limited(self, soc: Soc) -> Soc:
        """Without operating points above the clock limits."""
        for name, limit_hz in self._given("clock_limit_hz").items():
            path, processor = f"clock_limit_hz.{name}", soc.processors[name]
            table = processor.operating_points
            if not _number(limit_hz) or limit_hz < table.points[0].frequency_hz:
                lowest = table.points[0].frequency_hz
                self.problems.append((path, f"is {limit_hz!r}, must be at least {lowest:g}"))
                continue
            points = tuple(p for p in table.points if p.frequency_hz <= limit_hz)
            spec = processor.model_copy(
                update={"operating_points": table.model_copy(update={"points": points})}
            )
            soc = soc.model_copy(update={"processors": {**soc.processors, name: spec}})
        return soc

    def _typed(self, path: str, value: Any) -> bool:
        """Whether a value of a plain field has the right type."""
        if path in _WORDS:
            self._choose(path, value, _WORDS[path])
            return value in _WORDS[path]
        if path in _TEXT:
            if not isinstance(value, str):
                self.problems.append((path, f"is {value!r}, must be text"))
            return isinstance(value, str)
        if value is not None and not _number(value):
            self.problems.append((path, f"is {value!r}, must be a number"))
            return False
        return True

    def _record(self, root: str, names: Iterable[str], plain: Any) -> Any:
        """A frozen value with fields replaced."""
        for name in names:
            path = f"{root}.{name}"
            if path in self.values and self._typed(path, self.values[path]):
                changes = {name: self.values[path]}
                plain = self._tried(path, lambda c=changes, p=plain: replace(p, **c)) or plain  # type: ignore[misc]
        return plain

    def _conditions(self, root: str, soc: Soc, plain: Conditions) -> Conditions:
        for name in ("uplink_bytes_per_s", "downlink_bytes_per_s"):
            given = self.values.get(f"{root}.{name}")
            if given is not None and plain.link is None:
                message = "is a link rate, must be left out without a network"
                self.problems.append((f"{root}.{name}", message))
        state = self._record(root, _CONDITIONS, plain)
        busy = self._given(f"{root}.busy")
        for name, share in busy.items():
            path = f"{root}.busy.{name}"
            if self._typed(path, share) and share is not None:
                state = (
                    self._tried(
                        path,
                        lambda n=name, s=share, c=state: replace(c, busy={**c.busy, n: s}),  # type: ignore[misc]
                    )
                    or state
                )
        for name, low in (("free_memory_bytes", 0.0), ("temperature_c", -273.15), ("charge", 0.0)):
            value = self.values.get(f"{root}.{name}")
            if value is None and name != "free_memory_bytes" and f"{root}.{name}" in self.values:
                self.problems.append((f"{root}.{name}", "is empty, must be a number"))
            if value is not None and _number(value) and value < low:
                self.problems.append((f"{root}.{name}", f"is {value!r}, must be at least {low:g}"))
        assert isinstance(state, Conditions)
        return state

    def _truth(self, soc: Soc, believed: Conditions) -> tuple[Conditions | None, float | None]:
        given = self._given("truth")
        hidden = given.pop("hidden_error", None)
        if hidden is not None and (not _number(hidden) or not 0 <= hidden < float("inf")):
            self.problems.append(("truth.hidden_error", f"is {hidden!r}, must be 0 or greater"))
            hidden = None
        truth = self._conditions("truth", soc, believed) if given else None
        return truth, hidden

    def _options(self, options: Options, soc: Soc) -> Options:
        asked = self.values.get("options.processors")
        names: tuple[str, ...] = _OPTIONS
        if isinstance(asked, str) and asked not in ("prototype", "all"):
            listed = tuple(dict.fromkeys(asked.replace(",", " ").split()))
            self._tried("options.processors", lambda: known_processors(soc, listed))
            options, names = replace(options, processors=listed), _OPTIONS[1:]
        least = {"split_parts": 2, "max_parts": 1, "remote_segments": 0}
        for name, low in least.items():
            value = self.values.get(f"options.{name}", low)
            if type(value) is not int or not low <= value <= 1000:
                path = f"options.{name}"
                message = f"is {value!r}, must be a whole number from {low} to 1000"
                self.problems.append((path, message))
        found = self._record("options", names, options)
        assert isinstance(found, Options)
        return found

    def _plan(self, question: Question) -> Plan | None:
        path = self.values["plan"]
        if path is None:
            return None
        from experiments.replays import read_plan_file

        plan = None
        if isinstance(path, str):
            plan = self._tried("plan", lambda: read_plan_file(Path(path), question, None))
        else:
            self.problems.append(("plan", f"is {path!r}, must be the path of a plan file"))
        if self.problems:
            raise WrongValues(self.problems)
        assert isinstance(plan, Plan)
        return plan


_ROOTS = (
    *(f"conditions.{name}" for name in _CONDITIONS),
    *(f"truth.{name}" for name in (*_CONDITIONS, "hidden_error")),
    *(f"goals.{name}" for name in _GOALS),
    *(f"options.{name}" for name in _OPTIONS),
    *("host.", "link.", "runtime.", "workload.", "clock_limit_hz."),
)


def known_paths(
    soc: Soc, model: Workload, link: Any, cloud: Any, hosts: Mapping[str, Any], runtime: Any
) -> frozenset[str]:
    """Every path of a scenario made of these parts."""
    found = {*DEFAULTS, *(path for path in _ROOTS if not path.endswith("."))}
    for name in soc.processors:
        found |= {
            f"host.{name}",
            f"clock_limit_hz.{name}",
            f"conditions.busy.{name}",
            f"truth.busy.{name}",
        }
    parts = {"soc": soc, "workload": model.spec, "link": link, "cloud": cloud, "runtime": runtime}
    parts |= {f"host.{name}": host for name, host in hosts.items()}
    for root, part in parts.items():
        if part is not None:
            found |= {f"{root}.{path}" for path in leaves(part)}
    return frozenset(found)


@lru_cache(maxsize=64)
def _known(
    soc: str,
    model: str,
    network: str,
    cloud: str,
    hosts: tuple[tuple[str, str], ...],
    runtime: str | None,
) -> frozenset[str]:
    device = load_soc(soc)
    parts = (find_link(network), find_cloud(cloud), hosts_of(device, dict(hosts)))
    code = None if runtime is None else load_runtime(runtime)
    return known_paths(device, load_workload(model), *parts, code)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _named_options(name: str) -> Options:
    if name not in OPTIONS:
        raise nearest_name("options", name, OPTIONS)
    return OPTIONS[name]


def _changed(spec: Any, changes: tuple[Problem, ...]) -> Any:
    return changed(spec, dict(changes))


@lru_cache(maxsize=64)
def _soc(name: str, changes: tuple[Problem, ...]) -> Soc:
    soc = load_soc(name)
    return changed(soc, dict(changes)) if changes else soc


@lru_cache(maxsize=64)
def _model(name: str, frames: int | None, changes: tuple[Problem, ...]) -> Workload:
    workload = load_workload(name, frames=frames)
    if not changes:
        return workload
    return build_workload(changed(workload.spec, dict(changes)), frames=frames)
