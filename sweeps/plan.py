"""The plan: the graph of the unique steps of a sweep.

A step is unique by its recipe's fingerprint, so whatever two cells of the grid have in common (prepared data, an
intermediate, the training of targets that share training data, the evaluation of an encoder that no seed has touched)
stands in the plan once, without any rule that says what to share.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from trainables.recipe import (
    AnyRecipe,
    DataRecipe,
    EvaluateRecipe,
    Execution,
    HubModel,
    LocalModel,
    Optimisation,
    Rows,
    ScratchModel,
    Selection,
    StepModel,
    TaskSpec,
    TokenizerRecipe,
    TrainRecipe,
)
from trainables.store import hash_model_dir
from trainables.tasks import Task, get_task
from trainables.tasks.opening import source_for
from trainables.tasks.sources import DataError, Source

from .spec import NONE, ModelSpec, PretrainSpec, SweepSpec, TargetSpec, Training, WrongSpec

Split = Literal["train", "dev", "test"]
Phase = Literal["pretrain", "intermediate", "target"]
Origin = HubModel | LocalModel | ScratchModel | StepModel
RETRIEVAL_LENGTH = 512
"""Subwords of a sentence in retrieval, as in the study's toolkit; less where the model has fewer positions."""
ROWS_UNKNOWN = 50_000
"""Rows assumed for an estimate of cost where epochs are given and the rows are not counted yet."""


@dataclass(frozen=True)
class Step:
    """One recipe to be carried out."""

    recipe: AnyRecipe
    name: str
    """As a person would say it."""
    execution: Execution
    tags: dict[str, str] = field(default_factory=dict)
    """Phase, model, intermediate, target, seed: of the first cell that asked for the step."""
    cost: float = 1.0
    """Relative: about the tokens that it takes through the model, a training token counting three times."""

    @property
    def id(self) -> str:
        return self.recipe.id

    @property
    def kind(self) -> str:
        return self.recipe.kind

    @property
    def needs(self) -> tuple[str, ...]:
        return self.recipe.needs

    @property
    def resources(self) -> tuple[float, float]:
        """CPUs and GPUs that it holds while it runs."""
        execution = self.execution
        workers = execution.workers if self.kind == "train" else 1
        gpus = 0 if self.kind == "prepare" else execution.gpus_per_worker
        return workers * execution.cpus_per_worker, workers * gpus


