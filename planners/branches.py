"""Groups of branches: what may run side by side between a fork and a join."""

from collections.abc import Iterator, Sequence

from workloads import Stage

Branch = tuple[Stage, ...]


def groups(stages: Sequence[Stage]) -> Iterator[tuple[Branch, ...]]:
    """Two or more branches each, in the stages' order; stages in none of them are left out.

    The stages are cut wherever none of the rest reads from both sides. What is connected between
    two cuts is a branch; a fork within a branch is part of it.
    """
    import networkx as nx

    for segment in _segments(stages):
        names = {stage.name: stage for stage in segment}
        graph = nx.Graph([(s.name, read) for s in segment for read in s.reads if read in names])
        graph.add_nodes_from(names)
        parts = [set(part) for part in nx.connected_components(graph)]
        if len(parts) > 1:
            branches = [tuple(stage for stage in segment if stage.name in part) for part in parts]
            yield tuple(sorted(branches, key=lambda branch: segment.index(branch[0])))


def _segments(stages: Sequence[Stage]) -> Iterator[Sequence[Stage]]:
    before, start = {"input"}, 0
    for number in range(1, len(stages) + 1):
        before.add(stages[number - 1].name)
        if all(_one_side(stage, before) for stage in stages[number:]):
            yield stages[start:number]
            start = number


def _one_side(stage: Stage, before: set[str]) -> bool:
    """Whether all that it reads comes from before the cut, or all from after it."""
    return len({read in before for read in stage.reads}) == 1
