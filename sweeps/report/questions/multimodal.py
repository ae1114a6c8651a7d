"""Do multimodal starting models transfer better than text-only ones, and what do image-text intermediates add?"""

from __future__ import annotations

from sweeps.report.contrasts import minus
from sweeps.report.questions.answer import Answer, Cell, Drawing, Estimate, Table, corrected, p_of
from sweeps.report.questions.common import average, counted, done, facts, listed, usual_cautions
from sweeps.report.questions.plots import Forest
from sweeps.report.study import Study


def answer(study: Study) -> Answer:
    """Each multimodal model against its text-only twin, by intermediate and target."""
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
    tables = [_table(study, keys, whole, targets)]
    if single:
        rows: list[tuple[Cell, ...]] = [(*key, one, p_of(one)) for key, one in by_target.items()]
        caption = (
            "The same by target. * holds at 5 % after Holm’s correction over the "
            f"{sum(one is not None for one in by_target.values())} differences of this table."
        )
        head = ("multimodal", "text-only", "intermediate", "target", "difference (95 %)", "p (Holm)")
        tables.append(Table("question-multimodal-targets", caption, head, tuple(rows)))
    figures: tuple[Drawing, ...] = ()
    if whole:
        rows_of: dict[str, dict[str, Estimate]] = {}
        for (name, twin, of), one in whole.items():
            rows_of.setdefault(of, {})[f"{name} − {twin}"] = one
        figures = (
            Forest(
                "question-multimodal",
                "Multimodal minus text-only",
                "Zero-shot, mean over targets, after the same intermediate; bars are 95 % intervals.",
                "points of score, mean over targets",
                rows_of,
            ),
        )
    return Answer(
        "multimodal",
        "Do multimodal models transfer better than text-only ones?",
        _claim(whole),
        facts(
            study,
            targets,
            "between twins: intermediates, target trainings and their settings, test rows; not held fixed: what a "
            "multimodal model was trained on beside images",
        ),
        figures,
        tuple(tables),
        (
            "A multimodal text tower has also read more text (captions, translations) than its twin: a difference is "
            "no effect of images. Caption-only training with the same texts and updates is the control.",
            "Seeds of two models are paired by their numbers alone; nothing but the test rows is shared.",
            *usual_cautions(study, max(1, len(whole))),
        ),
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


def _claim(whole: dict[tuple[str, str, str], Estimate]) -> tuple[str, ...]:
    if not whole:
        return ("Not known yet: no multimodal model and its twin have all their cells.",)
    sentences = []
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
    return tuple(sentences)
