"""How large an error is on one input, beside what RLC estimates over all of them.

The planner's estimate is a root mean square over inputs: some inputs are hit harder. What a
compacted network itself puts out tells which (a faint, broad answer is a doubtful one), so a
linear fit in logarithms foretells an input's error, and split conformal prediction makes it a
bound that a chosen share of inputs keeps (Lei et al., Distribution-free predictive inference for
regression, JASA 113, 2018, section 2.2): half of the calibration inputs fix the fit, the other
half the quantile of what it leaves over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from experiments.trained import FACTORS, asked
from planners import Plan, load_planner
from sim.numerics import carry_values, seeded_weights
from workloads import Workload, load_workload
from workloads.execution import forward
from workloads.inputs import make_inputs
from workloads.layer import Floats
from workloads.output_aware import refactored

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]

COVERED = 0.997
"""Share of inputs that the bound is made for; 99 % is asked of it on others."""
_CALIBRATION_SEED, _INPUT_SEED = 49_979_687, 67_867_967
_TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class InputBound:
    """A bound on the relative error of one input, from what the compacted network puts out."""

    coefficients: Values
    offset: float

    @classmethod
    def of(cls, scores: Floats, errors: Values, *, covered: float = COVERED) -> Self:
        """From calibration inputs: (count, units) compacted scores and their measured errors.

        ValueError for fewer inputs than the share needs: (count / 2 + 1) (1 - covered) >= 1.
        """
        half = len(errors) // 2
        left = len(errors) - half
        rank = int(np.ceil((left + 1) * covered))
        if rank > left:
            raise ValueError(f"{len(errors)} inputs are too few to cover {covered:g} of others")
        told, wanted = _features(scores), np.log(errors + _TINY)
        coefficients, *_ = np.linalg.lstsq(told[:half], wanted[:half], rcond=None)
        beyond = np.sort(wanted[half:] - told[half:] @ coefficients)
        return cls(np.asarray(coefficients), float(beyond[rank - 1]))

    def of_inputs(self, scores: Floats) -> Values:
        """(count,): the bound for each."""
        return np.asarray(np.exp(_features(scores) @ self.coefficients + self.offset))


def _features(scores: Floats) -> Values:
    """1, and the logarithms of the largest score, of their mean and norm, and their squares."""
    size = np.abs(scores.reshape(len(scores), -1).astype(np.float64))
    logs = np.log(
        np.column_stack([size.max(axis=1), size.mean(axis=1), np.linalg.norm(size, axis=1)]) + _TINY
    )
    return np.column_stack([np.ones(len(logs)), logs, logs**2])


def errors_by_input(
    plan: Plan, workload: Workload, *, count: int, seed: int
) -> tuple[Floats, Values]:
    """((count, units) scores, (count,) errors over the spread of all) on seeded inputs."""
    inputs, weights = make_inputs(workload, count=count, seed=seed), seeded_weights(workload)
    reference = forward(workload, weights, inputs, until_softmax=True)
    _, scores = carry_values(plan, workload, inputs, weights)
    flat = (scores - reference).reshape(count, -1).astype(np.float64)
    spread = float(np.sqrt(np.mean((reference - reference.mean(axis=0)) ** 2)))
    return scores, np.sqrt(np.mean(flat**2, axis=1)) / spread


def input_errors(
    name: str = "crepe_tiny",
    *,
    limits: Sequence[float] = (0.1, 0.2, 0.35),
    count: int = 1000,
    calibration: int = 2000,
) -> "pd.DataFrame":
    """A row for each input under each plan of RLC.

    Columns: factors, error_limit, measured, planned (the planner's estimate over all inputs),
    bound (for this input; calibrated on others).
    """
    import pandas as pd

    base, parts = load_workload(name), []
    for factors in FACTORS:
        workload = refactored(base, factors)
        for limit in limits:
            plan = load_planner("rlc")(asked(workload, "fp32", limit))
            seen = errors_by_input(plan, workload, count=calibration, seed=_CALIBRATION_SEED)
            scores, measured = errors_by_input(plan, workload, count=count, seed=_INPUT_SEED)
            assert plan.predicted is not None
            parts.append(
                pd.DataFrame(
                    {
                        "factors": factors,
                        "error_limit": limit,
                        "measured": measured,
                        "planned": plan.predicted.error,
                        "bound": InputBound.of(*seen).of_inputs(scores),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def coverage_table(errors: "pd.DataFrame") -> "pd.DataFrame":
    """A row for each plan and estimate.

    Columns: factors, error_limit, estimate (`planned`, `bound`), covered (share of inputs whose
    error it reaches), median_ratio (of estimate to measured error), batch_ratio (of the estimate
    to the root mean square of all inputs' errors).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (factors, limit), group in errors.groupby(["factors", "error_limit"], sort=False):
        for estimate in ("planned", "bound"):
            rows.append(
                {
                    "factors": factors,
                    "error_limit": limit,
                    "estimate": estimate,
                    "covered": float((group.measured <= group[estimate]).mean()),
                    "median_ratio": float((group[estimate] / group.measured).median()),
                    "batch_ratio": float(
                        np.sqrt((group[estimate] ** 2).mean() / (group.measured**2).mean())
                    ),
                }
            )
    return pd.DataFrame(rows)
