"""What a reader must know of a sweep's numbers, in lines of text."""

from __future__ import annotations

from sweeps.plan.graph import Cell
from sweeps.plan.remarks import matched
from sweeps.results.results import Results
from trainables.recipe.recipes import TrainRecipe
from trainables.recipe.tasks import FIRST_VISIBLE
from trainables.steps import TrainResult
from trainables.tasks import get_task


def notes_of(results: Results) -> list[str]:
    """What a reader must know of the tables."""
    notes = []
    for target, languages in results.unlabelled().items():
        notes.append(f"{target}: predictions but no scores, the data has no labels in {' '.join(languages)}")
    for (target, remark), languages in results.about_the_data().items():
        notes.append(f"{target}, {' '.join(languages)}: {remark}")
    for (rows, remark), languages in results.remarks().items():
        notes.append(f"{rows}, {' '.join(languages)}: {remark}")
    if results.spec.test_limit is not None:
        notes.append(
            f"scores are over {results.spec.test_limit} rows of each language (retrieval: all), not the whole sets"
        )
    stopped = sum(bool(results.stopped_in(cell)) for cell in results.plan.cells)
    if results.missing > stopped:
        missing = results.missing - stopped
        notes.append(f"{missing} of {len(results.plan.cells)} cells are not done; … stands for what is missing")
    if results.rounds:
        notes.append(str(results.rounds))
    notes += _selections(results)
    notes += _collapses(results)
    several = {t.task: get_task(t.task).main_metrics for t in results.spec.targets}
    if qa := [task for task, metrics in several.items() if set(metrics) == {"f1", "exact_match"}]:
        notes.append(f"{', '.join(qa)}: the mean of F1 and exact match")
    if recall := [task for task, metrics in several.items() if all("recall@" in metric for metric in metrics)]:
        notes.append(
            f"{', '.join(recall)}: the mean of recall at 1, 5 and 10, images by captions and captions by images"
        )
    scored = [t.task for t in results.spec.targets if results.languages(t.task, "xtreme")]
    if apart := [target for target in scored if not results.languages(target, "zero-shot")]:
        notes.append(f"{', '.join(apart)}: test rows in the training language alone; in no zero-shot mean")
    notes += matched(results.plan, results.spec)
    notes += _suites(results)
    notes += _label_positions(results)
    notes += _adaptations(results)
    notes += _likelihoods(results)
    seeds = len(results.spec.seeds)
    what = "intermediate and target" if results.spec.intermediate_seeds == "matched" else "the target phase alone"
    spread = f"± is the standard deviation over {seeds} seeds of {what}" if seeds > 1 else "one seed: no spread"
    notes.append(f"{spread}; checkpoints are selected on dev rows of the training language only")
    return notes


def _suites(results: Results) -> list[str]:
    """What adversarial sets are set against, and how their labels are scored."""
    notes = []
    for task in (get_task(target.task) for target in results.spec.targets):
        if task.clean_of is not None and task.perturbation is None:
            merged = ", ".join(f"{label} counts as {other}" for label, other in task.counts_as.items())
            model = f"{task.name}: adversarial set, by the trained models of {task.clean_of}; in no average"
            notes.append(f"{model}; {merged}" if merged else model)
    return notes


def _label_positions(results: Results) -> list[str]:
    """Where the tags of words stand, and for which languages that matters."""
    notes = []
    decoders = {
        name for name, model in results.spec.models.items() if (shape := model.shape()) is not None and shape.is_decoder
    }
    for (target, model), shares in results.bare_words().items():
        name = f"{target} ({model})" if len(results.spec.models) > 1 else target
        words = ", ".join(f"{language} {100 * share:.0f} %" for language, share in shares.items())
        bare = f"; words that begin with a bare space sign: {words}" if shares else ""
        task = get_task(target)
        if task.label_position is not None:
            notes.append(f"{name}: tags are on the first visible subwords, unlike the reference's: in no average{bare}")
        elif model in decoders:
            notes.append(f"{name}: tags are on the last subwords, where a decoder has read the whole word")
        elif shares and task.perturbation is None:
            behind = f"{target}@{FIRST_VISIBLE} has its tags behind it"
            notes.append(f"{name}: tags are on the first subwords, as in the reference{bare}; {behind}")
    return notes


