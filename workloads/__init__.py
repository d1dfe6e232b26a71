"""What is computed: layers, their demands and their values; networks as YAML files."""

from workloads.demand import ITEM_BYTES, Demand, Precision
from workloads.graph import Layer, Stage, Wire, Workload
from workloads.loading import load_workload, workload_names

__all__ = [
    "ITEM_BYTES",
    "Demand",
    "Layer",
    "Precision",
    "Stage",
    "Wire",
    "Workload",
    "load_workload",
    "workload_names",
]
