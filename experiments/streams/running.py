"""Running a stream: every policy over every replication, with common random numbers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from experiments.streams.building import Scene, build_scene
from experiments.streams.loading import Stream
from experiments.streams.spec import PolicySpec
from sim.battery import Battery
from sim.meter import CLOUD, STANDBY
from sim.sketch import Sketch
from sim.tally import Tally

Told = Callable[[int], None]
SLICES = 200
"""Parts of a run after which progress is told."""


@dataclass(frozen=True, slots=True, eq=False)
class Replication:
    """What one run under one policy has shown."""

    window_s: float
    energy_breakdown_j: Mapping[str, float]
    """By component, from 0 to `window_s`, `standby` included, without the server's."""
    cloud_energy_j: float
    total: Tally
    by_app: Mapping[str, Tally]
    weights_read: int
    """Models read from flash."""
    battery: Mapping[str, float] | None
    hottest_c: Mapping[str, float] | None

    @property
    def requests_j(self) -> float:
        """Energy of the device in the requests' windows."""
        return sum(j for name, j in self.energy_breakdown_j.items() if name != STANDBY)


def run_replication(
    stream: Stream, policy: PolicySpec, number: int, told: Told = lambda _: None
) -> Replication:
    """One run from t = 0 on; `told` hears of progress, in steps as `steps_of` counts."""
    scene = build_scene(stream, policy, number)
    _run(scene, stream, told)
    scene.device.settle()
    joules = dict(scene.device.meter.joules)
    cloud_j = joules.pop(CLOUD, 0.0)
    return Replication(
        window_s=scene.device.env.now,
        energy_breakdown_j=joules,
        cloud_energy_j=cloud_j,
        total=scene.tallies.total,
        by_app={app.name: scene.tallies.of(app) for app in scene.apps},
        weights_read=scene.device.residence.reads,
        battery=_battery(scene),
        hottest_c=dict(scene.thermal.hottest_c) if scene.thermal else None,
    )


def _battery(scene: Scene) -> dict[str, float] | None:
    battery = scene.battery
    if battery is None:
        return None
    used = battery.start - battery.charge
    return {
        "charge": battery.charge,
        "used_share": used,
        "loss_j": battery.loss_j,
        "drawn_j": battery.drawn_j,
        "least_v": battery.least_v,
        "hours_on_a_charge": _hours(battery, scene.device.env.now),
    }


def _hours(battery: Battery, now_s: float) -> float:
    """Until it was empty; where it is not, as long as it would last from full to nothing."""
    used = battery.start - battery.charge
    if battery.emptied_s is not None:
        return battery.emptied_s / 3600.0
    return now_s / used / 3600.0 if used > 0.0 else inf


def _run(scene: Scene, stream: Stream, told: Told) -> None:
    env, driver, duration_s = scene.device.env, scene.driver, stream.spec.duration_s
    if duration_s is not None:
        for part in range(1, SLICES + 1):
            env.run(until=duration_s * part / SLICES)
            told(1)
        return
    driver.told = told
    env.run(until=driver.over)


def run_stream_file(stream: Stream, told: Told = lambda _: None) -> dict[str, list[Replication]]:
    """By policy: its replications. Replication r is the same world under every policy."""
    return {
        policy.title: [
            run_replication(stream, policy, number, told)
            for number in range(stream.spec.replications)
        ]
        for policy in stream.spec.policies
    }


def steps_of(stream: Stream) -> int:
    """How many steps all runs together tell of: requests, or parts of the duration."""
    spec = stream.spec
    each = SLICES if spec.requests is None else spec.requests
    return each * spec.replications * len(spec.policies)


def metrics_of(run: Replication, tally: Tally) -> dict[str, float | None]:
    """The figures of one run that replications average over; None where there are none."""
    ended = tally.done + tally.late + tally.failed
    answered = tally.energy.count
    return {
        "energy_per_request_j": tally.energy.mean,
        "energy_per_answer_in_time_j": (tally.energy.total + tally.failed_j) / tally.done
        if tally.done
        else None,
        "mean_latency_s": tally.latency.mean,
        **_quantiles("latency", tally.latency, "s"),
        **_quantiles("energy", tally.energy, "j"),
        "missed_share": tally.missed,
        "failed_share": tally.failed / ended if ended else None,
        "requests_per_s": answered / run.window_s if run.window_s else None,
    }


def _quantiles(name: str, sketch: Sketch, unit: str) -> dict[str, float | None]:
    shares: Iterable[tuple[str, float]] = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))
    return {f"{name}_{title}_{unit}": sketch.quantile(share) for title, share in shares}


def counts_of(tallies: Iterable[Tally]) -> dict[str, Any]:
    """Requests of all replications: arrived = done + late + failed + in_flight."""
    found = tuple(tallies)
    reasons: dict[str, int] = {}
    for tally in found:
        for reason, count in sorted(tally.reasons.items()):
            reasons[reason] = reasons.get(reason, 0) + count
    return {
        **{
            name: sum(getattr(tally, name) for tally in found)
            for name in ("arrived", "done", "late", "failed", "in_flight", "recovered")
        },
        "reasons": dict(sorted(reasons.items())),
    }
