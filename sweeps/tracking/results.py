"""What the store has of a step, brought into the step's run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput

from sweeps.plan.graph import Plan
from sweeps.spec.model import ModelSpec
from sweeps.state.selection import decision_on
from sweeps.tracking import languages, limits
from sweeps.tracking.buffer import MetricLink, RunBuffer
from sweeps.tracking.datasets import data_of, selected_on
from sweeps.tracking.models import model_of, register_champion, show_model
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import EvaluateRecipe, Recipe, TrainRecipe
from trainables.steps import EvaluateResult, StepRecord, kind_of, read_recipe
from trainables.steps.kinds.train import curves
from trainables.store import MODEL, Store

STEP, SWEEP = "xstilts.step", "xstilts.sweep"


class StepResults:
    """Of the steps of one sweep. Times are milliseconds; each method may be called again and adds nothing then.

    Args:
        models: of the sweep, by name.
        run_of: gives the run of a step, where it has one.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment: str,
        sweep: str,
        plan: Plan,
        store: Store,
        models: Mapping[str, ModelSpec],
        numbers: RunBuffer,
        run_of: Callable[[str], str | None],
    ) -> None:
        self._client, self._experiment = client, experiment
        self._sweep, self._plan, self._store, self._models = sweep, plan, store, models
        self._numbers, self._run_of = numbers, run_of

    def done(self, run_id: str, step: str, at: int) -> dict[str, str]:
        """Log a done step's results; the tags that its run gets."""
        record = StepRecord.of(self._store, step)
        recipe = read_recipe(record.recipe)
        kind = kind_of(recipe)
        shown = kind.shown(recipe, record)
        data = self._show_data(run_id, recipe)
        model, selected_by = None, dict[str, Dataset]()
        if kind.leaves_weights:
            about = {"path": self._store.locate(step, MODEL), "fingerprint": record.fingerprint, **_adapters(recipe)}
            model = show_model(self._client, self._experiment, run_id, step, about)
            selected_by = selected_on(recipe, self._store)
        of = recipe.starts_from
        scored = self._model_of(of.step) if isinstance(of, CheckpointRef) and shown.scores else None
        measured = _link(scored, data[0].dataset if data else None)

        def selected(name: str) -> MetricLink:
            return _link(model, selected_by.get(name.removeprefix("best_").rpartition("/")[0]))

        self._numbers.add(self._client, run_id, [("seconds", record.seconds, 0), *shown.curves], at)
        self._numbers.add(self._client, run_id, shown.selected, at, selected)
        self._numbers.add(self._client, run_id, shown.scores, at, lambda name: measured)
        for name in shown.files:
            self._client.log_artifact(run_id, str(self._store.path(step) / name))
        for name in shown.folders:
            self._client.log_artifacts(run_id, str(self._store.path(step) / name), name)
        return {"path": self._store.locate(step), **shown.tags, **self._show_languages(run_id, recipe, record)}

    def so_far(self, run_id: str, step: str, at: int) -> dict[str, str]:
        """Log what a step that is not done has come to, as its training state has it; the tags that its run gets."""
        self._show_data(run_id, self._plan.steps[step].recipe)
        note = self._store.state_note(step)
        if note is not None and "progress" in note:  # states of earlier versions have none
            self._numbers.add(self._client, run_id, curves(note["progress"]), at)
        decision = decision_on(step, self._sweep, self._store)
        return {"stopped": str(decision)} if decision is not None else {}

    def register_champion(self, target: str, step: str) -> None:
        """Register the model of a step as the champion of a target."""
        model, run_id = self._model_of(step), self._run_of(step)
        if model is None or run_id is None:
            raise LookupError(f"no logged model of {step}; xstilts track --rebuild makes it again")
        of = _adapters(self._plan.steps[step].recipe) if step in self._plan.steps else {}
        tags = {SWEEP: self._sweep, STEP: step, "path": self._store.locate(step, MODEL), **of}
        register_champion(self._client, limits.registered(f"{self._sweep}.{target}"), model, run_id, tags)

    def _show_languages(self, run_id: str, recipe: Recipe, record: StepRecord) -> dict[str, str]:
        """Log the scores of an evaluation by language, with what is known of each; the tags that say so."""
        if not isinstance(recipe, EvaluateRecipe) or record.step not in self._plan.steps:
            return {}
        result, roles = EvaluateResult.model_validate(record.result), self._plan.steps[record.step].roles
        self._client.log_dict(run_id, languages.table_of(recipe, result, roles, self._models), languages.TABLE)
        return languages.TAGS

    def _show_data(self, run_id: str, recipe: Recipe) -> list[DatasetInput]:
        data = data_of(recipe, self._store)
        if data:
            self._client.log_inputs(run_id, data)
        return data

    def _model_of(self, step: str) -> Any | None:
        """The logged model of a step; None where it has none, or is no step's."""
        run_id = self._run_of(step)
        return model_of(self._client, self._experiment, run_id) if run_id else None


def _adapters(recipe: Recipe) -> dict[str, str]:
    """Of a checkpoint of adapters, whose path holds nothing else, what they are and what they lie on."""
    if not isinstance(recipe, TrainRecipe) or recipe.adaptation is None:
        return {}
    base = recipe.base.model_dump_json(exclude_none=True)
    return {"adaptation": str(recipe.adaptation.lora), "base": base}


def _link(model: Any | None, data: Dataset | None) -> MetricLink:
    of_model = {"model_id": model.model_id} if model is not None else {}
    return of_model | ({"dataset_name": data.name, "dataset_digest": data.digest} if data is not None else {})
