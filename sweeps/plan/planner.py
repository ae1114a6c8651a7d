"""From a sweep file's fields to the plan: which recipes its cells ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sweeps.plan.adaptations import adaptation_remarks, carrying_remark
from sweeps.plan.builder import Builder, selection_of, tower_of
from sweeps.plan.graph import Cell, Plan, Role, Variant
from sweeps.spec.fields import SweepSpec, TargetSpec
from sweeps.spec.intermediate import NONE, IntermediateSpec, in_languages
from sweeps.spec.matching import RANKING
from sweeps.spec.model import ModelSpec
from sweeps.spec.perturbations import ways_of
from sweeps.spec.precision import with_precision
from sweeps.spec.reading import WrongSpec
from sweeps.spec.settings import Settings, WrongSettings, fitting, merged
from sweeps.spec.training import Training
from trainables.models.backbones import DEFAULT
from trainables.models.backbones.xlm_roberta import XLMR_LARGE
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.recipe.optimisation import Precision
from trainables.recipe.recipes import EvaluateRecipe, TokenizerRecipe
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import Corpus, Selection, TrainTask
from trainables.steps import get_step_kind
from trainables.store import hash_model_dir
from trainables.task_types import get_task_type
from trainables.tasks import Task, get_task
from trainables.tasks.files.use import use_task_files
from trainables.tasks.hyperparameters import MULTI_TASK
from trainables.tasks.lock import read_lock
from trainables.tasks.registry import use_ways
from trainables.tasks.sources import DataError, Source

ModelSource = HubModel | LocalModel | RandomInit | CheckpointRef
RETRIEVAL_LENGTH = 512
"""Subwords of a sentence in retrieval, as in the study's toolkit; less where the model has fewer positions."""
SELECT_RANKING = Selection(metrics=("accuracy",))


def make_plan(
    spec: SweepSpec, file: str, sources: Mapping[str, Source] | None = None, precision: Precision = "fp32"
) -> Plan:
    """The plan of a sweep; its steps have no costs yet (`sweeps.cost`).

    Args:
        file: path of the sweep file: its lock file says which commits of the hub to read; errors name it.
        sources: where rows come from, by kind of task, where that is not what the sweep says.
        precision: what `auto` stands for.

    Raises:
        WrongSpec: data is missing, or a setting does not fit.
    """
    use_task_files(spec.tasks)
    use_ways(ways_of(spec.likelihood, spec.perturbations))
    try:
        planner = _Planner(with_precision(spec, precision), read_lock(Path(file)).revisions, sources or {})
        cells = [cell for name, model in spec.models.items() for cell in planner.model(name, model)]
        planner.add_further_steps()
    except DataError as error:
        raise WrongSpec([f"{file}: data: {error}"]) from None
    except WrongSettings as error:
        raise WrongSpec([f"{file}: {error}"]) from None
    build = planner.build
    adapted = (*adaptation_remarks(build.steps), *carrying_remark(spec, build.steps))
    remarks = (*adapted, *build.remarks, *build.rows.dictionaries.remarks)
    return Plan(build.steps, tuple(cells), planner.unshared, remarks)


