"""Neurosurgeon: the best single cut of a chain between the device and the cloud.

Kang et al., "Neurosurgeon: Collaborative Intelligence Between the Cloud and Mobile Edge",
ASPLOS 2017: latency and energy of each layer on each side are predicted once, then all N + 1 cuts
of a chain of N layers are enumerated, and the one with the least latency or mobile energy is
taken. Layers before the cut run on the phone, those after it on the server; cut 0 is all in the
cloud, cut N all on the phone.

The paper has one mobile processor. Here each allowed one is tried in turn, at each allowed
frequency and precision, the same for all layers before the cut. Without a link, or where the
options keep everything local, there is nothing to cut: NotApplicable. Limits on time, energy,
memory and error, which the paper lacks, are kept by leaving out cuts that break them.
"""

from collections.abc import Iterator

from planners.candidates import (
    Blocks,
    Priced,
    best_plan,
    blocks_of,
    priced_layers,
)
from planners.values import NotApplicable, Plan, Question


def cuts(question: Question, priced: Priced) -> Iterator[Blocks]:
    """Of each processor, frequency and precision: every cut whose local layers it can run."""
    names = [stage.name for stage in question.workload.stages]
    yield blocks_of(question, {})
    for choice, layers in priced.items():
        for cut, name in enumerate(names, start=1):
            if name not in layers:
                break
            yield blocks_of(question, dict.fromkeys(names[:cut], choice))


def plan(question: Question) -> Plan:
    """The best cut; NotApplicable on branching workloads and without a cloud to cut to."""
    workload = question.workload
    if not workload.is_chain:
        raise NotApplicable(f"{workload.name} branches; a single cut needs a chain")
    if not question.conditions.has_cloud:
        raise NotApplicable("there is no link to a cloud: nothing to cut")
    if not question.options.remote_segments:
        raise NotApplicable(f"options {question.options.name!r} keep all layers local")
    priced, evaluations = priced_layers(question)
    return best_plan(question, "neurosurgeon", evaluations, cuts(question, priced))
