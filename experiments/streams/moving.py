"""What moves around a device by itself, as a stream's YAML says it."""

from typing import Self

from pydantic import Field, model_validator

from experiments.streams.common import Seconds, Share, Spec, TraceSpec, one_of
from socs.specs import Positive


class OnOffSpec(Spec):
    """On and off for exponential times."""

    mean_on_s: Seconds
    mean_off_s: Seconds


class LoadSpec(Spec):
    """Background load on a processor, on and off or from a trace (`time_s`, `share`)."""

    processor: str
    share: Share | None = None
    on_off: OnOffSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "on_off", "trace")
        if (self.share is None) != (self.on_off is None):
            raise ValueError("must have `share` with on_off, and only there")
        return self


class BusLoadSpec(Spec):
    """Bandwidth that other work takes from the memory bus."""

    share: Share | None = None
    on_off: OnOffSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "on_off", "trace")
        if (self.share is None) != (self.on_off is None):
            raise ValueError("must have `share` with on_off, and only there")
        return self


class WalkSpec(Spec):
    """Link rates times median_share exp(z), z a first-order autoregression of mean 0."""

    median_share: Positive
    """Median of the rates as a share of the link's own."""
    spread: Positive
    """Standard deviation of z."""
    correlation_s: Positive
    """z's autocorrelation is exp(-t / correlation_s)."""
    step_s: Seconds = 1.0
    states: int = Field(9, ge=2, le=101)


class LinkSpec(Spec):
    """How the link's rates move: a walk, or a CSV trace (`time_s`, `uplink_bytes_per_s`,
    `downlink_bytes_per_s`; rates of 0: no link).
    """

    walk: WalkSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "walk", "trace")
        return self


class ServerSpec(Spec):
    """The server: how many requests at once, and others' load on it."""

    slots: int = Field(1, ge=1, le=10**4)
    speed_under_load: float | None = Field(None, gt=0, lt=1)
    on_off: OnOffSpec | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.speed_under_load is None) != (self.on_off is None):
            raise ValueError("must have speed_under_load and on_off together or neither")
        return self
