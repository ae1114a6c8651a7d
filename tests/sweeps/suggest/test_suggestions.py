"""Which cells are suggested for a budget, and what the command and the table say of it."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.plan.graph import Cell, Variant
from sweeps.results.notes import notes_of
from sweeps.results.results import Results
from sweeps.results.tables import tables_of
from sweeps.spec.reading import read_spec
from sweeps.state.inspection import inspect_steps
from sweeps.state.sweep import load
from sweeps.suggest.choice import Chooser, TooLittle
from sweeps.suggest.effects import Fitted
from sweeps.suggest.prices import Prices
from sweeps.suggest.rounds import InRounds
from sweeps.suggest.table import Scores
from tests.benchmarks import suggest as benchmark
from tests.sweeps.pretended import commit
from trainables.store import Store

GPU = {"demand": SimpleNamespace(gpus=1), "resources": (1.0, 1.0)}


def chooser(means, variances, seconds, needs=None, seen=(), aim="regret"):
    """Entries of one target with independent scores, each evaluated by the step of its name, on one GPU."""
    names = list(means)
    cells = tuple(Cell("m", name, "t", 1, (Variant(name),)) for name in names)
    values = np.array([means[name] if name in seen else np.nan for name in names])
    scores = Scores(cells, np.arange(len(names)), ("mean",) * len(names), values)
    fitted = Fitted(0.0, np.diag([variances[name] for name in names]).astype(float), scores.seen, values, {})
    fitted.__dict__["predicted"] = np.array([means[name] for name in names], dtype=float)
    steps = {
        name: SimpleNamespace(id=name, cost=SimpleNamespace(seconds=cost), needs=(needs or {}).get(name, ()), **GPU)
        for name, cost in seconds.items()
    }
    return Chooser(scores, fitted, Prices(SimpleNamespace(steps=steps)), set(seen), np.ones(len(names)), aim)


def test_the_regret_that_a_cell_spares_is_that_of_its_closed_form():
    """E max(a, b + s Z) - max(a, b) = s (phi(z) - z Phi(-z)), z = |a - b| / s."""
    known, expected, spread = 70.0, 69.0, 2.0
    means, variances = {"a": known, "b": expected, "c": 20.0}, {"a": 1.0, "b": spread**2, "c": 1.0}
    found = chooser(means, variances, dict.fromkeys("abc", 3600), seen=("a",)).choose(10)
    z = (known - expected) / spread
    assert [one.cell.intermediate for one in found] == ["b", "c"]
    assert found[0].regret == pytest.approx(spread * (norm.pdf(z) - z * norm.cdf(-z)), rel=0.02)
    assert found[1].regret == pytest.approx(0, abs=1e-9)  # 50 deviations below: no outcome makes it the best
    assert [one.uncertainty for one in found] == pytest.approx([0.8, 0.2])
    assert (found[0].low, found[0].high) == (68.0, 70.0)


def test_the_most_for_its_price_goes_first_and_shared_steps_are_paid_once():
    seconds = {"start": 7200, "a": 3600, "b": 3600, "dear": 36_000}
    means, variances = dict.fromkeys(("a", "b", "dear"), 50.0), {"a": 4.0, "b": 4.0, "dear": 9.0}
    found = chooser(means, variances, seconds, {"a": ("start",), "b": ("start",)}, aim="uncertainty").choose(8)
    assert [(one.cell.intermediate, one.hours) for one in found] == [("a", 3.0), ("b", 1.0)]
    assert found[0].steps == ("start", "a")


def test_a_budget_below_every_cell_names_the_cheapest():
    with pytest.raises(
        TooLittle, match=r"--budget 0\.5: the cheapest cell .* b -> t · seed 1, takes 1 GPU-hours; give"
    ):
        chooser({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a": 7200, "b": 3600}).choose(0.5)
    assert chooser({"a": 1}, {"a": 1}, {"a": 7200}, seen=("a",)).choose(0.5) == []


@pytest.fixture
def file(sweep_file, tiny):
    trained = [{"task": task, "languages": ["one", "two", "zero"]} for task in ("gen-nli", "gen-tags", "gen-topic")]
    return sweep_file(
        models={"small": {name: one for name, one in tiny["models"]["small"].items() if name != "pretrain"}},
        intermediates=["none", "gen-nli", "gen-topic", "gen-choice"],
        targets=[*trained, "gen-pairs"],
        seeds=[1, 2],
    )


def opened(file):
    spec = read_spec(file)
    return load(spec, file, Store(spec.storage))


def do(sweep, cells):
    """Make some cells done, with scores that are made up."""
    prices, done = Prices(sweep.plan), inspect_steps(sweep).done
    for name in prices.in_order({step for cell in cells for step in prices.needed(cell)} - done):
        commit(sweep.plan.steps[name], sweep.plan, sweep.store)


def xstilts(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_the_command_names_cells_and_says_what_they_are_predicted_from(file):
    sweep = opened(file)
    do(sweep, [cell for cell in sweep.plan.cells if cell.seed == 1])
    shown = xstilts("suggest", file, "--budget", 1000)
    said = " ".join(shown.output.split())
    assert shown.exit_code == 0, shown.output
    assert "calibrated on 12 entries that were hidden" in said
    assert "no row of a target language has a say in this" in said
    assert "not predicted: gen-pairs" in said  # it is not trained, so it has no dev rows
    by_test = " ".join(xstilts("suggest", file, "--budget", 1000, "--by", "zero-shot").output.split())
    assert "on TEST rows of the target languages" in by_test
    found = json.loads(xstilts("suggest", file, "--budget", 1000, "--json").stdout)
    left = {(cell.intermediate, cell.target) for cell in sweep.plan.cells if cell.target != "gen-pairs"}
    assert {(one["cell"]["intermediate"], one["cell"]["target"]) for one in found["suggestions"]} <= left
    assert all(one["cell"]["seed"] == 2 and one["steps"] for one in found["suggestions"])
    assert all(one["low"] <= one["expected"] <= one["high"] for one in found["suggestions"])
    assert len(found["entries"]) == 12
    do(sweep, sweep.plan.cells)
    assert "nothing to suggest" in xstilts("suggest", file, "--budget", 1).output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", 0), "--budget 0: give hours above 0"),
        (("--budget", "nan"), "--budget nan: give hours above 0"),
        (("--budget", 1e-9), "--budget 1e-09: the cheapest cell that is left"),
        (("--budget", 1e-9, "--run"), "--budget 1e-09: the cheapest cell that is left"),
        (("--budget", 1, "--run", "--gpus", 1), "--gpus: with --run hours are of what carries it out; leave it out"),
        (("--budget", 1, "--by", "test"), "--by test: dev or zero-shot"),
        (("--budget", 1, "--for", "fun"), "--for fun: regret or uncertainty"),
        (("--budget", 1, "--run", "--json"), "--json: shows what is suggested; leave out --run"),
        (("--budget", 1, "--gpu-type", "H200"), "--gpu-type: say also how many"),
    ],
)
def test_a_mistake_is_one_line(file, options, said):
    asked = xstilts("suggest", file, *options)
    assert asked.exit_code == 2
    assert said in " ".join(asked.output.split())
    assert len(asked.output.splitlines()) == 1


def test_in_rounds_until_the_budget_is_spent_and_the_table_says_that_it_is_a_selection(file):
    sweep = opened(file)
    hours = Prices(sweep.plan).hours(sweep.plan.steps)
    rounds = InRounds(sweep, lambda: sweep.plan, "zero-shot", "regret", hours / 2)
    numbers = []
    for one in rounds:
        numbers.append(one.number)
        for name in [name for name in sweep.plan.steps if name in one.steps]:
            commit(sweep.plan.steps[name], sweep.plan, sweep.store)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 1
    assert 0 < rounds.spent <= hours / 2 * 1.01
    found = Results(sweep)
    assert 0 < len(found.cells) < len(sweep.plan.cells)
    assert all("a selection, not a study" in str(table.title) for table in tables_of(found, "zero-shot"))
    (said,) = [note for note in notes_of(found) if "rounds of xstilts suggest" in note]
    assert "target languages' test rows" in said
    do(sweep, sweep.plan.cells)
    assert not any("selection" in str(table.title) for table in tables_of(Results(sweep), "zero-shot"))


def test_a_round_whose_cells_failed_is_the_last(file):
    sweep = opened(file)
    rounds = InRounds(sweep, lambda: sweep.plan, "dev", "regret", math.inf)
    assert [one.number for one in rounds] == [1]


@pytest.mark.parametrize("by", ["dev", "zero-shot"])
def test_the_benchmark_judges_sweeps_whatever_of_them_is_done(file, by, capsys):
    sweep = opened(file)
    do(sweep, [cell for cell in sweep.plan.cells if cell.intermediate in ("none", "gen-nli")])
    benchmark.table([[benchmark.finished(file, [], by)]], times=2)
    assert "no target has two hidden intermediates" in capsys.readouterr().out
    do(sweep, sweep.plan.cells)
    benchmark.table([[benchmark.finished(file, ["seeds=[2]"], by)]], times=3)
    *_, half, most, _, _, verdict = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in (half, most)] == ["50 %", "75 %"]
    assert verdict.startswith("tiny, 75 % hidden: suggest ")


def test_a_sweep_without_a_score_on_dev_rows_is_one_line(sweep_file, tiny):
    small = {name: one for name, one in tiny["models"]["small"].items() if name != "pretrain"}
    file = sweep_file(models={"small": small}, intermediates=["none", "gen-nli"], targets=["gen-pairs"])
    asked = xstilts("suggest", file, "--budget", 1)
    assert asked.exit_code == 2
    assert "no target is trained, so none has a score on dev rows; give --by zero-shot" in " ".join(
        asked.output.split()
    )
    assert xstilts("suggest", file, "--budget", 1, "--by", "zero-shot").exit_code == 0
