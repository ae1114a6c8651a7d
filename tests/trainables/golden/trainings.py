"""Tiny trainings and evaluations, one for each task type, and the numbers that they gave when they were last recorded.

A recipe's fingerprint says nothing of the code. So a change of code that moves a number must raise the version of what
it changed, or a store would mix results of before and after. `numbers_of` trains on the CPU in fp32, and few updates
only, so that what processors differ in (the order of additions, the last bit of exp) stays far below `TOLERANCE`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tests.conftest import World
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, RandomInit
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, TokenizerRecipe, TrainRecipe
from trainables.recipe.sampling import Mixture
from trainables.recipe.tasks import Selection, SplitRef, TaskSpec, TrainTask
from trainables.task_types import get_task_type
from trainables.tasks import get_task

RECORDED = Path(__file__).with_name("numbers.json")
TOLERANCE = 1e-4
"""Relative to a number, or absolute where it is smaller than one."""
MAX_LENGTH = 24
OPTIMISATION = {"learning_rate": 2e-3, "steps": 12, "evaluate_every": 6, "dropout": 0.1, "attention_dropout": 0.1}

TASKS = {
    "text-classification": "gen-topic",
    "pair-classification": "gen-nli",
    "multiple-choice": "gen-choice",
    "choice-likelihood": "gen-choice",
    "tagging": "gen-tags",
    "span-qa": "gen-qa",
    "span-or-none": "gen-qa",
    "dense-retrieval": "gen-ask",
    "masked-lm": "gen-text",
    "causal-lm": "gen-text",
    "translation-ranking": "gen-text",
    "word-ranking": "gen-text",
    "image-text": "gen-images",
    "retrieval": "gen-pairs",
    "bitext-mining": "gen-mine",
}
"""Task type: the generated task whose rows it is tried on."""
RANKING = {"translation-ranking": 128, "word-ranking": 512}
"""Trained on parallel text of two languages, in batches of two contrastive groups."""
NOT_EVALUATED = ("masked-lm", "causal-lm", *RANKING)


class DecoderWorld(World):
    """A world whose trainings start from a decoder with output embeddings of its own. Text is learnt by causal LM."""

    def spec(self, name: str) -> TaskSpec:
        spec = super().spec(name)
        return spec.model_copy(update={"type": "causal-lm"}) if spec.type == "masked-lm" else spec

    def data(self, name: str, rows: tuple[SplitRef, ...], max_length: int = 64) -> str:
        recipe = DataRecipe(task=self.spec(name), rows=rows, tokenizer=self.tokenizer(), max_length=max_length)
        return self.do(recipe)

    def scratch(self, **shape: Any) -> RandomInit:
        return super().scratch(model_type="llama", **shape)


def versions_of(task_type: str) -> dict[str, int]:
    """The versions under which the numbers of this task type are made."""
    kinds = {"tokenizer": TokenizerRecipe, "data": DataRecipe, "train": TrainRecipe, "evaluate": EvaluateRecipe}
    return {name: recipe.version for name, recipe in kinds.items()} | {"task type": get_task_type(task_type).version}


def numbers_of(world: World, task_type: str) -> dict[str, Any]:
    """Train and evaluate: losses of each update, dev metrics, and test scores by language."""
    numbers: dict[str, Any] = {}
    if get_task_type(task_type).predicts_next:
        world = DecoderWorld(Path(world.store.root))
    model = world.scratch()
    if get_task_type(task_type).trained:
        recipe = _ranking(world, task_type) if task_type in RANKING else _training(world, task_type)
        model = CheckpointRef(step=world.do(recipe, Execution(log_every=1)))
        result = world.store.record(model.step)["result"]
        numbers |= {"losses": [loss for _, loss in result["losses"]], "dev": result["dev"]}
    if task_type not in NOT_EVALUATED:
        step = world.do(_evaluation(world, task_type, model))
        numbers["scores"] = world.store.record(step)["result"]["metrics"]
    return numbers


def likelihood_training(world: DecoderWorld, **optimisation: Any) -> TrainRecipe:
    """A training on choices by their likelihood."""
    return _training(world, "choice-likelihood", **optimisation)


def _training(world: World, task_type: str, **optimisation: Any) -> TrainRecipe:
    recipe = world.train(TASKS[task_type], batch_size=16, **{**OPTIMISATION, **optimisation})
    (part,) = recipe.tasks
    task, data = _data(world, task_type, part.data[0])
    return recipe.model_copy(update={"tasks": (part.model_copy(update={"task": task, "data": (data,)}),)})


def _evaluation(world: World, task_type: str, model: Any) -> EvaluateRecipe:
    recipe = world.evaluation(TASKS[task_type], model, *get_task(TASKS[task_type]).languages[:2])
    task, data = _data(world, task_type, recipe.data)
    return recipe.model_copy(update={"task": task, "data": data})


def _data(world: World, task_type: str, step: str) -> tuple[TaskSpec, str]:
    """The rows of a data step read as those of this task type, in inputs so short that not all fit in one."""
    recipe = DataRecipe(**world.store.record(step)["recipe"])
    update = {"type": task_type, "type_version": get_task_type(task_type).version}
    data = world.do(recipe.model_copy(update={"task": recipe.task.model_copy(update=update), "max_length": MAX_LENGTH}))
    return world.spec(recipe.task.name).model_copy(update=update), data


def _ranking(world: World, task_type: str) -> TrainRecipe:
    task, start = world.spec("gen-text").model_copy(update={"type": "translation-ranking"}), world.scratch()
    rows = world.rows("gen-text", "train", "two", "three") + world.rows("gen-text", "dev", "two", "three")
    data = DataRecipe(task=task, rows=rows, tokenizer=CheckpointRef(step=start.tokenizer), max_length=MAX_LENGTH)
    part = TrainTask(
        task=task.model_copy(update={"type": task_type, "type_version": get_task_type(task_type).version}),
        data=(world.do(data),),
        mixture=Mixture(weights=(1.0,), alpha=0.5),
        head=task.name,
        select=Selection(metrics=("accuracy",)),
    )
    optimisation = Optimisation(batch_size=RANKING[task_type], **OPTIMISATION)
    return TrainRecipe(tasks=(part,), start=start, optimisation=optimisation, seed=1)


def moved(recorded: Any, now: Any, tolerance: float = TOLERANCE, at: str = "") -> list[str]:
    """One line for each number that is another one now, or is there on one side only."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*recorded, *now]))
        return [line for key in keys for line in moved(recorded.get(key), now.get(key), tolerance, f"{at} {key}")]
    if isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        pairs = enumerate(zip(recorded, now, strict=True))
        return [line for i, (a, b) in pairs for line in moved(a, b, tolerance, f"{at} {i}")]
    if isinstance(recorded, int | float) and isinstance(now, int | float):
        if math.isclose(recorded, now, rel_tol=tolerance, abs_tol=tolerance):
            return []
    elif recorded == now:
        return []
    return [f"{at.strip()}: {recorded} was recorded, now it is {now}"]


def recorded() -> dict[str, Any]:
    """Task type: the versions it was recorded under, and its numbers."""
    return json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
