"""What a sweep file says of execution: of all steps, by kind of step, and by model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ConfigDict, Field

from trainables.outside.text import shown
from trainables.recipe.execution import Execution, offload_problem

ALL = "all"
OWN_PLACES = {
    "data": "data",
    "plugins": "plugins",
    "model_paths": "models",
    "dictionary_paths": "perturbations",
    "task_files": "tasks",
}
"""Fields of an execution that a plan fills from other fields of the sweep file."""


class ExecutionSpec(Execution):
    """Fields of all steps, at the top or under `all`; and under other names those of a kind of step, or of the
    trainings and evaluations of a model.

    What a step is given: the fields of all steps, then those of its kind, then those of its model, the later the
    stronger, field by field. What is not given is chosen (`sweeps.schedule.auto`).
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Execution] = Field(init=False)

    @property
    def named(self) -> Mapping[str, Execution]:
        """What stands under names."""
        return self.__pydantic_extra__

    def given(self, kind: str = "", model: str | None = None) -> dict[str, Any]:
        """The fields that the file gives for a step.

        Args:
            kind: as `StepKind.group` has it.
            model: of the sweep; None: the step is of none.
        """
        layers = (self, *(self.named.get(name) for name in (ALL, kind, model or "")))
        return {
            name: getattr(layer, name)
            for layer in layers
            if layer is not None
            for name in Execution.model_fields
            if name in layer.model_fields_set
        }


def check_execution(execution: ExecutionSpec, kinds: Iterable[str], models: Iterable[str]) -> list[str]:
    """Names that are of nothing, or of two things; fields that belong elsewhere. One line per problem."""
    problems, known = [], [ALL, *dict.fromkeys((*kinds, *models))]
    for name in execution.named:
        if name in models and (name == ALL or name in kinds):
            what = "all steps" if name == ALL else "the steps of a kind"
            problems.append(f"execution.{name}: means {what} and is a model of this sweep; give the model another name")
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            mend = f'did you mean "{near[0]}"?' if near else f"give {', '.join(known)}"
            problems.append(f"execution.{shown(name)[1:-1]}: no kind of step and no model of this sweep; {mend}")
    for name in execution.model_fields_set & set(execution.named.get(ALL, Execution()).model_fields_set):
        problems.append(f"execution.{name}: stands also under execution.all; give it once")
    for model in models:
        given = execution.given("train", model)
        workers, share = given.get("workers", 1), given.get("gpus_per_worker", 1)
        if workers > 1 and 0 < share < 1:
            problems.append(
                f"execution.gpus_per_worker: the {workers} workers of a training of {model} cannot share a GPU among "
                f"them (found {share:g}); give 1, or workers: 1"
            )
        if (problem := offload_problem(given.get("offload"), given.get("zero_stage"))) is not None:
            problems.append(f"execution: trainings of {model}: {problem}")
    for where, layer in (("", execution), *((f"{name}.", one) for name, one in execution.named.items())):
        for field, own in OWN_PLACES.items():
            if getattr(layer, field):
                problems.append(f"execution.{where}{field}: has no effect in a sweep file; give {own}")
    return problems
