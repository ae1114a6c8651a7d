"""How answers to questions are normalised before they are compared, by the scorer that a task's record names."""

from __future__ import annotations

from collections.abc import Callable

from trainables.metrics import multichecklist
from trainables.metrics.mlqa import mlqa_normaliser
from trainables.metrics.squad import normalize_answer


def normaliser(scorer: str, language: str) -> Callable[[str], str]:
    """That of MLQA or of MultiCheckList in a language, or SQuAD's."""
    if scorer == "mlqa":
        return mlqa_normaliser(language)
    return multichecklist.normaliser(language) if scorer == multichecklist.SCORER else normalize_answer
