"""Reading ONNX files that nobody vouches for: bounded in size, checked, within their folder.

Nothing here runs a model or follows a path out of its folder. A file is parsed once, by protobuf;
tensors kept outside of it are read only from regular files beside it. Every declared size is held
against the bytes that are really there before anything of that size is made.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workloads.onnx.faults import refuse

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

MAX_BYTES = 512_000_000
"""Of a file, and of all its tensors outside together."""
MAX_NODES = 20_000
MAX_VALUES = 2**27
"""Of any tensor that a frame makes: 512 MiB in fp32."""
OLDEST_OPSET = 9
_FLOATS = {1: np.float32, 10: np.float16, 11: np.float64}
_WHOLE = {2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_}
_TYPED = {1: "float_data", 11: "double_data", 7: "int64_data"}


def read_model(path: Path) -> "ModelProto":
    """The checked model in a file; ModelError for anything that cannot be one."""
    import onnx
    from google.protobuf.message import DecodeError

    content = _content(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError, ValueError):
        refuse("file", "is no ONNX model, or only a part of one: protobuf cannot parse it")
    if not model.graph.node:
        refuse("graph", "has no nodes, must have the operators of a network")
    if len(model.graph.node) > MAX_NODES:
        refuse("graph", f"has {len(model.graph.node)} nodes, must have at most {MAX_NODES}")
    _take_in_external(model, path)
    for where, tensor in _tensors(model.graph):
        check_tensor(where, tensor)
    _check(model)
    return model


def opset_of(model: "ModelProto") -> int:
    """Version of the standard operators; ModelError for one that is not supported."""
    import onnx

    newest = onnx.defs.onnx_opset_version()
    version = next((int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if not OLDEST_OPSET <= version <= newest:
        refuse("opset_import", f"is {version}, must be {OLDEST_OPSET} to {newest}")
    return version


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            refuse("file", "is missing or no regular file, must be an ONNX model")
        size = path.stat().st_size
        if size > MAX_BYTES:
            refuse("file", f"is of {size} bytes, must be at most {MAX_BYTES}")
        return path.read_bytes()
    except OSError as error:
        refuse("file", f"cannot be read ({error.strerror or error})")


def _check(model: "ModelProto") -> None:
    """Every rule that onnx itself has: types, names, order of nodes, hence no cycles."""
    import onnx

    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        refuse("graph", f"is refused by onnx.checker: {lines[0] if lines else 'no reason given'}")
    except (RuntimeError, ValueError, TypeError, UnicodeError) as error:
        refuse("graph", f"cannot be checked by onnx.checker ({str(error)[:200]})")


def _tensors(graph: "GraphProto") -> Iterator[tuple[str, "TensorProto"]]:
    for tensor in graph.initializer:
        yield f"initializer {tensor.name}", tensor
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield f"node {node.name or node.output[0] if node.output else '?'}", attribute.t


def check_tensor(where: str, tensor: "TensorProto") -> None:
    """Whether a tensor's declared shape and the bytes that it brings agree."""
    if any(size < 0 for size in tensor.dims):
        refuse(where, f"has shape {list(tensor.dims)}, must have no negative size")
    count = math.prod(tensor.dims)
    if count > MAX_BYTES:
        refuse(where, f"declares {count} values, must be at most {MAX_BYTES}")
    kind = _FLOATS.get(tensor.data_type) or _WHOLE.get(tensor.data_type)
    if kind is None:
        return  # refused where it is used
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) / np.dtype(kind).itemsize
    else:
        held = len(getattr(tensor, _TYPED.get(tensor.data_type, "int32_data")))
    if held != count:
        refuse(where, f"declares {count} values of shape {list(tensor.dims)}, but holds {held:g}")


def array_of(where: str, tensor: "TensorProto") -> NDArray[np.generic]:
    """A tensor as float32 or int64; ModelError for other types and for weights that are no numbers.

    Its shape has been checked.
    """
    from onnx import numpy_helper

    if tensor.data_type in _FLOATS:
        with np.errstate(over="ignore"):
            values = numpy_helper.to_array(tensor).astype(np.float32)
        if not np.isfinite(values).all():
            refuse(where, "holds NaN or infinity, must hold finite numbers")
        return np.asarray(values)
    if tensor.data_type in _WHOLE:
        return np.asarray(numpy_helper.to_array(tensor).astype(np.int64))
    refuse(where, f"is of onnx type {tensor.data_type}, must be of floating point or whole numbers")


def _take_in_external(model: "ModelProto", path: Path) -> None:
    """Tensors kept in files beside the model, read into it."""
    from onnx import TensorProto

    folder, left = path.parent.resolve(), MAX_BYTES
    for where, tensor in _tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        data = _beside(where, folder, entries, left)
        left -= len(data)
        tensor.raw_data = data
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _beside(where: str, folder: Path, entries: dict[str, str], left: int) -> bytes:
    location = entries.get("location", "")
    name = Path(location)
    if not location or name.is_absolute() or "\0" in location:
        refuse(where, f"lies in {location!r}, must lie in a file within the model's folder")
    found = (folder / name).resolve()
    if not found.is_relative_to(folder):
        refuse(where, f"lies in {location!r}, outside of the model's folder, must lie within it")
    if not found.is_file():
        refuse(where, f"lies in {location!r}, which is missing, must be a file beside the model")
    size = found.stat().st_size
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", -1))
    except ValueError:
        refuse(where, "has an external offset or length that is no whole number")
    length = size - offset if length < 0 else length
    if offset < 0 or length < 0 or offset + length > size or length > left:
        refuse(where, f"wants {length} bytes at {offset} of {location!r}, which has {size}")
    with found.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)
