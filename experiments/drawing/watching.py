"""A stream under way: one policy's replication, looked at after every window of time."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

from experiments.streams.building import Scene, build_scene
from experiments.streams.loading import Stream
from experiments.streams.spec import PolicySpec

if TYPE_CHECKING:
    import pandas as pd

Totals = Mapping[str, float]
COUNTS = ("arrived", "done", "late", "failed")


def watched(
    stream: Stream,
    policy: PolicySpec,
    *,
    window_s: float,
    most_s: float = inf,
    replication: int = 0,
) -> "pd.DataFrame":
    """One row a window of `window_s`, until the last request is over or `most_s` have passed.

    time_s: the window's start. Of the window: arrived, done, late and failed requests, energy_j
    (of the device, without the server's) and power_w, its mean. At the window's end: charge, a
    share, and empty; case_c and junction_c; uplink_bytes_per_s, 0 without a link. What the device
    has not is None. Looking changes nothing but the last bits of sums. ValueError for a window of
    no length, or a stream without end and no `most_s`.
    """
    import pandas as pd

    if not window_s > 0.0:
        raise ValueError(f"windows must last, not {window_s:g} s")
    if most_s == inf and stream.spec.requests is None:
        raise ValueError("the stream has no last request: say how long to watch")
    scene = build_scene(stream, policy, replication)
    return pd.DataFrame(list(_windows(scene, window_s, most_s)))


def _windows(scene: Scene, window_s: float, most_s: float) -> Iterator[dict[str, float | None]]:
    env, before, number = scene.device.env, _totals(scene), 0
    while number * window_s < most_s and not scene.driver.over.triggered:
        env.run(until=(number + 1) * window_s)
        scene.device.settle()
        after = _totals(scene)
        made = {name: after[name] - before[name] for name in after}
        yield {
            "time_s": number * window_s,
            **made,
            "power_w": made["energy_j"] / window_s,
            **_state(scene),
        }
        before, number = after, number + 1


def _totals(scene: Scene) -> Totals:
    total = scene.tallies.total
    counts = {name: float(getattr(total, name)) for name in COUNTS}
    return {**counts, "energy_j": scene.device.meter.device_j}


def _state(scene: Scene) -> dict[str, float | None]:
    battery, thermal = scene.battery, scene.thermal
    return {
        "charge": None if battery is None else battery.charge,
        "empty": battery is not None and battery.empty,
        "junction_c": None if thermal is None else thermal.junction_c,
        "case_c": None if thermal is None else thermal.case_c,
        "uplink_bytes_per_s": scene.device.world.now.up_bytes_per_s or 0.0,
    }


def compared_over_time(
    stream: Stream, schemes: Sequence[str], *, window_s: float, most_s: float
) -> "pd.DataFrame":
    """time_s, scheme, energy_j, uplink_bytes_per_s of policies, by title, in the same world.

    KeyError for a title that the stream does not have.
    """
    import pandas as pd

    policies = {policy.title: policy for policy in stream.spec.policies}
    tables = [
        watched(stream, policies[title], window_s=window_s, most_s=most_s).assign(scheme=title)
        for title in schemes
    ]
    found = pd.concat(tables, ignore_index=True)
    return found[["time_s", "scheme", "energy_j", "uplink_bytes_per_s"]]
