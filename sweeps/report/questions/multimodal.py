"""Do images help: multimodal starting models against text-only twins, image-text intermediates against controls."""

from __future__ import annotations

from collections.abc import Iterable

from sweeps.report.contrasts import minus
from sweeps.report.questions.answer import Answer, Cell, Drawing, Estimate, Table, corrected, p_of
from sweeps.report.questions.common import average, counted, done, facts, listed, usual_cautions
from sweeps.report.questions.plots import Forest
from sweeps.report.study import Study
from sweeps.spec.questions import controls


def answer(study: Study) -> Answer:
    """Each multimodal model against its text-only twin, by intermediate and target; each image-text intermediate
    against its controls, by model."""
    targets = counted(study)
    models = study.results.spec.models
    twins = {name: model.twin for name, model in models.items() if model.twin}
    keys = [(name, twin, of) for name, twin in twins.items() for of in study.intermediates]
    found = corrected([difference(study, name, twin, of, targets) for name, twin, of in keys])
    whole = {key: one for key, one in zip(keys, found, strict=True) if one is not None}
    single = [(name, twin, of, target) for name, twin, of in keys for target in (targets if len(targets) > 1 else ())]
    by_target = dict(
        zip(single, corrected([difference(study, m, t, of, [one]) for m, t, of, one in single]), strict=True)
    )
    added = _added(study, targets)
    tables = [_table(study, keys, whole, targets)] if keys else []
    if added:
        tables.append(_added_table(added))
        if len(targets) > 1:
            tables.append(_added_by_target(study, added, targets))
    if single:
        rows: list[tuple[Cell, ...]] = [(*key, one, p_of(one)) for key, one in by_target.items()]
        caption = (
            "The same by target. * holds at 5 % after Holm’s correction over the "
            f"{sum(one is not None for one in by_target.values())} differences of this table."
        )
        head = ("multimodal", "text-only", "intermediate", "target", "difference (95 %)", "p (Holm)")
        tables.append(Table("question-multimodal-targets", caption, head, tuple(rows)))
    figures: list[Drawing] = []
    held, limits = [], []
    if twins:
        held.append(
            "between twins: intermediates, target trainings and their settings, test rows, but not what a multimodal "
            "model was trained on beside images"
        )
        limits += [
            "A multimodal text tower has also read more text (captions, translations) than its twin: a difference is "
            "no effect of images. Caption-only training with the same texts and updates is the control.",
            "Seeds of two models are paired by their numbers alone; nothing but the test rows is shared.",
        ]
    if added:
        held.append(
            "between an image-text intermediate and its controls: the starting model, target trainings and their "
            "settings, test rows, the number of updates (caption-only: texts and batches, too)"
        )
    if whole:
        rows_of: dict[str, dict[str, Estimate]] = {}
        for (name, twin, of), one in whole.items():
            rows_of.setdefault(of, {})[f"{name} − {twin}"] = one
        figures.append(
            Forest(
                "question-multimodal",
                "Multimodal minus text-only",
                "Zero-shot, mean over targets, after the same intermediate; bars are 95 % intervals.",
                "points of score, mean over targets",
                rows_of,
            )
        )
    if known := {key: one for key, one in added.items() if one is not None}:
        drawn: dict[str, dict[str, Estimate]] = {}
        for (model, name, control, role), one in known.items():
            part = f" ({role})" if role != control else ""
            drawn.setdefault(f"{name} − {control}{part}", {})[model] = one
        figures.append(
            Forest(
                "question-multimodal-controls",
                "Image-text intermediate minus its controls",
                "Zero-shot, mean over targets, from the same model; bars are 95 % intervals. Against the same captions "
                "without images is what images add.",
                "points of score, mean over targets",
                drawn,
            )
        )
    return Answer(
        "multimodal",
        "Do multimodal models, or image-text intermediates, transfer better than text alone?",
        _claim(whole, added),
        facts(
            study,
            targets,
            "; ".join(held),
        ),
        tuple(figures),
        tuple(tables),
        (*limits, *usual_cautions(study, max(1, len(whole)))),
    )


def difference(study: Study, model: str, twin: str, intermediate: str, targets: list[str]) -> Estimate | None:
    """Multimodal minus text-only after one intermediate, mean over targets; None while a part is missing."""
    if not targets or any(done(study, one, intermediate, targets) != targets for one in (model, twin)):
        return None
    sums = (average(study, one, intermediate, targets) for one in (model, twin))
    found = study.judge.difference(minus(*sums))
    return Estimate.of(found) if found else None


