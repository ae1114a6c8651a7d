"""Languages that a sweep file names and no data has, and those that it names twice, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.spec.fields import SweepSpec
from trainables.outside.text import shown
from trainables.tasks import get_task
from trainables.tasks.language_codes import hint


def check_languages(spec: SweepSpec) -> list[str]:
    """Languages to evaluate in that no target has, and those that stand there twice."""
    if spec.languages is None:
        return []
    known: dict[str, None] = {}
    for target in spec.targets:
        task = get_task(target.task)
        known |= dict.fromkeys((*(target.languages or task.languages), task.train_language))
    problems = check_codes(spec.languages, list(known), "languages", "no target of this sweep has")
    for i, target in enumerate(spec.targets):
        own = target.languages or get_task(target.task).languages
        if not problems and not set(spec.languages) & set(own):
            problems.append(
                f'languages: none of them is in "{target.task}"; has: {" ".join(own)}; leave targets[{i}] out'
            )
    return problems


def check_codes(codes: Sequence[str], known: Sequence[str], where: str, lacking: str) -> list[str]:
    """Lines on the `codes` of languages that are not `known` (what is `lacking` them), or stand there twice."""
    problems = []
    for i, code in enumerate(codes):
        if code in codes[:i]:
            problems.append(f"{where}: {shown(code)} stands here twice; every language once")
        elif code not in known:
            problems.append(f"{where}: {lacking} {shown(code, 40)}; {hint(code, known)}")
    return problems
