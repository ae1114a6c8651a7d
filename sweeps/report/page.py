"""The report as one HTML page that needs nothing beside itself: no network, no file."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sweeps.report import published
from sweeps.report.figures import cell_text, mean_text, signed
from sweeps.report.model_selection import selections
from sweeps.report.narrative import cautions, marked_text, p_text, summary
from sweeps.report.questions.answer import Answer
from sweeps.report.questions.answer import cell_text as answer_cell
from sweeps.report.statistics import LEVEL, RESAMPLES
from sweeps.report.study import AVERAGES, Score, Study
from sweeps.report.usage import cost_of
from sweeps.results.notes import notes_of
from sweeps.results.results import Average
from sweeps.spec.intermediate import NONE
from trainables.steps import StepRecord
from trainables.steps.environment import Code
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.language_facts import GROUPS, HIGH, LANGUAGES, LOW, Language

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A figure of the page."""

    title: str
    caption: str
    text: str
    """What it shows, for those who do not see it."""
    svg: str
    width: int
    """In CSS pixels."""

    @property
    def source(self) -> str:
        """As a data URI: of its own, so that its ids are apart from those of other figures."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()


@dataclass(frozen=True)
class Group:
    """Languages of one group that a target is evaluated in, and the mean over them."""

    name: str
    target: str
    languages: tuple[str, ...]
    none: float | None
    differences: Mapping[str, float | None]


def render(
    study: Study,
    answers: Sequence[tuple[Answer, list[Picture]]],
    pictures: Mapping[str, list[Picture]],
    links: Mapping[str, str],
) -> str:
    """The page. `answers` to its questions, each with its figures; `pictures` by model; `links`: where a step's run is,
    by step."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "signed": signed,
        "p": p_text,
        "cell": cell_text,
        "mean": mean_text,
        "marked": marked_text,
        "way": _way,
        "answer_cell": answer_cell,
    }
    results = study.results
    records = [StepRecord.of(results.store, step) for step in results.plan.steps if results.store.done(step)]
    return environment.get_template("page.html").render(
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        js=(HERE / "page.js").read_text(encoding="utf-8"),
        study=study,
        answers=answers,
        spec=results.spec,
        models=[_model(study, model, pictures.get(model, [])) for model in study.models],
        cost=cost_of(results),
        links=links,
        languages=LANGUAGES,
        notes=[*notes_of(results), *study.remarks],
        finished=max((record.finished_at for record in records), default=""),
        codes=sorted({str(Code(**record.environment["code"])) for record in records}),
        base=NONE,
        level=LEVEL,
        resamples=RESAMPLES,
        low=LOW,
        high=HIGH,
    )


def _model(study: Study, model: str, pictures: list[Picture]) -> dict[str, Any]:
    """What the page shows of one model."""
    return {
        "name": model,
        "summary": summary(study, model),
        "cautions": cautions(study, model),
        "tables": [_table(study, model, average) for average in AVERAGES],
        "pictures": pictures,
        "differences": [score for score in _of(study, model, AVERAGES[0]) if score.difference is not None],
        "by_language": [_by_language(study, model, target) for target in study.targets],
        "groups": list(_groups(study, model)),
        "selections": selections(study, model),
    }


def _of(study: Study, model: str, average: Average) -> list[Score]:
    return [score for (of, over, _, _), score in study.averages.items() if (of, over) == (model, average)]


def _table(study: Study, model: str, average: Average) -> dict[str, Any]:
    """A table of scores with what each column is over; with XTREME's average also what others have published."""
    rows = {
        name: [study.averages[model, average, name, c] for c in study.columns[average]] for name in study.intermediates
    }
    shown = published.PUBLISHED if average == "xtreme" else ()
    others = [(one, [one.scores.get(column) for column in _published_columns(study)]) for one in shown]
    return {
        "average": average,
        "heads": [_head(study, model, average, column, targets) for column, targets in study.columns[average].items()],
        "rows": rows,
        "published": [(one, figures) for one, figures in others if any(figures)],
    }


def _published_columns(study: Study) -> Iterator[str]:
    """The key of each column among published scores; an average only where it is over the same nine targets."""
    whole = set(published.PUBLISHED[0].scores) - {published.AVERAGE}
    for column, targets in study.columns["xtreme"].items():
        if targets == [column]:
            yield column
        else:
            yield published.AVERAGE if set(targets) == whole else ""


def _head(study: Study, model: str, average: Average, column: str, targets: list[str]) -> dict[str, str]:
    if targets == [column]:
        rows = study.averages[model, average, study.intermediates[0], column].rows
        languages = study.results.languages(column, average)
        return {"name": column, "over": f"{_languages(len(languages))}, {rows:,} rows", "title": " ".join(languages)}
    searches = [name for name in targets if get_task_type(get_task(name).type).searches]
    left_out = [name for name in study.targets if name not in targets]
    title = f"without {', '.join(left_out)}" if left_out else ", ".join(targets)
    over = f"mean of {len(targets)} targets" + (f", {len(searches)} of retrieval" if searches else "")
    return {"name": column, "over": over, "title": title}


def _way(difference: float) -> str:
    """The class of a difference, by what it is when it is rounded."""
    text = signed(difference)
    return {"+": "up", "−": "down"}.get(text[0], "even")


def _languages(number: int) -> str:
    return f"{number} language" + ("" if number == 1 else "s")


def _by_language(study: Study, model: str, target: str) -> dict[str, Any]:
    """Of one target, a row for each language: what is known of it, its score and gap without intermediate, and the
    differences."""
    trained = get_task(target).train_language
    rows = []
    for code in study.results.languages(target, "xtreme"):
        scores = [study.languages[model, name, target, code] for name in study.intermediates]
        rows.append((code, LANGUAGES.get(code), code == trained, scores))
    return {"target": target, "rows": rows, "trained": trained, "known": any(known for _, known, _, _ in rows)}


def _groups(study: Study, model: str) -> Iterator[Group]:
    """Means over the languages of a group, the training language left out."""
    for target in study.targets:
        known = [LANGUAGES[code] for code in study.results.languages(target, "zero-shot") if code in LANGUAGES]
        for name in GROUPS:
            members = [one for one in known if one.group == name]
            if members:
                yield _group(study, model, target, name, members)


def _group(study: Study, model: str, target: str, name: str, members: list[Language]) -> Group:
    means: dict[str, float | None] = {}
    for intermediate in study.intermediates:
        entries = [study.languages[model, intermediate, target, one.code].entry for one in members]
        found = [entry.mean for entry in entries if entry is not None]
        means[intermediate] = fmean(found) if len(found) == len(members) else None
    none = means.pop(NONE, None)
    differences = {key: None if value is None or none is None else value - none for key, value in means.items()}
    return Group(name, target, tuple(one.code for one in members), none, differences)
