"""Tables kept from one question to the next, in this process.

The key is the content of all that tables depend on: model, SoC, hosts, runtime, options, ranks
that the error limit admits, background load, temperature. Contents are compared, not identities,
so a changed specification never finds another's tables. Only costs of a model that says what it
is (`Roofline`) are kept; any other is asked anew each time.

A kept table answers as a new one would, to the last bit, and the question is charged as many
evaluations as building it costs: a plan must not depend on what was asked before
(docs/decisions/0007-tables-kept.md).
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import fields

from planners.chain import Chain, build_chain
from planners.cost import Roofline
from planners.options import guarded_ranks
from planners.values import Options, Question
from socs import Runtime

MOST = 32
"""Chains kept; the longest unused goes first."""

_kept: OrderedDict[Hashable, Chain] = OrderedDict()


def chain_of(question: Question, runtime: Runtime) -> Chain:
    """Tables for a question, kept or new; its cost model counts the same either way."""
    if type(question.cost) is not Roofline:
        return build_chain(question, runtime)
    key = _key(question, runtime)
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = build_chain(question, runtime)
        if len(_kept) > MOST:
            _kept.popitem(last=False)
    else:
        question.cost.evaluations += found.evaluations
        _kept.move_to_end(key)
    return found


def forget() -> None:
    """Keep nothing."""
    _kept.clear()


def _key(question: Question, runtime: Runtime) -> Hashable:
    conditions = question.conditions
    return (
        question.workload.content_hash,
        question.soc.model_dump_json(),
        tuple((name, host.model_dump_json()) for name, host in question.hosts.items()),
        runtime.model_dump_json(),
        _options_key(question.options),
        tuple(guarded_ranks(question, stage) for stage in question.workload.stages),
        tuple(sorted(conditions.busy.items())),
        conditions.temperature_c,
        conditions.has_cloud,
    )


def _options_key(options: Options) -> Hashable:
    values = [getattr(options, field.name) for field in fields(options)]
    return tuple(
        tuple(sorted(value.items())) if isinstance(value, Mapping) else value for value in values
    )
