"""Reading stream files: every fault at once, with its place; then a stream ready to run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from experiments.scenarios import find_cloud, find_link, scenario
from experiments.streams.spec import AppSpec, StreamSpec
from experiments.streams.traces import TraceTable, read_trace
from planners.discovery import load_planner
from planners.values import Question
from socs import Soc, hosts_of, load_soc
from workloads.documents import Document, FieldPath
from workloads.faults import Fault, SpecError
from workloads.names import UnknownName, nearest_name
from workloads.reader import read_document, spec_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Stream:
    """A stream that can be run: what the file says, with all that it names at hand."""

    name: str
    spec: StreamSpec
    questions: Mapping[str, Question]
    """By app."""
    traces: Mapping[str, TraceTable]
    """By what they are of: `arrivals APP`, `load PROCESSOR`, `bus`, `link`."""


def load_stream(path: str | Path) -> Stream:
    """The stream in a YAML file, or the shipped one of that name.

    Raises SpecError with all faults of the file, UnknownName for an unknown name.
    """
    file = stream_path(path)
    document = read_document(file)
    spec = spec_of(document, StreamSpec)
    return _Reader(document, spec).stream(file.stem)


def check_stream(document: Document) -> None:
    """SpecError with all faults of a stream file."""
    _Reader(document, spec_of(document, StreamSpec)).stream(Path(document.file).stem)


def stream_path(path: str | Path) -> Path:
    """The file of a stream; UnknownName where it is neither a file's path nor a shipped name."""
    text = str(path)
    if isinstance(path, Path) or text.endswith((".yaml", ".yml")):
        return Path(text)
    from workloads.reader import first_kind

    folder = Path(__file__).parents[1] / "configs"
    names = [p.stem for p in sorted(folder.glob("*.yaml")) if first_kind(p) == "stream"]
    if text not in names:
        raise nearest_name("stream", text, names)
    return folder / f"{text}.yaml"


@dataclass(slots=True)
class _Reader:
    """Looks up all that a file names, noting what is wrong with it."""

    document: Document
    spec: StreamSpec
    faults: list[Fault] = field(default_factory=list)
    traces: dict[str, TraceTable] = field(default_factory=dict)

    def stream(self, name: str) -> Stream:
        """The stream; SpecError with all faults."""
        soc = self._try(("device", "soc"), lambda: load_soc(self._file(self.spec.device.soc)))
        if soc is not None:
            self._device(soc)
        self._planners()
        self._read_traces()
        questions = {} if self.faults else dict(self._questions())
        if self.faults:
            raise SpecError(self.faults)
        return Stream(name, self.spec, questions, self.traces)

    def _try(self, path: FieldPath, look_up: Callable[[], T]) -> T | None:
        try:
            return look_up()
        except SpecError as error:
            self.faults += error.faults
        except (UnknownName, ValueError, OverflowError) as error:
            self.faults.append(self.document.fault(path, str(error)))
        return None

    def _file(self, name: str) -> str:
        """A name as it is; a path as seen from the stream's own folder."""
        if not name.endswith((".yaml", ".yml", ".onnx")):
            return name
        return str((Path(self.document.file).parent / name).absolute())

    def _device(self, soc: Soc) -> None:
        device = self.spec.device
        self._try(("device", "network"), lambda: find_link(self._file(device.network)))
        self._try(("device", "cloud"), lambda: find_cloud(self._file(device.cloud)))
        self._try(("device", "hosts"), lambda: hosts_of(soc, self._hosts()))
        for number, name in enumerate(device.processors or ()):
            self._processor(soc, name, ("device", "processors", number))
        for number, load in enumerate(self.spec.load):
            self._processor(soc, load.processor, ("load", number, "processor"))
        for number, policy in enumerate(self.spec.policies):
            for name in policy.assume.busy if policy.assume else ():
                self._processor(soc, name, ("policies", number, "assume", "busy", name))
        for number, governor in enumerate(self.spec.governors):
            self._processor(soc, governor.processor, ("governors", number, "processor"))
        for number, trip in enumerate(self.spec.thermal.trips if self.spec.thermal else ()):
            self._processor(soc, trip.processor, ("thermal", "trips", number, "processor"))
        self._faults(soc)
        if self.spec.link is not None and device.network == "none":
            self.faults.append(self.document.key_fault(("link",), "moves, and there is no network"))

    def _hosts(self) -> dict[str, str]:
        return {name: self._file(host) for name, host in self.spec.device.hosts.items()}

    def _processor(self, soc: Soc, name: str, path: FieldPath) -> None:
        if name not in soc.processors:
            error = nearest_name(f"processor of {soc.name}", name, soc.processors)
            self.faults.append(self.document.fault(path, str(error)))

    def _faults(self, soc: Soc) -> None:
        for number, fault in enumerate(self.spec.faults):
            where: FieldPath = ("faults", number, "processor")
            if fault.processor is not None:
                self._processor(soc, fault.processor, where)
            if fault.fault == "processor_offline" and fault.processor == soc.runtime_processor:
                message = f"is {fault.processor!r}, which runs the system, must be another one"
                self.faults.append(self.document.fault(where, message))
        storage = soc.storage
        if self.spec.weights is not None and storage and storage.read_s_per_byte.value > 0.0:
            message = f"{soc.name} pages weights in for every request, must be left out"
            self.faults.append(self.document.key_fault(("weights",), message))

    def _planners(self) -> None:
        for number, app in enumerate(self.spec.apps):
            self._try(("apps", number, "planner"), lambda name=app.planner: load_planner(name))  # type: ignore[misc]
        for number, policy in enumerate(self.spec.policies):
            if policy.planner is not None:
                where = ("policies", number, "planner")
                self._try(where, lambda name=policy.planner: load_planner(name))  # type: ignore[misc]

    def _read_traces(self) -> None:
        wanted: list[tuple[FieldPath, str, Any, tuple[str, ...], float | None]] = [
            (("apps", n, "arrivals", "trace"), f"arrivals {a.name}", a.arrivals.trace, (), None)
            for n, a in enumerate(self.spec.apps)
        ]
        for n, load in enumerate(self.spec.load):
            of = f"load {load.processor}"
            wanted.append((("load", n, "trace"), of, load.trace, ("share",), 1.0))
        bus, link = self.spec.bus, self.spec.link
        wanted.append((("bus", "trace"), "bus", bus and bus.trace, ("share",), 1.0))
        rates = ("uplink_bytes_per_s", "downlink_bytes_per_s")
        wanted.append((("link", "trace"), "link", link and link.trace, rates, None))
        folder = Path(self.document.file).parent
        for path, name, trace, columns, below in wanted:
            if trace is not None:
                table = self._try(
                    (*path, "file"),
                    lambda t=trace, c=columns, b=below: read_trace(folder / t.file, c, below=b),  # type: ignore[misc]
                )
                if table is not None:
                    self.traces[name] = table

    def _questions(self) -> Iterator[tuple[str, Question]]:
        for number, app in enumerate(self.spec.apps):
            question = self._try(("apps", number, "model"), lambda app=app: self._question(app))  # type: ignore[misc]
            if question is not None:
                yield app.name, question

    def _question(self, app: AppSpec) -> Question:
        device = self.spec.device
        return scenario(
            self._file(device.soc),
            self._file(app.model),
            network=self._file(device.network),
            cloud=self._file(device.cloud),
            options=device.options,
            processors=device.processors,
            hosts=self._hosts(),
            energy_window=device.energy_window,
            objective=app.objective,
            deadline_s=app.deadline_s,
            max_error=app.max_error,
            memory_bytes=app.memory_bytes,
            frames=app.frames,
        )
