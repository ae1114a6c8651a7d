"""The suites against the published counts and against the tasks that the project trains on."""

from __future__ import annotations

import pytest

from trainables.suites import SUITES, get_suite
from trainables.tasks import get_task
from trainables.tasks.registry import all_tasks

# Languages of each task: XTREME (arXiv 2003.11080) and XTREME-R (arXiv 2104.07412).
COUNTS = {
    "xtreme": {
        "pawsx": 7,
        "xnli": 15,
        "udpos": 33,
        "panx": 40,
        "xquad": 11,
        "mlqa": 7,
        "tydiqa": 9,
        "bucc2018": 4,
        "tatoeba": 36,
    },
    "xtreme-r": {
        "xnli": 15,
        "xcopa": 11,
        "udpos": 38,
        "panx": 48,
        "xquad": 12,
        "mlqa": 7,
        "tydiqa": 9,
        "tatoeba": 41,
        "mewslix": 11,
        "lareqa": 11,
    },
}


@pytest.mark.parametrize("name", COUNTS)
def test_tasks_and_their_numbers_of_languages_are_the_published_ones(name):
    suite = get_suite(name)
    assert {task.name: len(set(task.languages)) for task in suite.tasks.values()} == COUNTS[name]
    assert all(len(set(task.languages)) == len(task.languages) for task in suite.tasks.values())
    assert all(set(tasks) <= set(suite.tasks) for tasks in suite.groups.values())


def test_xtreme_has_forty_languages_and_xtreme_r_fifty():
    for name, count in (("xtreme", 40), ("xtreme-r", 50)):
        languages = {language for task in get_suite(name).tasks.values() for language in task.languages}
        assert len(languages) == count


def test_every_task_of_xtreme_is_in_one_group():
    suite = get_suite("xtreme")
    assert sorted(task for tasks in suite.groups.values() for task in tasks) == sorted(suite.tasks)


def test_what_the_reference_leaves_open_for_xtreme_r():
    groups = get_suite("xtreme-r").groups
    assert [name for name, tasks in groups.items() if "xcopa" in tasks] == ["classification", "multi_choice"]
    assert not any("lareqa" in tasks for tasks in groups.values())


def test_the_tasks_that_the_project_knows_have_the_languages_and_labels_of_xtreme():
    shared = {task.name for task in all_tasks()} & set(get_suite("xtreme").tasks)
    assert shared >= {"xnli", "udpos", "panx", "xquad", "tydiqa", "tatoeba"}
    for name in shared:
        mine, theirs = get_task(name), get_suite("xtreme").tasks[name]
        assert set(theirs.languages) <= set(mine.languages)
        assert set(theirs.main_metrics) == set(mine.main_metrics)
        assert not theirs.labels or set(theirs.labels) == set(mine.labels)


def test_a_suite_that_there_is_not():
    with pytest.raises(ValueError, match='no suite "glue"; there are xtreme, xtreme-r'):
        get_suite("glue")


@pytest.mark.parametrize(
    ("task", "extension"), [("xnli", "tsv"), ("mlqa", "json"), ("mewslix", "json"), ("xcopa", "jsonl")]
)
def test_extensions(task, extension):
    assert SUITES["xtreme-r"].tasks[task].extension == extension
