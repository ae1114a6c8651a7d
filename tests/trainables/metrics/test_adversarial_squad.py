"""Adversarial SQuAD's worst row of a question, against the rule of the authors' script, written down step by step."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.metrics.adversarial_squad import worst_measure, worst_scores
from trainables.metrics.multichecklist import failure_rate, normaliser
from trainables.metrics.squad import answer_score, normalize_answer

WORDS = ("red", "blue", "green")


def by_the_rule(predictions, ids, accepted):
    """The clean row counts while no other row of its question has been seen; of others the first of the least F1."""
    chosen = {}
    for name, answers in zip(ids, accepted, strict=True):
        question, (f1, exact) = name.split("-")[0], answer_score(predictions[name], answers, normalize_answer)
        if name == question:
            chosen.setdefault(question, (name, f1, exact))
        elif question not in chosen or chosen[question][0] == question or chosen[question][1] > f1:
            chosen[question] = (name, f1, exact)
    both = np.array([(f1, exact) for _, f1, exact in chosen.values()])
    return dict(zip(("f1", "exact_match"), 100 * both.mean(0), strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_the_worst_row_of_a_question_counts(seed):
    rng = np.random.default_rng(seed)
    ids = [name for q in range(12) for name in (f"q{q}", *(f"q{q}-turk{i}-x" for i in range(rng.integers(0, 4))))]
    rng.shuffle(ids)
    accepted = [[" ".join(rng.choice(WORDS, 2))] for _ in ids]
    predictions = {name: " ".join(rng.choice(WORDS, rng.integers(1, 4))) for name in ids}
    expected = by_the_rule(predictions, ids, accepted)
    assert worst_scores(predictions, ids, accepted) == pytest.approx(expected)
    questions, measure = worst_measure(ids, accepted)
    assert questions == sorted({name.split("-")[0] for name in ids})
    shares = measure(predictions)
    assert {name: one.score for name, one in shares.items()} == pytest.approx(expected)
    # Questions of a clean set of them, in another order, are the same ones in the same places.
    clean = [name for name in reversed(ids) if "-" not in name]
    assert worst_measure(clean, [["red"]] * len(clean))[0] == questions


def test_a_case_of_multichecklist_fails_by_one_wrong_answer():
    for language, text, answer in (
        ("en", "the minivan.", "a minivan"), ("de", "ein Leguan", "Leguan."), ("ar", "الكلب", "كلب"),
        ("ta", "ஒருநாய்", "நாய்"), ("af", "’n kat", "kat"), ("pl", "„kot”", "kot"),
    ):  # fmt: skip
        assert normaliser(language)(text) == normaliser(language)(answer), language
    assert normaliser("en")("Green") != normaliser("en")("green")
    asked = [("animal-0-0", "cat", ["a cat"]), ("animal-0-1", "dog", ["cat"]), ("animal-1-0", "cat", ["cat"])]
    assert failure_rate(asked, normaliser("en")) == {"failure_rate": 50.0}
