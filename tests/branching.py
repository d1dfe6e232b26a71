"""Branching networks for tests: one of Inception's kind, one with residual sums."""

from hypothesis import strategies as st
from random_plans import questions
from tiny_device import workload

CONV = {"kind": "conv", "bias": False}


def conv(name, units, kernel, *inputs):
    reads = {"inputs": list(inputs)} if inputs else {}
    return CONV | {"name": name, "units": units, "kernel": kernel, "padding": kernel // 2} | reads


def inception(shape=(3, 13, 13), *, channels=8):
    """A stem, four ways side by side (1x1; 3x3; 5x5; pooled), and a classifier of all four.

    After GoogLeNet's module (Szegedy et al. 2015, figure 2b).
    """
    c = channels
    layers = [
        conv("stem", 2 * c, 3),
        {"name": "stem_relu", "kind": "relu"},
        conv("one", c, 1, "stem_relu"),
        conv("three_in", c, 1, "stem_relu"),
        conv("three", 2 * c, 3, "three_in"),
        conv("five_in", c // 2, 1, "stem_relu"),
        conv("five", c, 5, "five_in"),
        {"name": "way", "kind": "carry", "inputs": ["stem_relu"]},
        {"name": "pool", "kind": "max_pool", "kernel": 3, "stride": 1, "padding": 1},
        conv("pooled", c, 1),
        conv("mix", 2 * c, 1, "one", "three", "five", "pooled"),
        {"name": "flat", "kind": "flatten"},
        {"name": "name", "kind": "dense", "units": 10, "bias": False},
    ]
    return workload("inception", list(shape), layers)


def residual(shape=(3, 9, 9), *, channels=8):
    """Two blocks of two convolutions with a way around them, the second through a projection.

    After ResNet's (He et al. 2016, figure 2 and section 3.3, option B).
    """
    c = channels
    layers = [
        conv("stem", c, 3),
        {"name": "stem_relu", "kind": "relu"},
        conv("a1", c, 3, "stem_relu"),
        {"name": "a1_relu", "kind": "relu"},
        conv("a2", c, 3, "a1_relu"),
        {"name": "a_sum", "kind": "add", "inputs": ["a2", "stem_relu"]},
        {"name": "a_relu", "kind": "relu"},
        conv("b1", 2 * c, 3, "a_relu"),
        {"name": "b1_relu", "kind": "relu"},
        conv("b2", 2 * c, 3, "b1_relu"),
        conv("around", 2 * c, 1, "a_relu"),
        {"name": "b_sum", "kind": "add", "inputs": ["b2", "around"]},
        {"name": "mean", "kind": "global_average_pool"},
        {"name": "flat", "kind": "flatten"},
        {"name": "name", "kind": "dense", "units": 5, "bias": False},
    ]
    return workload("residual", list(shape), layers)


NETWORKS = (inception(), residual())


@st.composite
def branching_questions(draw, *, online=None):
    """About a branching network on a shipped SoC, with any of its hosts, links and servers."""
    return draw(questions(online=online)).under(workload=draw(st.sampled_from(NETWORKS)))
