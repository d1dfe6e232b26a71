"""The state of one living device: clock, bus, processors, radio, server, and energy so far."""

from simpy import Environment

from planners.values import Conditions, Question
from sim.bandwidth import SharedBandwidth
from sim.clock import Ended, after, when
from sim.meter import Meter
from sim.program import Program, Wait
from sim.queues import ProcessorQueues
from sim.radio import Radio
from sim.server import Server
from sim.timeline import Timeline


class Device:
    """A SoC with its link and server during one simulation; the only mutable state there is."""

    active_s: float
    """Seconds in which at least one request was in flight, up to the last output."""
    output_s: float
    """When the last output was there."""

    def __init__(
        self, env: Environment, question: Question, conditions: Conditions, *, record: bool
    ) -> None:
        memory = question.soc.memory
        self.env = env
        self.meter, self.timeline = Meter(), Timeline(recording=record)
        self.bus = SharedBandwidth(env, memory.bandwidth_bytes_per_s.value)
        self.processors = ProcessorQueues(question.soc.processors)
        self.server = Server(env, self.meter, self.timeline)
        self.radio = _radio(self, conditions)
        self.until_idle = question.energy_window == "until_idle"
        self.active_s = self.output_s = 0.0
        self._in_flight, self._since_s = 0, 0.0

    def arrived(self) -> None:
        """A request came in: the device is active from now on."""
        if self._in_flight == 0:
            self._since_s = self.env.now
        self._in_flight += 1

    def answered(self) -> None:
        """A request's output is there."""
        self._in_flight -= 1
        self.output_s = self.env.now
        if self._in_flight == 0:
            self.active_s += self.env.now - self._since_s

    def begin(self, wait: Wait, ended: Ended) -> None:
        """Start what a lane waits for; `ended` is called when it is over."""
        if wait.kind == "delay":
            after(self.env, wait.seconds, ended)
        elif wait.kind == "flow":
            activity = wait.activities[0]
            when(self.bus.transfer(activity.size_bytes, activity.cap_bytes_per_s), ended)
        elif wait.kind == "service":
            self.server.serve(wait.activities[0], ended)
        else:
            assert self.radio is not None, "a transfer needs a link"
            self.radio.transfer(wait.activities[0], ended)

    def account(self, wait: Wait, start_s: float) -> None:
        """Charge and record delays and flows; radio and server see to theirs themselves."""
        if wait.kind == "delay":
            self.meter.charge(wait.fixed, 0.0)
            if self.timeline.recording:
                self._record_delays(wait, start_s)
        elif wait.kind == "flow":
            activity, now_s = wait.activities[0], self.env.now
            self.meter.charge(activity.loads, now_s - start_s)
            if self.timeline.recording:
                self.timeline.add(activity.resource, activity.label, start_s, now_s, activity.loads)

    def _record_delays(self, wait: Wait, start_s: float) -> None:
        passed_s = 0.0
        for activity in wait.activities:
            begun_s = start_s + passed_s
            passed_s += activity.seconds
            self.timeline.add(
                activity.resource, activity.label, begun_s, start_s + passed_s, activity.loads
            )

    def close(self, program: Program) -> float:
        """Charge the tail and the baseline; returns the end of the energy window in seconds."""
        window_s = self.output_s
        if self.radio is not None:
            if self.until_idle and self.radio.idle_s is not None:
                window_s = max(window_s, self.radio.idle_s)
            self.radio.settle(window_s)
        asleep_s = window_s - self.active_s
        self.meter.charge(((name, 0.0, w) for name, w in program.active_w), self.active_s)
        self.meter.charge(((name, 0.0, w) for name, w in program.asleep_w), asleep_s)
        return window_s


def _radio(device: Device, conditions: Conditions) -> Radio | None:
    if conditions.link is None:
        return None
    return Radio(
        device.env,
        conditions.link,
        device.meter,
        device.timeline,
        connected=conditions.radio_state == "connected",
    )
