"""Stages for layers that no producer's unit-blocks can hold.

A fused layer joins the blocks of what it reads, which it alone must read. Where it cannot (it
reads the network's input, a concatenation, or a layer with other readers), a `carry` before it
starts a stage. Of a sum's two sides, one that nobody else reads becomes the producer.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workloads.layers import kind, operand_count
from workloads.onnx.tracing import INPUT, Draft, Trace


def ordered(trace: Trace, last: Sequence[str]) -> dict[str, Draft]:
    """Drafts that the last layers need, each after those that it reads."""
    needed: set[str] = set()
    waiting = [name for name in last if name != INPUT]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [n for n in trace.drafts[name].fields["inputs"] if n != INPUT]
    return {name: draft for name, draft in trace.drafts.items() if name in needed}


def fused(trace: Trace, last: Sequence[str]) -> dict[str, Draft]:
    """Drafts with a carry before each fused layer that could join no blocks."""
    drafts = ordered(trace, last)
    readers = Counter(n for draft in drafts.values() for n in draft.fields["inputs"])
    found: dict[str, Draft] = {}
    for name, draft in drafts.items():
        fields = draft.fields
        if not kind(fields["kind"]).PLANNED:
            _choose_producer(drafts, readers, fields)
            inputs = fields["inputs"]
            own = len(inputs) - operand_count(fields["kind"])
            if own > 1 or inputs[0] == INPUT or readers[inputs[0]] > 1 or _waits(trace, inputs[0]):
                carry = trace.fresh(f"{name}_carry")
                trace.drafts[carry] = _carry(trace, carry, inputs[:own])
                found[carry] = trace.drafts[carry]
                fields["inputs"] = [carry, *inputs[own:]]
        found[name] = draft
    return found


def _waits(trace: Trace, name: str) -> bool:
    """Whether a layer runs where blocks are recomposed, after which no operand is at hand."""
    return bool(trace.drafts[name].fields["kind"] == "softmax")


def _carry(trace: Trace, name: str, inputs: Sequence[str]) -> Draft:
    fields: dict[str, Any] = {"name": name, "kind": "carry", "inputs": list(inputs)}
    return Draft(fields, trace.shape_of(inputs))


def _choose_producer(
    drafts: dict[str, Draft], readers: Counter[str], fields: dict[str, Any]
) -> None:
    """Swap a sum's sides where only the second could be joined; both have the same shape."""
    if operand_count(fields["kind"]) != 1 or len(fields["inputs"]) != 2:
        return
    first, second = fields["inputs"]
    if second == INPUT or readers[second] > 1:
        return
    alike = first == INPUT or drafts[first].shape == drafts[second].shape
    if (first == INPUT or readers[first] > 1) and alike:
        fields["inputs"] = [second, first]
