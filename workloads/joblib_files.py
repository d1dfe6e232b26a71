"""Arrays of a joblib file (pickles between which raw arrays lie, in an lz4 frame), without joblib.

joblib 1.4 writes, for each array, a `NumpyArrayWrapper` and, behind it, a byte that says how many
bytes follow for alignment, these, and the array's own bytes. Only what a list of arrays needs is
unpickled: any other name in the file is refused, so nothing in it can run.
"""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workloads.faults import Fault, SpecError
from workloads.names import UnknownName

MAX_BYTES = 100_000_000

_BROKEN = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    AttributeError,
    IndexError,
    RuntimeError,
    pickle.UnpicklingError,
)


def read_arrays(path: Path) -> list[NDArray[np.float32]]:
    """The list of arrays in a compressed joblib file; SpecError for a file that is none."""
    try:
        from lz4.frame import LZ4FrameDecompressor
    except ImportError:
        raise UnknownName(f"needs lz4 to read {path.name}: `pip install lz4`") from None
    try:
        found = _Arrays(LZ4FrameDecompressor().decompress(path.read_bytes(), MAX_BYTES)).load()
    except _BROKEN as error:
        raise _fault(path, error) from None
    if not isinstance(found, list) or not all(isinstance(array, np.ndarray) for array in found):
        raise _fault(path, ValueError("holds something else than arrays"))
    return found


def _fault(path: Path, error: Exception) -> SpecError:
    message = f"cannot be read as arrays ({error}), must be a joblib list of arrays alone"
    return SpecError([Fault(str(path), 1, 1, "file", message)])


_build: Callable[[Any], None] = pickle._Unpickler.dispatch[pickle.BUILD[0]]


class _Wrapper:
    """What joblib notes of an array that follows."""

    shape: tuple[int, ...]
    dtype: Any
    order: str
    numpy_array_alignment_bytes: int


class _Arrays(pickle._Unpickler):
    """An unpickler that knows three names, and reads the array behind each wrapper."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        super().__init__(self._content)

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Wrapper
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"names {module}.{name}, which is not allowed")

    def load_build(self) -> None:
        _build(self)
        if isinstance(self.stack[-1], _Wrapper):
            self.stack.append(self._array(self.stack.pop()))

    dispatch[pickle.BUILD[0]] = load_build

    def _array(self, told: _Wrapper) -> NDArray[np.float32]:
        padding = self._content.read(1)
        self._content.read(padding[0])
        if np.dtype(told.dtype) != np.dtype("<f4") or told.order != "C":
            raise ValueError("holds an array that is not of float32 in rows")
        wanted = 4 * math.prod(told.shape)
        raw = self._content.read(wanted) if 0 <= wanted <= MAX_BYTES else b""
        if len(raw) != wanted:
            raise ValueError("ends within an array")
        return np.frombuffer(raw, "<f4").reshape(told.shape)
