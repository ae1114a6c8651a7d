"""What the store has of a step, brought into the step's run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput

from sweeps.plan.graph import Plan
from sweeps.state.selection import decision_on
from sweeps.tracking import limits
from sweeps.tracking.datasets import data_of, selected_on
from sweeps.tracking.metrics import MetricBuffer, MetricLink
from sweeps.tracking.models import model_of, register_champion, show_model
from sweeps.tracking.payloads import best, curves, evaluated
from trainables.store import METRICS, MODEL, PREDICTIONS, Store

STEP, SWEEP = "xstilts.step", "xstilts.sweep"


class StepResults:
    """Of the steps of one sweep. Times are milliseconds; each method may be called again and adds nothing then.

    Args:
        run_of: gives the run of a step, where it has one.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment: str,
        sweep: str,
        plan: Plan,
        store: Store,
        numbers: MetricBuffer,
        run_of: Callable[[str], str | None],
    ) -> None:
        self._client, self._experiment = client, experiment
        self._sweep, self._plan, self._store = sweep, plan, store
        self._numbers, self._run_of = numbers, run_of

    def done(self, run_id: str, step: str, at: int) -> dict[str, str]:
        """Log a done step's results; the tags that its run gets."""
        record = self._store.record(step)
        result, recipe = record["result"], record["recipe"]
        tags = {"path": self._store.locate(step)}
        data = self._show_data(run_id, recipe)
        self._numbers.add(self._client, run_id, [("seconds", record["seconds"], 0)], at)
        if recipe["kind"] == "train":
            if result.get("collapsed"):
                tags |= {"state": "collapsed", "collapsed": result["collapsed"]["reason"]}
            about = {"path": self._store.locate(step, MODEL), "fingerprint": record["fingerprint"]}
            model = show_model(self._client, self._experiment, run_id, step, about)
            on = selected_on(recipe, self._store)

            def tie(name: str) -> MetricLink:
                return _tie(model, on.get(name.removeprefix("best_").rpartition("/")[0]))

            self._numbers.add(self._client, run_id, curves(result), at)
            self._numbers.add(self._client, run_id, best(result), at, tie)
        elif recipe["kind"] == "evaluate":
            plan = self._store.path(step)
            self._client.log_artifact(run_id, str(plan / METRICS))
            self._client.log_artifacts(run_id, str(plan / PREDICTIONS), PREDICTIONS)
            of = _tie(self._model_of(recipe["model"].get("step", "")), data[0].dataset if data else None)
            scores = evaluated(recipe["task"]["name"], result["metrics"])
            self._numbers.add(self._client, run_id, scores, at, lambda name: of)
        return tags

    def so_far(self, run_id: str, step: str, at: int) -> dict[str, str]:
        """Log what a step that is not done has come to, as its training state has it; the tags that its run gets."""
        self._show_data(run_id, self._plan.steps[step].recipe.model_dump(mode="json"))
        note = self._store.state_note(step)
        if note is not None and "losses" in note:  # states of earlier versions have no curves
            self._numbers.add(self._client, run_id, curves(note), at)
        decision = decision_on(step, self._sweep, self._store)
        return {"stopped": str(decision)} if decision is not None else {}

    def register_champion(self, target: str, step: str) -> None:
        """Register the model of a step as the champion of a target."""
        model, run_id = self._model_of(step), self._run_of(step)
        if model is None or run_id is None:
            raise LookupError(f"no logged model of {step}; xstilts track --rebuild makes it anew")
        tags = {SWEEP: self._sweep, STEP: step, "path": self._store.locate(step, MODEL)}
        register_champion(self._client, limits.registered(f"{self._sweep}.{target}"), model, run_id, tags)

    def _show_data(self, run_id: str, recipe: dict[str, Any]) -> list[DatasetInput]:
        data = data_of(recipe, self._store)
        if data:
            self._client.log_inputs(run_id, data)
        return data

    def _model_of(self, step: str) -> Any | None:
        """The logged model of a step; None where it has none, or is no step's."""
        run_id = self._run_of(step)
        return model_of(self._client, self._experiment, run_id) if run_id else None


def _tie(model: Any | None, data: Dataset | None) -> MetricLink:
    of_model = {"model_id": model.model_id} if model is not None else {}
    return of_model | ({"dataset_name": data.name, "dataset_digest": data.digest} if data is not None else {})
