"""Two sweeps side by side: what they have in common, how sure differences are, in what recipes differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.report.comparison import NothingInCommon, compare
from sweeps.report.contrasts import Judge, mean_of, minus
from sweeps.state.sweep import Sweep
from tests.sweeps.report.conftest import planned, pretend


@pytest.fixture(scope="module")
def ours(made_up):
    return Sweep(made_up.spec, made_up.plan, made_up.store)


@pytest.fixture(scope="module")
def other(fields, host, tmp_path_factory):
    """Makes a sweep with some fields changed, whose predictions are drawn anew; retrieval is left out."""

    def make(changed):
        root = tmp_path_factory.mktemp("other")
        spec, plan, store = planned({**fields, "targets": ["gen-nli", "gen-tags"], **changed}, root)
        pretend(plan, store, host)
        return Sweep(spec, plan, store)

    return make


@pytest.fixture(scope="module")
def faster(other):
    """Another learning rate, intermediates that are named alike, and one seed less."""
    training = {"all": {"steps": 4, "evaluate_every": 2, "batch_size": 16, "max_length": 64, "learning_rate": 7e-4}}
    return other({"sweep": "faster", "training": training, "seeds": [1, 2, 3]})


def test_a_sweep_is_equal_to_itself(ours):
    found = compare(ours, ours)
    assert len(found.entries) == 12
    assert all(one.same and one.ours == one.theirs and one.found is None for one in found.entries)
    assert found.changes == ()
    assert found.alone == (0, 0)


def test_differences_are_of_the_cells_languages_and_seeds_that_both_have(ours, faster):
    found = compare(ours, faster)
    assert {(one.intermediate, one.target) for one in found.entries} == {
        (i, t) for i in ("none", "gen-nli", "gen-qa") for t in ("gen-nli", "gen-tags")
    }
    assert all(one.seeds == 3 and one.languages == ("two", "zero") for one in found.entries)
    assert found.alone == (3 * 4 * 4 - 3 * 2 * 3, 0)
    for one in found.entries:
        low, high = one.found.interval
        assert low <= one.theirs - one.ours <= high
        assert one.found.value == pytest.approx(one.theirs - one.ours)
        assert one.adjusted >= one.found.p


def test_a_difference_within_one_sweep_has_the_interval_of_its_report(ours, changed):
    """Two intermediates whose cells are told under one name: the same numbers as the report's own contrast."""
    judge = Judge(changed())
    judge.read("small", "gen-tags")
    sides = [mean_of([judge.scores("small", name, "gen-tags", ["two", "zero"])]) for name in ("gen-qa", "none")]
    known = judge.difference(minus(*sides))
    renamed = []
    for name in ("none", "gen-qa"):
        cells = [c for c in ours.plan.cells if c.intermediate == name and c.target == "gen-tags"]
        plan = type(ours.plan)(
            ours.plan.steps, tuple(type(c)("small", "it", c.target, c.seed, c.variants) for c in cells), 0
        )
        renamed.append(ours._replace(plan=plan))
    (found,) = compare(*renamed).entries
    assert found.found.value == pytest.approx(known.value)
    assert found.found.interval == pytest.approx(known.interval, abs=0.5)  # by other draws
    assert found.found.p == pytest.approx(known.p, abs=0.01)


def test_changes_name_the_field_and_how_many_entries(ours, faster):
    changes = compare(ours, faster).changes
    rates = [one for one in changes if one.field == "optimisation.learning_rate"]
    assert {(one.what, one.theirs) for one in rates} == {
        ("last training", "0.0007"), ("training 1 before it", "0.0007")
    }  # fmt: skip
    assert sum(one.entries for one in rates if one.what == "last training") == 6
    assert {one.field for one in changes} == {"optimisation.learning_rate"}


def test_other_test_rows_have_no_interval(ours, other):
    found = compare(
        ours,
        other({"sweep": "elsewhere", "generated": {"size": 0.1, "seed": 2}, "intermediates": ["none"], "seeds": [1]}),
    )
    assert {one.why for one in found.entries} == {"other test rows in two zero"}
    assert any(one.what == "evaluation's data" and one.field.endswith("revision") for one in found.changes)


def test_nothing_in_common_is_one_line(ours, fields, tmp_path):
    with pytest.raises(
        NothingInCommon, match=r"no cell is done in both .* reported has 48 cells done and reported has 0"
    ):
        compare(ours, Sweep(*planned(fields, tmp_path)))


def test_the_command_shows_both_and_what_differs(ours, faster):
    files = [Path(sweep.store.root).parent / "sweep.yaml" for sweep in (ours, faster)]
    shown = CliRunner().invoke(app, ["compare", *map(str, files)], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "learning_rate" in shown.output
    assert "cells that are done in one of them only: 30 in A" in shown.output
    found = json.loads(CliRunner().invoke(app, ["compare", *map(str, files), "--json"]).stdout)
    assert len(found["entries"]) == 6
    assert all(one["low"] <= one["difference"] <= one["high"] for one in found["entries"])
    same = CliRunner().invoke(app, ["compare", str(files[0]), str(files[0])], env={"COLUMNS": "200"})
    assert "the recipes are equal" in same.output
    wrong = CliRunner().invoke(app, ["compare", *map(str, files), "--average", "mean"])
    assert wrong.exit_code == 2
    assert wrong.output.strip() == "--average mean: zero-shot or xtreme"
