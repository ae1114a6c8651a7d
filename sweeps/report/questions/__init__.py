"""Answers to the research questions that a sweep asks, a module for each: claim, table, figure, and their limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sweeps.report.questions import intermediates, low_resource, multimodal, robustness, scale
from sweeps.report.questions.answer import Answer, Drawing, Table
from sweeps.report.study import Study
from sweeps.spec.fields import Question
from sweeps.spec.questions import questions_of

__all__ = ["Answer", "Drawing", "Table", "answers_of"]

_ANSWERS: Mapping[Question, Callable[[Study], Answer]] = {
    "scale": scale.answer,
    "multimodal": multimodal.answer,
    "robustness": robustness.answer,
    "low-resource": low_resource.answer,
    "intermediates": intermediates.answer,
}


def answers_of(study: Study) -> list[Answer]:
    """Of each question that the sweep asks, in the order in which it asks them."""
    return [_ANSWERS[question](study) for question in questions_of(study.results.spec)]
