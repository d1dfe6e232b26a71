"""What compaction does to networks that find faces: agreement with themselves, uncompacted.

The three networks of MTCNN look at windows of a photograph with a face in it, the portrait of Grace
Hopper that matplotlib ships (in the public domain), so nothing is downloaded. What is right is what
the uncompacted network says: face or not at the package's threshold, and where the box lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.trained import LIMITS, MASSES, compacted, relative_error
from planners import Plan
from sim.numerics import carry_values, seeded_weights
from workloads import Workload
from workloads.execution import forward
from workloads.layer import Floats
from workloads.signals.photograph import make_windows

if TYPE_CHECKING:
    import pandas as pd

THRESHOLDS = {"mtcnn_pnet": 0.6, "mtcnn_rnet": 0.7, "mtcnn_onet": 0.8}
"""Probability of a face from which a network says so (PyPI's mtcnn 1.0.0, MTCNN.__init__)."""
_BOX = 4
"""Outputs that correct the box, the first of all; those of the class are the last two."""
_SEED = 49_979_687
"""Apart from the seeds of windows that factors and errors were measured on."""


def faces(outputs: Floats, threshold: float) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """(frames,): whether each shows a face; of outputs whose last two are the class's scores."""
    scores = outputs.reshape(len(outputs), -1)[:, -2:].astype(np.float64)
    found = 1.0 / (1.0 + np.exp(np.clip(scores[:, 0] - scores[:, 1], -500.0, 500.0)))
    return np.asarray(found >= threshold)


@dataclass(frozen=True, eq=False)
class Viewer:
    """A network that finds faces, windows, and what it makes of them uncompacted."""

    workload: Workload
    windows: Floats
    reference: Floats

    @classmethod
    def of(cls, workload: Workload, *, count: int) -> "Viewer":
        """With so many windows."""
        made = make_windows(workload.input_shape[-1], count, seed=_SEED)
        return cls(workload, made, forward(workload, seeded_weights(workload), made))

    def judged(self, plan: Plan) -> dict[str, Any]:
        """agreement (share of windows), faces_kept (share of those with one), box_shift, error.

        box_shift: mean distance of the corrections of boxes with a face, shares of a window's side.
        """
        workload, threshold = self.workload, THRESHOLDS[self.workload.name]
        found, _ = carry_values(plan, workload, self.windows, seeded_weights(workload))
        before, after = faces(self.reference, threshold), faces(found, threshold)
        boxes = [x.reshape(len(x), -1)[before, :_BOX] for x in (self.reference, found)]
        return {
            "agreement": float(np.mean(before == after)),
            "faces_kept": float(np.mean(after[before])),
            "box_shift": float(np.mean(np.abs(boxes[0] - boxes[1]))),
            "relative_error": relative_error(found, self.reference),
        }


def agreement_table(
    name: str,
    *,
    count: int = 1000,
    masses: Sequence[float] = MASSES,
    limits: Sequence[float] = LIMITS,
) -> "pd.DataFrame":
    """A row for each way to compact one of MTCNN's networks, on so many windows.

    Columns: as `experiments.trained.accuracy_table`, but agreement, faces_kept, box_shift (shares)
    instead of accuracy. UnknownName where mtcnn is not installed.
    """
    import pandas as pd

    return pd.DataFrame(compacted(name, partial(Viewer.of, count=count), masses, limits))
