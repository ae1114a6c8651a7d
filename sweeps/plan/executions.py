"""How each step of a plan is carried out, as far as the sweep file says it."""

from __future__ import annotations

from sweeps.spec.fields import SweepSpec
from trainables.recipe.execution import Execution


class Executions:
    """Executions of steps by kind and model; the fields that are set are those that the sweep file gives, and the
    plan's own: where data and local models are, and what plug-ins and task files add."""

    def __init__(self, spec: SweepSpec) -> None:
        self._spec = spec
        self._model_paths: dict[str, str] = {}
        self._dictionary_paths: dict[str, str] = {}
        self._made: dict[tuple[str, str | None], Execution] = {}

    def add_model(self, sha256: str, path: str) -> None:
        """A local model that steps from here on may read."""
        self._model_paths = {**self._model_paths, sha256: path}
        self._made = {}

    def add_dictionary(self, sha256: str, path: str) -> None:
        """A dictionary that steps which prepare rows may read, from here on."""
        if sha256 not in self._dictionary_paths:
            self._dictionary_paths = {**self._dictionary_paths, sha256: path}
            self._made = {}

    def of(self, kind: str, model: str | None) -> Execution:
        """Of a step of a kind (`StepKind.group`), of a model's if it is of one."""
        if (kind, model) not in self._made:
            spec = self._spec
            own = {
                "data": spec.data,
                "plugins": spec.plugins,
                "task_files": spec.tasks,
                "model_paths": self._model_paths,
            }
            if kind == "prepare" and self._dictionary_paths:
                own["dictionary_paths"] = self._dictionary_paths
            self._made[kind, model] = Execution(**{**spec.execution.given(kind, model), **own})
        return self._made[kind, model]
