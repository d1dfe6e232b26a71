"""What happens when a plan is carried out: clock, joules, and values."""

from sim.bandwidth import SharedBandwidth
from sim.deviation import Deviation
from sim.engine import run
from sim.host import Inference, InferenceHost
from sim.living_host import Asked, LivingHost
from sim.numerics import run_numerics
from sim.outcome import Outcome, RunFailed
from sim.spaces import ReadTooEarly
from sim.stream import StreamOutcome, run_stream
from sim.timeline import Interval

__all__ = [
    "Asked",
    "Deviation",
    "Inference",
    "InferenceHost",
    "Interval",
    "LivingHost",
    "Outcome",
    "ReadTooEarly",
    "RunFailed",
    "SharedBandwidth",
    "StreamOutcome",
    "run",
    "run_numerics",
    "run_stream",
]
