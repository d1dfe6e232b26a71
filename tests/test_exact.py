"""The exact planner against brute force, an integer programme, and its own certificate."""

import random
from dataclasses import replace
from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planners import FULL, PAPER, Infeasible, NotApplicable, exact, load_planner
from planners.certified import prove
from planners.chain import Scope
from planners.conformance import questions
from planners.dominance import undominated
from planners.integer import optimum
from planners.limited import Limits, Solution
from planners.search import PRICES, Search, score
from tests.profiles import examples
from tests.test_list_scheduling import assert_valid, flat, graph_of, published
from tests.test_planners import PAIRS, question

HIGHS = 2e-6
"""Share by which HiGHS may pass a limit: its tolerance of rows, twice."""


def relaxed(limits, share):
    """Limits a little wider."""
    sums = tuple(limit * (1.0 + share) for limit in limits.sums)
    return Limits(sums, limits.memory_bytes * (1.0 + share))


def proved(asked, most_labels=400_000, share=0.0):
    """Value and bound by the dynamic programme alone, which knows no plan beforehand."""
    search = Search(asked, "exact", asked.options.runtime)
    objective = asked.goals.objective
    price = None if objective == "edp" else np.array(PRICES[objective])
    solution = Solution(price, relaxed(search.limits(), share))
    bounds = [
        prove(found, solution, most_labels)
        for cloud in search.sides(Scope())
        if (found := search.network(replace(Scope(), cloud=cloud), None)) is not None
    ]
    return solution.value, min([solution.value, *bounds])


def agree(asked):
    """Both find the same value, or none, but for plans within HiGHS' tolerance of a limit."""
    value, bound = proved(asked)
    assert bound == value
    second = optimum(asked)
    least, _ = proved(asked, share=HIGHS)
    if value == pytest.approx(least, rel=1e-12):
        assert second is None if value == np.inf else second == pytest.approx(value, rel=1e-6)
    else:
        assert second is None or least * (1.0 - 1e-6) <= second <= value * (1.0 + 1e-6)


def linear(asked):
    goals = asked.goals
    return goals.objective != "edp" and not asked.options.remote_segments > 1


@settings(max_examples=examples(40, deep=500))
@given(questions())
def test_it_agrees_with_an_integer_programme(asked):
    assume(linear(asked))
    agree(asked)


@settings(max_examples=examples(60, deep=1000))
@given(questions())
def test_it_is_never_worse_than_deepx_and_says_how_far_that_is_proved(asked):
    try:
        best = exact.plan(asked)
    except (Infeasible, NotApplicable):
        with pytest.raises((Infeasible, NotApplicable)):
            load_planner("deepx")(asked)
        return
    certificate = best.certificate
    link = asked.conditions.link
    if link is None or link.tail_s >= 1.0:
        assert certificate["status"] == "optimal"
    else:  # layers may outlast the tail: then the cloud is priced below what it costs
        assert certificate["gap"] >= 0.0
    assert certificate["value"] == score(best.predicted, asked)
    # with the window until_idle a plan may cost less than nothing, planning aside
    assert certificate["bound"] <= certificate["value"] + 1e-12 * abs(certificate["value"])
    other = load_planner("deepx")(asked)
    bound = certificate["bound"]
    assert score(other.predicted, asked) >= bound - 1e-9 * abs(bound)


SPACES = [(PAPER, "energy"), (PAPER, "latency"), (PAPER, "edp"), (FULL, "energy")]
"""Joules x seconds in FULL takes many times as long without a plan to start from."""


@pytest.mark.parametrize(("soc", "model"), PAIRS)
@pytest.mark.parametrize(("options", "objective"), SPACES, ids=lambda v: getattr(v, "name", v))
def test_the_four_pairs_are_proved_without_a_plan_to_start_from(soc, model, options, objective):
    asked = question(soc, model, options=options)
    asked = asked.under(goals=replace(asked.goals, objective=objective))
    value, bound = proved(asked)
    assert bound == value
    assert exact.plan(asked).certificate["value"] == pytest.approx(value, rel=1e-9)


def test_with_few_labels_the_bound_says_what_is_left_open():
    asked = question("tegra_k1", "cd_seide", options=FULL)
    value, _ = proved(asked)
    found, bound = proved(asked, most_labels=3)
    assert bound <= value * (1 + 1e-12) <= found * (1 + 1e-9)


