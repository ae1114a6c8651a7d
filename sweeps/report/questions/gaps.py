"""The transfer gap of groups of languages: the training language minus the group (XTREME: Hu et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sweeps.report.contrasts import Part, mean_of, minus
from sweeps.report.figures import file_name
from sweeps.report.questions.answer import Cell, Estimate, Table, corrected
from sweeps.report.questions.common import ZERO_SHOT, done
from sweeps.report.study import Study
from sweeps.results.groups import group_of
from sweeps.spec.intermediate import NONE
from trainables.tasks import get_task
from trainables.tasks.language_facts import GROUPINGS, Grouping

LOW_CLASSES = ("class 0", "class 1", "class 2")
LOW_GROUP = "classes 0 to 2"


@dataclass(frozen=True)
class Group:
    """Languages of a kind, by target."""

    grouping: Grouping
    name: str
    members: dict[str, tuple[str, ...]]
    """Target -> its languages of this group, the training language left out."""

    @property
    def languages(self) -> list[str]:
        return list(dict.fromkeys(code for codes in self.members.values() for code in codes))


def groups_of(study: Study, model: str, targets: Iterable[str]) -> list[Group]:
    """By every grouping, and the low resource classes together. Targets that are not scored in the training language
    have no gap."""
    found: dict[tuple[Grouping, str], dict[str, tuple[str, ...]]] = {}
    for target in targets:
        scored = study.results.languages(target, "xtreme")
        if get_task(target).train_language not in scored:
            continue
        for code in study.results.languages(target, ZERO_SHOT):
            for grouping in GROUPINGS:
                name = group_of(study.results.spec.models[model], code, grouping)
                names = [name] + [LOW_GROUP] * (name in LOW_CLASSES)
                for one in filter(None, names):
                    members = found.setdefault((grouping, one), {})
                    members[target] = (*members.get(target, ()), code)
    order = {grouping: place for place, grouping in enumerate(GROUPINGS)}
    keys = sorted(found, key=lambda key: (order[key[0]], key[1]))
    return [Group(grouping, name, found[grouping, name]) for grouping, name in keys]


def gap(study: Study, model: str, intermediate: str, group: Group) -> dict[Part, float]:
    """The training language minus the mean of the group, mean over targets."""
    judge = study.judge
    return mean_of(
        minus(
            judge.scores(model, intermediate, target, [get_task(target).train_language]),
            judge.scores(model, intermediate, target, codes),
        )
        for target, codes in group.members.items()
    )


def gap_table(study: Study, model: str, targets: list[str]) -> tuple[Table, dict[tuple[str, str], Estimate]]:
    """Of each group: the gap without intermediate; how each changes it, and the part of it that it closes.

    Returns:
        the table, and the gaps of resource classes by group and intermediate, for a figure.
    """
    judge = study.judge
    rows: list[list[Cell]] = []
    drawn: dict[tuple[str, str], Estimate] = {}
    changes: list[Estimate | None] = []
    for group in groups_of(study, model, targets):
        base = gap(study, model, NONE, group)
        for name in study.intermediates:
            if done(study, model, name, group.members) != list(group.members):
                continue
            ours = gap(study, model, name, group)
            found = judge.difference(ours)
            if found and group.grouping == "resource":
                drawn[group.name, name] = Estimate.of(found)
            known = name != NONE and done(study, model, NONE, group.members) == list(group.members)
            change = judge.difference(minus(ours, base)) if known else None
            closed = judge.ratio(minus(base, ours), base) if known else None
            changes.append(Estimate.of(change) if change else None)
            rows.append(
                [
                    group.name,
                    group.grouping,
                    len(group.languages),
                    len(group.members),
                    name,
                    Estimate.of(found) if found else None,
                    changes[-1] or ("–" if name == NONE else None),
                    Estimate.of(closed) if closed else "–",
                ]
            )
    for row, adjusted in zip(rows, corrected(changes), strict=True):
        row[6] = adjusted or row[6]
    caption = (
        f"Transfer gap, from {model}: training language minus the mean of a group, mean over targets, in points; by "
        "Joshi et al.’s resource class, size in CC-100, script, family, and whether the starting model has seen the "
        "language. The change: gap after the intermediate minus gap without; a gap also closes when the training "
        "language gets worse. Closed: percent of the gap without intermediate, where that is surely not zero. "
        f"* holds at 5 % after Holm over the {sum(one is not None for one in changes)} changes of this table."
    )
    head = ("group", "by", "languages", "targets", "intermediate", "gap (95 %)", "change (95 %)", "closed, % (95 %)")
    name = file_name("question-low-resource-gap", model)
    return Table(name, caption, head, tuple(tuple(row) for row in rows)), drawn
