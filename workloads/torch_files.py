"""Tensors of a torch checkpoint (a zip of one pickle and raw storages), without torch.

Only what a dictionary of tensors needs is unpickled: any other name in the file is refused, so
nothing in it can run.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.faults import Fault, SpecError

MAX_BYTES = 1_000_000_000
_STORAGES = {"FloatStorage": np.float32, "DoubleStorage": np.float64, "LongStorage": np.int64}


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors by name; SpecError for a file that is no plain dictionary of tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"holds more than {MAX_BYTES} bytes")
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(names) != 1:
                raise ValueError("has no data.pkl")
            found = _Tensors(archive, names[0]).load()
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise _fault(path, error) from None
    except (pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise _fault(path, error) from None
    if not isinstance(found, dict) or not all(isinstance(v, np.ndarray) for v in found.values()):
        raise _fault(path, ValueError("holds something else than tensors"))
    return dict(found)


def _fault(path: Path, error: Exception) -> SpecError:
    message = f"cannot be read as tensors ({error}), must be a torch checkpoint of tensors alone"
    return SpecError([Fault(str(path), 1, 1, "file", message)])


class _Tensors(pickle.Unpickler):
    """An unpickler that knows four names and refuses all others."""

    def __init__(self, archive: zipfile.ZipFile, pickled: str) -> None:
        super().__init__(io.BytesIO(archive.read(pickled)))
        self._archive = archive
        self._folder = pickled.removesuffix("data.pkl") + "data/"

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"names {module}.{name}, which is not allowed")

    def persistent_load(self, pid: Any) -> Any:
        what, kind, key, *_ = pid
        if what != "storage" or kind not in _STORAGES.values():
            raise pickle.UnpicklingError("refers to something else than a storage")
        content = self._archive.read(self._folder + str(key))
        return np.frombuffer(content, np.dtype(kind).newbyteorder("<"))


def _tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """A contiguous run of a storage in a shape."""
    expected = tuple(math.prod(size[axis + 1 :]) for axis in range(len(size)))
    if any(s != e for n, s, e in zip(size, stride, expected, strict=True) if n > 1):
        raise ValueError("holds a tensor that is not contiguous")
    count = math.prod(size)
    if offset < 0 or offset + count > storage.size:
        raise ValueError("holds a tensor beyond its storage")
    return storage[offset : offset + count].reshape(size)
