"""What a plan is made of: adding steps to it, and each once. `sweeps.plan.planner` says which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.plan.adaptations import rate_remark
from sweeps.plan.executions import Executions
from sweeps.plan.graph import Role, Step
from sweeps.plan.splits import SplitResolver
from sweeps.spec.fields import SweepSpec
from sweeps.spec.settings import Settings, WrongSettings
from sweeps.spec.training import LmSpec, MixtureSpec, Training
from sweeps.spec.vision import VisionSpec
from trainables.models.shape import ModelShape
from trainables.recipe.adaptation import Adaptation
from trainables.recipe.model_source import CheckpointRef, ModelSource
from trainables.recipe.recipes import DataRecipe, Recipe, TrainRecipe
from trainables.recipe.sampling import Mixture, Sampling
from trainables.recipe.tasks import Corpus, Selection, SplitRef, TaskSpec, TrainTask
from trainables.recipe.vision import VisionTower
from trainables.steps import kind_of
from trainables.task_types import get_task_type
from trainables.tasks import Task, get_task
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.registry import base_of
from trainables.tasks.sources import Source


class Builder:
    """The steps of a plan so far. `prefix`, `tokenizer` and `positions` are of the model whose cells are planned."""

    def __init__(self, spec: SweepSpec, locked: Mapping[str, str], sources: Mapping[str, Source]) -> None:
        self.spec = spec
        self.steps: dict[str, Step] = {}
        self.executions = Executions(spec)
        self.rows = SplitResolver(spec, {**locked, **spec.revisions}, sources)
        self.remarks: dict[str, None] = {}
        """What a person should know of how it trains, a line each."""
        self.prefix = ""
        """What its labels begin with."""
        self.tokenizer: ModelSource
        self.positions: int
        self._prepared: dict[Any, str] = {}

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Of the steps so far (`PlanContext`)."""
        return {name: step.recipe for name, step in self.steps.items()}

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of the sweep (`PlanContext`)."""
        return self.spec.seeds

    @property
    def roles(self) -> Mapping[str, Sequence[Role]]:
        """Of the steps so far (`PlanContext`)."""
        return {name: step.roles for name, step in self.steps.items()}

    def shape(self, model: str) -> ModelShape | None:
        """Of a model of the sweep, as far as it is known (`PlanContext`)."""
        return self.spec.models[model].shape()

    def add(self, recipe: Recipe, role: Role) -> str:
        """Add a step, or one role more to the step that is there."""
        step = self.steps.get(recipe.id)
        if step is None:
            step = Step(recipe, (), self.executions.of(kind_of(recipe).group, role.model))
        self.steps[recipe.id] = step.in_role(role)
        return recipe.id

    def data(
        self,
        task: Task,
        rows: tuple[SplitRef, ...],
        length: int,
        label: str,
        tower: VisionTower | None = None,
        read_as: str | None = None,
        shots: Corpus | None = None,
    ) -> str:
        """The id of the step that prepares rows of a task.

        Args:
            tower: what reads its images, if it has any.
            read_as: the task type that reads them, where it is not the task's own.
            shots: rows of which some stand before each row.
        """
        # Nearly every cell asks for data that another has asked for, and a recipe takes its time to make.
        key = (task.name, rows, length, self.tokenizer, str(tower), read_as, shots)
        if key not in self._prepared:
            spec = self.rows.task(task) if read_as is None else task.spec(type=read_as)
            if spec.likelihood is not None:
                spec = spec.model_copy(update={"likelihood": spec.likelihood.encoding})
            for sha256, path in self.rows.dictionaries.paths.items():
                self.executions.add_dictionary(sha256, path)
            recipe = DataRecipe(
                task=spec, rows=rows, tokenizer=self.tokenizer, max_length=length, tower=tower, shots=shots
            )
            self._prepared[key] = self.add(recipe, Role("prepare", f"{self.prefix}data {label}"))
        return self._prepared[key]

    def part(
        self, task: Task, languages: tuple[str, ...], settings: Settings, vision: VisionSpec | None = None
    ) -> TrainTask:
        """A task's part in a training, on its train rows in `languages`; `vision`: where it is not the sweep's."""
        length = settings.length_of(self.defaults(task))
        if length < (least := get_task_type(task.type).least_length):
            raise WrongSettings(
                f"{settings.where}.max_length: {length} subwords are too few for {task.type} ({task.name}); "
                f"give {least} or more"
            )
        rows = self.rows.trained(task, languages, *settings.limits)
        spec = self.aligned(task, self.rows.task(task), vision)
        shots = self.rows.shots(task, (), ())
        data = self.data(task, rows, length, f"{task.name} train", tower_of(spec), shots=shots)
        return TrainTask(task=spec, data=(data,), head=task.name, select=selection_of(task))

    def aligned(self, task: Task, spec: TaskSpec, vision: VisionSpec | None = None) -> TaskSpec:
        """What recipes hold of a task; of one with images also how they are aligned with captions."""
        vision = vision or self.spec.vision
        if get_task_type(task.type).image_column is None or vision is None:
            return spec
        alignment, paths = vision.alignment()
        for sha256, path in paths.items():
            self.executions.add_model(sha256, path)
        return spec.model_copy(update={"alignment": alignment})

    def captions_part(self, task: Task, languages: tuple[str, ...], settings: Settings, objective: str) -> TrainTask:
        """The part of the captions of an image-text task, without their images, in a training."""
        task_type = get_task_type(objective)
        pairs = task_type.learns_from_translations
        batch, group = settings.optimisation.batch_size, task_type.contrastive_group_size
        if pairs and batch % group:
            raise WrongSettings(
                f"{settings.where}.batch_size: {batch} is no multiple of {group}, the pairs that {objective} compares"
            )
        train_limit, dev_limit = settings.limits
        train = [self.rows.one(task, "train", one, train_limit) for one in languages]
        # What picks the checkpoint are captions of held-out images, in the languages that are trained on.
        dev = [self.rows.one(task, "dev", one, dev_limit) for one in (languages if pairs else (task.train_language,))]
        length = settings.length_of(self.defaults(task))
        data = self.data(task, (*train, *dev), length, f"{task.name} captions ({objective})", read_as=objective)
        select = Selection(metrics=("accuracy",)) if pairs else Selection(metrics=("loss",), mode="min")
        # Those that are compared are of one language, so that none of them says the same as another.
        mixture = Mixture(weights=(1.0,), alpha=1.0) if pairs else None
        spec = task.spec(type=objective)
        return TrainTask(task=spec, data=(data,), mixture=mixture, head=spec.name, select=select)

    def text_part(
        self, text: MixtureSpec, task_type: str, length: int, limits: tuple[int | None, int | None]
    ) -> TrainTask:
        """Text's part in a training. It has no say in the checkpoint."""
        tasks = [get_task(corpus) for corpus in text.corpora]
        objective, data = get_task_type(task_type), []
        for task in tasks:
            languages = text.languages or task.languages
            if objective.learns_from_translations:  # translations are into the others
                languages = tuple(language for language in languages if language != task.train_language)
            train = self.rows.text(task, languages, "train", limits[0])
            dev = () if isinstance(text, LmSpec) else self.rows.text(task, languages, "dev", limits[1])
            recipe = DataRecipe(
                task=task.spec(type=objective.prepared_as or objective.name),
                rows=(*train, *dev),
                tokenizer=self.tokenizer,
                max_length=length,
                exclude=self.rows.excluded(text),
            )
            data.append(self.add(recipe, Role("prepare", f"{self.prefix}data {task.name} train")))
        mixture = None
        if text.alpha is not None:
            weights = tuple(text.weights.get(corpus, 1.0) for corpus in text.corpora)
            mixture = Mixture(weights=weights, alpha=text.alpha, translations=text.translations)
        spec = tasks[0].spec(type=task_type)
        return TrainTask(task=spec, data=tuple(data), mixture=mixture, head=spec.name, select=None)

    def train(
        self,
        tasks: tuple[TrainTask, ...],
        sampling: Sampling | None,
        start: ModelSource,
        settings: Settings,
        seed: int,
        role: Role,
    ) -> ModelSource:
        """Add a training; what it leaves."""
        optimisation, collapse = settings.optimisation, self.spec.early_stopping.collapse
        told = all(get_task_type(task.task.type).tells_chance(task.task) for task in tasks if task.select is not None)
        optimisation = optimisation.model_copy(
            update={"collapse_patience": collapse.patience if told else None, "reseed": collapse.reseed or None}
        )
        recipe = TrainRecipe(
            tasks=tasks,
            sampling=sampling,
            start=start,
            optimisation=optimisation,
            adaptation=self._adaptation(settings, start),
            seed=seed,
        )
        self.add(recipe, role)
        if recipe.adaptation is not None and not settings.own_rate:
            self.remarks |= dict.fromkeys(rate_remark(settings.where, optimisation.learning_rate))
        return recipe.checkpoint

    def _adaptation(self, settings: Settings, start: ModelSource) -> Adaptation | None:
        """What a training trains of its backbone. Raises WrongSettings where it cannot carry on the adapters that it
        starts from."""
        spec = settings.adaptation
        if spec is None or spec.lora is None:
            return None
        lora, before = spec.lora.lora(), None
        if spec.between_phases == "carried" and isinstance(start, CheckpointRef) and start.over is not None:
            recipe = self.steps[start.step].recipe
            assert isinstance(recipe, TrainRecipe)
            before = recipe.adaptation
        if before is not None and not lora.same_adapters(before.lora):
            raise WrongSettings(
                f"{settings.where}.adaptation.between_phases: carried, but it starts from other adapters "
                f"({before.lora}) than its own ({lora}); give equal rank, alpha and targets, or merged"
            )
        return Adaptation(lora=lora, carried=True if before is not None else None)

    def layers(self, *names: str) -> list[Training | None]:
        """What the sweep file says of all trainings, then of those of these names; of `TASK@WAY` first what it says
        of TASK."""
        names = tuple(one for name in names for one in (base_of(name), name))
        return [self.spec.training.get(name) for name in ("all", *dict.fromkeys(names))]

    def defaults(self, task: Task) -> Defaults | None:
        """The published settings of a task."""
        return task.defaults(self.spec.hyperparameters)


def tower_of(spec: TaskSpec) -> VisionTower | None:
    """What reads the images of a task's rows."""
    return None if spec.alignment is None else spec.alignment.tower


def selection_of(task: Task) -> Selection:
    """What picks the checkpoint of a training on a task."""
    metrics = task.main_metrics if task.select_metric == "score" else (task.select_metric,)
    return Selection(metrics=metrics, mode=task.select_mode)
