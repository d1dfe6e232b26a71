"""Scenarios: every resolved input of one case, from names and numbers to a Question."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from planners.cost import CostModel, Roofline
from planners.options import allowed_processors
from planners.values import (
    FULL,
    PAPER,
    Conditions,
    EnergyWindow,
    Goals,
    Objective,
    Options,
    Question,
)
from socs import Cloud, Host, Link, Soc, hosts_of, link_names, load_cloud, load_link, load_soc
from socs.figures import sourced_only
from workloads import Workload, load_workload
from workloads.names import nearest_name

WEIGHTS = "synthetic, seeded (spectra measured on trained networks)"
"""Where weights come from, said wherever results are shown."""
OPTIONS: Mapping[str, Options] = {"paper": PAPER, "full": FULL}


def scenario(
    soc: str | Path | Soc = "tegra_k1",
    model: str | Path | Workload = "alexnet",
    *,
    network: str | Path | Link = "lte",
    objective: Objective = "energy",
    deadline_s: float | None = None,
    energy_j: float | None = None,
    memory_bytes: float | None = None,
    max_error: float | None = None,
    min_accuracy: float | None = None,
    frames: int | None = None,
    uplink_bytes_per_s: float | None = None,
    downlink_bytes_per_s: float | None = None,
    busy: Mapping[str, float] | None = None,
    processors: Sequence[str] | None = None,
    options: Literal["paper", "full"] | Options = "paper",
    hosts: Mapping[str, str | Path | Host] | None = None,
    energy_window: EnergyWindow = "until_idle",
    cloud: str | Path | Cloud = "k40_server",
    figures: Literal["calibrated", "sourced"] = "calibrated",
    cost: str | Path | CostModel = "law",
) -> Question:
    """The question that the command line asks, from names (or YAML paths, or values).

    `network`: a link, or "none" for a device on its own; `processors`: the local ones that plans
    may use (default: those of the options); `figures="sourced"`: before any fit;
    `min_accuracy`: at the model's task, where that was measured; it becomes an error limit;
    `cost`: what the planner believes that blocks cost: `law`, `regression`, or a measured CSV.
    Raises UnknownName, SpecError, ValueError.
    """
    device = soc if isinstance(soc, Soc) else load_soc(soc)
    workload = model if isinstance(model, Workload) else load_workload(model, frames=frames)
    link = find_link(network)
    if link is None and (uplink_bytes_per_s or downlink_bytes_per_s) is not None:
        raise ValueError("a link rate needs a network; there is none")
    asked = Question(
        workload=workload,
        soc=device,
        conditions=Conditions(
            link=link,
            cloud=None if link is None else find_cloud(cloud),
            uplink_bytes_per_s=uplink_bytes_per_s,
            downlink_bytes_per_s=downlink_bytes_per_s,
            busy=dict(busy or {}),
        ),
        goals=Goals(
            objective=objective,
            deadline_s=deadline_s,
            energy_j=energy_j,
            memory_bytes=memory_bytes,
            error=error_limit(workload, max_error, min_accuracy),
        ),
        options=find_options(options, processors, device),
        hosts=hosts_of(device, hosts),
        energy_window=energy_window,
        cost=find_cost(cost, workload),
    )
    return before_fits(asked) if figures == "sourced" else asked


def before_fits(question: Question) -> Question:
    """The same question with every calibrated figure as its sources alone give it."""
    state = question.conditions
    names = {"native", question.options.runtime, *question.runtimes}
    return question.under(
        soc=sourced_only(question.soc),
        hosts={name: sourced_only(host) for name, host in question.hosts.items()},
        runtimes={name: sourced_only(question.runtime(name)) for name in sorted(names)},
        conditions=replace(
            state,
            link=state.link and sourced_only(state.link),
            cloud=state.cloud and sourced_only(state.cloud),
        ),
    )


def error_limit(
    workload: Workload, max_error: float | None, min_accuracy: float | None
) -> float | None:
    """The tighter of an error limit and of what keeps an accuracy; None: the model's own.

    Never above the model's own where only an accuracy is asked. UnknownAccuracy (a ValueError).
    """
    if min_accuracy is None:
        return max_error
    from workloads.accuracy import accuracy_curve

    asked = workload.error_limit if max_error is None else max_error
    return min(asked, accuracy_curve(workload).error_limit(min_accuracy))


def find_link(network: str | Path | Link) -> Link | None:
    """The link of that name; None for "none"."""
    if isinstance(network, Link):
        return network
    text = str(network)
    if text == "none":
        return None
    if not text.endswith((".yaml", ".yml")) and text not in link_names():
        raise nearest_name("network", text, ("none", *link_names()))
    return load_link(network)


def find_cloud(cloud: str | Path | Cloud) -> Cloud:
    """The server of that name."""
    return cloud if isinstance(cloud, Cloud) else load_cloud(cloud)


def find_cost(cost: str | Path | CostModel, workload: Workload) -> CostModel:
    """The cost model of that name: the law, DeepX's estimators, or measurements in a CSV file."""
    if not isinstance(cost, str | Path):
        return cost
    text = str(cost)
    if text == "law":
        return Roofline()
    if text == "regression":
        from planners.estimates import Regression

        return Regression(workload.stages)
    if text.endswith(".csv"):
        from planners.measured import read_measured

        return read_measured(Path(text))
    raise nearest_name("cost model", text, ("law", "regression", "FILE.csv"))


