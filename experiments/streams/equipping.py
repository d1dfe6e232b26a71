"""What a stream's specification puts into a living device: battery, heat, governors, faults."""

from collections.abc import Callable

import numpy as np

from experiments.streams.hardware import BatterySpec, ThermalSpec
from experiments.streams.spec import StreamSpec
from sim.battery import EMPTY, Battery
from sim.causes import Causes
from sim.clock import after
from sim.faults import Fault, at_random, at_times, switch
from sim.governors import Governor, Settings
from sim.living import LivingDevice
from sim.thermal import Body, Thermal, Trip


def equip(
    spec: StreamSpec, device: LivingDevice, causes: Causes
) -> tuple[Battery | None, Thermal | None]:
    """Battery, thermal model and governors, as far as the specification has them."""
    for asked in spec.governors:
        clocks_hz = device.question.soc.processors[asked.processor].frequencies_hz
        settings = Settings(asked.governor, asked.sampling_s, asked.up_threshold)
        device.govern(Governor(causes.world, asked.processor, clocks_hz, settings))
    thermal = None if spec.thermal is None else _thermal(spec.thermal, device, causes)
    battery = None if spec.battery is None else _battery(spec.battery, device)
    device.listeners += [part for part in (thermal, battery) if part is not None]
    return battery, thermal


def _thermal(asked: ThermalSpec, device: LivingDevice, causes: Causes) -> Thermal:
    body = Body(
        ambient_c=asked.ambient_c.value,
        junction_case_k_per_w=asked.junction_case_k_per_w.value,
        case_ambient_k_per_w=asked.case_ambient_k_per_w.value,
        junction_j_per_k=asked.junction_j_per_k.value,
        case_j_per_k=asked.case_j_per_k.value,
    )
    trips = [
        Trip(trip.node, trip.at_c.value, trip.clear_c.value, trip.processor, trip.cap_hz)
        for trip in asked.trips
    ]
    return Thermal(
        causes,
        body,
        trips,
        most_w=asked.most_w.value,
        settle=device.settle,
        idle_w=device.standby_w,
        sampling_s=asked.sampling_s.value,
        step_c=asked.step_c,
    )


def _battery(asked: BatterySpec, device: LivingDevice) -> Battery:
    def emptied() -> None:  # not amid the settling that found it out
        battery.emptied_s = device.env.now
        after(device.env, 0.0, lambda _: device.die(EMPTY))

    battery = Battery(
        capacity_coulombs=asked.capacity_coulombs.value,
        resistance_ohm=asked.resistance_ohm.value,
        open_circuit_v=asked.open_circuit_v.points,
        cut_off_v=asked.cut_off_v.value,
        averaging_s=asked.averaging_s.value,
        charge=asked.charge,
        emptied=emptied,
    )
    return battery


def break_things(
    spec: StreamSpec, causes: Causes, generator: Callable[[int], np.random.Generator]
) -> None:
    """Let faults come and go."""
    env = causes.world.env
    for number, asked in enumerate(spec.faults):
        fault = Fault(asked.fault, asked.processor, asked.cap_hz, asked.free_bytes)
        switched = switch(causes, fault, number)
        if asked.at is not None:
            at_times(env, [(span.start_s, span.stop_s) for span in asked.at], switched)
        elif asked.random is not None:
            random = asked.random
            at_random(
                env, generator(number), random.mean_between_s, random.mean_duration_s, switched
            )
