"""The instrument: transfer that must be there, and transfer that cannot be there, through all steps of a sweep.

Language `two` differs from `one` by a few regular sound changes; `zero` shares no word with any other and stands beside
none in the text, so whatever is learnt in `one` must reach the first and cannot reach the second.
"""

from __future__ import annotations

import pytest

from sweeps.results.results import Results
from sweeps.state.sweep import Sweep

LEARNING = {"adam_beta2": 0.98, "dropout": 0.0, "attention_dropout": 0.0, "max_length": 64}
SWEEP = {
    "models": {
        "small": {
            "architecture": {
                "hidden_size": 96,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "intermediate_size": 192,
                "max_position_embeddings": 130,
            },
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 600},
            "pretrain": {
                **LEARNING,
                "corpora": ["gen-text"],
                "steps": 250,
                "batch_size": 48,
                "learning_rate": 3e-3,
                "evaluate_every": 250,
            },
        }
    },
    "targets": [
        {"task": "gen-tags", "languages": ["one", "two", "zero"]},
        {"task": "gen-pairs", "languages": ["two", "zero"]},
    ],
    "generated": {"size": 0.5},
    "training": {"all": {**LEARNING, "steps": 60, "batch_size": 32, "learning_rate": 2e-3, "evaluate_every": 60}},
    "execution": {"zero_stage": 0},
}


@pytest.fixture(scope="module")
def scores(here, tiny, tmp_path_factory):
    """target, language -> main score, in percent."""
    spec, plan, store = here({**tiny, **SWEEP, "sweep": "transfer"}, tmp_path_factory.mktemp("transfer"))
    metrics = {"gen-tags": "f1", "gen-pairs": "accuracy"}
    numbers = Results(Sweep(spec, plan, store)).numbers()
    return {(n.target, n.language): n.value for n in numbers if n.metric == metrics[n.target]}


def test_what_is_learnt_in_one_language_reaches_its_neighbour(scores):
    assert scores["gen-tags", "one"] > 80
    assert scores["gen-tags", "two"] > 50


def test_nothing_reaches_the_language_that_shares_nothing(scores):
    assert scores["gen-tags", "zero"] < 5


def test_translations_are_found_where_languages_are_near_and_not_where_they_share_nothing(scores):
    # Chance is 1 in 150; the length of a sentence alone tells a little more.
    assert scores["gen-pairs", "two"] > 20
    assert scores["gen-pairs", "zero"] < 8
