"""What a plan says of the activities of its run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planners.values import CLOUD, Plan

if TYPE_CHECKING:
    from workloads import Workload

Key = tuple[str, str]
"""Resource and label of an activity."""


def block_details(plan: Plan, workload: "Workload") -> Mapping[Key, dict[str, Any]]:
    """By resource and label of a block's own activity: layer, units, precision, frequency_hz, rank.

    An activity that moves, loads or starts something is no block's own and is not among them.
    """
    found = {}
    for block in plan.blocks:
        units = f"{block.first_unit}:{block.last_unit}"
        label = block.layer if block.processor == CLOUD else f"{block.layer}[{units}]"
        found[block.processor, label] = {
            "layer": block.layer,
            "units": f"{units} of {workload.stage(block.layer).units}",
            "precision": block.precision,
            "frequency_hz": block.frequency_hz,
            "rank": block.rank,
        }
    return found


def said(details: Mapping[str, Any] | None) -> str:
    """Details in a few words: `fp32, rank 57, 852 MHz`; nothing for None."""
    if details is None:
        return ""
    rank, clock_hz = details["rank"], details["frequency_hz"]
    parts = [details["precision"], f"rank {rank}" if rank else "dense"]
    parts += [f"{clock_hz / 1e6:.4g} MHz"] if clock_hz else []
    return ", ".join(parts)
