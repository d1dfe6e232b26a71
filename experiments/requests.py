"""The options that describe one request, and the question they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.faults import given
from experiments.parameters import Amount, Assignments, Choice, Count, Names, Shares

if TYPE_CHECKING:
    from planners import Question

MBIT = 1e6 / 8
MOST_FRAMES = 1_000_000
F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("model", metavar="MODEL"),
    click.option("--soc", required=True, metavar="SOC", help="SoC by name, or its YAML file."),
    click.option(
        "--network", default="lte", show_default=True, metavar="wifi|lte|none", help="Radio link."
    ),
    click.option(
        "--objective",
        type=Choice("energy", "latency", "edp"),
        default="energy",
        show_default=True,
        help="What the planner minimises.",
    ),
    click.option(
        "--deadline-ms",
        "deadline_s",
        type=Amount(scale=1e-3),
        help="Latest answer, planning included.",
    ),
    click.option(
        "--energy-mj", "energy_j", type=Amount(scale=1e-3), help="Most energy of the device."
    ),
    click.option(
        "--memory-mb", "memory_bytes", type=Amount(scale=1e6), help="Most memory, in 10^6 bytes."
    ),
    click.option(
        "--max-error", type=Amount(zero=True), help="Largest relative error (default: the model's)."
    ),
    click.option(
        "--min-accuracy",
        type=Amount(),
        help="Least accuracy at the model's task, where that was measured: 0.98.",
    ),
    click.option("--frames", type=Count(MOST_FRAMES), help="Frames of one inference."),
    click.option(
        "--uplink-mbps", "uplink_bytes_per_s", type=Amount(scale=MBIT), help="Uplink rate, Mbit/s."
    ),
    click.option("--busy", type=Shares(), default={}, help="Background load: cpu=0.5,gpu=0.1."),
    click.option("--processors", type=Names(), help="Local processors to use, e.g. cpu,dsp."),
    click.option(
        "--options",
        "space",
        type=Choice("paper", "full"),
        default="paper",
        show_default=True,
        help="Search space: what the prototype could choose from, or all the device offers.",
    ),
    click.option(
        "--host",
        "hosts",
        type=Assignments("cpu=openblas_caffe"),
        default={},
        help="Other code on a processor, e.g. cpu=openblas_caffe.",
    ),
    click.option(
        "--cost",
        default="law",
        show_default=True,
        metavar="law|regression|FILE.csv",
        help="What the planner believes: the law, regressions on profiling runs, measurements.",
    ),
    click.option(
        "--energy-window",
        type=Choice("until_idle", "until_output"),
        default="until_idle",
        show_default=True,
        help="Charge until the radio is idle again, or until the output is there.",
    ),
)


def request_options(command: F) -> F:
    """Add the options of one request to a command, which receives them as one `Request`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the command line describes it; units are SI."""

    model: str
    soc: str
    network: str
    objective: str
    deadline_s: float | None
    energy_j: float | None
    memory_bytes: float | None
    max_error: float | None
    min_accuracy: float | None
    frames: int | None
    uplink_bytes_per_s: float | None
    busy: Mapping[str, float]
    processors: tuple[str, ...] | None
    space: str
    hosts: Mapping[str, str]
    energy_window: str
    cost: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Request":
        """From a command's keyword arguments."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})

    def question(self) -> "Question":
        """The question; InputFault naming the option that is wrong, SpecError of a YAML file."""
        from experiments import scenarios
        from socs import hosts_of, load_soc
        from workloads import load_workload

        with given("--soc"):
            soc = load_soc(self.soc)
        with given("MODEL"):
            model = load_workload(self.model, frames=self.frames)
        with given("--network"):
            link = scenarios.find_link(self.network)
        with given("--busy"):
            scenarios.known_processors(soc, tuple(self.busy))
        with given("--processors"):
            space = scenarios.find_options(self.space, self.processors, soc)
        with given("--host"):
            hosts = hosts_of(soc, self.hosts)
        with given("--cost"):
            cost = scenarios.find_cost(self.cost, model)
        with given("--min-accuracy"):
            limit = scenarios.error_limit(model, self.max_error, self.min_accuracy)
        with given("--uplink-mbps" if self.uplink_bytes_per_s else "options"):
            return scenarios.scenario(
                soc,
                model,
                network="none" if link is None else link,
                objective=self.objective,  # type: ignore[arg-type]
                deadline_s=self.deadline_s,
                energy_j=self.energy_j,
                memory_bytes=self.memory_bytes,
                max_error=limit,
                uplink_bytes_per_s=self.uplink_bytes_per_s,
                busy=self.busy,
                options=space,
                hosts=hosts,
                energy_window=self.energy_window,  # type: ignore[arg-type]
                cost=cost,
            )
