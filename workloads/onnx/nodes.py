"""One operator of an ONNX graph, with its attributes as plain data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from workloads.onnx.faults import refuse
from workloads.onnx.reading import array_of

if TYPE_CHECKING:
    from onnx import NodeProto

Numbers: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """An operator; optional inputs that are left out are empty names."""

    operator: str
    where: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]
    opset: int
    readers: dict[str, int]
    """How many nodes, or the network's output, read each value."""

    def input(self, at: int) -> str:
        """Name of an input; empty where it is left out."""
        return self.inputs[at] if at < len(self.inputs) else ""

    def number(self, name: str, default: float) -> float:
        """An attribute that is one number."""
        found = self.attributes.get(name, default)
        if not isinstance(found, int | float) or not np.isfinite(found):
            refuse(self.where, f"has {name} {found!r}, must be a finite number")
        return float(found)

    def whole(self, name: str, default: int) -> int:
        """An attribute that is one whole number."""
        found = self.attributes.get(name, default)
        if not isinstance(found, int):
            refuse(self.where, f"has {name} {found!r}, must be a whole number")
        return found

    def numbers(self, name: str, default: Numbers | None = None) -> Numbers | None:
        """An attribute that is a list of whole numbers."""
        found = self.attributes.get(name, default)
        if found is not None and not all(isinstance(one, int) for one in found):
            refuse(self.where, f"has {name} {found!r}, must be whole numbers")
        return None if found is None else tuple(found)

    def text(self, name: str, default: str) -> str:
        """An attribute that is a text."""
        found = self.attributes.get(name, default)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)

    def sole(self, name: str) -> bool:
        """Whether no other node reads that value."""
        return self.readers.get(name, 0) <= 1


def node_of(proto: "NodeProto", opset: int, readers: dict[str, int]) -> Node:
    """ModelError for an operator of another domain or with several outputs that are read."""
    from onnx import AttributeProto, helper

    label = proto.name or (proto.output[0] if proto.output else "?")
    where = f"node {label} ({proto.op_type})"
    if proto.domain not in ("", "ai.onnx"):
        refuse(where, f"is of domain {proto.domain!r}, must be a standard operator")
    if not proto.output:
        refuse(where, "has no output")
    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            refuse(where, f"has a graph in {attribute.name}, must have none: feed-forward only")
        if attribute.type == AttributeProto.TENSOR:
            attributes[attribute.name] = array_of(where, attribute.t)
        else:
            attributes[attribute.name] = helper.get_attribute_value(attribute)
    for more in proto.output[1:]:
        if readers.get(more):
            refuse(where, f"is read at its further output {more!r}, must be read at its first only")
    inputs = tuple(proto.input)
    return Node(proto.op_type, where, inputs, proto.output[0], attributes, opset, readers)
