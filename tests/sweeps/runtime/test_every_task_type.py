"""Every task type through a sweep, on the generated benchmark: several tasks, masked LM beside, pools, mining."""

from __future__ import annotations

import pytest

from sweeps.results.results import Results
from sweeps.results.tables import table_of
from sweeps.state.sweep import Sweep
from trainables.tasks import get_task

TARGETS = ["gen-topic", "gen-nli", "gen-tags", "gen-qa", "gen-choice", "gen-ask", "gen-mine", "gen-pairs"]
EVERYTHING = {
    "name": "everything",
    "tasks": ["gen-topic", "gen-nli", "gen-choice", "gen-tags", "gen-qa", "gen-ask"],
    "temperature": 2.0,
    "mlm": {"corpora": ["gen-text"], "languages": ["one", "two"], "share": 0.2, "alpha": 0.5, "max_length": 64},
}


@pytest.fixture(scope="module")
def done(tiny, tmp_path_factory, here):
    """A sweep of one intermediate of six tasks and eight targets, carried out in this process."""
    root = tmp_path_factory.mktemp("task types")
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    fields = {
        **tiny,
        "models": {"small": model},
        "intermediates": ["none", EVERYTHING],
        "targets": TARGETS,
        "languages": ["one", "two"],
        "generated": {"size": 0.02},
        "training": {
            "all": {"steps": 3, "evaluate_every": 3, "batch_size": 16, "max_length": 64, "learning_rate": 1e-3},
            "everything": {"steps": 12, "evaluate_every": 12},
        },
    }
    return here(fields, root)


def test_every_target_has_its_score_in_every_language(done):
    results = Results(Sweep(*done))
    assert results.missing == 0
    found = {(n.intermediate, n.target, n.language, n.metric) for n in results.numbers()}
    for intermediate in ("none", "everything"):
        for target in TARGETS:
            task = get_task(target)
            for language in set(task.languages) & {"one", "two"}:
                assert {(intermediate, target, language, metric) for metric in task.main_metrics} <= found
    assert table_of(results, "small", "zero-shot").row_count == 2


def test_one_training_had_all_tasks_and_masked_lm_beside(done):
    _, plan, store = done
    (step,) = [step for step in plan.steps.values() if step.tags.get("phase") == "intermediate"]
    result = store.record(step.id)["result"]
    assert [part["head"] for part in result["tasks"]] == [*EVERYTHING["tasks"], "gen-text"]
    assert sum(part["share_of_steps"] for part in result["tasks"]) == pytest.approx(1)
    assert result["tasks"][-1]["share_of_steps"] == pytest.approx(0.2)
    measured = {key.partition("/")[0] for key in result["best"]} - {"step", "value"}
    assert measured == set(EVERYTHING["tasks"])
