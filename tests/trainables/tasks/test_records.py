import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import OWN_TASKS
from trainables import tasks
from trainables.tasks import Licence, UnknownTask, all_tasks, get_task
from trainables.tasks.benchmarks import BENCHMARKS
from trainables.tasks.checks import contradictions_of, missing_in
from trainables.tasks.hyperparameters import MULTI_TASK

LICENCES = Path(tasks.__file__).with_name("LICENCES.md")

XTREME = {
    "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9, "bucc2018": 4, "tatoeba": 36,
}  # fmt: skip
XTREME_R = {
    "xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9, "tatoeba": 41,
    "mewslix": 11, "lareqa": 11,
}  # fmt: skip


def test_every_record_is_whole():
    known = {task.name: task for task in OWN_TASKS}
    problems = [line for task in OWN_TASKS for line in (*contradictions_of(task, known), *missing_in(task))]
    assert not problems, "\n" + "\n".join(problems)


def test_what_a_record_lacks_is_one_line_each():
    bare = replace(get_task("xnli"), settings={}, folder=None, licence=None, lengths={})
    assert missing_in(bare) == [
        "task xnli: no settings",
        "task xnli: no lengths",
        "task xnli: no folder: where its rows lie in a data folder",
        "task xnli: no licence: data, source and terms",
    ]
    elsewhere = replace(get_task("xnli"), hub=get_task("xquad").hub)
    assert missing_in(elsewhere) == ["task xnli: licence.source does not name `google/xquad` of the hub"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "taging"}, 'task my-nli: there is no task type "taging"; did you mean "tagging"?'),
        ({"main_metrics": ()}, "task my-nli: no main_metrics"),
        ({"labels": ("yes", "no")}, r"""task my-nli: trains_on or parts: "mnli" has labels \('entailment', """),
        ({"labels": (), "trains_on": ()}, "task my-nli: pair-classification needs either labels or labels_in_data"),
        ({"trains_on": ("weather",)}, 'task my-nli: trains_on or parts: there is no task "weather"; register it first'),
        ({"trains_on": ("xnli",)}, 'task my-nli: trains_on or parts: "xnli" has no train rows'),
        ({"languages": ("de", "de")}, "task my-nli: languages: de more than once"),
        ({"other_train_languages": ("ja",)}, "task my-nli: other_train_languages: ja not in languages"),
        ({"languages": ()}, "task my-nli: neither languages to evaluate in nor has_train"),
        ({"settings": {"jaint": MULTI_TASK}}, "task my-nli: settings: there is no set jaint; there are jiant, xtreme"),
    ],
)
def test_a_record_that_contradicts_itself_is_not_registered(register, changes, said):
    with pytest.raises(ValueError, match=said):
        register(replace(get_task("xnli"), name="my-nli", **changes))
    with pytest.raises(UnknownTask):
        get_task("my-nli")


def test_the_licences_of_the_records_are_those_of_the_table():
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in LICENCES.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    )
    table = {name: Licence(data=b, source=c, terms=d) for a, b, c, d in cells for name in re.findall(r"`([^`]+)`", a)}
    assert table == {task.name: task.licence for task in OWN_TASKS if task.source == "files"}


@pytest.mark.parametrize(("suite", "counts"), [("xtreme", XTREME), ("xtreme-r", XTREME_R)])
def test_suites_have_the_languages_of_the_benchmark(suite, counts):
    assert {entry.task: len(entry.languages) for entry in BENCHMARKS[suite]} == counts
    for entry in BENCHMARKS[suite]:
        assert set(entry.languages) <= set(get_task(entry.task).languages)
        assert len(set(entry.languages)) == len(entry.languages)
        assert all(get_task(name).has_train for name in entry.train_on or ())


def test_languages_of_a_task_are_those_of_the_suites_and_in_order_of_the_first():
    for target in {entry.task: None for suite in BENCHMARKS.values() for entry in suite}:
        listed = [entry.languages for suite in BENCHMARKS.values() for entry in suite if entry.task == target]
        assert get_task(target).languages == max(listed, key=len)


def test_the_fifty_languages_of_xtreme_r():
    assert len({language for entry in BENCHMARKS["xtreme-r"] for language in entry.languages}) == 50


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


def test_a_plug_in_registers_a_task_under_a_name_of_its_own(register):
    mine = replace(get_task("xnli"), name="my-nli")
    register(mine)
    assert get_task("my-nli") is mine
    assert all_tasks()[-1] is mine
    with pytest.raises(ValueError, match='there is a task "my-nli" already'):
        register(mine)
