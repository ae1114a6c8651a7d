import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainables.metrics import accuracy_scores, retrieval_scores
from trainables.metrics.retrieval import nearest_neighbours

labels = st.sampled_from(["entailment", "neutral", "contradiction"])


def test_accuracy_of_a_hand_computed_example():
    assert accuracy_scores(["a", "b", "b", "c"], ["a", "b", "c", "c"]) == {"accuracy": 75.0}


@pytest.mark.parametrize(("predicted", "gold", "words"), [([], [], "no examples"), (["a"], ["a", "b"], "1 predicted")])
def test_accuracy_of_what_does_not_fit_is_an_error(predicted, gold, words):
    with pytest.raises(ValueError, match=words):
        accuracy_scores(predicted, gold)


@given(st.lists(st.tuples(labels, labels), min_size=1))
def test_accuracy_is_bounded_and_does_not_depend_on_order(pairs):
    predicted, gold = zip(*pairs, strict=True)
    accuracy = accuracy_scores(predicted, gold)["accuracy"]
    assert 0 <= accuracy <= 100
    assert accuracy_scores(predicted[::-1], gold[::-1]) == {"accuracy": accuracy}
    assert accuracy_scores(gold, gold) == {"accuracy": 100.0}


def test_retrieval_by_cosine_not_by_length_or_distance():
    queries = np.array([[1.0, 0.1], [0.1, 1.0], [-1.0, -1.0]])
    candidates = np.array([[0.01, 0.0], [0.0, 9.0], [5.0, 5.0]])
    index = nearest_neighbours(queries, candidates)
    assert index.tolist() == [
        0,
        1,
        0,
    ]  # the third query is at an obtuse angle to all; the first two are as near
    assert retrieval_scores(index) == {"accuracy": pytest.approx(200 / 3)}


def test_of_equal_candidates_the_first_is_taken_in_any_block():
    queries = np.ones((1, 4), dtype=np.float32)
    candidates = np.tile(np.array([[3.0, 3.0, 3.0, 3.0]], dtype=np.float32), (7, 1))
    assert [nearest_neighbours(queries, candidates, block).item() for block in (1, 2, 3, 100)] == [0, 0, 0, 0]


def test_a_vector_of_zeros_is_at_right_angles_to_all():
    assert nearest_neighbours(np.zeros((1, 2)), np.array([[-1.0, 0.0], [1.0, 0.0]])).tolist() == [0]
    assert nearest_neighbours(np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 0.0]])).tolist() == [1]


@pytest.mark.parametrize("block", [1, 3, 8, 64])
def test_blocks_do_not_change_the_result(block):
    rng = np.random.default_rng(0)
    queries, candidates = rng.normal(size=(20, 5)), rng.normal(size=(33, 5))
    whole = (queries @ candidates.T / np.linalg.norm(candidates, axis=1)).argmax(axis=1)
    assert (nearest_neighbours(queries, candidates, block) == whole).all()


@pytest.mark.parametrize(
    ("queries", "candidates", "words"),
    [
        (np.ones((2, 3)), np.zeros((0, 3)), "no candidates"),
        (np.ones((2, 3)), np.ones((2, 4)), "must be"),
        (np.ones((2, 3)) * np.nan, np.ones((2, 3)), "not finite"),
        (np.ones(3), np.ones(3), r"must be \(n, d\)"),
    ],
)
def test_vectors_that_do_not_fit_are_an_error(queries, candidates, words):
    with pytest.raises(ValueError, match=words):
        nearest_neighbours(queries, candidates)


def test_retrieval_accuracy_of_no_queries_is_an_error():
    with pytest.raises(ValueError, match="no query"):
        retrieval_scores([])


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-4, 4, width=32)))
def test_retrieval_is_bounded_and_does_not_change_with_scale(vectors):
    index = nearest_neighbours(vectors, vectors)
    accuracy = retrieval_scores(index)["accuracy"]
    assert 0 <= accuracy <= 100
    assert type(accuracy) is float
    assert ((index >= 0) & (index < len(vectors))).all()
    assert (nearest_neighbours(vectors * 2, vectors) == index).all()  # by a power of two, which rounds nothing


def test_translations_that_are_their_own_nearest_score_full_marks():
    assert retrieval_scores(nearest_neighbours(np.eye(5), np.eye(5) * 3)) == {"accuracy": 100.0}
