"""What is to be known of a plan before anything runs: of its trainings, and of the rows that it reads, as far as a look
at small files shows it."""

from __future__ import annotations

from pathlib import Path

from sweeps.plan.graph import Plan
from sweeps.spec.fields import SweepSpec
from sweeps.spec.intermediate import IntermediateSpec
from sweeps.spec.matching import RANKING
from trainables.perturbations.noise import has_table
from trainables.recipe.analyses import TransferabilityRecipe
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.tasks import get_task
from trainables.tasks.language_facts import LANGUAGES
from trainables.tasks.sources import DataError
from trainables.tasks.sources.folder.user_rows import unread
from trainables.tasks.sources.open_source import source_at
from trainables.tasks.task import HUB

_IN_UNICODE = {"Han": "CJK", "Japanese": "HIRAGANA", "Odia": "ORIYA"}
"""Scripts by another name in Unicode."""


def remarks_of(plan: Plan, spec: SweepSpec) -> list[str]:
    """Remarks on its trainings, then `TASK SPLIT, LANGUAGES: REMARK` of the data steps of a plan: placeholders for
    labels, ids that are not unique, other rows in place of a test set.

    Rows that cannot be read are said, too: their steps will fail. So are files of rows that no task reads.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for step in plan.steps.values():
        if isinstance(step.recipe, DataRecipe):
            task = get_task(step.recipe.task.name)
            for rows in step.recipe.rows:
                source = source_at(task.source, spec.data_of(task.name), rows.revision)
                try:
                    remarks = source.glance(task, rows.split, rows.language)
                except DataError as problem:
                    remarks = (str(problem),)
                if rows.stands_in is not None:
                    remarks = (*remarks, f"{rows.stands_in} rows are scored: there is no test set with labels")
                for remark in remarks:
                    found.setdefault((f"{task.name} {rows.split}", remark), {})[rows.language] = None
    said = [f"{what}, {' '.join(languages)}: {remark}" for (what, remark), languages in found.items()]
    return [*known_without_rows(plan, spec), *said, *unread_rows(spec)]


def known_without_rows(plan: Plan, spec: SweepSpec) -> list[str]:
    """What is to be known of a plan whatever its rows are, a line each; of a draft that is all."""
    about_rows = (*matched(plan, spec), *without_table(plan), *without_fit(plan, spec))
    return [*dropped(spec), *plan.remarks, *early_tags(spec), *about_rows]


def dropped(spec: SweepSpec) -> list[str]:
    """A line for each model of several towers, of which the text tower alone is read."""
    lines = []
    for name, model in spec.models.items():
        tower = model.text_tower
        if tower is not None:
            lines.append(f"models.{name}: its text tower alone is read; left out: {tower.dropped}")
    return lines


def early_tags(spec: SweepSpec) -> list[str]:
    """A line for each causal decoder with tags in other places than its own, where it has not read the words yet."""
    placed = [task for target in spec.targets if (task := get_task(target.task)).label_position is not None]
    causal = [name for name, model in spec.models.items() if (shape := model.shape()) is not None and shape.causal]
    return [
        f"{task.name}: models.{name} is a causal decoder, which has read all of a word only at its last subword: there "
        f"are the tags of {task.base.name}, and not those of {task.name}"
        for name in causal
        for task in placed
    ]


def without_table(plan: Plan) -> list[str]:
    """A line for each perturbed task with languages whose script has no table of keys, or of letters alike."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for step in plan.steps.values():
        recipe = step.recipe
        for rows in recipe.rows if isinstance(recipe, DataRecipe) else ():
            facts, how = LANGUAGES.get(rows.language), rows.perturbation
            if facts is None or how is None:
                continue
            if has_table(how.kind, _IN_UNICODE.get(facts.script, facts.script.upper()), how.keyboard):
                continue
            assert isinstance(recipe, DataRecipe)
            found.setdefault((recipe.task.title, how.kind), {})[rows.language] = facts.script
    return [
        f"{task} perturbed by {kind}, {' '.join(of)}: no table of the script "
        f"({', '.join(dict.fromkeys(of.values()))}), whose words stay as they are"
        for (task, kind), of in found.items()
    ]


def without_fit(plan: Plan, spec: SweepSpec) -> list[str]:
    """A line on the targets that `steps: {transferability: {}}` says nothing of."""
    if "transferability" not in spec.steps:
        return []
    measured = {
        role.target
        for step in plan.steps.values()
        if isinstance(step.recipe, TransferabilityRecipe)
        for role in step.roles
    }
    left = ", ".join(target.task for target in spec.targets if target.task not in measured)
    return [f"steps.transferability: nothing of {left}: no labels of rows, words or choices"] if left else []


def matched(plan: Plan, spec: SweepSpec) -> list[str]:
    """A line for each intermediate that is matched to another: in what they are equal, and what differs."""
    trained: dict[str, Optimisation] = {}
    for step in plan.steps.values():
        for role in step.roles:
            if role.phase == "intermediate" and role.intermediate and isinstance(step.recipe, TrainRecipe):
                trained[role.intermediate] = step.recipe.optimisation
    lines = []
    for one in spec.intermediates:
        if one.matched_to is None or one.name not in trained:
            continue
        ours, theirs = trained[one.name], trained[one.matched_to]
        assert (ours.steps, ours.batch_size) == (theirs.steps, theirs.batch_size)
        said = f"{one.name}: {ours.steps} updates of {ours.batch_size} rows, as {one.matched_to} has"
        if one.captions_of is None:
            other = next(it for it in spec.intermediates if it.name == one.matched_to)
            lines.append(f"{said}; {_rows_text(plan, one, other)}")
            continue
        others = ("learning_rate", "warmup", "weight_decay", "dropout", "attention_dropout", "precision")
        differ = [name for name in others if getattr(ours, name) != getattr(theirs, name)]
        more = f", and {', '.join(differ)}" if differ else ""
        lines.append(f"{said}, of the same captions; without images, and by {one.objective or RANKING}{more}")
    return lines


def _rows_text(plan: Plan, one: IntermediateSpec, other: IntermediateSpec) -> str:
    if not one.in_other_languages_than(other):
        return "rows and task differ"
    limits = [_train_limit(plan, name) for name in (one.name, other.name)]
    if None in limits:
        return f"the same task in other languages; train_limit of {other.name} would give both as many train rows"
    return f"the same task in other languages, {limits[0]:,} train rows in all, and {limits[1]:,}"


def _train_limit(plan: Plan, intermediate: str) -> int | None:
    """Train rows that an intermediate reads at most, in all languages; None where some have no limit."""
    for step in plan.steps.values():
        if any(role.phase == "intermediate" and role.intermediate == intermediate for role in step.roles):
            recipes = [plan.steps[name].recipe for name in step.recipe.data_steps]
            rows = [
                ref.limit for one in recipes if isinstance(one, DataRecipe) for ref in one.rows if ref.split == "train"
            ]
            return None if None in rows else sum(limit or 0 for limit in rows)
    return None


def unread_rows(spec: SweepSpec) -> list[str]:
    """A line for each file of rows of one's own that no task reads, in all data folders of a sweep."""
    folders = dict.fromkeys(data for data in spec.data.values() if data != HUB)
    return [line for folder in folders for line in unread(Path(folder).expanduser())]
