"""The table of planners: `deepx` is as good as any planner that proves nothing, on each pair."""

import pytest

from experiments.evaluation import SPACES, question_of
from planners import Infeasible, NotApplicable, load_planner, planner_names
from planners.search import score
from tests.test_planners import PAIRS


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_no_planner_beats_deepx_and_exact_proves_it(soc, model, space):
    """Planning aside: what planning takes is a planner's own."""
    question, values = question_of(soc, model, space), {}
    for name in planner_names():
        try:
            plan = load_planner(name)(question)
        except (Infeasible, NotApplicable):
            continue
        values[name] = score(plan.predicted, question)
        if name == "exact":
            assert plan.certificate["bound"] == pytest.approx(values[name], rel=1e-9)
    assert {"deepx", "exact", "dad", "rlc", "cpu_only"} <= set(values)
    assert min(values.values()) >= values["deepx"] * (1.0 - 1e-9)
