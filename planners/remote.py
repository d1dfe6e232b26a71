"""The way to the cloud and back, priced for the chain's dynamic programme."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.compiling import baseline_w
from planners.moves import Mover, Way
from planners.values import Question
from socs.law import cloud_service

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Remote:
    """Seconds and joules (above the device's active baseline) of the cloud segment's parts."""

    question: Question
    mover: Mover
    after_w: float
    """Baseline watts that a second of local work after the segment adds.

    With the window `until_idle` the tail's seconds are charged whole at the download, so later
    local work adds only what being active adds to being asleep (exact while it is shorter than
    the tail); with `until_output` later seconds pay the tail's power."""
    promotes: bool
    """Whether the upload finds the radio idle: from the start, or by the time planning ends."""

    @classmethod
    def of(cls, question: Question, planning_s: float = 0.0) -> "Remote":
        """The segment under the question's conditions, which have a link and a cloud.

        A radio that is connected at the start falls idle after its tail. Seconds of planning are
        the same for every plan and count here; those of layers before the upload do not, so where
        they outlast the tail the segment is priced below what it costs, never above.
        """
        active = sum(w for _, w in baseline_w(question, question.conditions, active=True))
        asleep = sum(w for _, w in baseline_w(question, question.conditions, active=False))
        link = question.conditions.link
        assert link is not None
        waiting = link.tail[0].power_w.value - link.idle_w.value
        until_idle = question.energy_window == "until_idle"
        mover = Mover(question, question.device())
        promotes = question.conditions.radio_state == "idle" or planning_s >= link.tail_s
        after_w = active - asleep if until_idle else active + waiting
        return cls(question, mover, after_w, promotes)

    @property
    def _waiting_w(self) -> float:
        """Radio power above idle while an answer is awaited, at the start of the tail."""
        link = self.question.conditions.link
        assert link is not None
        return link.tail[0].power_w.value - link.idle_w.value

    def upload(self, index: int, collect: Way, sizes: Floats) -> tuple[Floats, Floats]:
        """Seconds and joules from each source of layer `index`'s input to the cloud.

        `collect` is the way from the sources to the runtime's processor, `sizes` the bytes that
        then travel; the service's overhead is included.
        """
        question, link = self.question, self.question.conditions.link
        cloud = question.conditions.cloud
        assert link is not None and cloud is not None
        extra_s = link.round_trip_s.value / 2 + cloud.overhead_s.value
        extra_j = self._waiting_w * extra_s
        if self.promotes:
            extra_s += link.promotion_s.value
            extra_j += link.promotion_s.value * (link.promotion_w.value - link.idle_w.value)
        if index == 0:
            wire = question.workload.input_wire
            encode_s, encode_j = self.mover.encode(float(sizes[0]), wire.encode_bytes_per_s)
            extra_s, extra_j = extra_s + encode_s, extra_j + encode_j
        rate = question.conditions.up_bytes_per_s
        watts = link.transfer_w(rate, uplink=True) - link.idle_w.value
        seconds = collect.seconds[:, 0] + sizes / rate + extra_s
        return seconds, collect.joules[:, 0] + watts * sizes / rate + extra_j

    def service(self, index: int) -> tuple[float, float]:
        """The server's time for a layer, the radio waiting meanwhile."""
        cloud = self.question.conditions.cloud
        assert cloud is not None
        seconds = float(cloud_service(cloud, self.question.workload.stages[index]).seconds)
        return seconds, self._waiting_w * seconds

    def download(self, index: int) -> tuple[float, float]:
        """Layer `index`'s input back to the device (the answer, past the last layer)."""
        return self._down(self._answer_bytes(index))

    def _answer_bytes(self, index: int) -> float:
        workload = self.question.workload
        if index == len(workload.stages):
            return float(workload.output_wire.bytes_per_frame * workload.frames)
        return float(workload.stages[index].input_bytes("fp32"))

    def _down(self, size: float) -> tuple[float, float]:
        question, link = self.question, self.question.conditions.link
        assert link is not None
        rate = question.conditions.down_bytes_per_s
        hop_s = link.round_trip_s.value / 2
        watts = link.transfer_w(rate, uplink=False) - link.idle_w.value
        joules = self._waiting_w * hop_s + watts * size / rate
        if question.energy_window == "until_idle":
            asleep = sum(w for _, w in baseline_w(question, question.conditions, active=False))
            joules += link.tail_j(link.tail_s) + (asleep - link.idle_w.value) * link.tail_s
        return hop_s + size / rate, joules

    def least(self) -> tuple[float, float]:
        """Seconds and joules, the baseline of local work included, that any use of the cloud costs.

        One answer comes down, the smallest there is; one hop goes up.
        """
        question, link = self.question, self.question.conditions.link
        cloud = question.conditions.cloud
        assert link is not None and cloud is not None
        count = len(question.workload.stages)
        down_s, down_j = self._down(min(self._answer_bytes(i) for i in range(1, count + 1)))
        up_s = link.round_trip_s.value / 2 + cloud.overhead_s.value
        up_j = self._waiting_w * up_s
        active = sum(w for _, w in baseline_w(question, question.conditions, active=True))
        return up_s + down_s, up_j + down_j + active * (up_s + down_s)
