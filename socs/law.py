"""The cost law: what a block, a transfer or a dispatch asks of the device, as phases.

A phase moves `size_bytes` over the memory bus and lasts `seconds` when the bus does not slow it:
alone it takes max(seconds, size_bytes / bus), and its flow is capped at size_bytes / seconds
(the roofline under contention). Its energy is linear in the duration d that it really takes,
joules + watts x d per component, above the baseline that the device draws anyway
(processors asleep, the runtime's processor idle, the radio idle).

All numbers may be numpy arrays: planners cost thousands of options with the same code
that prices the one plan which is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from socs.specs import Cloud, Host, HostEntry, Processor, Runtime, Soc, Storage
from workloads import Demand, Stage

Number = float | NDArray[np.float64]
Load = tuple[str, Number, Number]
"""Component, joules whatever the duration, watts over the duration; above the baseline."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One uninterrupted activity of a resource."""

    resource: str
    label: str
    seconds: Number
    size_bytes: Number
    loads: tuple[Load, ...]
    radio: Literal["uplink", "downlink"] | None = None
    """Set where the phase is a transfer: it wakes the radio and restarts its tail."""

    def alone_s(self, bus_bytes_per_s: float) -> Number:
        """Seconds with the bus to itself."""
        return np.maximum(self.seconds, np.divide(self.size_bytes, bus_bytes_per_s))

    def labelled(self, label: str) -> "Phase":
        """The same under another label; six times as fast as `dataclasses.replace`."""
        return Phase(self.resource, label, self.seconds, self.size_bytes, self.loads, self.radio)


class Unsupported(ValueError):
    """A processor or its host cannot run a layer at a precision."""


def _calls(entry: HostEntry, frames: int) -> float:
    """Whole calls; where a fit tries a fraction of a frame, as many as on average."""
    most = frames if entry.frames_per_call is None else entry.frames_per_call.value
    return ceil(frames / most) if most == int(most) else max(1.0, frames / most)


def _entry(host: Host, demand: Demand, precision: str, processor_name: str) -> HostEntry:
    entry = host.entry(demand.kind, precision)
    if entry is None:
        raise Unsupported(
            f"host {host.name} on {processor_name} does not run {demand.kind} in {precision}"
        )
    return entry


def _streaming_rate(entry: HostEntry, frequency_hz: float) -> float:
    if entry.streaming_bytes_per_s is None:
        return float("inf")
    rate = entry.streaming_bytes_per_s.value
    if entry.streaming_clock_hz is not None:
        rate *= min(1.0, frequency_hz / entry.streaming_clock_hz.value)
    return rate


