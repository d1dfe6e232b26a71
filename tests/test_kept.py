"""Kept tables answer as new ones would, to the last bit, and never for another question."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from planners import (
    FULL,
    PAPER,
    Conditions,
    Goals,
    Infeasible,
    NotApplicable,
    Question,
    load_planner,
)
from planners import kept as keeping
from planners.conformance_changes import again, slowed
from planners.conformance_strategies import questions
from planners.cost import Roofline
from socs import load_cloud, load_link, load_runtime, load_soc
from tests.profiles import examples
from workloads import load_workload


@pytest.fixture(autouse=True)
def nothing_kept():
    keeping.forget()
    yield
    keeping.forget()


def ask(soc="tegra_k1", model="cd_seide", link="lte", options=PAPER, **state):
    conditions = Conditions(
        link=load_link(link) if link else None,
        cloud=load_cloud("k40_server") if link else None,
        **state,
    )
    return Question(
        workload=load_workload(model), soc=load_soc(soc), conditions=conditions, options=options
    )


def answer(planner, question):
    try:
        plan = load_planner(planner)(question)
    except (Infeasible, NotApplicable) as refusal:
        plan = str(refusal)
    return plan, question.cost.evaluations


@settings(max_examples=examples(40, deep=3000))
@given(questions())
def test_kept_tables_answer_bit_for_bit_as_new_ones(question):
    for planner in ("deepx", "dad", "rlc"):
        keeping.forget()
        new = answer(planner, again(question))
        assert keeping._kept or new[1] == 0 or isinstance(new[0], str)
        assert answer(planner, again(question)) == new


def test_the_same_plan_whatever_was_asked_before():
    plain = ask()
    fresh = answer("deepx", again(plain))
    for other in (
        ask(link="wifi"),
        ask(link=None),
        ask(uplink_bytes_per_s=1e5),
        ask(busy={"gpu": 0.5}),
        ask(options=replace(PAPER, split_parts=4)),
        plain.under(goals=Goals(objective="latency")),
        plain.under(goals=Goals(error=0.05)),
        plain.under(energy_window="until_output"),
    ):
        answer("deepx", again(other))
    assert answer("deepx", again(plain)) == fresh


def changes():
    """By name: a question that differs from `ask()` in one thing that prices depend on."""
    soc, runtime = load_soc("tegra_k1"), load_runtime(PAPER.runtime)
    slow = runtime.dispatch_s.model_copy(update={"value": runtime.dispatch_s.value + 1e-3})
    plain = ask()
    host = plain.hosts["gpu"]
    launch = host.launch_s.model_copy(update={"value": host.launch_s.value + 1e-3})
    board = soc.board_w.model_copy(update={"value": soc.board_w.value + 1.0})
    memory = soc.memory.energy_j_per_byte
    dear = memory.model_copy(update={"value": memory.value * 2.0})
    return {
        "busy": ask(busy={"gpu": 0.5}),
        "temperature": ask(temperature_c=80.0),
        "model": ask(model="alexnet"),
        "frames": plain.under(workload=load_workload("cd_seide", frames=50)),
        "options": ask(options=replace(PAPER, split_parts=4)),
        "clocks": ask(options=replace(PAPER, frequencies="all")),
        "error": plain.under(goals=Goals(error=0.01)),
        "runtime": plain.under(
            runtimes={runtime.name: runtime.model_copy(update={"dispatch_s": slow})}
        ),
        "host": plain.under(
            hosts=dict(plain.hosts) | {"gpu": host.model_copy(update={"launch_s": launch})}
        ),
        "board": plain.under(soc=soc.model_copy(update={"board_w": board})),
        "dram": plain.under(
            soc=soc.model_copy(
                update={"memory": soc.memory.model_copy(update={"energy_j_per_byte": dear})}
            )
        ),
        "link": ask(link="wifi"),
        "no link": ask(link=None),
        "slowed": slowed(plain),
    }


@pytest.mark.parametrize("name", list(changes()))
def test_a_changed_question_never_finds_the_old_tables(name):
    changed = changes()[name]
    new = answer("deepx", again(changed))
    keeping.forget()
    answer("deepx", ask())
    assert answer("deepx", again(changed)) == new


def test_a_specification_changed_in_place_finds_nothing():
    question = ask()
    before = answer("deepx", again(question))
    soc = question.soc.model_copy(deep=True)
    changed = question.under(soc=soc)
    assert answer("deepx", again(changed)) == before
    spec = soc.processors["gpu"]
    slow = spec.port_bytes_per_s.model_copy(update={"value": spec.port_bytes_per_s.value / 8.0})
    soc.processors["gpu"] = spec.model_copy(update={"port_bytes_per_s": slow})
    found = answer("deepx", again(changed))
    keeping.forget()
    assert found == answer("deepx", again(changed)) != before


class Dearer(Roofline):
    """A cost model of one's own, which must never be served the law's tables."""

    asked = 0

    def block(self, *arguments, **named):
        Dearer.asked += 1
        return super().block(*arguments, **named)


def test_another_cost_model_is_asked_every_time():
    answer("deepx", ask())
    counts = []
    for _ in range(2):
        Dearer.asked = 0
        question = ask().under(cost=Dearer())
        plan, evaluations = answer("deepx", question)
        assert plan.evaluations == evaluations > 100
        counts.append(Dearer.asked)
    assert counts[0] == counts[1] > 100


def test_only_so_many_are_kept(monkeypatch):
    monkeypatch.setattr(keeping, "MOST", 3)
    for temperature_c in (40.0, 50.0, 60.0, 70.0, 80.0):
        answer("rlc", ask(temperature_c=temperature_c, options=replace(FULL, ranks=(0.5,))))
    assert len(keeping._kept) == 3
