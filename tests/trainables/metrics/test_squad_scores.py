import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.metrics import squad_scores
from trainables.metrics.squad import normalize_answer

words = st.text(alphabet="abtheİß中हि .,-'\u00a0", min_size=0, max_size=12)
cases = st.dictionaries(st.text(max_size=3), st.tuples(words, st.lists(words, min_size=1, max_size=3)), min_size=1)


def test_normalisation_is_in_the_official_order():
    assert normalize_answer("The  Eiffel-Tower, a «landmark»") == "eiffeltower «landmark»"
    # Punctuation goes before the articles, so what it joins is no article any more, and what it bares is one.
    assert normalize_answer("a-b") == "ab"
    assert normalize_answer("'The' end") == "end"
    assert normalize_answer(string.punctuation) == ""


def test_scores_of_a_hand_computed_example():
    predictions = {"q1": "the white house", "q2": "in May 1990", "q4": "北京"}
    references = {
        "q1": ["White House"],
        "q2": ["May 1991", "1990"],
        "q3": ["never answered"],
        "q4": ["北京市"],
    }
    scores = squad_scores(predictions, references)
    # q1: 1; q2 against "1990": precision 1/3, recall 1, F1 1/2; q3: 0; q4: one token each, not the same: 0.
    assert scores == {"f1": pytest.approx(100 * 1.5 / 4), "exact_match": pytest.approx(25.0)}


def test_partial_overlap_counts_repeated_tokens_once_each():
    scores = squad_scores({"q": "new york new york"}, {"q": ["new york city"]})
    assert scores["f1"] == pytest.approx(100 * 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))


def test_two_answers_of_articles_alone_match_exactly_but_share_no_token():
    assert squad_scores({"q": "the"}, {"q": ["a"]}) == {"f1": 0.0, "exact_match": 100.0}


@pytest.mark.parametrize(("references", "words"), [({}, "no references"), ({"q7": []}, "q7")])
def test_nothing_to_score_is_an_error(references, words):
    with pytest.raises(ValueError, match=words):
        squad_scores({"q7": "x"}, references)


@given(cases)
def test_scores_are_bounded_and_do_not_depend_on_order(case):
    predictions = {key: predicted for key, (predicted, _) in case.items()}
    references = {key: answers for key, (_, answers) in case.items()}
    scores = squad_scores(predictions, references)
    assert all(0 <= value <= 100 + 1e-9 and type(value) is float for value in scores.values())
    backwards = squad_scores(
        dict(reversed(predictions.items())),
        {key: answers[::-1] for key, answers in reversed(references.items())},
    )
    assert backwards == pytest.approx(scores)


@given(cases)
def test_gold_answers_match_exactly_and_missing_ones_not_at_all(case):
    references = {key: answers for key, (_, answers) in case.items()}
    gold = {key: answers[0] for key, answers in references.items()}
    assert squad_scores(gold, references)["exact_match"] == 100.0
    if all(normalize_answer(answer) for answer in gold.values()):
        assert squad_scores(gold, references)["f1"] == pytest.approx(100.0)
    assert squad_scores({}, references) == {"f1": 0.0, "exact_match": 0.0}
