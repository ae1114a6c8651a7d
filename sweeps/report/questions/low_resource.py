"""Do English intermediates close the gap of low-resource languages, or does it take intermediates in the language?"""

from __future__ import annotations

from sweeps.report.contrasts import mean_of
from sweeps.report.figures import file_name
from sweeps.report.questions.answer import Answer, Drawing, Estimate, Table
from sweeps.report.questions.arms import OWN, Comparison, arms_table, comparisons, gain
from sweeps.report.questions.common import counted, facts, usual_cautions
from sweeps.report.questions.gaps import LOW_GROUP, gap_table
from sweeps.report.questions.plots import Forest
from sweeps.report.study import Study
from sweeps.spec.intermediate import NONE
from trainables.tasks.language_facts import LANGUAGES


def answer(study: Study) -> Answer:
    """Gaps by group of languages; differences of intermediates in the language to the same in English."""
    targets = counted(study)
    found = [one for model in study.models for one in comparisons(study, model, targets)]
    tables: list[Table] = []
    figures: list[Drawing] = []
    claim = list(_own_claim(study, found))
    if found:
        table, drawn = arms_table(study, found)
        tables.append(table)
        figures.append(
            Forest(
                "question-low-resource-arms",
                "Intermediate in the language, against English",
                "Score in the language after the intermediate in that language (or in several) minus after the same in "
                "English; mean over targets; bars are 95 % intervals.",
                "points, to the English intermediate",
                {label: row for label, row in drawn.items() if row},
            )
        )
    for model in study.models:
        table, gaps = gap_table(study, model, targets)
        if not table.rows:
            continue
        tables.append(table)
        claim += _gap_claim(table, model if len(study.models) > 1 else "")[: len(claim) < 3]
        groups = dict.fromkeys(group for group, _ in gaps)
        shown = list(dict.fromkeys(name for _, name in gaps))[:6]
        figures.append(
            Forest(
                file_name("question-low-resource-gap", model),
                f"Transfer gap by resource class, from {model}",
                "Training language minus the mean of the languages of a class (Joshi et al. 2020), mean over targets.",
                "points of gap",
                {group: {name: gaps[group, name] for name in shown if (group, name) in gaps} for group in groups},
            )
        )
    tests = sum(len(one.others) for one in found) or max((len(table.rows) for table in tables), default=1)
    return Answer(
        "low-resource",
        "Do English intermediates close the gap of low-resource languages, or does it take the language itself?",
        tuple(claim) or ("Not known yet: no gap can be given.",),
        facts(
            study,
            targets,
            "starting model, target trainings (English), test rows and seeds; rows and updates of the intermediates as "
            "the table states",
            "checkpoints and the choice of an intermediate: dev rows of the training language alone; the oracle looks "
            "at test rows, and is no choice",
        ),
        tuple(figures),
        tuple(tables),
        (
            "Languages of a class differ in script, family and test set, too: a gap is no effect of resources.",
            "Translated train rows carry the translator’s errors and style; native rows differ in content as well.",
            "A language that no intermediate is in says nothing of its own arm; those compared are few and chosen.",
            *usual_cautions(study, tests),
        ),
    )


def _own_claim(study: Study, found: list[Comparison]) -> list[str]:
    """What training in the language itself gives, over all languages that have such an intermediate."""
    whole = [one for one in found if OWN in one.others]
    if not whole:
        return []
    lines = []
    low = [one for one in whole if (fact := LANGUAGES.get(one.language)) and (fact.resource or 0) <= 2]
    for of, name in ((whole, "languages"), (low, "low-resource languages (classes 0 to 2)")):
        judged = study.judge.difference(mean_of(gain(study, one, OWN) for one in of)) if of else None
        if judged is None or (name != "languages" and len(of) == len(whole)):
            continue
        one = Estimate.of(judged)
        codes = list(dict.fromkeys(c.language for c in of))
        what = "is better than" if one.low > 0 else "is worse than" if one.high < 0 else "is not shown to differ from"
        lines.append(
            f"{f'Over {len(codes)} {name} ({chr(32).join(codes)})' if len(codes) > 1 else f'In {codes[0]}'} the "
            f"intermediate in the language {what} the English one: {one.number} points (95 % interval {one.interval})."
        )
    return lines


def _gap_claim(table: Table, model: str) -> list[str]:
    """The gap of low-resource languages without intermediate, and what changes it most surely."""
    rows = [row for row in table.rows if row[0] == LOW_GROUP]
    none = next((row[5] for row in rows if row[4] == NONE), None)
    if not isinstance(none, Estimate):
        return []
    changes = {str(row[4]): row[6] for row in rows if isinstance(row[6], Estimate)}
    sure = [f"{name} {one.number.rstrip('*')} ({one.interval})" for name, one in changes.items() if one.sure]
    rest = f"; changed by {', '.join(sure)}" if sure else "; no intermediate is shown to change it" if changes else ""
    of = f", from {model}" if model else ""
    return [f"Without intermediate the gap of {LOW_GROUP} is {none.number} points ({none.interval}){of}{rest}."]
