import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.metrics import entity_f1
from trainables.metrics.tagging import chunks

BIO = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
UPOS = ["ADJ", "INTJ", "NOUN", "NUM", "SCONJ", "SYM", "VERB", "X"]
sentences = st.lists(
    st.lists(st.tuples(st.sampled_from(BIO + UPOS), st.sampled_from(BIO + UPOS)), min_size=1, max_size=8),
    min_size=1,
)


def test_chunks_of_bio_tags():
    assert chunks(["B-PER", "I-PER", "O", "B-LOC"]) == {("PER", 0, 1), ("LOC", 3, 3)}  # seqeval's example
    assert chunks(["I-ORG", "I-ORG", "B-ORG"]) == {("ORG", 0, 1), ("ORG", 2, 2)}  # a chunk may begin with I
    assert chunks(["B-PER", "I-LOC"]) == {("PER", 0, 0), ("LOC", 1, 1)}  # a new type is a new chunk
    assert chunks(["O", "O"]) == chunks([]) == set()


def test_chunks_of_part_of_speech_tags():
    assert chunks(["NOUN", "NOUN", "VERB"]) == {("NOUN", 0, 1), ("VERB", 2, 2)}  # a run of a tag is one chunk
    assert chunks(["SYM", "SYM"]) == {("SYM", 0, 0), ("SYM", 1, 1)}  # S stands for itself
    assert chunks(["INTJ", "INTJ"]) == {("INTJ", 0, 1)}
    # The type is the whole tag: without its first letter these two would be one chunk of type "UM".
    assert chunks(["NUM", "XUM"]) == {("NUM", 0, 0), ("XUM", 1, 1)}


def test_the_type_is_what_follows_the_last_hyphen():
    assert chunks(["B-A-B", "I-B"]) == {("B", 0, 1)}


def test_scores_of_the_example_in_seqevals_documentation():
    gold = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    assert entity_f1(predicted, gold) == {"f1": 50.0, "precision": 50.0, "recall": 50.0}


def test_scores_of_a_hand_computed_example():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O"]]
    scores = entity_f1(predicted, gold)  # of two found one is right; of three there one is found
    assert scores == {"f1": pytest.approx(40.0), "precision": 50.0, "recall": pytest.approx(100 / 3)}


@pytest.mark.parametrize(
    ("predicted", "gold", "words"),
    [
        ([], [], "no sentences"),
        ([["O"]], [["O"], ["O"]], "1 predicted sentences for 2"),
        ([["O"]], [["O", "O"]], "sentence 0 has 1 predicted tags for 2"),
        ([[""]], [["O"]], "empty string"),
    ],
)
def test_what_does_not_fit_is_an_error(predicted, gold, words):
    with pytest.raises(ValueError, match=words):
        entity_f1(predicted, gold)


def test_no_entities_anywhere_score_zero_as_in_the_reference():
    assert entity_f1([["O"]], [["O"]]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


@given(sentences, st.randoms())
def test_scores_are_bounded_symmetric_and_do_not_depend_on_order(pairs, rng: random.Random):
    predicted = [[ours for ours, _ in sentence] for sentence in pairs]
    gold = [[theirs for _, theirs in sentence] for sentence in pairs]
    scores = entity_f1(predicted, gold)
    assert all(0 <= value <= 100 + 1e-9 and type(value) is float for value in scores.values())
    order = list(range(len(pairs)))
    rng.shuffle(order)
    assert entity_f1([predicted[i] for i in order], [gold[i] for i in order]) == scores
    swapped = entity_f1(gold, predicted)
    assert (swapped["precision"], swapped["recall"]) == (scores["recall"], scores["precision"])
    assert swapped["f1"] == pytest.approx(scores["f1"])


@given(sentences)
def test_gold_tags_score_full_marks(pairs):
    gold = [[theirs for _, theirs in sentence] for sentence in pairs]
    if any(map(chunks, gold)):
        assert entity_f1(gold, gold) == {"f1": 100.0, "precision": 100.0, "recall": 100.0}


@given(st.lists(st.sampled_from(BIO + UPOS), max_size=12))
def test_chunks_never_overlap_and_cover_every_tag_but_o(tags):
    covered = [index for _, first, last in chunks(tags) for index in range(first, last + 1)]
    assert sorted(covered) == [index for index, tag in enumerate(tags) if tag != "O"]
