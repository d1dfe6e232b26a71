"""Kinds of YAML files: what describes each, and checks beyond a file's own shape."""

from pathlib import Path

from pydantic import BaseModel

from experiments.streams.spec import StreamSpec
from experiments.sweeps.spec import ScenarioSpec, SweepSpec
from socs import load_host
from socs.specs import Cloud, Host, Link, Runtime, Soc
from workloads import load_workload
from workloads.accuracy import AccuracyCurve
from workloads.faults import SpecError
from workloads.names import UnknownName
from workloads.reader import first_kind, read_document, spec_of
from workloads.specs import WorkloadSpec
from workloads.spectra import Profile

_MODELS: dict[str, type[BaseModel]] = {
    "soc": Soc,
    "host": Host,
    "runtime": Runtime,
    "link": Link,
    "cloud": Cloud,
    "workload": WorkloadSpec,
    "spectrum": Profile,
    "accuracy": AccuracyCurve,
    "sweep": SweepSpec,
    "scenario": ScenarioSpec,
    "stream": StreamSpec,
}


def readable_kinds() -> tuple[str, ...]:
    """Kinds of files that can be read."""
    return tuple(_MODELS)


def model_of(kind: str) -> type[BaseModel] | None:
    """What describes files of a kind; None for an unknown one."""
    return _MODELS.get(kind)


def check_file(path: Path) -> str:
    """Check a file by its kind and return the kind; SpecError with all its faults."""
    kind = first_kind(path)
    document = read_document(path)
    model = model_of(kind)
    if model is None:
        known = ", ".join(readable_kinds())
        raise SpecError([document.fault(("kind",), f"is {kind!r}, must be one of {known}")])
    if kind == "workload":
        load_workload(path)
        return kind
    if kind == "sweep":
        from experiments.sweeps.loading import load_sweep

        load_sweep(path)
        return kind
    if kind == "stream":
        from experiments.streams.loading import check_stream

        check_stream(document)
        return kind
    if kind == "scenario":
        from experiments.sweeps.loading import check_scenario

        check_scenario(document)
        return kind
    spec = spec_of(document, model)
    if isinstance(spec, Soc):
        faults = [
            document.fault(("processors", name, "default_host"), message)
            for name, processor in spec.processors.items()
            if (message := _host_fault(processor.default_host, processor.kind)) is not None
        ]
        if faults:
            raise SpecError(faults)
    return kind


def _host_fault(host: str, processor_kind: str) -> str | None:
    """What is wrong with a processor's default host; None where nothing is."""
    try:
        found = load_host(host)
    except UnknownName as error:
        return str(error)
    if processor_kind in found.processor_kinds:
        return None
    kinds = ", ".join(found.processor_kinds)
    return f"host {host} runs on {kinds}, must be one that runs on {processor_kind}"
