"""`xstilts suggest --run` on real Ray: rounds, a budget that counts those before it, a table that says what it is."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import sweeps.cli.suggest as command
from sweeps.cli.main import app
from sweeps.spec.reading import read_spec
from sweeps.state.inspection import inspect_steps
from sweeps.state.rounds import rounds_of
from sweeps.state.sweep import load
from sweeps.suggest import rounds
from trainables.steps import StepRecord
from trainables.store import Store


class Killed(BaseException):
    """Nothing of the program has a say in what follows."""


def run(file, budget):
    asked = CliRunner().invoke(app, ["suggest", str(file), "--budget", repr(budget), "--run"], env={"COLUMNS": "200"})
    assert asked.exit_code == 0, asked.output
    return " ".join(asked.output.split())


def test_rounds_until_the_budget_is_spent_over_a_kill(local_ray, sweep_file, tiny, monkeypatch):
    small = {name: one for name, one in tiny["models"]["small"].items() if name != "pretrain"}
    file = sweep_file(
        models={"small": small},
        intermediates=["none", "gen-nli"],
        targets=[{"task": "gen-tags", "languages": ["one", "two"]}],
        training={"all": {"steps": 4, "evaluate_every": 2, "batch_size": 16, "max_length": 64}},
    )
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    monkeypatch.setattr(rounds, "ROUNDS", 10**6)  # so that a round has one of the two cells, however long it takes

    def killed(one, of):
        if one.number > 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(command, "_show_round", killed)
        with pytest.raises(Killed):
            run(file, 100.0)
    first = inspect_steps(sweep).done
    taken = {step: StepRecord.of(sweep.store, step) for step in first}
    hours = sum(one.seconds for one in taken.values()) / 3600  # one CPU each
    assert 0 < len(first) < len(sweep.plan.steps)
    noted = rounds_of(sweep)
    assert first < set(noted.steps)  # the second round was noted, and nothing of it is done
    spent = run(file, hours)
    assert f"spent {hours:.3g} of {hours:g} hours; to go on, give more" in spent
    assert "a selection, not a study" in spent
    assert inspect_steps(sweep).done == first
    rest = run(file, 100.0)
    assert "round 3: " in rest
    assert "give more" not in rest
    assert "selection" not in rest
    assert inspect_steps(sweep).done == set(sweep.plan.steps)
    assert {step: StepRecord.of(sweep.store, step) for step in first} == taken
