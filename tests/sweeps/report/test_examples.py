"""What single examples add to a score: every task type's shares give the score that the evaluation recorded."""

from __future__ import annotations

import pytest

from sweeps.report.examples import shares_of
from sweeps.report.study import Study
from trainables.store import PREDICTIONS
from trainables.tasks import get_task


def test_the_shares_of_every_family_give_the_recorded_scores(carried_out):
    types = set()
    for cell in carried_out.cells:
        record = carried_out.store.record(cell.evaluation)
        for language, metrics in record["result"]["metrics"].items():
            ids, (shares,) = shares_of(carried_out.store, [cell.evaluation], language)
            assert shares.score == pytest.approx(get_task(cell.target).score(metrics), abs=1e-9)
            assert shares.over.shape == shares.under.shape == (len(get_task(cell.target).main_metrics), len(ids))
            types.add(get_task(cell.target).type)
    assert types == {
        "pair-classification",
        "multiple-choice",
        "tagging",
        "span-qa",
        "retrieval",
        "bitext-mining",
        "dense-retrieval",
    }


def test_predictions_that_do_not_give_the_recorded_score_are_an_error(changed):
    def better(step, record):
        if step.kind.group == "evaluate" and step.tags["target"] == "gen-nli":
            record["result"]["metrics"]["two"]["accuracy"] += 1

    results = changed(better)
    with pytest.raises(ValueError, match=r"evaluate-gen-nli-\w+: its predictions in two give .* delete the step"):
        Study.of(results)


def test_a_line_separator_in_an_answer_does_not_end_a_prediction(changed):
    results = changed()
    cell = next(cell for cell in results.cells if cell.target == "gen-qa")
    file = results.store.path(cell.evaluation) / PREDICTIONS / "two.jsonl"
    # U+2028 is a line's end to str.splitlines, and stands in real answers. Its three bytes leave the file's size alone.
    text = file.read_text().replace("nothing of the kind", "nothing\u2028of the ki")
    file.write_text(text)
    ids, (shares,) = shares_of(results.store, [cell.evaluation], "two")
    assert len(ids) == text.count("\n") < len(text.splitlines())
    assert shares.over.shape[1] == len(ids)
