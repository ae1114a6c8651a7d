from dataclasses import replace

import pytest

from trainables.task_types import get_task_type
from trainables.tasks import UnknownTask, all_tasks, get_task, records, register_task
from trainables.tasks.benchmarks import SUITES

XTREME = {
    "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9, "bucc2018": 4, "tatoeba": 36,
}  # fmt: skip
XTREME_R = {
    "xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9, "tatoeba": 41,
    "mewslix": 11, "lareqa": 11,
}  # fmt: skip


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)
def test_every_task_is_whole(task):
    assert get_task(task.name) is task
    assert get_task_type(task.type).name == task.type
    assert len(set(task.languages)) == len(task.languages)
    assert bool(task.labels) != task.labels_in_data or task.type not in ("pair-classification", "tagging")
    assert task.train_language not in task.other_train_languages
    assert set(task.other_train_languages) <= set(task.languages) or not task.languages
    for name in task.trains_on:
        data = get_task(name)
        assert data.has_train
        assert (data.type, data.labels, data.train_language) == (task.type, task.labels, task.train_language)
    for name in task.parts:
        data = get_task(name)
        assert (data.type, data.labels, data.has_train) == (task.type, task.labels, task.has_train)


@pytest.mark.parametrize(("suite", "counts"), [("xtreme", XTREME), ("xtreme-r", XTREME_R)])
def test_suites_have_the_languages_of_the_benchmark(suite, counts):
    assert {entry.task: len(entry.languages) for entry in SUITES[suite]} == counts
    for entry in SUITES[suite]:
        assert set(entry.languages) <= set(get_task(entry.task).languages)
        assert len(set(entry.languages)) == len(entry.languages)
        assert all(get_task(name).has_train for name in entry.train_on or ())


def test_languages_of_a_task_are_those_of_the_suites_and_in_order_of_the_first():
    for target in {entry.task: None for suite in SUITES.values() for entry in suite}:
        listed = [entry.languages for suite in SUITES.values() for entry in suite if entry.task == target]
        assert get_task(target).languages == max(listed, key=len)


def test_the_fifty_languages_of_xtreme_r():
    assert len({language for entry in SUITES["xtreme-r"] for language in entry.languages}) == 50


def test_other_languages_can_be_trained_on():
    assert get_task("mnli").train_languages[0] == "en"
    assert {"de", "sw"} <= set(get_task("mnli").train_languages)
    assert "te" in get_task("tydiqa").train_languages
    assert "th" not in get_task("udpos").train_languages
    assert get_task("squad2").train_languages == ("en",)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownTask, match='no task "tydqa"; did you mean "tydiqa"') as caught:
        get_task("tydqa")
    assert (caught.value.name, caught.value.suggestion) == ("tydqa", "tydiqa")
    with pytest.raises(UnknownTask) as caught:
        get_task("weather")
    assert caught.value.suggestion is None
    assert "did you mean" not in str(caught.value)


def test_score_and_selection():
    metrics = {"f1": 80.0, "exact_match": 60.0, "loss": 1.5}
    assert get_task("xquad").score(metrics) == 70.0
    assert get_task("squad").selection(metrics) == 70.0
    assert get_task("panx").selection(metrics) == 80.0
    text = get_task("gen-text")
    assert (text.selection(metrics), text.select_mode) == (1.5, "min")


def test_a_plug_in_registers_a_task_under_a_name_of_its_own(monkeypatch):
    monkeypatch.setattr(records, "_TASKS", dict(records._TASKS))
    mine = replace(get_task("xnli"), name="my-nli")
    register_task(mine)
    assert get_task("my-nli") is mine
    assert all_tasks()[-1] is mine
    with pytest.raises(ValueError, match='there is a task "my-nli" already'):
        register_task(mine)