@dataclass(frozen=True, slots=True)
class Device:
    """A SoC with its hosts and the state that the law depends on."""

    soc: Soc
    hosts: Mapping[str, Host]
    busy: Mapping[str, float]
    temperature_c: float

    def free(self, processor: str) -> float:
        """Share of a processor that background load leaves to the request."""
        return 1.0 - self.busy.get(processor, 0.0)

    def baseline_w(self, processor: str) -> float:
        """What a processor draws while the request leaves it alone."""
        spec = self.soc.processors[processor]
        awake = processor == self.soc.runtime_processor
        return spec.idle_w.value if awake else spec.sleep_w.value

    def supports(self, stage: Stage, processor: str, precision: str) -> bool:
        """Whether a processor and its host run every layer of a stage at a precision."""
        if precision not in self.soc.processors[processor].macs_per_cycle:
            return False
        host = self.hosts[processor]
        demands = stage.demands(0, stage.units, None, precision)
        return all(host.entry(demand.kind, precision) is not None for demand in demands)

    def _above_baseline(self, processor: str, joules: Number, watts: Number) -> tuple[Load, ...]:
        """Loads of a busy processor; an exclusive partner (cluster switching) is off meanwhile."""
        loads: list[Load] = [(processor, joules, watts - self.baseline_w(processor))]
        partner = self.soc.processors[processor].exclusive_with
        if partner is not None:
            saved_w = self.baseline_w(partner) - self.soc.processors[partner].sleep_w.value
            loads.append((partner, 0.0, -saved_w))
        return tuple(loads)

    def core_w(self, processor: str) -> float:
        """Power of one busy core at the highest operating point, leakage included."""
        spec = self.soc.processors[processor]
        point = spec.operating_points.points[-1]
        dynamic = spec.dynamic_w_per_hz_v2.value * point.frequency_hz * point.voltage_v**2
        return dynamic * spec.thread_power_scale[0] + spec.leakage.watts(
            point.voltage_v, self.temperature_c
        )

    def runtime_work(self, label: str, seconds: Number, size_bytes: Number = 0.0) -> Phase:
        """Work of the runtime itself (planning, loading, dispatch): one core at its highest OPP."""
        name = self.soc.runtime_processor
        stretched = seconds / self.free(name)
        watts = self.core_w(name) * self.free(name)
        loads: tuple[Load, ...] = ((name, 0.0, watts - self.baseline_w(name)),)
        return Phase(name, label, stretched, size_bytes, loads)

    def compute(
        self,
        label: str,
        processor: str,
        demands: tuple[Demand, ...],
        frames: int,
        frequency_hz: float,
        precision: str,
    ) -> Phase:
        """The roofline: each operation takes its largest bound, one flow carries their sum.

        C_i = MACs / (f x MACs per cycle x threads x efficiency), D_i = calls x weights + input +
        output, t_i = max(C_i, D_i / streaming rate, D_i / port); seconds = sum t_i.
        P = leakage + k V^2 f x thread scale x (u + s (1 - u)), u = C / occupied time.
        """
        spec, host = self.soc.processors[processor], self.hosts[processor]
        voltage_v, free = spec.voltage_v(frequency_hz), self.free(processor)
        seconds: Number = 0.0
        size_bytes: Number = 0.0
        scaled_compute_s: Number = 0.0
        scaled_s: Number = 0.0
        for demand in demands:
            entry = _entry(host, demand, precision, processor)
            threads = min(entry.threads, spec.cores)
            compute_s = demand.macs / self._macs_per_s(spec, entry, frequency_hz, precision, free)
            moved = _calls(entry, frames) * demand.weight_bytes
            moved = moved + demand.input_bytes + demand.output_bytes
            rate = min(spec.port_bytes_per_s.value, _streaming_rate(entry, frequency_hz) * free)
            alone_s = np.maximum(compute_s, moved / rate)
            scale = spec.thread_power_scale[threads - 1]
            seconds, size_bytes = seconds + alone_s, size_bytes + moved
            scaled_compute_s = scaled_compute_s + scale * compute_s
            scaled_s = scaled_s + scale * alone_s
        full_w = spec.dynamic_w_per_hz_v2.value * voltage_v**2 * frequency_hz * free
        stall = spec.stall_activity.value
        joules = full_w * (1.0 - stall) * scaled_compute_s
        leakage_w = spec.leakage.watts(voltage_v, self.temperature_c) * free
        watts = leakage_w + full_w * stall * np.divide(scaled_s, seconds)
        return Phase(
            processor, label, seconds, size_bytes, self._above_baseline(processor, joules, watts)
        )

    @staticmethod
    def _macs_per_s(
        spec: Processor, entry: HostEntry, frequency_hz: float, precision: str, free: float
    ) -> float:
        threads = min(entry.threads, spec.cores)
        peak = frequency_hz * spec.macs_per_cycle[precision].value * threads  # type: ignore[index]
        return peak * entry.compute_efficiency.value * free

    def _idle(self, processor: str, label: str, seconds: Number) -> Phase:
        watts = self.soc.processors[processor].idle_w.value
        return Phase(processor, label, seconds, 0.0, self._above_baseline(processor, 0.0, watts))

    def block(
        self,
        stage: Stage,
        first: int | NDArray[np.int64],
        last: int | NDArray[np.int64],
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: int | NDArray[np.int64] | None,
        runtime: Runtime,
    ) -> tuple[Phase, ...]:
        """Phases of a block from dispatch to its last output.

        Dispatch, launch, weights (paged in, staged, or a compacted layer's factors), compute.
        """
        host = self.hosts[processor]
        demands = stage.demands(first, last, rank, precision)
        calls = _calls(_entry(host, demands[0], precision, processor), stage.frames)
        phases = []
        if runtime.dispatch_s.value:
            phases.append(self.runtime_work("dispatch", runtime.dispatch_s.value * calls))
        launch_s = host.call_s.value * calls + host.launch_s.value * sum(
            demand.kernels * _calls(_entry(host, demand, precision, processor), stage.frames)
            for demand in demands
        )
        if launch_s:
            phases.append(self._idle(processor, "launch", launch_s))
        stored = stage.weight_bytes(first, last, rank, precision)
        storage = self.soc.storage
        paged = storage is not None and storage.read_s_per_byte.value > 0.0
        if storage is not None and paged:
            trained = stage.weight_bytes(first, last, rank, "fp32")
            phases.append(self._page_in(processor, storage, trained))
        if host.weights.mode == "staged":
            phases.append(self._stage(processor, host, stored, calls))
        elif not paged and rank is not None and runtime.factor_load_bytes_per_s is not None:
            # staging or paging weights brings factors in that way: never charged twice
            seconds = stored / runtime.factor_load_bytes_per_s.value
            phases.append(self.runtime_work("load factors", seconds, 2.0 * stored))
        label = stage.name
        phases.append(
            self.compute(label, processor, demands, stage.frames, frequency_hz, precision)
        )
        return tuple(phases)

    def _stage(self, processor: str, host: Host, stored_bytes: Number, calls: float) -> Phase:
        """A copy of a block's weights into the processor's buffers: read and written."""
        weights = host.weights
        assert weights.bytes_per_s is not None and weights.power_w is not None
        moved = stored_bytes * (calls if weights.per == "call" else 1)
        loads = self._above_baseline(
            processor, 0.0, weights.power_w.value + self.soc.processors[processor].idle_w.value
        )
        seconds = moved / weights.bytes_per_s.value
        return Phase(processor, "stage weights", seconds, 2.0 * moved, loads)

    def _page_in(self, processor: str, storage: Storage, stored_bytes: Number) -> Phase:
        """A block's weights come from flash into memory while its processor waits.

        They lie there as they were trained or factorised, in fp32, whatever the block computes in.
        """
        idle_w = self.soc.processors[processor].idle_w.value
        loads = (
            *self._above_baseline(processor, 0.0, idle_w),
            ("storage", 0.0, storage.read_w.value),
        )
        seconds = stored_bytes * storage.read_s_per_byte.value
        return Phase(processor, "page in weights", seconds, stored_bytes, loads)

    def convert(
        self, stage: Stage, processor: str, frequency_hz: float, source: str, target: str
    ) -> Phase:
        """The element-wise pass that turns an input of another precision into the block's own."""
        elements = stage.input_bytes("int8")
        demand = Demand(
            "convert", elements, 0.0, stage.input_bytes(source), stage.input_bytes(target), 1
        )
        return self.compute(
            f"convert {source} to {target}",
            processor,
            (demand,),
            stage.frames,
            frequency_hz,
            target,
        )

    def move(self, source: str, target: str, size_bytes: Number, label: str) -> tuple[Phase, ...]:
        """Legs that make `size_bytes` of activations by `source` visible to `target`.

        Shared buffers: cache maintenance by the producer unless it is coherent. Separate buffers:
        a copy out of the producer's, and one into the consumer's. All legs occupy the producer.
        """
        if source == target:
            return ()
        producer, consumer = self.soc.processors[source], self.soc.processors[target]
        rates = []
        flushed = consumer.buffers == "shared" and not producer.coherent
        if producer.buffers == "separate" or flushed:
            rates.append(producer.transfer_bytes_per_s.value)
        if consumer.buffers == "separate":
            rates.append(consumer.transfer_bytes_per_s.value)
        loads = self._above_baseline(source, 0.0, self._stalled_w(source))
        traffic = size_bytes * (2.0 if "separate" in (producer.buffers, consumer.buffers) else 1.0)
        return tuple(Phase(source, label, size_bytes / rate, traffic, loads) for rate in rates)

    def _stalled_w(self, processor: str) -> float:
        """Power of one core that only waits for memory, at the highest OPP."""
        spec = self.soc.processors[processor]
        point = spec.operating_points.points[-1]
        dynamic = spec.dynamic_w_per_hz_v2.value * point.frequency_hz * point.voltage_v**2
        leakage_w = spec.leakage.watts(point.voltage_v, self.temperature_c)
        return leakage_w + dynamic * spec.thread_power_scale[0] * spec.stall_activity.value

    def wake(self, processor: str) -> Phase:
        """Leaving the sleep state."""
        return self._idle(processor, "wake", self.soc.processors[processor].wake_s.value)

    def switch(self, processor: str) -> Phase:
        """A change of operating point."""
        return self._idle(processor, "switch frequency", self.soc.dvfs_switch_s.value)


def cloud_service(cloud: Cloud, stage: Stage) -> Phase:
    """Seconds of the server for a whole stage in fp32, from its own roofline."""
    seconds: Number = 0.0
    for demand in stage.demands(0, stage.units, None, "fp32"):
        share = cloud.efficiency.get(demand.kind, cloud.efficiency["other"]).value
        moved = demand.weight_bytes + demand.input_bytes + demand.output_bytes
        bound_s = np.maximum(
            demand.macs / (cloud.macs_per_s.value * share), moved / cloud.memory_bytes_per_s.value
        )
        seconds = seconds + bound_s + cloud.launch_s.value * demand.kernels
    return Phase("cloud", stage.name, seconds, 0.0, (("cloud", 0.0, cloud.busy_w.value),))
