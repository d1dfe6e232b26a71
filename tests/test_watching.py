"""A stream looked at window by window is the stream; what is drawn of it is so."""

import pandas as pd
import pytest

from experiments.drawing.days import day_of_use
from experiments.drawing.watching import COUNTS, compared_over_time, watched
from experiments.living import changed
from experiments.streams.loading import load_stream
from experiments.streams.running import run_replication
from experiments.style import figure_of


@pytest.fixture(scope="module")
def stream():
    return changed(load_stream("replanning_pays"), requests=60)


@pytest.fixture(scope="module")
def policy(stream):
    return stream.spec.policies[0]


@pytest.mark.parametrize("window_s", [7.0, 40.0])
def test_windows_add_up_to_the_whole(stream, policy, window_s):
    whole = run_replication(stream, policy, 0)
    seen = watched(stream, policy, window_s=window_s)
    for name in COUNTS:
        assert seen[name].sum() == getattr(whole.total, name)
    end_s = seen["time_s"].iloc[-1] + window_s
    assert end_s - window_s <= whole.window_s <= end_s
    # The last window goes on beyond the last answer, and the device draws nothing for it then.
    assert seen["energy_j"].sum() == pytest.approx(sum(whole.energy_breakdown_j.values()), rel=1e-9)
    assert (seen["power_w"] * window_s).to_list() == pytest.approx(seen["energy_j"].to_list())


def test_watching_stops_in_time(stream, policy):
    seen = watched(stream, policy, window_s=10.0, most_s=50.0)
    assert seen["time_s"].to_list() == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_all_policies_meet_the_same_link(stream):
    found = compared_over_time(stream, ("replan", "oracle"), window_s=10.0, most_s=100.0)
    (_, one), (_, other) = found.groupby("scheme")
    assert one["uplink_bytes_per_s"].to_list() == other["uplink_bytes_per_s"].to_list()
    assert one["uplink_bytes_per_s"].nunique() > 1


def test_what_cannot_be_watched_is_refused(stream, policy):
    with pytest.raises(ValueError, match="windows must last, not 0 s"):
        watched(stream, policy, window_s=0.0)
    with pytest.raises(ValueError, match="no last request"):
        watched(changed(stream, requests=None), policy, window_s=1.0)


def test_a_battery_runs_down_as_the_device_draws(policy):
    stream = load_stream("battery_life")
    cloud = stream.spec.policies[-1]
    seen = watched(stream, cloud, window_s=600.0, most_s=7200.0)
    assert (seen["charge"].diff().dropna() < 0).all()
    capacity = stream.spec.battery.capacity_coulombs.value
    volts = seen["energy_j"].sum() / (capacity * (1 - seen["charge"].iloc[-1]))
    assert 3.4 < volts < 4.2  # joules a coulomb: between cut-off and full


def test_what_is_drawn_between_events_is_in_its_window():
    stream = load_stream("battery_life")
    seen = watched(stream, stream.spec.policies[0], window_s=0.5, most_s=60.0)
    assert (seen["power_w"] >= stream.spec.device.standby_w.value * (1 - 1e-9)).all()
    assert (seen["arrived"] == 0).mean() > 0.5


def test_a_day_ends_where_the_battery_does():
    rows = [
        ("good", 0.0, 0.9, False, 1.0),
        ("good", 3600.0, 0.8, False, 1.0),
        ("bad", 0.0, 0.4, False, 6.0),
        ("bad", 3600.0, 0.0, True, 4.0),
        ("bad", 7200.0, 0.0, True, 0.0),
    ]
    table = pd.DataFrame(rows, columns=["scheme", "time_s", "charge", "empty", "power_w"])
    upper = day_of_use(table)
    lower = figure_of(upper).axes[1]
    lines = {line.get_label(): line for line in upper.lines if line.get_marker() != "x"}
    assert list(lines["good"].get_ydata()) == pytest.approx([100, 90, 80])
    assert list(lines["bad"].get_xdata()) == [0, 1, 2]
    crosses = [list(line.get_xdata()) for line in upper.lines if line.get_marker() == "x"]
    assert crosses == [[2.0]]
    assert [list(line.get_ydata()) for line in lower.lines] == [[1, 1, 1], [6, 4, 4]]
