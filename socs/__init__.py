"""What hardware is: SoCs, host implementations, runtimes, links and clouds, and the cost law."""

from socs.loading import (
    cloud_names,
    host_names,
    hosts_of,
    link_names,
    load_cloud,
    load_host,
    load_link,
    load_runtime,
    load_soc,
    runtime_names,
    soc_names,
)
from socs.specs import Cloud, Host, Link, Runtime, Soc

__all__ = [
    "Cloud",
    "Host",
    "Link",
    "Runtime",
    "Soc",
    "cloud_names",
    "host_names",
    "hosts_of",
    "link_names",
    "load_cloud",
    "load_host",
    "load_link",
    "load_runtime",
    "load_soc",
    "runtime_names",
    "soc_names",
]
