"""The answers to a sweep whose truth is known, and what is written of them."""

from __future__ import annotations

import csv
import math
import re

import pytest
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.report.questions import answers_of, multimodal
from sweeps.report.questions.answer import Estimate
from sweeps.report.questions.arms import OWN, comparisons, gain, work_of
from sweeps.report.questions.common import counted
from sweeps.report.questions.gaps import LOW_GROUP, groups_of
from sweeps.report.questions.plots import ROWS, Forest
from sweeps.report.questions.robustness import nearness_of, tries
from sweeps.report.study import Study
from sweeps.results.results import Results
from sweeps.spec.questions import families
from tests.sweeps.report import questions_sweep as planted


@pytest.fixture
def study(asked):
    return asked.study


@pytest.fixture
def answers(asked):
    return asked.answers


def rows(answer, table=0):
    """A table's rows by their heading."""
    found = answer.tables[table]
    return [dict(zip(found.head, row, strict=True)) for row in found.rows]


def holds(found: Estimate, value: float) -> bool:
    return found.low <= value <= found.high


def test_every_question_has_claim_figure_table_facts_and_limits(answers, asked):
    assert tuple(answers) == asked.results.spec.question
    for one in answers.values():
        assert re.search(r"\d", one.claim[0])
        assert one.figures
        assert one.tables[0].rows
        assert len(one.cautions) >= 3
        assert {"n", "intervals", "held fixed", "chosen on", "collapsed"} <= one.facts.keys()
        assert "dev rows of the training language" in one.facts["chosen on"]
        assert all(len(row) == len(table.head) for table in one.tables for row in table.rows)


def test_the_slope_over_size_is_found(answers, study, asked):
    sizes = list(families(asked.results.spec)["tiny"].values())
    x = [math.log2(one) for one in sizes]
    middle = sum(x) / 3
    real = sum((a - middle) * planted.PER_SIZE * i for i, a in enumerate(x)) / sum((a - middle) ** 2 for a in x)
    found = {row["intermediate"]: row for row in rows(answers["scale"])}
    assert all(holds(row["slope (95 %)"], real) and row["slope (95 %)"].low > 0 for row in found.values())
    assert all(holds(row["change to none (95 %)"], 0.0) for name, row in found.items() if name != "none")
    assert "grows" in answers["scale"].claim[0]
    assert "3 sizes give a line 1 degree of freedom" in answers["scale"].cautions[0]
    assert not any("LLaMA was" in line for line in answers["scale"].cautions)


def test_the_gain_of_an_intermediate_in_the_language_is_found(answers, study):
    found = [one for model in study.models for one in comparisons(study, model, counted(study))]
    assert {(one.language, one.english, one.others[OWN]) for one in found} == {("sw", "toy-nli", "toy-nli@sw")}
    judged = [Estimate.of(study.judge.difference(gain(study, one, OWN))) for one in found]
    assert all(holds(one, planted.OWN_GAIN) for one in judged)
    assert "In sw the intermediate in the language is better than the English one" in answers["low-resource"].claim[0]
    for row in rows(answers["low-resource"]):
        # English dev rows choose what is best on them, whatever is best in the language; the oracle sees the test rows.
        assert (row["chosen on dev"], row["oracle"]) == (planted.BEST_ON_DEV, "toy-nli@sw")
        assert row["oracle: score"] > row["chosen: score"] > row["score"]
        assert row["class"] == 2
    assert (
        "toy-nli 16 rows, 4 updates; toy-nli@sw 16 rows, 4 updates; toy-both 32 rows"
        in answers["low-resource"].tables[0].caption
    )
    assert work_of(study, "tiny-a", "none") is None


def test_gaps_are_those_of_the_groups(answers, study):
    table = {(r["by"], r["group"], r["intermediate"]): r for r in rows(answers["low-resource"], 1)}
    low = table["resource", LOW_GROUP, "none"]
    start = planted.START
    assert holds(low["gap (95 %)"], start["en"] - (start["sw"] + start["yo"]) / 2)
    assert (low["languages"], low["targets"]) == (2, 2)
    # The Swahili intermediate lifts one of the two low-resource languages, and no other.
    change = table["resource", LOW_GROUP, "toy-nli@sw"]["change (95 %)"]
    assert holds(change, -planted.OWN_GAIN / 2)
    closed = table["resource", LOW_GROUP, "toy-nli@sw"]["closed, % (95 %)"]
    assert holds(closed, 100 * (planted.OWN_GAIN / 2) / (start["en"] - (start["sw"] + start["yo"]) / 2))
    assert closed.value == pytest.approx(-100 * change.value / low["gap (95 %)"].value)
    assert {name for by, name, _ in table if by == "seen"} == {"seen", "not seen"}
    assert ("script", "Latin", "none") in table
    assert not any(group.members.get("toy-noisy") for group in groups_of(study, "tiny-a", counted(study)))


