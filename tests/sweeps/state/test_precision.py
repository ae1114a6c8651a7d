"""`precision: auto`: by the devices before a sweep has run, and afterwards as it was, wherever it goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cluster.inspect import Node
from sweeps.cli.main import app
from sweeps.runtime.preflight import precision
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.precision import pin, settle
from sweeps.state.sweep import load
from trainables.outside import processor
from trainables.store import Store

AUTO = {"training": {"all": {"precision": "auto"}}}
XEON = "processor: 0\nflags\t\t: fpu avx512f amx_bf16 amx_tile\n"
GRAVITON = "processor: 0\nFeatures : fp asimd bf16 i8mm\n"
OLD = "processor: 0\nflags\t\t: fpu avx2\n"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Have this machine look like another one."""

    def become(cpuinfo, gpus=0):
        (tmp_path / "cpuinfo").write_text(cpuinfo)
        monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
        folder = tmp_path / f"gpus-{gpus}"
        for number in range(gpus):
            (folder / str(number)).mkdir(parents=True)
        monkeypatch.setattr(processor, "GPUS", folder)

    return become


def sweep_of(file, *overrides):
    spec = read_spec(file, list(overrides))
    return load(spec, file, Store(spec.storage))


def precisions(sweep):
    return {step.recipe.computes_in for step in sweep.plan.steps.values() if step.kind.uses_gpu}


@pytest.mark.parametrize(
    ("cpuinfo", "gpus", "execution", "expected", "why"),
    [
        (XEON, 0, {}, "bf16", "the CPUs here have units for it (amx_bf16)"),
        (GRAVITON, 0, {}, "bf16", "(bf16)"),
        (OLD, 0, {}, "fp32", "no units for bf16 (amx_bf16, avx512_bf16, bf16)"),
        ("", 0, {}, "fp32", "no units"),
        (OLD, 1, {}, "bf16", "its trainings have GPUs"),
        (OLD, 1, {"gpus_per_worker": 0}, "fp32", "no units"),
        (OLD, 0, {"train": {"gpus_per_worker": 1}}, "bf16", "its trainings have GPUs"),
    ],
)
def test_before_the_first_run_the_devices_decide(machine, sweep_file, cpuinfo, gpus, execution, expected, why):
    machine(cpuinfo, gpus)
    sweep = sweep_of(sweep_file(**AUTO, execution=execution))
    settled = settle(sweep.spec, sweep.store)
    assert (settled.precision, precisions(sweep)) == (expected, {expected})
    assert why in settled.why


def test_what_auto_stands_for_is_in_the_recipes_and_stays(machine, sweep_file):
    file = sweep_file(**AUTO)
    machine(XEON)
    begun = sweep_of(file)
    assert set(begun.plan.steps) == set(sweep_of(file, "training.all.precision=bf16").plan.steps)
    machine(OLD)
    assert set(sweep_of(file).plan.steps) == set(sweep_of(file, "training.all.precision=fp32").plan.steps)
    machine(XEON)
    pin(begun.spec, begun.store)
    # On another machine every command finds the same steps, and so does a second run, which settles nothing anew.
    machine(OLD)
    pin(begun.spec, begun.store)
    assert set(sweep_of(file).plan.steps) == set(begun.plan.steps)
    assert settle(begun.spec, begun.store).why == "so it was when this sweep was first run"


def test_a_sweep_that_says_its_precision_settles_nothing(machine, sweep_file):
    machine(XEON)
    sweep = sweep_of(sweep_file())
    pin(sweep.spec, sweep.store)
    assert precisions(sweep) == {"fp32"}
    assert not list(sweep.store.files.list(sweep.store.at("sweeps", sweep.name)))


@pytest.mark.parametrize("content", ["", "[]", '{"precision": "fp16"}', "\x00"])
def test_a_damaged_note_is_one_line(machine, sweep_file, content):
    machine(XEON)
    file = sweep_file(**AUTO)
    sweep = sweep_of(file)
    pin(sweep.spec, sweep.store)
    note = sweep.store.at("sweeps", sweep.name, "precision.json")
    sweep.store.files.replace(note, content.encode())
    with pytest.raises(WrongSpec, match=r"precision\.json: .*; delete it, and give precision: fp32 or bf16") as error:
        sweep_of(file)
    assert len(error.value.lines) == 1
    told = CliRunner().invoke(app, ["plan", str(file)])
    assert (told.exit_code, len(told.stderr.strip().splitlines())) == (2, 1)


def test_the_plan_says_what_it_took_and_what_is_slow(machine, sweep_file):
    def remarks(*overrides):
        words = [word for override in overrides for word in ("-o", override)]
        told = CliRunner().invoke(app, ["plan", str(sweep_file(**AUTO)), "--json", *words])
        assert told.exit_code == 0, told.stderr
        return [line for line in json.loads(told.stdout)["remarks"] if line.startswith("precision: ")]

    machine(OLD)
    (line,) = remarks()
    assert line.startswith("precision: auto is fp32: the CPUs here have no units for bf16")
    (line,) = remarks("training.all.precision=bf16")
    assert "steps compute in bf16, for which the CPUs here have no units" in line
    assert line.endswith("give precision: fp32, or auto")
    assert remarks("training.all.precision=bf16", "execution.gpus_per_worker=1") == []
    assert remarks("training.all.precision=fp32") == []


def test_nodes_without_units_for_bf16_are_found_before_a_run(machine, sweep_file):
    machine(XEON)
    file = sweep_file(**AUTO)
    able = Node("able", "3.11", {}, "abc", (), 2**36, (True, True), (), None)
    unable, t4 = replace(able, name="old", bf16=(False, True)), (("Tesla T4", 2**34),)
    steps = list(sweep_of(file).plan.steps.values())
    assert precision(steps, [able]) == []
    (line,) = precision(steps, [able, unable])
    assert line.startswith("old: no units for bf16 (CPUs), in which ")
    assert "give precision: fp32" in line
    on_gpus = list(sweep_of(file, "execution.gpus_per_worker=1").plan.steps.values())
    assert precision(on_gpus, [able, unable]) == []  # what holds a GPU comes to no node without
    assert precision(on_gpus, [replace(unable, gpus=(("H100", 2**36),))]) == []
    (line,) = precision(on_gpus, [replace(able, gpus=t4, bf16=(True, False))])
    assert "(Tesla T4)" in line
    assert precision(list(sweep_of(file, "training.all.precision=fp32").plan.steps.values()), [unable]) == []