def test_a_relaxed_goal_never_makes_it_worse():
    asked = question("snapdragon_800", "cd_seide")
    values = []
    for error in (0.1, 0.2, 0.3, 0.5):
        goals = replace(asked.goals, error=error)
        values.append(exact.plan(asked.under(goals=goals)).certificate["value"])
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


@given(
    st.integers(1, 4).flatmap(
        lambda d: st.lists(
            st.tuples(st.integers(0, 2), *[st.integers(0, 6)] * d), min_size=1, max_size=1200
        )
    )
)
def test_dominance_keeps_the_front_and_nothing_else(rows):
    groups = np.array([row[0] for row in rows])
    columns = [np.array(column, dtype=float) for column in zip(*(r[1:] for r in rows), strict=True)]
    kept = undominated(groups, columns)
    front = (
        {
            (g, *v)
            for g, *v in rows
            if not any(
                h == g and w != v and all(b <= a for a, b in zip(v, w, strict=True))
                for h, *w in rows
            )
        }
        if len(rows) <= 60
        else None
    )
    found = [rows[n] for n in kept]
    assert len(found) == len(set(found))
    if front is not None:
        assert set(found) == front
    else:
        for row in rows:
            assert any(
                other[0] == row[0] and all(b <= a for a, b in zip(row[1:], other[1:], strict=True))
                for other in found
            )


def test_heuristics_and_proof_on_the_published_graph():
    """Topcuoglu et al. 2002: HEFT 80, PEFT 85; 73 is proved the least."""
    graph, compute = published()
    found = exact.makespan(graph, compute, flat)
    assert (found.value, found.bound, found.gap, found.status) == (73.0, 73.0, 0.0, "optimal")
    assert_valid(found.schedule, graph, compute, flat)


def layered(generator, tasks, machines):
    """A graph whose tasks read some of the twenty before, on identical machines."""
    pairs = ((i, j) for j in range(tasks) for i in range(max(0, j - 20), j))
    edges = [(i, j, 0) for i, j in pairs if generator.random() < 0.1]
    costs = {i: dict.fromkeys(range(machines), generator.randint(1, 100)) for i in range(tasks)}
    return graph_of(edges, range(tasks)), costs


@pytest.mark.parametrize("machines", [3, 4, 8])
def test_a_hundred_tasks_on_identical_machines_are_proved(machines):
    graph, compute = layered(random.Random(machines), 100, machines)
    found = exact.makespan(graph, compute, lambda size, source, target: 0.0)
    assert found.status == "optimal"
    assert found.bound == found.value >= sum(row[0] for row in compute.values()) / machines
    assert_valid(found.schedule, graph, compute, lambda size, source, target: 0.0)


def shortest(graph, compute, communicate):
    """The makespan by brute force: every order of tasks on every choice of processors."""
    best = np.inf
    tasks = list(graph.nodes)
    for order in nx.all_topological_sorts(graph):
        for where in product(*(compute[task] for task in tasks)):
            at, free, stop = dict(zip(tasks, where, strict=True)), {}, {}
            for task in order:
                begin = free.get(at[task], 0.0)
                for tail, _, size in graph.in_edges(task, data="size"):
                    away = communicate(size, at[tail], at[task]) if at[tail] != at[task] else 0.0
                    begin = max(begin, stop[tail] + away)
                free[at[task]] = stop[task] = begin + compute[task][at[task]]
            best = min(best, max(stop.values()))
    return best


@settings(max_examples=examples(25, deep=300))
@given(st.randoms(use_true_random=False))
def test_makespans_of_tiny_graphs_are_those_of_brute_force(generator):
    tasks = generator.randint(1, 4)
    pairs = [(i, j) for j in range(tasks) for i in range(j)]
    edges = [(*p, generator.randint(0, 192) / 64) for p in pairs if generator.random() < 0.5]
    graph = graph_of(edges, range(tasks))
    compute = {i: {p: generator.randint(0, 128) / 64 for p in "ab"} for i in range(tasks)}
    found = exact.makespan(graph, compute, flat)
    assert_valid(found.schedule, graph, compute, flat)
    assert found.value == pytest.approx(shortest(graph, compute, flat), rel=1e-6, abs=1e-12)
    assert found.status == "optimal"


def test_a_cycle_or_a_missing_cost_is_told():
    with pytest.raises(ValueError, match="cycle"):
        exact.makespan(graph_of([(1, 2, 0), (2, 1, 0)]), {1: [1.0], 2: [1.0]}, flat)
    with pytest.raises(ValueError, match="no computation costs"):
        exact.makespan(graph_of([(1, 2, 0)]), {1: [1.0]}, flat)
