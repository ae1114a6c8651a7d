"""A sweep whose choices are read by likelihood, from its file to tables, notes, parts and MLflow's points."""

from __future__ import annotations

import json

import pytest

from sweeps.report.examples import shares_of
from sweeps.results.notes import notes_of
from sweeps.results.results import Results
from sweeps.results.tables import part_table, tables_of
from sweeps.state.sweep import Sweep
from trainables.evaluation.predictions import read_predictions
from trainables.steps import StepRecord, kind_of
from trainables.tasks.registry import use_ways

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WAYS = {
    "few": {"shots": 2, "question": "{prompt}\n{choices}\nAnswer:", "answers": "letters"},
    "tuned": {"question": "{prompt}", "answers": "texts", "description": ""},
}
SUBJECTS = ("anatomy", "sociology", "virology")


def rows(split, count):
    """Questions whose answer is the word that stands in them."""
    words = ("river", "stone", "glass", "tree")
    return [
        {
            "prompt": f"Which is {words[number % 4]}?",
            "choices": words,
            "label": str(number % 4),
            "subject": SUBJECTS[number % 3],
            "parts": ["stem" if number % 3 == 0 else "other"] + ["culturally-agnostic"] * (number % 2),
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def carried_out(here, tmp_path_factory):
    root = tmp_path_factory.mktemp("likelihood")
    for task, split, language, count in (
        ("mmlu", "train", "en", 32), ("mmlu", "dev", "en", 8), ("mmlu", "shots", "en", 12), ("mmlu", "test", "en", 12),
        ("mmmlu", "test", "de", 12), ("mmmlu", "test", "sw", 12),
    ):  # fmt: skip
        file = root / "data" / "rows" / task / f"{split}-{language}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows(split, count)))
    fields = {
        "sweep": "likelihood",
        "models": {
            "small": {
                "architecture": {"model_type": "llama", "max_position_embeddings": 600, **SIZES},
                "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
            }
        },
        "intermediates": ["none"],
        "targets": [
            "mmmlu@likelihood", "mmmlu@few", {"task": "mmmlu@tuned", "train_on": "mmlu@tuned"}, "mmlu@likelihood",
        ],
        "languages": ["en", "de", "sw"],
        "likelihood": WAYS,
        "data": str(root / "data"),
        "generated": {"size": 0.05},
        "seeds": [1],
        "training": {"all": {"steps": 6, "evaluate_every": 3, "batch_size": 8, "learning_rate": 3e-3}},
    }  # fmt: skip
    return here(fields, root)


@pytest.fixture
def done(carried_out):
    spec, _, _ = carried_out
    use_ways({name: one.way for name, one in spec.likelihood.items()})
    return Results(Sweep(*carried_out))


def test_scores_are_by_language_group_and_subject_and_agree_with_their_shares(done):
    assert done.missing == 0
    for cell in done.cells:
        scores = done._scores[cell.evaluation]
        for language, metrics in scores.items():
            subjects = [metrics[f"accuracy/subject/{name}"] for name in SUBJECTS]
            assert metrics["macro_accuracy"] == pytest.approx(sum(subjects) / 3)
            assert metrics["accuracy"] == pytest.approx(
                (4 * metrics["accuracy/stem"] + 8 * metrics["accuracy/other"]) / 12
            )
            assert {"accuracy/culturally-agnostic"} < set(metrics)
            ids, (shares,) = shares_of(done.store, [cell.evaluation], language)
            assert len(ids) == 12
            assert shares.score == pytest.approx(metrics["accuracy"])
            predictions = read_predictions(done.store, cell.evaluation, language)
            assert all(len(one["log_likelihoods"]) == 4 for one in predictions.values())
            assert ("accuracy_bytes" in metrics) == (cell.target == "mmmlu@tuned")  # of letters it would say nothing


def test_tables_show_parts_and_notes_say_how_answers_were_scored(done):
    titles = [str(table.title) for table in tables_of(done, "zero-shot")]
    assert any("by part of the test set" in title for title in titles)
    table = part_table(done, "small", "zero-shot")
    assert [str(column.header) for column in table.columns] == [
        "target", "intermediate", "culturally-agnostic", "other", "stem",
    ]  # fmt: skip
    notes = notes_of(done)
    assert any(
        "mmmlu@few: log-likelihoods of letters, summed over subwords; 2 shots (English); not trained" in one
        for one in notes
    )
    assert any(
        "mmmlu@tuned: log-likelihoods of answers" in one and "after training on mmlu@tuned" in one for one in notes
    )
    assert any("12 of 12 rows have answers of the same subwords" in one for one in notes)  # there are no letters A to D
    assert list(done.columns("xtreme"))[-1] == "average"
    assert done.columns("xtreme")["average"] == ["mmmlu@likelihood", "mmlu@likelihood"]


def test_mlflow_has_groups_and_no_single_subjects(done):
    step = done.cells[0].evaluation
    recipe = done.plan.steps[step].recipe
    shown = kind_of(recipe).shown(recipe, StepRecord.of(done.store, step))
    names = {name for name, _, _ in shown.scores}
    assert {"mmmlu/de/accuracy", "mmmlu/zero-shot/accuracy/stem", "mmmlu/zero-shot/macro_accuracy"} <= names
    assert not any("subject" in name for name in names)


def test_training_by_likelihood_learns(done):
    training = next(step for step in done.plan.steps.values() if step.kind.name == "train")
    losses = [loss for _, loss in done.store.record(training.id)["result"]["losses"]]
    assert losses[-1] < losses[0]
