"""The table of trained networks on the devices."""

from importlib.util import find_spec

import pytest

from experiments.trained_devices import device_table


@pytest.mark.skipif(find_spec("mtcnn") is None, reason="mtcnn is not installed")
def test_every_plan_in_the_table_keeps_the_limit() -> None:
    table = device_table(["mtcnn_rnet"], ["cpu_only", "dsp_only", "rlc", "deepx"])
    good = table[table.status == "ok"]
    assert {"cpu_only", "deepx"} <= set(good.planner)
    assert (good.error <= 0.35).all()
    assert (good[good.planner == "cpu_only"].error < 1e-6).all()
    for _, rows in good.groupby("soc"):
        energy = rows.set_index("planner").energy_j
        assert energy["deepx"] <= energy["rlc"] * 1.01  # planning longer costs a little
