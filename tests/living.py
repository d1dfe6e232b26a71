"""Living devices for tests: the tiny device, plans by hand, tensors carried through recoveries."""

from dataclasses import replace

from simpy import Environment

from planners.values import Conditions, NotApplicable, Options
from sim.causes import Causes
from sim.deciding import Planning
from sim.drafts import Draft
from sim.jobs import App, Job
from sim.living import LivingDevice
from sim.numerics import by_layer
from sim.spaces import INPUT, Tensors
from sim.surroundings import Surroundings, World
from sim.tally import Tallies
from tests.tiny_device import tiny_cloud, tiny_link, tiny_plan, tiny_question

LOCAL = Options(
    name="tests",
    processors="all",
    precisions=dict.fromkeys(("cpu", "gpu", "dsp", "lpc"), ("fp32",)),
    frequencies="max",
    ranks=(),
    runtime="native",
)
"""No compaction, one precision: what recovers must not change a value."""


def online(**changes):
    conditions = Conditions(link=tiny_link(), cloud=tiny_cloud())
    return tiny_question(conditions=conditions, **changes)


def calm(question, **changes):
    link = question.conditions.link
    rates = {} if link is None else {"up_bytes_per_s": 1e6, "down_bytes_per_s": 4e6}
    return Surroundings(**(rates | changes))


def device_of(question, *, state=None, lag_s=0.0, warm_up_s=0.0, sink=None, **settings):
    env = Environment(initial_time=0.0)
    world = World(env, state or calm(question), lag_s=lag_s)
    return LivingDevice(env, question, world, sink or Tallies(warm_up_s), **settings)


def causes_of(device):
    return Causes(device.world)


def app_of(question, where, *, policy="replan", name="app", **settings):
    """Planned by hand; what is left after a break goes to the planner of last resort."""

    def planner(asked):
        if len(asked.workload.stages) < len(where):
            raise NotApplicable("by hand, for the whole model")
        return tiny_plan(asked, *where)

    return App(name, question, Planning(planner, policy, step=0.0), **settings)


class Carried:
    """Tensors of every job, taken on from attempt to attempt."""

    def __init__(self, seed=0):
        self.seed, self.tensors = seed, {}

    def __call__(self, job: Job, draft: Draft):
        before = self.tensors.get(job)
        if before is None:
            made = Tensors.of(draft.plan, draft.question, seed=self.seed)
        else:
            stages = draft.question.workload.stages[: draft.first_layer]
            kept = {INPUT, *(stage.name for stage in stages)}
            parts = {name: parts for name, parts in before.parts.items() if name in kept}
            blocks = by_layer(draft.plan.blocks)
            made = replace(before, blocks=blocks, parts=parts)
        self.tensors[job] = made
        return (made,)

    def deviation(self, job):
        return self.tensors[job].deviation()