@dataclass(frozen=True)
class Cell:
    """One entry of the grid, and the step that gives its scores."""

    model: str
    intermediate: str
    target: str
    seed: int
    evaluation: str


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which every step stands after those it needs; the cells of the grid."""

    steps: dict[str, Step]
    cells: tuple[Cell, ...]
    naive_train_steps: int
    """Training steps if every cell were run by itself from the starting model on."""

    @cached_property
    def remaining(self) -> dict[str, float]:
        """Cost of the longest path from each step to an end of the plan, the step included."""
        longest = dict.fromkeys(self.steps, 0.0)
        for step in reversed(self.steps.values()):
            longest[step.id] += step.cost
            for need in step.needs:
                longest[need] = max(longest[need], longest[step.id])
        return longest


def make_plan(spec: SweepSpec, file: str) -> Plan:
    """The plan of a sweep. Raises WrongSpec when data is missing or a length does not fit its model."""
    planner = _Planner(spec)
    try:
        cells = [cell for name, model in spec.models.items() for cell in planner.model(name, model)]
    except DataError as error:
        raise WrongSpec([f"{file}: data: {error}"]) from None
    if planner.problems:
        raise WrongSpec([f"{file}: {problem}" for problem in dict.fromkeys(planner.problems)])
    return Plan(planner.steps, tuple(cells), planner.naive)


class _Planner:
    def __init__(self, spec: SweepSpec) -> None:
        self.spec = spec
        self.steps: dict[str, Step] = {}
        self.execution = spec.execution.model_copy(update={"data": spec.data})
        self.naive = 0
        self.problems: list[str] = []
        self._sources: dict[str, Source] = {}
        self._rows: dict[tuple[str, str, str], Rows] = {}

    # --- the grid --------------------------------------------------------------------------------------------

    def model(self, name: str, model: ModelSpec) -> list[Cell]:
        spec = self.spec
        self.prefix = f"{name}: " if len(spec.models) > 1 else ""
        base = self._base(name, model)
        cells = []
        for intermediate in spec.intermediates:
            for seed in spec.seeds:
                start = base
                if intermediate != NONE:
                    first = seed if spec.intermediate_seeds == "matched" else spec.seeds[0]
                    start = self._intermediate(name, intermediate, first, base)
                for target in spec.targets:
                    evaluation = self._target(name, intermediate, target, seed, start)
                    cells.append(Cell(name, intermediate, target.task, seed, evaluation))
                    phases = (model.pretrain is not None, intermediate != NONE, target.trained_on is not None)
                    self.naive += sum(phases)
        return cells

    def _base(self, name: str, model: ModelSpec) -> Origin:
        """The model that all intermediates start from; sets where its tokenizer comes from and its positions."""
        base: Origin
        shape: dict[str, Any] = dict(model.architecture or {})
        if model.architecture is not None:
            assert model.tokenizer is not None
            task = get_task(model.tokenizer.task)
            recipe = TokenizerRecipe(
                task=_spec_of(task),
                rows=self._text_rows(task, model.tokenizer.languages, None)[0],
                vocab_size=model.tokenizer.vocab_size,
            )
            self.tokenizer: Origin = StepModel(step=self._add(recipe, f"{self.prefix}tokenizer", {"model": name}))
            base = ScratchModel(architecture=model.architecture, tokenizer=recipe.id, seed=model.seed)
        elif (path := model.path) is not None:
            base = self.tokenizer = LocalModel(sha256=hash_model_dir(path))
            places = {**self.execution.places, base.sha256: str(path)}
            self.execution = self.execution.model_copy(update={"places": places})
            shape = json.loads((path / "config.json").read_text())
        else:
            assert model.start is not None
            assert model.revision is not None
            base = self.tokenizer = HubModel(hub=model.start, revision=model.revision)
        # XLM-R keeps two of its positions for padding; a model of the hub is taken to have as many as XLM-R.
        self.positions = int(shape.get("max_position_embeddings", 514)) - 2
        if model.pretrain is not None:
            base = self._pretrain(name, model, model.pretrain, base)
        return base

    # --- steps -----------------------------------------------------------------------------------------------

    def _pretrain(self, name: str, model: ModelSpec, pretrain: PretrainSpec, base: Origin) -> Origin:
        task = get_task(pretrain.task)
        given = self._training(task, task, f"models.{name}.pretrain", pretrain)
        train, dev = self._text_rows(task, pretrain.languages, given)
        where = f"models.{name}.pretrain.max_length"
        data = self._data(task, (*train, *dev), self._length(given, where), f"{task.name} train")
        return self._train("pretrain", task, data, base, given, model.seed, f"{self.prefix}pretrain", name)

    def _intermediate(self, model: str, name: str, seed: int, base: Origin) -> Origin:
        task = get_task(name)
        tags = {"intermediate": name, "seed": str(seed)}
        given = self._training(task, task, f"training.{name}")
        label = f"{self.prefix}{name} · seed {seed}"
        return self._trained("intermediate", task, name, given, base, seed, label, model, tags)

    def _target(self, model: str, intermediate: str, target: TargetSpec, seed: int, start: Origin) -> str:
        """Add training (where the target has any) and evaluation; the id of the evaluation."""
        task = get_task(target.task)
        length = min(RETRIEVAL_LENGTH, self.positions)
        label = f"{self.prefix}{intermediate} -> {task.name}"
        tags = {"intermediate": intermediate, "target": task.name}
        if target.trained_on is not None:
            trained_on = get_task(target.trained_on)
            given = self._training(task, trained_on, f"training.{task.name}")
            tags["seed"] = str(seed)
            label += f" · seed {seed}"
            start = self._trained("target", trained_on, task.name, given, start, seed, label, model, tags)
            length = self._length(given, f"training.{task.name}.max_length")
        elif intermediate != NONE:
            tags["seed"] = str(seed)
            label += f" · seed {seed}"
        rows = tuple(self._one(task, "test", language, self.spec.test_limit) for language in self._languages(target))
        data = self._data(task, rows, length, f"{task.name} test")
        recipe = EvaluateRecipe(
            task=_spec_of(task, get_task(target.trained_on) if target.trained_on else None),
            data=data,
            model=start,
            languages=tuple(one.language for one in rows),
        )
        tags = {"phase": "evaluate", "model": model, **tags}
        return self._add(recipe, f"evaluate {label}", tags, cost=len(rows) * 2_000 * length)

    def _trained(
        self,
        phase: Phase,
        task: Task,
        key: str,
        given: dict[str, Any],
        start: Origin,
        seed: int,
        label: str,
        model: str,
        tags: dict[str, str],
    ) -> Origin:
        language = task.train_language
        rows = (
            self._one(task, "train", language, given["train_limit"]),
            self._one(task, "dev", language, given["dev_limit"]),
        )
        length = self._length(given, f"training.{key}.max_length")
        data = self._data(task, rows, length, f"{task.name} train")
        return self._train(phase, task, data, start, given, seed, label, model, tags)

    def _train(
        self,
        phase: Phase,
        task: Task,
        data: str,
        start: Origin,
        given: dict[str, Any],
        seed: int,
        label: str,
        model: str,
        tags: dict[str, str] | None = None,
    ) -> Origin:
        optimisation = Optimisation(**{k: v for k, v in given.items() if k in Optimisation.model_fields})
        metrics = task.main_metrics if task.select_metric == "score" else (task.select_metric,)
        recipe = TrainRecipe(
            task=_spec_of(task),
            data=data,
            start=start,
            optimisation=optimisation,
            select=Selection(metrics=metrics, mode=task.select_mode),
            seed=seed,
        )
        steps = optimisation.steps
        if steps is None:
            rows = given["train_limit"] or ROWS_UNKNOWN
            steps = round((optimisation.epochs or 1) * rows / optimisation.batch_size)
        cost = 3.0 * steps * optimisation.batch_size * int(given["max_length"])
        return StepModel(step=self._add(recipe, label, {"phase": phase, "model": model, **(tags or {})}, cost))

    def _data(self, task: Task, rows: tuple[Rows, ...], length: int, label: str) -> str:
        recipe = DataRecipe(task=_spec_of(task), rows=rows, tokenizer=self.tokenizer, max_length=length)
        return self._add(recipe, f"{self.prefix}data {label}", {"phase": "prepare"}, cost=1e6)

    def _add(self, recipe: AnyRecipe, name: str, tags: dict[str, str], cost: float = 1e6) -> str:
        self.steps.setdefault(recipe.id, Step(recipe, name, self.execution, tags, cost))
        return recipe.id

    # --- what a recipe is made of ----------------------------------------------------------------------------

    def _training(self, named: Task, trained_on: Task, where: str, own: Training | None = None) -> dict[str, Any]:
        """Settings of a training: the task's defaults under `training.all` under `training.<task>`."""
        defaults = named.defaults or trained_on.defaults
        merged: dict[str, Any] = {"train_limit": None, "dev_limit": None}
        if defaults is not None:
            merged |= {
                "max_length": defaults.max_length,
                "batch_size": defaults.batch_size,
                "learning_rate": defaults.learning_rate,
                "epochs": defaults.epochs,
            }
        for layer in (self.spec.training.get("all"), own or self.spec.training.get(named.name)):
            given = layer.given() if layer is not None else {}
            if "steps" in given and "epochs" in given:
                self.problems.append(f"{where}: give either epochs or steps, not both")
                del given["epochs"]
            if "steps" in given:
                merged.pop("epochs", None)
            if "epochs" in given:
                merged.pop("steps", None)
            merged |= given
        return merged

    def _length(self, given: dict[str, Any], where: str) -> int:
        length = int(given["max_length"])
        if length > self.positions:
            self.problems.append(f"{where}: {length} subwords, but the model has {self.positions} positions")
        return length

    def _languages(self, target: TargetSpec) -> tuple[str, ...]:
        task = get_task(target.task)
        wanted = target.languages or self.spec.languages or task.languages
        return tuple(language for language in task.languages if language in wanted)

    def _text_rows(
        self, task: Task, languages: tuple[str, ...] | None, given: dict[str, Any] | None
    ) -> tuple[tuple[Rows, ...], tuple[Rows, ...]]:
        """Train and dev rows of a text task in each of its languages."""
        chosen = languages or task.languages
        limits = given or {"train_limit": None, "dev_limit": None}
        return (
            tuple(self._one(task, "train", language, limits["train_limit"]) for language in chosen),
            tuple(self._one(task, "dev", language, limits["dev_limit"]) for language in chosen),
        )

    def _one(self, task: Task, split: Split, language: str, limit: int | None) -> Rows:
        key = (task.name, split, language)
        if key not in self._rows:
            source = self._source(task)
            if problem := source.check(task, split, language):
                raise DataError(problem)
            self._rows[key] = Rows(split=split, language=language, revision=source.revision(task, split, language))
        return self._rows[key].model_copy(update={"limit": limit})

    def _source(self, task: Task) -> Source:
        if task.source not in self._sources:
            generated = self.spec.generated
            self._sources[task.source] = source_for(
                task.source, self.spec.data, generated.seed, generated.size, self.spec.revisions
            )
        return self._sources[task.source]


def _spec_of(task: Task, trained_on: Task | None = None) -> TaskSpec:
    labels = (trained_on or task).labels
    return TaskSpec(name=task.name, version=task.version, family=task.family, source=task.source, labels=labels)
