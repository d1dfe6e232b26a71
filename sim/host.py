"""The interface that an app would call: give a model, then ask for inferences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from planners.discovery import load_planner
from planners.values import PAPER, Conditions, Goals, Options, Plan, PlanFunction, Question
from sim.acceptance import accepted_plan
from sim.engine import run
from sim.numerics import as_inputs, carry_values, seeded_weights
from socs import Host, Soc, load_soc
from workloads import Workload, load_workload
from workloads.layer import Floats, Weights
from workloads.names import nearest_name


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """One answer and what it took."""

    output: Floats
    """(frames, *output_shape)."""
    latency_s: float
    energy_j: float
    memory_bytes: float
    plan: Plan


@dataclass(slots=True, eq=False)
class InferenceHost:
    """A device that holds models and answers requests, each planned anew, one after the other."""

    soc: Soc | str
    """A SoC, or the name of one."""
    planner: str | PlanFunction = "deepx"
    conditions: Conditions = field(default_factory=Conditions)
    """As they are now; set them when they change."""
    options: Options = PAPER
    hosts: Mapping[str, Host] = field(default_factory=dict)
    _models: dict[str, tuple[Workload, Mapping[str, Weights]]] = field(default_factory=dict)

    def provide(
        self,
        model: str | Path | Workload,
        *,
        frames: int | None = None,
        weights: Mapping[str, Weights] | None = None,
    ) -> Workload:
        """Take a model in, by name, path or value; without weights, its own or synthetic ones."""
        loaded = model if isinstance(model, Workload) else load_workload(model, frames=frames)
        held = seeded_weights(loaded) if weights is None else weights
        self._models[loaded.name] = (loaded, held)
        return loaded

    def infer(self, model: str | Workload, inputs: Floats, goals: Goals | None = None) -> Inference:
        """Plan for the conditions of now, carry the plan out, and return output and costs.

        inputs: one frame (*input_shape) or all (frames, *input_shape). Raises UnknownName for a
        model not provided, Infeasible, NotApplicable, RunFailed.
        """
        workload, weights = self.model(model)
        x = self.frames_of(workload, inputs)
        question = self.question(workload, goals or Goals())
        plan, _ = accepted_plan(question, self.plan_function())
        outcome = run(plan, question, record=False)
        output, _ = carry_values(plan, workload, x, weights)
        return Inference(
            output, outcome.latency_s, outcome.energy_j, outcome.peak_memory_bytes, plan
        )

    def model(self, model: str | Workload) -> tuple[Workload, Mapping[str, Weights]]:
        """A model that is held, and its weights; UnknownName for one not provided."""
        name = model if isinstance(model, str) else model.name
        if name not in self._models:
            raise nearest_name("provided model", name, self._models)
        return self._models[name]

    def models(self) -> tuple[Workload, ...]:
        """The models that are held."""
        return tuple(workload for workload, _ in self._models.values())

    def plan_function(self) -> PlanFunction:
        """The planner."""
        return load_planner(self.planner) if isinstance(self.planner, str) else self.planner

    def question(self, workload: Workload, goals: Goals) -> Question:
        """What a planner is asked for a request that comes in now."""
        return Question(
            workload=workload,
            soc=load_soc(self.soc) if isinstance(self.soc, str) else self.soc,
            conditions=self.conditions,
            goals=goals,
            options=self.options,
            hosts=self.hosts,
        )

    @staticmethod
    def frames_of(workload: Workload, inputs: Floats) -> Floats:
        """Inputs as (frames, *input_shape); ValueError for other shapes."""
        x = np.asarray(inputs)
        single = x.shape == workload.input_shape and workload.frames == 1
        x = as_inputs(workload, x[None] if single else x)
        if len(x) != workload.frames:
            raise ValueError(f"{len(x)} frames: {workload.name} takes {workload.frames}")
        return x