class _Planner:
    def __init__(self, spec: SweepSpec, locked: Mapping[str, str], sources: Mapping[str, Source]) -> None:
        self.spec = spec
        self.build = Builder(spec, locked, sources)
        self.unshared = 0

    # --- the grid --------------------------------------------------------------------------------------------

    def model(self, name: str, model: ModelSpec) -> list[Cell]:
        spec = self.spec
        self.build.prefix = f"{name}: " if len(spec.models) > 1 else ""
        base = self._base(name, model)
        cells = []
        for intermediate in spec.intermediates:
            for seed in spec.seeds:
                start = base
                if not intermediate.is_none:
                    first = seed if spec.intermediate_seeds == "matched" else spec.seeds[0]
                    start = self._intermediate(name, intermediate, first, base)
                for target in spec.targets:
                    variants = self._target(name, intermediate.name, target, seed, start)
                    cells.append(Cell(name, intermediate.name, target.task, seed, variants))
                    alone = len(model.pretrain) + (not intermediate.is_none) + len(target.trained_on)
                    self.unshared += alone * len(variants)
        return cells

    def add_further_steps(self) -> None:
        """Add what the sweep file asks for by the names of kinds of steps (`steps`)."""
        for name, options in self.spec.steps.items():
            try:
                for one in get_step_kind(name).plan(options, self.build):
                    label = f"{one.model}: {one.label}" if one.model and len(self.spec.models) > 1 else one.label
                    role = Role(name, label, one.model, one.intermediate, one.target, one.seed)
                    self.build.add(one.recipe, role)
            except ValueError as error:
                raise WrongSettings(f"steps.{name}: {error}") from None

    def _base(self, name: str, model: ModelSpec) -> ModelSource:
        """The model that all intermediates start from; sets where its tokenizer comes from and its positions."""
        base: ModelSource
        if model.architecture is not None:
            assert model.tokenizer is not None
            text = model.tokenizer
            architecture = dict(model.architecture)
            model_type = architecture.pop("model_type", DEFAULT)
            if model_type != DEFAULT:  # an architecture that names the default is that of one which names none
                architecture["model_type"] = model_type
            recipe = TokenizerRecipe(
                corpora=tuple(
                    Corpus(task=task.spec(), rows=self.build.rows.text(task, text.languages, "train", text.limit))
                    for task in map(get_task, text.corpora)
                ),
                exclude=self.build.rows.excluded(text),
                vocab_size=text.vocab_size,
                model_type=str(model_type) if model_type != DEFAULT else None,
            )
            self.build.tokenizer = CheckpointRef(
                step=self.build.add(recipe, Role("prepare", f"{self.build.prefix}tokenizer", model=name))
            )
            base = RandomInit(
                architecture=architecture, tokenizer=recipe.id, seed=model.seed, attention=model.attention
            )
        elif (path := model.path) is not None:
            self.build.tokenizer = LocalModel(sha256=hash_model_dir(path))
            base = self.build.tokenizer.model_copy(update={"attention": model.attention})
            self.build.executions.add_model(base.sha256, str(path))
        else:
            assert model.start is not None
            assert model.revision is not None
            self.build.tokenizer = HubModel(hub=model.start, revision=model.revision)
            base = self.build.tokenizer.model_copy(update={"attention": model.attention})
        # A model whose shape is not known before it is pulled is taken to have that of XLM-R.
        self.build.positions = (model.shape() or XLMR_LARGE).usable_positions
        for number in range(len(model.pretrain)):
            base = self._pretrain(name, model, number, base)
        return base

    # --- steps -----------------------------------------------------------------------------------------------

    def _pretrain(self, name: str, model: ModelSpec, number: int, base: ModelSource) -> ModelSource:
        pretrain = model.pretrain[number]
        where = f"models.{name}.pretrain[{number}]"
        first = get_task(pretrain.corpora[0])
        everywhere = self.spec.training.get("all")
        if everywhere is not None:  # a model is made in full, unless its pretraining itself says otherwise
            everywhere = everywhere.model_copy(update={"adaptation": None})
        settings = merged(where, self.build.positions, self.build.defaults(first), everywhere, pretrain)
        objective = get_task_type(pretrain.objective)
        batch, group = settings.optimisation.batch_size, objective.contrastive_group_size
        if batch % group:
            raise WrongSettings(f"{where}.batch_size: {batch} is no multiple of {group}")
        part = self.build.text_part(pretrain, pretrain.objective, settings.length, settings.limits)
        ranking = objective.learns_from_translations
        part = part.model_copy(update={"select": SELECT_RANKING if ranking else selection_of(first)})
        label = f"{self.build.prefix}pretrain" + (f" {number + 1}" if len(model.pretrain) > 1 else "")
        return self.build.train((part,), None, base, settings, model.seed, Role("pretrain", label, model=name))

    def _intermediate(self, model: str, intermediate: IntermediateSpec, seed: int, base: ModelSource) -> ModelSource:
        name, label = intermediate.name, f"{self.build.prefix}{intermediate.name} · seed {seed}"
        role, settings = Role("intermediate", label, model, name, seed=seed), self._settings(intermediate)
        if intermediate.captions_of is not None:
            task_name, languages = in_languages(self._named(intermediate.captions_of).tasks[0])
            task = get_task(task_name)
            objective = intermediate.objective or RANKING
            part = self.build.captions_part(task, languages or (task.train_language,), settings, objective)
            return self.build.train((part,), None, base, settings, seed, role)
        named = tuple(in_languages(name) for name in intermediate.tasks)
        trained: list[TrainTask] = []
        for task, (_, languages) in zip((get_task(name) for name, _ in named), named, strict=True):
            part = self.build.part(task, languages, settings, intermediate.vision)
            if intermediate.heads == "shared":
                alike = [other.head for other in trained if _head(other) == _head(part)]
                part = part.model_copy(update={"head": alike[0]}) if alike else part
            trained.append(part)
        if (text := intermediate.text) is not None:
            limits, objective = (text.train_limit, None), intermediate.text_objective(self.spec.models[model].shape())
            beside = self.build.text_part(text, objective, settings.fitting(text.max_length), limits)
            trained.append(beside.model_copy(update={"share": text.share}))
        sampling = None
        if len(trained) > 1:
            sampling = Sampling(cap=intermediate.cap, temperature=intermediate.temperature or 1.0)
        return self.build.train(tuple(trained), sampling, base, settings, seed, role)

    def _settings(self, intermediate: IntermediateSpec) -> Settings:
        """How an intermediate is trained; one that is matched to another has that one's updates and rows of an update,
        and one that has another's captions all of its settings but what the sweep file says of it by name."""
        other = self._named(intermediate.matched_to) if intermediate.matched_to is not None else None
        source = other if intermediate.captions_of is not None and other is not None else intermediate
        tasks, name = [get_task(in_languages(one)[0]) for one in source.tasks], intermediate.name
        alone = len(tasks) == 1
        names = dict.fromkeys((*((tasks[0].name,) if alone else ()), source.name, name))
        defaults = self.build.defaults(tasks[0]) if alone else MULTI_TASK
        layers = self.build.layers(*names)
        if other is not None:
            theirs = self._settings(other).fields
            layers.append(Training(steps=theirs["steps"], batch_size=theirs["batch_size"]))
            layers.append(self._share(intermediate, other, theirs.get("train_limit")))
        return merged(f"training.{name}", self.build.positions, defaults, *layers)

    def _share(self, one: IntermediateSpec, other: IntermediateSpec, limit: int | None) -> Training | None:
        """Of the same task in other languages: so many rows of each that all together are as many as `other` reads,
        where that has a limit and the sweep file gives `one` no other."""
        own = self.spec.training.get(one.name)
        if limit is None or not one.in_other_languages_than(other) or (own is not None and own.train_limit is not None):
            return None
        ours, theirs = (max(1, len(in_languages(it.tasks[0])[1])) for it in (one, other))
        return Training(train_limit=max(1, limit * theirs // ours))

    def _named(self, name: str) -> IntermediateSpec:
        return next(one for one in self.spec.intermediates if one.name == name)

    def _target(
        self, model: str, intermediate: str, target: TargetSpec, seed: int, start: ModelSource
    ) -> tuple[Variant, ...]:
        """Add training (where the target has any) and evaluation, for each of its learning rates."""
        task = get_task(target.task)
        task_type = get_task_type(task.type)
        length = self._untrained_length(task)
        label = f"{self.build.prefix}{intermediate} -> {task.name}"
        role = Role("target", label, model, intermediate, task.name)
        if target.trained_on or intermediate != NONE:
            role = replace(role, label=f"{label} · seed {seed}", seed=seed)
        label = role.label
        everywhere = self.spec.training.get("all")
        precision: Precision = "bf16" if everywhere is not None and everywhere.precision == "bf16" else "fp32"
        trained = [(start, "")]
        for name in target.trained_on:
            trained_on = get_task(name)
            if name == target.trained_on[-1]:  # in the target's way; those before it each in their own
                key, own = task.trained_as, label
                defaults = self.build.defaults(get_task(key)) or self.build.defaults(trained_on)
            else:
                key, defaults, own = name, self.build.defaults(trained_on), f"{label} ({name})"
            settings = merged(f"training.{key}", self.build.positions, defaults, *self.build.layers(key))
            variants = settings.variants if name == target.trained_on[-1] else [settings]
            precision = variants[0].optimisation.precision
            part = self.build.part(trained_on, (), settings)
            trained = []
            for one in variants:
                said = f"learning_rate {one.optimisation.learning_rate:g}" if len(variants) > 1 else ""
                step = self.build.train((part,), None, start, one, seed, replace(role, label=_joined(own, said)))
                trained.append((step, said))
            start = trained[-1][0]
            if not task_type.compares_vectors:
                length = settings.length
        languages = self._languages(target)
        labels = self.build.rows.task(get_task(target.trained_on[-1])).labels if target.trained_on else None
        spec = task.spec(labels=labels)
        if task_type.compares_vectors:
            spec = spec.model_copy(update={"vectors": self.spec.retrieval})
        if spec.likelihood is not None:
            spec = spec.model_copy(update={"likelihood": spec.likelihood.evaluation})
        spec = self.build.aligned(task, spec)
        rows = self.build.rows.evaluated(task, languages)
        shots = self.build.rows.shots(task, languages, target.trained_on)
        data = self.build.data(task, rows, length, f"{task.name} test", tower_of(spec), shots=shots)
        found = []
        for model_step, said in trained:
            recipe = EvaluateRecipe(task=spec, data=data, model=model_step, languages=languages, precision=precision)
            evaluation = self.build.add(
                recipe, replace(role, phase="evaluate", label=f"evaluate {_joined(label, said)}")
            )
            last = model_step.step if target.trained_on and isinstance(model_step, CheckpointRef) else None
            found.append(Variant(evaluation, last, said))
        return tuple(found)

    def _untrained_length(self, task: Task) -> int:
        """Subwords of a row of a target that is not trained: of prompts what the sweep file says, or all positions."""
        if not get_task_type(task.type).continues_prompts:
            return min(RETRIEVAL_LENGTH, self.build.positions)
        given = [one.max_length for one in self.build.layers(task.trained_as) if one is not None and one.max_length]
        return fitting(f"training.{task.name}", given[-1], self.build.positions) if given else self.build.positions

    def _languages(self, target: TargetSpec) -> tuple[str, ...]:
        task = get_task(target.task)
        wanted = set(target.languages or task.languages) & set(self.spec.languages or task.languages)
        return tuple(language for language in task.languages if language in wanted)


def _joined(label: str, said: str) -> str:
    return f"{label} · {said}" if said else label


def _head(part: TrainTask) -> tuple[str, tuple[str, ...]]:
    """What two tasks must have in common to share a head."""
    return part.task.type, part.task.labels