def test_results_are_shown_by_group(asked):
    done = CliRunner().invoke(app, ["results", str(asked.file), "--by", "resource"], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    (row,) = [line for line in done.stdout.splitlines() if "toy-nli" in line and "class 2" in line][:1]
    entry = asked.results.entry("tiny-a", "none", ["toy-nli"], ["sw", "yo"], "zero-shot")
    assert "sw yo" in row
    assert str(entry) in row
    assert "not seen" in CliRunner().invoke(app, ["results", str(asked.file), "--by", "seen"]).stdout
    wrong = CliRunner().invoke(app, ["results", str(asked.file), "--by", "colour"])
    assert wrong.exit_code == 2
    assert "resource, size, script, family, seen" in wrong.stderr


def test_drops_and_what_they_go_with(answers, study):
    whole = [row for row in rows(answers["robustness"], 1) if row["languages"] == "all 4"]
    assert len(whole) == 3 * 5
    assert sum(holds(row["drop (95 %)"], planted.DROPS[row["intermediate"]]) for row in whole) >= 14
    tried = {(one.model, one.measure): one for one in tries(study, {"toy-noisy": "toy-nli"}, nearness_of(study))}
    assert len(tried) == 3 * 4
    assert tried["tiny-c", "jensen_shannon"].found.value < -0.7
    # Four intermediates show nothing, however strong it is: that is said, and nothing is claimed.
    assert all(one.adjusted >= 0.05 for one in tried.values())
    assert "not shown to hang together" in answers["robustness"].claim[0]
    assert "at 5 % no rho at all could be shown here" in answers["robustness"].cautions[0]


def test_twins_differ_as_planted(answers):
    found = rows(answers["multimodal"])
    assert [row["intermediate"] for row in found] == ["none", "toy-nli", "toy-nli@sw", "toy-more", "toy-both"]
    assert all(holds(row["difference (95 %)"], planted.PER_SIZE) for row in found)
    assert {(row["multimodal"], row["text-only"]) for row in found} == {("tiny-c", "tiny-b")}


def test_an_image_text_intermediate_is_taken_against_its_controls(study, monkeypatch):
    """As if the Swahili intermediate had images, and the English one were the same captions without them."""
    of = {"toy-nli@sw": {"toy-nli": "caption-only", "none": "none"}}
    monkeypatch.setattr(multimodal, "controls", lambda spec: of)
    answer = multimodal.answer(study)
    tables = {table.name: table.rows for table in answer.tables}
    found = tables["question-multimodal-controls"]
    by_target = [row for row in tables["question-multimodal-controls-targets"] if row[0] == "tiny-a"]
    assert [row[:4] for row in found if row[0] == "tiny-a"] == [
        ("tiny-a", "toy-nli@sw", "toy-nli", "caption-only"),
        ("tiny-a", "toy-nli@sw", "none", "none"),
    ]
    assert [row[2] for row in by_target] == ["toy-nli"] * (len(by_target) // 2) + ["none"] * (len(by_target) // 2)
    for control, whole in (("toy-nli", found[0]), ("none", found[1])):
        values = [row[4].value for row in by_target if row[2] == control]
        assert len(values) > 1
        assert whole[4].value == pytest.approx(sum(values) / len(values))
    # Of German, Swahili and Yoruba one gains; against none all gain three points more.
    assert sum(holds(row[4], planted.OWN_GAIN / 3 + 3.0 * (row[2] == "none")) for row in found) >= 5  # of six at 95 %
    assert answer.claim[0].startswith("From tiny-a images")


def test_noisy_copies_are_in_no_average(study):
    assert study.columns["zero-shot"]["average"] == ["toy-nli", "toy-more"]
    assert counted(study) == ["toy-nli", "toy-more"]


def test_tables_and_figures_are_files_for_a_paper(asked, answers):
    folder = asked.folder
    for answer in answers.values():
        for figure in answer.figures:
            assert (folder / f"{figure.name}.png").read_bytes().startswith(b"\x89PNG")
            assert len(figure.text) > 60
        for table in answer.tables:
            text = (folder / f"{table.name}.tex").read_text()
            body = text[: text.index("\\end{tabular}")]
            lines = [line for line in body.splitlines() if line.endswith(r"\\")]
            assert len(lines) == 1 + len(table.rows)
            assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(table.head) - 1}
            assert body.isascii()
            assert f"% {answer.claim[0]}" in text
            with (folder / f"{table.name}.csv").open(newline="") as file:
                read = list(csv.reader(file))
            assert len(read) == 1 + len(table.rows)
            assert {len(line) for line in read} == {len(read[0])}


def test_the_same_store_gives_the_same_answers(asked, answers):
    again = {one.question: one for one in answers_of(Study.of(asked.results))}
    assert {name: one.claim for name, one in again.items()} == {name: one.claim for name, one in answers.items()}
    assert [t.rows for t in again["robustness"].tables] == [t.rows for t in answers["robustness"].tables]


def test_nothing_done_is_said_and_breaks_nothing(asked):
    class Nothing(Results):
        """The same sweep, of which no cell is done."""

        def __init__(self, other):
            self.__dict__ |= other.__dict__
            self.cells, self._cells, self._languages = [], {}, {}

    for one in answers_of(Study.of(Nothing(asked.results))):
        assert "not known" in one.claim[0].lower()


def test_what_a_correlation_lacks_is_named(asked):
    """Similarity steps that are there are not asked for; too few intermediates are."""
    study = Study.of(asked.results)

    class Fewer(Results):
        """The same sweep with three intermediates of the seven."""

        def __init__(self, other):
            self.__dict__ |= other.__dict__
            kept = ("none", *[name for name in other.spec.intermediate_names if name != "none"][:3])
            self.cells = [cell for cell in other.cells if cell.intermediate in kept]

    (found,) = (one for one in answers_of(Study.of(Fewer(asked.results))) if one.question == "robustness")
    others = len(study.intermediates) - 1
    assert found.claim[0] == (
        "Whether nearness goes with the drop is not known: it takes 4 intermediates, all their cells done; this sweep "
        f"has {others} beside none."
    )


def test_a_figure_says_how_many_rows_it_leaves_out():
    rows = {f"row {number}": {"": Estimate(1.0, 0.0, 2.0)} for number in range(ROWS + 4)}
    whole, cut = (
        Forest("f", "Title", "Caption.", "points", dict(list(rows.items())[:count])).draw()[1]
        for count in (ROWS, ROWS + 4)
    )
    assert "rows; the table has all" not in whole
    assert f"the first {ROWS} of {ROWS + 4} rows; the table has all" in cut
