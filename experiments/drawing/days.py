"""A day of use: what is left in the battery, and what the device draws."""

from typing import TYPE_CHECKING

from experiments.drawing.replanning import STYLES
from experiments.style import new_axes, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

HOUR_S = 3600.0


def day_of_use(windows: "pd.DataFrame", *, start: float = 1.0) -> "Axes":
    """Charge left over the hours, one line a scheme, and the mean power of each window below.

    windows: of `watched`, with a column scheme; start: the charge at time 0, a share. A line ends
    with a cross where the device has shut down. Returns the upper axes.
    """
    from matplotlib.ticker import MaxNLocator

    with styled():
        upper, lower = new_axes(3.4, 2, (1.6, 1.0))
        for number, (scheme, part) in enumerate(windows.groupby("scheme", sort=False)):
            ink, line = STYLES[number % len(STYLES)]
            part = part.sort_values("time_s")
            alive = part[part["empty"].cumsum() <= 1]
            ends_h = (alive["time_s"] + _window_s(part)) / HOUR_S
            charge = 100 * alive["charge"]
            upper.plot([0.0, *ends_h], [100 * start, *charge], line, color=ink, label=scheme)
            if alive["empty"].iloc[-1]:
                upper.plot(ends_h.iloc[-1], charge.iloc[-1], "x", color=ink, ms=7, clip_on=False)
            watts = [*alive["power_w"], alive["power_w"].iloc[-1]]
            lower.step([0.0, *ends_h], watts, line, where="post", color=ink, linewidth=1.2)
        upper.set(ylabel="charge, %")
        upper.set_ylim(0, 102)
        lower.set(xlabel="time, hours", ylabel="power, W")
        lower.set_ylim(bottom=0)
        lower.set_xlim(left=0)
        lower.xaxis.set_major_locator(MaxNLocator(steps=[1, 3, 6, 10]))
        upper.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1))
        return upper


def _window_s(part: "pd.DataFrame") -> float:
    """How long a window is: what lies between two, or the only one's own start."""
    gaps = part["time_s"].diff().dropna()
    return float(gaps.iloc[0]) if len(gaps) else 0.0