def _adaptations(results: Results) -> list[str]:
    """Which trainings behind the cells were by low-rank adapters, of how large a part of the backbone, and what
    crossed from phase to phase."""
    names: dict[str, dict[str, None]] = {}
    shares: dict[str, list[float]] = {}
    taken: dict[str, dict[str, None]] = {}
    behind = {step for cell in results.cells for step in results.plan.behind(cell.evaluation)}
    for step in results.plan.steps.values():
        if step.id in behind and isinstance(step.recipe, TrainRecipe) and step.recipe.adaptation is not None:
            way = str(step.recipe.adaptation.lora)
            roles = (role for role in step.roles if role.phase in ("pretrain", "intermediate", "target"))
            said = (f"{role.phase} {getattr(role, role.phase, None) or role.model}" for role in roles)
            names.setdefault(way, {}).update(dict.fromkeys(said))
            shares.setdefault(way, []).append(TrainResult.of(results.store, step.id).trained_share)
            taken.setdefault(way, {}).update(dict.fromkeys(filter(None, (step.recipe.taken_over,))))
    notes = []
    for way, trained in names.items():
        least, most = (f"{100 * share:.2g}" for share in (min(shares[way]), max(shares[way])))
        share = least if least == most else f"{least} to {most}"
        crossing = f"; from the phase before: {', '.join(taken[way])}" if taken[way] else ""
        notes.append(f"{way} ({share} % of the backbone's parameters): {', '.join(trained)}{crossing}")
    return notes


def _likelihoods(results: Results) -> list[str]:
    """How the answers of targets that are read by likelihood are scored."""
    clean = [task for one in results.spec.targets if (task := get_task(one.task)).clean_of is None]
    notes, bases = [], [task.base for task in clean]
    for target in results.spec.targets:
        task = get_task(target.task)
        if (way := task.likelihood) is None:
            continue
        scored = "letters" if way.answers == "letters" else "answers"
        by = f", over their {way.normalise}" if way.normalise else ", summed over subwords"
        shots = (
            f"{way.shots} shots ({'own language' if task.shots_in == 'own' else 'English'})"
            if way.shots
            else "no shots"
        )
        trained = f"after training on {', '.join(target.trained_on)}" if target.trained_on else "not trained on it"
        counts = "; averages have the first way to read a task alone" if bases.count(task.base) > 1 else ""
        notes.append(f"{target.task}: log-likelihoods of {scored}{by}; {shots}; {trained}{counts}")
    return notes


def _selections(results: Results) -> list[str]:
    """Which trainings were stopped, and by which learning rate each cell goes."""
    notes = [f"{results.plan.steps[step].name}: {one}" for step, one in results.stopped.items()]
    if notes:
        notes.append("which training goes on was decided on dev rows of the training language, as successive halving")
    chosen: dict[tuple[str, str], int] = {}
    for cell in results.cells:
        if cell.variants[0].setting:
            key = (cell.target, cell.variants[0].setting)
            chosen[key] = chosen.get(key, 0) + 1
    for target in dict.fromkeys(target for target, _ in chosen):
        counts = ", ".join(f"{setting} ({count})" for (of, setting), count in chosen.items() if of == target)
        notes.append(f"{target}: each cell goes by what is best on its dev rows: {counts}")
    return notes


def _collapses(results: Results) -> list[str]:
    """Of each entry with collapsed runs which those are, and its mean without them."""
    notes = []
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in results.cells:
        groups.setdefault((cell.model, cell.intermediate, cell.target), []).append(cell)
    for (model, intermediate, target), cells in groups.items():
        how = dict.fromkeys(filter(None, (results.collapse_notes.collapse_behind(cell.evaluation) for cell in cells)))
        entry = results.entry(model, intermediate, [target], None, "zero-shot") if how else None
        if how:
            name = f"{intermediate} -> {target}" + (f" ({model})" if len(results.spec.models) > 1 else "")
            sound = entry.sound if entry is not None else None
            without = (
                f"; the mean without {'it' if len(how) == 1 else 'them'}: {sound:.1f}" if sound is not None else ""
            )
            notes.append(f"{name}: collapsed, and in the mean all the same: {'; '.join(how)}{without}")
    return notes
