"""Answers as tables for people; each fits 80 columns."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from experiments.amounts import bytes_of, hertz, joules, ratio, seconds
from experiments.answers import OK, Answer
from experiments.explaining import Explanation
from experiments.terminal import table
from planners.values import CLOUD, Plan

if TYPE_CHECKING:
    from rich.table import Table


def scenario_lines(document: dict[str, Any]) -> Iterator[str]:
    """The resolved scenario in a few lines."""
    goals, options = document["goals"], document["options"]
    planner = f", planned by {document['planner']}" if document["planner"] else ""
    frames = "" if document["frames"] == 1 else f" ({document['frames']} frames)"
    yield f"{document['model']}{frames} on {document['soc']}{planner}"
    yield f"  network   {_network(document)}"
    yield f"  window    {document['energy_window']}"
    limits = {
        "deadline": seconds(goals["deadline_s"]) if goals["deadline_s"] else None,
        "energy": joules(goals["energy_j"]) if goals["energy_j"] else None,
        "memory": bytes_of(goals["memory_bytes"]) if goals["memory_bytes"] else None,
        "error": f"{document['error_limit']:g}",
    }
    kept = ", ".join(f"{name} <= {limit}" for name, limit in limits.items() if limit)
    yield f"  goals     least {goals['objective']}; {kept}"
    busy = document["conditions"]["busy"]
    if busy:
        yield "  busy      " + ", ".join(f"{name} {share:.0%}" for name, share in busy.items())
    hosts = (f"{name} by {document['hosts'][name]}" for name in options["processors"])
    yield f"  options   {options['name']}: {', '.join(hosts)}"
    yield f"  weights   {document['weights']}"


def _network(document: dict[str, Any]) -> str:
    if document["network"] == "none":
        return "none"
    up, down = (8e-6 * document[f"{way}link_bytes_per_s"] for way in ("up", "down"))
    wire = document["wire"]["input"]
    return (
        f"{document['network']}, {up:.3g} up, {down:.3g} down Mbit/s, to {document['cloud']}; "
        f"{wire['encoding']}"
    )


def result_table(answer: Answer) -> "Table":
    """Predicted beside simulated."""
    assert answer.plan is not None and answer.plan.predicted is not None
    predicted, outcome = answer.plan.predicted, answer.outcome
    made = table("", "predicted", "simulated")
    simulated = (
        ("latency", seconds, predicted.latency_s, outcome.latency_s if outcome else None),
        ("energy", joules, predicted.energy_j, outcome.energy_j if outcome else None),
        (
            "peak memory",
            bytes_of,
            predicted.peak_memory_bytes,
            outcome.peak_memory_bytes if outcome else None,
        ),
        (
            "of which planning",
            seconds,
            predicted.planning_s,
            outcome.planning_latency_s if outcome else None,
        ),
        ("", joules, predicted.planning_j, outcome.planning_energy_j if outcome else None),
    )
    for name, shown, before, after in simulated:
        made.add_row(name, shown(before), shown(after))
    verified = outcome.verification if outcome else None
    error = "-" if verified is None else f"{verified.relative_error:.3g}"
    made.add_row("relative error", f"{predicted.error:.3g}", error)
    return made


def breakdown_table(answer: Answer) -> "Table":
    """Energy by component, largest first."""
    assert answer.outcome is not None
    outcome = answer.outcome
    made = table("component", "energy", "share", title="Where the energy goes")
    parts = sorted(outcome.energy_breakdown_j.items(), key=lambda item: -item[1])
    for component, energy_j in parts:
        share = energy_j / outcome.energy_j if outcome.energy_j else 0.0
        made.add_row(component, joules(energy_j), f"{share:.1%}")
    return made


def plan_table(plan: Plan) -> "Table":
    """One row a block."""
    made = table("layer", "units", "processor", "clock", "precision", "rank", title="Plan", left=3)
    last = None
    for block in plan.blocks:
        units = f"{block.first_unit}:{block.last_unit}"
        rank = "cloud" if block.processor == CLOUD else str(block.rank or "dense")
        name = "" if block.layer == last else block.layer
        clock = hertz(block.frequency_hz)
        made.add_row(name, units, block.processor, clock, block.precision, rank)
        last = block.layer
    return made


def front_table(plans: Sequence[Plan]) -> "Table":
    """Plans from the quickest to the most frugal."""
    made = table("latency", "energy", "memory", "error", "on", title="Pareto front", left=0)
    for plan in plans:
        predicted = plan.predicted
        assert predicted is not None
        names = dict.fromkeys(block.processor for block in plan.blocks)
        made.add_row(
            seconds(predicted.latency_s),
            joules(predicted.energy_j),
            bytes_of(predicted.peak_memory_bytes),
            f"{predicted.error:.3g}",
            "+".join(names),
        )
    return made


def verification_line(answer: Answer) -> str:
    """What the real tensors said."""
    assert answer.outcome is not None and answer.outcome.verification is not None
    verified = answer.outcome.verification
    word = "within" if verified.within_bound else "BEYOND"
    return (
        f"verified on {verified.inputs} inputs: relative error {verified.relative_error:.3g}, "
        f"{word} the bound {verified.error_bound:.3g}; weights {verified.weights}"
    )


def compare_table(answers: Sequence[Answer]) -> "Table":
    """One row a planner; energies relative to the best."""
    made = table("planner", "energy", "x best", "latency", "memory", "planning", "on", left=1)
    energies = [a.outcome.energy_j for a in answers if a.outcome is not None]
    best = min(energies, default=0.0)
    for answer in answers:
        if answer.status != OK or answer.outcome is None or answer.plan is None:
            made.add_row(answer.planner, answer.status.partition(":")[0], *["-"] * 5)
            continue
        outcome = answer.outcome
        names = dict.fromkeys(block.processor for block in answer.plan.blocks)
        made.add_row(
            answer.planner,
            joules(outcome.energy_j),
            ratio(outcome.energy_j / best if best else None),
            seconds(outcome.latency_s),
            bytes_of(outcome.peak_memory_bytes),
            joules(outcome.planning_energy_j),
            "+".join(names),
        )
    return made


def alternatives_table(explanation: Explanation) -> "Table":
    """Per layer, what the whole plan would cost with the layer elsewhere."""
    chosen = {
        layer: "+".join(block.processor for block in blocks)
        for layer, blocks in explanation.layers.items()
    }
    others = ("+".join(a.processors) for a in explanation.alternatives)
    found = dict.fromkeys((*others, *chosen.values()))
    names = sorted(found, key=lambda name: (name == CLOUD, name.count("+")))
    title = f"{explanation.objective.capitalize()} of the whole plan with the layer elsewhere"
    made = table("layer", *names, title=title)
    for layer, home in chosen.items():
        cells = {"+".join(a.processors): a for a in explanation.alternatives if a.layer == layer}
        made.add_row(layer, *(_cell(name, home, cells) for name in names))
    return made


def _cell(name: str, home: str, cells: dict[str, Any]) -> str:
    if name == home:
        return "chosen"
    other = cells.get(name)
    if other is None:
        return "-"
    if other.change >= 10:
        return f"x{other.change + 1:.3g}" + "*" * bool(other.breaks)
    return f"{100 * other.change:+.1f}%" + "*" * bool(other.breaks)


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """What stands below the table of alternatives."""
    if any(other.breaks for other in explanation.alternatives):
        yield "* would break a limit"
    yield f"Costs are the plan's {explanation.objective}, planning aside: " + (
        f"{explanation.cost:.4g} {explanation.unit} as it is."
    )
    for rest in explanation.resting:
        yield f"not used: {rest.processor}: {rest.reason}"
