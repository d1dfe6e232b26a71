"""What estimation error costs each planner: plans made on wrong beliefs, carried out in truth."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from experiments.scenarios import scenario
from planners import Infeasible, NotApplicable, Question, load_planner, predict
from planners.cost import CostModel, Roofline
from planners.estimates import Regression
from planners.mistaken import Mistaken
from planners.search import score

PLANNERS = ("deepx", "rlc", "dad", "neurosurgeon", "heft", "peft")


def beliefs(question: Question, *, seed: int = 0) -> Mapping[str, CostModel]:
    """Cost models from right to wrong."""
    stages = question.workload.stages
    return {
        "law": Roofline(),
        "regression": Regression(stages, seed=seed),
        "regression, 20 % noise": Regression(stages, noise=0.2, seed=seed),
        "hidden error 10 %": Mistaken(0.1, seed),
        "hidden error 30 %": Mistaken(0.3, seed),
        "hidden error 100 %": Mistaken(1.0, seed),
    }


def estimation_error(
    *,
    socs: Sequence[str] = ("tegra_k1", "snapdragon_800"),
    models: Sequence[str] = ("alexnet", "cd_seide"),
    planners: Sequence[str] = PLANNERS,
    seeds: Sequence[int] = (0, 1, 2),
    options: str = "paper",
) -> Iterator[dict[str, Any]]:
    """Per planner and belief: believed over true energy, and regret.

    Regret: true energy of the plan made on that belief over that of the plan made on the law,
    planning aside.
    """
    for soc in socs:
        for model in models:
            truth = scenario(soc, model, options=options)  # type: ignore[arg-type]
            for planner in planners:
                for seed in seeds:
                    yield from _rows(truth, planner, seed)


def _rows(truth: Question, planner: str, seed: int) -> Iterator[dict[str, Any]]:
    plan_for = load_planner(planner)
    best = None
    for belief, cost in beliefs(truth, seed=seed).items():
        try:
            plan = plan_for(truth.under(cost=cost))
        except (Infeasible, NotApplicable):
            continue
        assert plan.predicted is not None
        true = score(predict(plan, truth), truth)
        best = true if best is None else best
        yield {
            "soc": truth.soc.name,
            "model": truth.workload.name,
            "planner": planner,
            "belief": belief,
            "seed": seed,
            "true_energy_j": true,
            "believed_over_true": plan.predicted.plan_energy_j / true,
            "regret": true / best,
        }