def _table(
    study: Study,
    keys: list[tuple[str, str, str]],
    whole: dict[tuple[str, str, str], Estimate],
    targets: list[str],
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model, twin, of in keys:
        entries = [
            study.results.entry(one, of, targets, None, "zero-shot") if targets else None for one in (model, twin)
        ]
        shown = [str(entry) if entry else None for entry in entries]
        one = whole.get((model, twin, of))
        rows.append((model, twin, of, *shown, one, p_of(one)))
    caption = (
        f"Zero-shot average over {len(targets)} target{'' if len(targets) == 1 else 's'} ({listed(targets)}) of each "
        "multimodal model and its text-only twin after the same intermediate. * holds at 5 % after Holm’s correction "
        f"over the {len(whole)} differences of this table."
    )
    head = (
        "multimodal",
        "text-only",
        "intermediate",
        "multimodal score",
        "text-only score",
        "difference (95 %)",
        "p (Holm)",
    )
    return Table("question-multimodal", caption, head, tuple(rows))


def _added(study: Study, targets: list[str]) -> dict[tuple[str, str, str, str], Estimate | None]:
    """By model, image-text intermediate, control and the control's part: the difference, mean over targets."""
    keys = [
        (model, name, control, role)
        for model in study.models
        for name, of in controls(study.results.spec).items()
        for control, role in of.items()
    ]
    found = corrected([_gain(study, model, name, control, targets) for model, name, control, _ in keys])
    return dict(zip(keys, found, strict=True))


def _gain(study: Study, model: str, name: str, control: str, targets: list[str]) -> Estimate | None:
    """An image-text intermediate minus its control, mean over targets; None while a part is missing."""
    if not targets or any(done(study, model, one, targets) != targets for one in (name, control)):
        return None
    found = study.judge.difference(minus(*(average(study, model, one, targets) for one in (name, control))))
    return Estimate.of(found) if found else None


def _added_table(added: dict[tuple[str, str, str, str], Estimate | None]) -> Table:
    rows: list[tuple[Cell, ...]] = [(*key, one, p_of(one)) for key, one in added.items()]
    tests = sum(one is not None for one in added.values())
    caption = (
        "Image-text intermediate minus its controls, zero-shot, mean over targets, paired by test rows and seeds: the "
        "same captions without images (caption-only), text intermediates with as many updates, and none. * holds at "
        f"5 % after Holm’s correction over the {tests} differences of this table."
    )
    head = ("model", "image-text", "control", "its part", "difference (95 %)", "p (Holm)")
    return Table("question-multimodal-controls", caption, head, tuple(rows))


def _added_by_target(study: Study, keys: Iterable[tuple[str, str, str, str]], targets: list[str]) -> Table:
    single = [(*key, target) for key in keys for target in targets]
    found = corrected([_gain(study, model, name, control, [one]) for model, name, control, _, one in single])
    rows: list[tuple[Cell, ...]] = [(*key[:3], key[4], one, p_of(one)) for key, one in zip(single, found, strict=True)]
    caption = (
        "The same by target. * holds at 5 % after Holm’s correction over the "
        f"{sum(one is not None for one in found)} differences of this table."
    )
    head = ("model", "image-text", "control", "target", "difference (95 %)", "p (Holm)")
    return Table("question-multimodal-controls-targets", caption, head, tuple(rows))


def _claim(
    whole: dict[tuple[str, str, str], Estimate], added: dict[tuple[str, str, str, str], Estimate | None]
) -> tuple[str, ...]:
    sentences = []
    for (model, name, control, role), gain in added.items():
        if gain is not None and role == "caption-only":
            shown = "add to" if gain.low > 0 else "take from" if gain.high < 0 else "are not shown to add to"
            sentences.append(
                f"From {model} images {shown} their captions: {name} minus {control} is {gain.number} points zero-shot "
                f"(95 % interval {gain.interval})."
            )
    for model, twin in dict.fromkeys((model, twin) for model, twin, _ in whole):
        of = {name: one for (m, t, name), one in whole.items() if (m, t) == (model, twin)}
        first, one = next(iter(of.items()))
        what = "better than" if one.low > 0 else "worse than" if one.high < 0 else "not shown to differ from"
        after = "without intermediate" if first == "none" else f"after {first}"
        sentences.append(
            f"{model} is {what} its text-only twin {twin} {after}: {one.number} points zero-shot (95 % interval "
            f"{one.interval})."
        )
        sure = [f"{name} {e.number.rstrip('*')}" for name, e in of.items() if e.sure]
        sentences.append(f"Of {len(of)} intermediates the twins surely differ after {listed(sure) or 'none'}.")
    return tuple(sentences) or ("Not known yet: no pair that could be compared has all its cells.",)
