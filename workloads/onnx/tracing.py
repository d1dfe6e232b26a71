"""Following an ONNX graph: which layers make each value, and how its axes lie.

A traced value is the output of one layer, or of several concatenated along channels, seen through
changes of shape. Layers here have images as (channels, height, width) or vectors; ONNX tensors of
the same values may be squeezed, flattened or transposed. `dims` says which axes of the layer's
own layout each axis of the ONNX tensor runs over, outermost first; axes of size 1 are left out.
So a Reshape or Transpose computes nothing, and a dense layer after it permutes its columns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from workloads.layer import LayerSpec, Shape, ShapeError
from workloads.layers import kind, operand_count
from workloads.onnx.faults import refuse
from workloads.onnx.reading import MAX_VALUES

Label: TypeAlias = str
"""`n` for frames; c, h, w of a layer's output; x1, x2, ... of an input nobody has read yet."""
Dims: TypeAlias = tuple[tuple[Label, ...], ...]
Array: TypeAlias = NDArray[Any]
INPUT = "input"
IMAGE: tuple[Label, ...] = ("c", "h", "w")


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of an ONNX graph as layers make it."""

    layers: tuple[str, ...]
    dims: Dims
    shared: bool = False
    """Whether something else may read the same layers, so that nothing may be folded into them."""


@dataclass(slots=True)
class Draft:
    """A layer as it will stand in a workload, and its weights where it has any."""

    fields: dict[str, Any]
    shape: Shape
    matrix: Array | None = None
    """(groups, rows, columns)."""
    bias: Array | None = None


@dataclass(eq=False)
class Trace:
    """Layers drafted so far, in order, and the network's input."""

    file_input: tuple[int, ...]
    """Shape of a frame in the file."""
    input_shape: Shape = ()
    """As the workload has it; decided by the first layer that reads it."""
    input_order: tuple[Label, ...] = ()
    """Axes of the file's input in the order in which the workload has them."""
    drafts: dict[str, Draft] = field(default_factory=dict)
    values: dict[str, "Value | Array"] = field(default_factory=dict)
    frames: int = 1
    """Frames that the file fixes; 1 where it leaves them open."""
    where: str = "graph"
    """The node at hand, for what is wrong with it."""

    def refuse(self, message: str) -> NoReturn:
        """Raise ModelError about the node at hand."""
        refuse(self.where, message)

    def sizes(self, value: Value) -> dict[Label, int]:
        """Size of each axis of a value's own layout."""
        if value.layers == (INPUT,) and not self.input_shape:
            return {"n": 1} | {f"x{i}": s for i, s in enumerate(self.file_input, 1)}
        shape = self.shape_of(value.layers)
        return {"n": 1} | dict(zip(IMAGE, shape, strict=False))

    def shape_of(self, layers: Sequence[str]) -> Shape:
        """Shape of the concatenation of layers."""
        shapes = [self.input_shape if n == INPUT else self.drafts[n].shape for n in layers]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def onnx_shape(self, value: Value) -> tuple[int, ...]:
        """Shape of the ONNX tensor for one frame."""
        sizes = self.sizes(value)
        return tuple(math.prod(sizes[label] for label in group) for group in value.dims)

    def natural(self, layers: tuple[str, ...], *, vector: bool = False) -> Value:
        """The value of layers in their own layout: (n, c, h, w) or (n, c)."""
        shape = self.shape_of(layers)
        axes = [(label,) if size > 1 else () for label, size in zip(IMAGE, shape, strict=False)]
        return Value(layers, (("n",), *axes))

    def add(
        self,
        name: str,
        kind_name: str,
        inputs: Sequence[str],
        matrix: Array | None = None,
        bias: Array | None = None,
        **fields: Any,
    ) -> str:
        """Draft a layer; its name. ModelError where it does not fit what it reads."""
        fields = {"name": name, "kind": kind_name, "inputs": list(inputs), **fields}
        own = inputs[: len(inputs) - operand_count(kind_name)]
        found = kind(kind_name)
        spec: LayerSpec = found.Spec.model_validate(fields)
        try:
            shape = found.output_shape(spec, self.shape_of(own))
        except ShapeError as error:
            refuse(self.where, f"has {error}")
        if math.prod(shape) > MAX_VALUES:
            refuse(self.where, f"makes {list(shape)} values a frame, must be at most {MAX_VALUES}")
        self.drafts[name] = Draft(fields, shape, matrix, bias)
        return name

    def pin(self, value: Value, groups: Sequence[tuple[Label, ...]]) -> None:
        """Decide that the input's axes are these, each a run of the file's axes."""
        sizes = self.sizes(value)
        self.input_shape = tuple(math.prod(sizes[label] for label in g) for g in groups)
        self.input_order = tuple(label for group in groups for label in group)
        renamed: dict[tuple[Label, ...], tuple[Label, ...]] = {
            group: (label,) for group, label in zip(groups, IMAGE, strict=False) if len(group)
        }
        for name, other in self.values.items():
            if isinstance(other, Value) and other.layers == (INPUT,):
                dims = tuple(_renamed(group, renamed) for group in other.dims)
                self.values[name] = replace(other, dims=dims)

    def image(self, name: str, rank: int | None = None) -> Value:
        """A value whose ONNX tensor is (n, c, h, w), or (n, c, w) as an image of height 1."""
        value = self.traced(name)
        if rank not in (None, len(value.dims)) or len(value.dims) not in (3, 4):
            self.refuse(
                f"reads a tensor of shape {list(self.onnx_shape(value))}, "
                "must be (frames, channels, height, width) or (frames, channels, width)"
            )
        dims = value.dims if len(value.dims) == 4 else (*value.dims[:2], (), value.dims[2])
        if value.layers == (INPUT,) and not self.input_shape and dims[0] == ("n",):
            self.pin(value, dims[1:])
            value = self.traced(name)
            dims = value.dims if len(value.dims) == 4 else (*value.dims[:2], (), value.dims[2])
        if len(self.shape_of(value.layers)) == 3 and dims == self.natural(value.layers).dims:
            return replace(value, dims=dims)
        self._reimaged(value, dims)

    def _reimaged(self, value: Value, dims: Dims) -> NoReturn:
        """Say why a value cannot be seen as an image."""
        shape = self.shape_of(value.layers)
        if len(shape) == 1 and dims == (*self.natural(value.layers).dims, (), ()):
            self.refuse("reads a vector as an image, which only a dense layer after it could")
        self.refuse(
            f"reads channels that are {list(dims)} of {list(shape)}: values move between channels "
            "and positions, which no layer here does"
        )

    def vector(self, name: str) -> Value:
        """A value whose ONNX tensor is (n, all values in the layer's own order)."""
        value = self.traced(name)
        flat = tuple(label for group in value.dims[1:] for label in group)
        if value.layers == (INPUT,) and not self.input_shape:
            self.pin(value, [flat])
            value = self.traced(name)
            flat = tuple(label for group in value.dims[1:] for label in group)
        if len(self.shape_of(value.layers)) == 1:
            return value
        if flat != tuple(label for label in IMAGE if (label,) in self.natural(value.layers).dims):
            self.refuse("reads values in another order than channels, rows, columns")
        return self.flattened(value, f"{self.fresh(value.layers[0] + '_flat')}")

    def flattened(self, value: Value, name: str) -> Value:
        """The layers' values as a vector, channel after channel."""
        self.add(name, "flatten", value.layers)
        return replace(self.natural((name,)), shared=value.shared)

    def traced(self, name: str) -> Value:
        """The value of that name; ModelError for a constant."""
        found = self.values.get(name)
        if not isinstance(found, Value):
            self.refuse(f"reads the constant {name!r}, must read what the network computes")
        assert isinstance(found, Value)
        return found

    def constant(self, name: str, what: str) -> Array:
        """The constant of that name; ModelError for anything computed."""
        found = self.values.get(name)
        if not isinstance(found, np.ndarray):
            self.refuse(f"has a computed {what}, must have a constant one")
        assert isinstance(found, np.ndarray)
        return found

    def fresh(self, text: str) -> str:
        """A layer name made of a text, not taken yet."""
        letters = "".join(c if c.isascii() and (c.isalnum() or c in "_./-") else "_" for c in text)
        base = letters if letters[:1].isalpha() else f"n{letters}"
        base = base[:52]
        name, count = base, 1
        while name in self.drafts or name == INPUT:
            count += 1
            name = f"{base}_{count}"
        return name


def _renamed(
    group: tuple[Label, ...], renamed: dict[tuple[Label, ...], tuple[Label, ...]]
) -> tuple[Label, ...]:
    """A run of axes with each of the given runs in it under its new name."""
    for old, new in renamed.items():
        for at in range(len(group) - len(old) + 1):
            if group[at : at + len(old)] == old:
                group = (*group[:at], *new, *group[at + len(old) :])
                break
    return group
