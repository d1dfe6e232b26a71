"""Planning anew against keeping one plan, as conditions change."""

from typing import TYPE_CHECKING

from experiments.style import new_axes, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

STYLES = (("#949494", "--"), ("#0173b2", "-"), ("#de8f05", "-."), ("#029e73", ":"))


def replanning(
    requests: "pd.DataFrame",
    *,
    metric: str = "energy_j",
    metric_label: str = "energy a request, J",
    condition_label: str = "condition",
    running: bool = False,
) -> "Axes":
    """A metric of each request over time, one line a scheme; the condition that changes below.

    requests: time_s (arrival), scheme (`static`, `replanned`, ...), the metric, condition. Each
    value holds until the scheme's next request; requests that failed (a missing metric) are
    crosses at the top. `running`: the sum so far instead, where differences are small and many.
    Returns the upper axes.
    """
    with styled():
        upper, lower = new_axes(3.4, 2, (2.2, 1.0))
        for number, (scheme, part) in enumerate(requests.groupby("scheme", sort=False)):
            ink, line = STYLES[number % len(STYLES)]
            part = part.sort_values("time_s")
            upper.step(
                part["time_s"],
                part[metric].cumsum() if running else part[metric],
                line,
                where="post",
                color=ink,
                linewidth=1.5,
                label=f"{scheme}: {part[metric].sum():.3g} in all",
            )
            failed = part.loc[part[metric].isna(), "time_s"]
            upper.plot(
                failed, [0.97] * len(failed), "x", color=ink, transform=upper.get_xaxis_transform()
            )
        known = requests.drop_duplicates("time_s").sort_values("time_s")
        lower.step(known["time_s"], known["condition"], where="post", color="black", linewidth=1.0)
        lower.set(xlabel="time, s", ylabel=condition_label)
        lower.set_ylim(bottom=0)
        upper.set_ylabel(metric_label)
        upper.set_ylim(bottom=0)
        upper.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.02, 1))
        return upper
