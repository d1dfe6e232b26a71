"""Rows that go, and paths one exchange away, against programmes over parts of a network."""

import numpy as np
import pytest

from benchmarks.chains import drawn
from planners.chain import Scope
from planners.dual import passes, trace
from planners.exchanges import exchanges
from planners.reduction import reduced, useful_rows
from planners.search import Search

WEIGHTS = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.7, 3.0, 1e-9], [0.0, 1.0, 0.0, 0.0]])
QUESTIONS = (("error", 2), ("all", 1), ("all", 0))


def laid_out(kind, seed, cloud):
    question = drawn(kind, seed)
    search = Search(question, "deepx", question.options.runtime)
    return search.network(Scope(cloud=cloud), None)


def only(network, row):
    """The network where one layer has no other row than this."""
    keep = np.ones(len(network.option), dtype=np.bool_)
    layer = next(one for one in network.layers if one.rows.start <= row < one.rows.stop)
    keep[layer.rows] = False
    keep[row] = True
    return reduced(network, keep)


def sample(network, count=40):
    return np.random.default_rng(0).choice(len(network.option), size=count, replace=False)


@pytest.mark.parametrize("cloud", [False, True])
@pytest.mark.parametrize(("kind", "seed"), QUESTIONS)
def test_rows_stay_whose_cheapest_path_passes_every_threshold(kind, seed, cloud):
    network = laid_out(kind, seed, cloud)
    rows = sample(network)
    through = np.array([passes(only(network, row), WEIGHTS).total for row in rows])
    finite = through[np.isfinite(through).all(axis=1)]
    thresholds = np.median(finite, axis=0)
    thresholds[2] = np.inf
    found = useful_rows(passes(network, WEIGHTS), thresholds)
    assert 0 < found[rows].sum() < len(rows)
    assert (found[rows] == (through <= thresholds).all(axis=1)).all()


@pytest.mark.parametrize("cloud", [False, True])
@pytest.mark.parametrize(("kind", "seed"), QUESTIONS)
def test_an_exchange_is_the_cheapest_path_through_its_row(kind, seed, cloud):
    network = laid_out(kind, seed, cloud)
    near = exchanges(passes(network, WEIGHTS), 1)
    for row in sample(network):
        alone = passes(only(network, row), WEIGHTS[1:2])
        assert near.cost[row] == pytest.approx(alone.total[0], rel=1e-12)
        if not np.isfinite(near.cost[row]):
            continue
        path = near.path(int(row))
        assert row in path.rows
        assert path.sums[0] @ WEIGHTS[1] == pytest.approx(near.cost[row], rel=1e-12)
        assert near.sums[row] == pytest.approx(path.sums[0], rel=1e-12)
        assert near.memory_bytes()[row] == pytest.approx(path.memory_bytes()[0], rel=1e-12)


def test_what_is_left_costs_the_same_and_an_empty_layer_leaves_nothing():
    network = laid_out("all", 1, True)
    whole = passes(network, WEIGHTS)
    every = reduced(network, np.ones(len(network.option), dtype=np.bool_))
    assert (passes(every, WEIGHTS).total == whole.total).all()
    part = reduced(network, useful_rows(whole, np.array([whole.total[0] * 1.01, np.inf, np.inf])))
    assert len(part.option) < len(network.option)
    assert passes(part, WEIGHTS).total[0] == pytest.approx(whole.total[0], rel=1e-12)
    assert trace(passes(part, WEIGHTS)).sums[0] == pytest.approx(trace(whole).sums[0], rel=1e-12)
    keep = np.ones(len(network.option), dtype=np.bool_)
    keep[network.layers[2].rows] = False
    assert reduced(network, keep) is None
