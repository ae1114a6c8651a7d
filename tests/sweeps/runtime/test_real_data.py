"""The small real study on real cuts, end to end through the plan; skipped where the data is not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import read_spec
from trainables.steps.run import carry_out
from trainables.store import Store

ROOT = Path(__file__).parents[3]


def test_the_real_study_in_small_plans(real_data, tmp_path):
    file = ROOT / "sweeps" / "dev.yaml"
    plan = make_plan(read_spec(file, [f"data={real_data}", f"storage={tmp_path}"]), str(file))
    kinds = [step.kind.group for step in plan.steps.values()]
    # For each of 2 seeds: 1 intermediate, 5 trained targets after each of 2; 5 evaluations after each of 2, and of
    # 1 + 2 encoders on tatoeba.
    assert kinds.count("train") == 2 * (1 + 10)
    assert kinds.count("evaluate") == 2 * 10 + 3


@pytest.mark.deepspeed
def test_a_real_target_is_prepared_trained_and_evaluated(real_data, host, tmp_path):
    """Tagging in five updates; no number is asserted but its range."""
    file = ROOT / "sweeps" / "mini.yaml"
    overrides = [
        f"data={real_data}",
        f"storage={tmp_path}/store",
        "intermediates=[none]",
        "targets=[panx]",
        "languages=[en,ar,hi,zh]",
        "seeds=[1]",
        "test_limit=50",
        "training={all: {steps: 5, batch_size: 8, max_length: 128, train_limit: 200}}",
    ]
    spec = read_spec(file, overrides)
    store = Store(spec.storage)
    for step in make_plan(spec, str(file)).steps.values():
        carry_out(step.recipe, step.execution, store, host())
        if step.kind.group == "evaluate":
            metrics = store.record(step.id)["result"]["metrics"]
    assert set(metrics) == {"en", "ar", "hi", "zh"}
    assert all(0 <= scores["f1"] <= 100 for scores in metrics.values())