def find_options(options: str | Options, processors: Sequence[str] | None, soc: Soc) -> Options:
    """The search space of that name, narrowed to some of the SoC's processors."""
    if isinstance(options, str) and options not in OPTIONS:
        raise nearest_name("options", options, OPTIONS)
    space = OPTIONS[options] if isinstance(options, str) else options
    if processors is None:
        return space
    known_processors(soc, processors)
    return replace(space, processors=tuple(dict.fromkeys(processors)))


def known_processors(soc: Soc, names: Sequence[str]) -> None:
    """UnknownName for a processor that the SoC does not have."""
    for name in names:
        if name not in soc.processors:
            raise nearest_name(f"processor of {soc.name}", name, soc.processors)


def describe(question: Question, *, planner: str | None = None, seed: int = 0) -> dict[str, Any]:
    """The fully resolved scenario as JSON-able values, shown with every result."""
    goals = question.goals
    return {
        "soc": question.soc.name,
        "model": question.workload.name,
        "frames": question.workload.frames,
        "planner": planner,
        "options": _options(question),
        "hosts": {name: host.name for name, host in question.hosts.items()},
        "energy_window": question.energy_window,
        **_network(question),
        "goals": {
            "objective": goals.objective,
            "deadline_s": goals.deadline_s,
            "energy_j": goals.energy_j,
            "memory_bytes": goals.memory_bytes,
            "error": goals.error,
        },
        "error_limit": question.error_limit,
        "memory_limit_bytes": question.memory_limit_bytes,
        "conditions": _conditions(question.conditions),
        "truth": "as believed",
        "cost": type(question.cost).__name__.lower(),
        "weights": WEIGHTS,
        "seed": seed,
        "version": code_version(),
    }


def _network(question: Question) -> dict[str, Any]:
    conditions, workload = question.conditions, question.workload
    link, cloud = conditions.link, conditions.cloud
    wires = {"input": workload.input_wire, "output": workload.output_wire}
    return {
        "network": "none" if link is None else link.name,
        "cloud": None if cloud is None else cloud.name,
        "uplink_bytes_per_s": None if link is None else conditions.up_bytes_per_s,
        "downlink_bytes_per_s": None if link is None else conditions.down_bytes_per_s,
        "wire": {
            **{
                side: {
                    "encoding": wire.name,
                    "bytes_per_frame": wire.bytes_per_frame,
                    "lossless": wire.lossless,
                }
                for side, wire in wires.items()
            },
            "features": "in the precision they were made in, not encoded",
        },
    }


def _conditions(conditions: Conditions) -> dict[str, Any]:
    return {
        "busy": dict(conditions.busy),
        "free_memory_bytes": conditions.free_memory_bytes,
        "temperature_c": conditions.temperature_c,
        "charge": conditions.charge,
        "radio_state": conditions.radio_state,
    }


def _options(question: Question) -> dict[str, Any]:
    space, processors = question.options, question.soc.processors
    allowed = allowed_processors(question)
    precisions = {
        name: [
            precision
            for precision in processors[name].macs_per_cycle
            if space.precisions == "all"
            or precision in space.precisions.get(processors[name].kind, ())
        ]
        for name in allowed
    }
    return {
        "name": space.name,
        "processors": list(allowed),
        "precisions": precisions,
        "frequencies": space.frequencies,
        "rank_shares": list(space.ranks),
        "split_parts": space.split_parts,
        "max_parts": space.max_parts,
        "remote_segments": space.remote_segments,
        "runtime": space.runtime,
    }


@lru_cache(maxsize=1)
def code_version() -> str:
    """Version of this package."""
    try:
        return version("deepx-sim")
    except PackageNotFoundError:
        return "0"
