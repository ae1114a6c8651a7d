"""What the store has of a done step: its record, and the results of this project's kinds of steps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from trainables.outside.fields import explained
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import Recipe
from trainables.steps.environment import environment
from trainables.store import RECORD, Store, StoreError


class _Read(BaseModel):
    """Immutable. Fields that a later version adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class StepRecord(_Read):
    """The record of a step, in `STORE/steps/<id>/record.json`."""

    step: str
    fingerprint: str = ""
    recipe: dict[str, Any] = {}
    """As JSON; `trainables.steps.read_recipe` makes it a recipe."""
    execution: Execution = Execution()
    result: dict[str, Any] = {}
    """What its kind says of what it did."""
    environment: dict[str, Any] = {}
    """Versions, machine, device and origin of the code."""
    seconds: float = 0.0
    """From its start to its end, in the attempt that finished it."""
    finished_at: str = ""
    """ISO 8601, UTC."""
    files: dict[str, int] = {}
    """Bytes of each file that it made, by path below its directory."""

    @classmethod
    def of(cls, store: Store, step: str) -> StepRecord:
        """Of a step that is done. Raises what `Store.record` raises where it is not, or is damaged."""
        try:
            return cls.model_validate({**store.record(step), "step": step})
        except ValidationError as error:
            raise StoreError(
                f"{store.locate(step, RECORD)}: {explained(error, cls)[0]}; delete it and run again"
            ) from None


def record_of(recipe: Recipe, execution: Execution, result: dict[str, Any], began: float) -> dict[str, Any]:
    """What the store keeps of a step that has just been done; `began`: by `time.monotonic`."""
    return {
        "fingerprint": recipe.fingerprint,
        "recipe": recipe.model_dump(mode="json"),
        "execution": execution.model_dump(mode="json"),
        "result": result,
        "environment": environment(execution).model_dump(mode="json"),
        "seconds": round(time.monotonic() - began, 3),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class Collapse(_Read):
    """How a training has collapsed."""

    reason: str
    step: int
    """The update at which it was noticed."""


class TrainResult(_Read):
    """What a training came to."""

    steps: int = 0
    """Updates taken, of `steps_planned`."""
    steps_planned: int = 0
    stopped_early: bool = False
    best: dict[str, float] | None = None
    """The point of the dev curve whose weights are kept: `step`, `value` (larger is better) and the metrics."""
    dev: tuple[dict[str, float], ...] = ()
    """All points of the dev curve."""
    losses: tuple[tuple[int, float], ...] = ()
    """(update, mean training loss in nats since the point before)."""
    throughput: tuple[dict[str, float], ...] = ()
    collapsed: Collapse | None = None
    attempts: tuple[dict[str, Any], ...] = ()
    train_seconds: float = 0.0
    """Spent in training, by all attempts."""
    tokens: int = 0
    """Subwords of the rows that were trained on, and patches of their images."""
    dropped: str = ""
    """What else the checkpoint holds that it started from, and that was not read: in words; mostly nothing."""
    vocabulary: dict[str, int] | None = None
    """`rows` of the table of subwords, how many were `trained`, and the `bytes_spared`; None where all or none were."""
    adaptation: dict[str, int] | None = None
    """Parameters of the backbone that were `trained`, in its adapters, and `frozen`; None where all were trained."""

    layouts: tuple[dict[str, int | None], ...] = ()
    """How the last attempt was carried out: updates `from` .. `to` by so many `workers` under which `zero_stage`, with
    how many `subwords` trained (None: the whole vocabulary)."""

    @property
    def trained_share(self) -> float:
        """Of the backbone's parameters those that were trained."""
        return 1.0 if self.adaptation is None else self.adaptation["trained"] / sum(self.adaptation.values())

    @classmethod
    def of(cls, store: Store, step: str) -> TrainResult:
        """Of a done training step."""
        return cls.model_validate(store.record(step)["result"])


class EvaluateResult(_Read):
    """What an evaluation came to."""

    metrics: dict[str, dict[str, float]]
    """By language and name, in percent; an unlabelled language has none."""

    @classmethod
    def of(cls, store: Store, step: str) -> EvaluateResult:
        """Of a done evaluate step."""
        return cls.model_validate(store.record(step)["result"])


class PerturbedCounts(_Read):
    """How much of some rows was perturbed."""

    rows: int
    rows_changed: int
    words: int
    """In the columns that could be changed; none where no words are changed (`distractor`)."""
    words_changed: int


class SplitCounts(_Read):
    """Rows of one split and language in a data step."""

    examples: int = 0
    features: int = 0
    subwords: int = 0
    excluded: int = 0
    """Rows that were left out because evaluation data holds them."""
    labelled: bool = True
    source: str = ""
    """Where they came from, in a sentence."""
    remarks: tuple[str, ...] = ()
    """What is to be known of them, a line each."""
    words: int = 0
    """Of tagging."""
    bare_words: int = 0
    """Words whose first subword is a bare space sign."""
    perturbed: PerturbedCounts | None = None
    """None where they were not, or by a version that did not count."""


def split_counts(store: Store, step: str) -> dict[str, SplitCounts]:
    """Of a done data step, by `SPLIT-LANGUAGE`."""
    return {name: SplitCounts.model_validate(counts) for name, counts in store.record(step)["result"].items()}
