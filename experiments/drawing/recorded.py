"""Runs that a reproduction has left behind, read back for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.faults import InputFault

if TYPE_CHECKING:
    import pandas as pd

ACTIVITIES = (
    "resource",
    "row",
    "label",
    "kind",
    "start_s",
    "stop_s",
    "power_w",
    "share",
    "details",
)
WATTS = ("time_s", "component", "power_w")
TEXTS = frozenset({"resource", "label", "kind", "component", "details"})


@dataclass(frozen=True, slots=True)
class Run:
    """One inference: its title, its activities and the device's power."""

    title: str
    activities: "pd.DataFrame"
    """resource, row, label, kind, start_s, stop_s, power_w; `share` for the bus, `details`
    for what is computed."""
    watts: "pd.DataFrame"
    """time_s, component, power_w, each row holding until the component's next."""


def recorded(folder: Path, titles: Mapping[str, str]) -> list[Run]:
    """Runs of which both `NAME.csv` and `NAME.power.csv` are there, by the titles of names.

    InputFault where one of them is not a table of the columns that it should have.
    """
    found = []
    for name, title in titles.items():
        activities, watts = folder / f"{name}.csv", folder / f"{name}.power.csv"
        if activities.is_file() and watts.is_file():
            found.append(Run(title, _table(activities, ACTIVITIES), _table(watts, WATTS)))
    return found


def _table(path: Path, columns: tuple[str, ...]) -> "pd.DataFrame":
    """A table as it was written; names such as `NA` stay names."""
    import pandas as pd

    numbers = [name for name in columns if name not in TEXTS]
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
        missing = [name for name in columns if name not in table]
        if missing or table.empty:
            raise ValueError(f"needs columns {', '.join(columns)} and a row below them")
        return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})
    except (ValueError, pd.errors.ParserError) as error:
        raise InputFault(f"{path}:1:1: table: {error}") from None
