"""Finding and reading device YAMLs: the file is the registry."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from socs.specs import Cloud, Host, Link, Runtime, Soc
from workloads.names import nearest_name
from workloads.reader import read_spec

S = TypeVar("S", Soc, Host, Runtime, Link, Cloud)

_HERE = Path(__file__).parent


def _folder_names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def _read(path: Path, model: type[S]) -> S:
    stat = path.stat() if path.exists() else None
    spec = _cached(path, stat.st_mtime_ns if stat else 0, model)
    assert isinstance(spec, model)
    return spec


@lru_cache(maxsize=256)
def _cached(path: Path, _mtime_ns: int, model: type[BaseModel]) -> BaseModel:
    return read_spec(path, model)


def _loader(
    folder: str, model: type[S], what: str
) -> tuple[Callable[[str | Path], S], Callable[[], tuple[str, ...]]]:
    def names() -> tuple[str, ...]:
        return _folder_names(_HERE / folder)

    def load(name: str | Path) -> S:
        text = str(name)
        if text.endswith((".yaml", ".yml")):
            return _read(Path(text).resolve(), model)
        if text not in names():
            raise nearest_name(what, text, names())
        return _read(_HERE / folder / f"{text}.yaml", model)

    load.__doc__ = f"The {what} of that name, or in that YAML file; UnknownName, SpecError."
    names.__doc__ = f"Names of all shipped {what}s."
    return load, names


load_soc, soc_names = _loader("data", Soc, "soc")
load_host, host_names = _loader("hosts", Host, "host")
load_runtime, runtime_names = _loader("runtimes", Runtime, "runtime")
load_link, link_names = _loader("links", Link, "link")
load_cloud, cloud_names = _loader("clouds", Cloud, "cloud")


def hosts_of(soc: Soc, overrides: Mapping[str, str | Path | Host] | None = None) -> dict[str, Host]:
    """Host of each processor: the override where given, else the SoC's default.

    Raises UnknownName for an unknown processor or host, ValueError for a host that does not
    run on that kind of processor.
    """
    chosen: dict[str, Host] = {}
    for name in overrides or {}:
        if name not in soc.processors:
            raise nearest_name(f"processor of {soc.name}", name, soc.processors)
    for name, processor in soc.processors.items():
        asked = (overrides or {}).get(name, processor.default_host)
        host = asked if isinstance(asked, Host) else load_host(asked)
        if processor.kind not in host.processor_kinds:
            kinds = ", ".join(host.processor_kinds)
            raise ValueError(f"host {host.name} runs on {kinds}, not on {name} ({processor.kind})")
        chosen[name] = host
    return chosen
