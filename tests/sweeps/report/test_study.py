"""The numbers of a report on a sweep whose truth is known."""

from __future__ import annotations

import pytest

from sweeps.report.figures import cell_text
from sweeps.report.files import latex
from sweeps.report.model_selection import selections
from sweeps.report.narrative import cautions, seeds_sentence, summary
from sweeps.report.study import Study
from sweeps.report.usage import cost_of
from sweeps.results.results import Results
from sweeps.state.selection import Decisions, Stopped
from sweeps.state.sweep import Sweep


@pytest.fixture(scope="module")
def study(made_up):
    return Study.of(made_up)


def test_means_are_those_of_the_tables_and_differences_are_to_none(study, made_up):
    for (model, average, intermediate, column), score in study.averages.items():
        targets = study.columns[average][column]
        entry = made_up.entry(model, intermediate, targets, None, average)
        assert score.entry == entry
        base = made_up.entry(model, "none", targets, None, average)
        if intermediate == "none":
            assert score.difference is None
        elif base.runs == entry.runs:
            assert score.difference.value == pytest.approx(entry.mean - base.mean)


def test_the_effect_that_is_there_is_found_and_the_other_is_not(study):
    helped = [study.averages["small", "zero-shot", "gen-qa", column] for column in study.columns["zero-shot"]]
    assert all(score.difference.interval[0] > 0 for score in helped)
    assert study.averages["small", "zero-shot", "gen-qa", "average"].sure
    nothing = [study.averages["small", "zero-shot", "gen-nli", column] for column in study.columns["zero-shot"]]
    assert not any(score.sure for score in nothing)


def test_retrieval_without_intermediate_is_one_run_against_four(study):
    score = study.averages["small", "zero-shot", "none", "gen-pairs"]
    assert (score.entry.runs, score.entry.sd) == (1, None)
    assert study.averages["small", "zero-shot", "gen-qa", "gen-pairs"].difference.runs == 4


def test_test_rows_are_counted_once_whatever_the_seeds(study, made_up):
    counts = made_up.store.record(made_up.plan.steps[made_up.cells[0].evaluation].recipe.data)["result"]
    score = study.averages["small", "zero-shot", "gen-qa", "gen-nli"]
    assert score.rows == counts["test-two"]["examples"] + counts["test-zero"]["examples"]
    xtreme = study.averages["small", "xtreme", "gen-qa", "gen-nli"]
    assert xtreme.rows == score.rows + counts["test-one"]["examples"]


def test_a_languages_gap_is_to_the_training_language(study):
    one, zero = (study.languages["small", "none", "gen-nli", name] for name in ("one", "zero"))
    assert zero.gap == pytest.approx(one.entry.mean - zero.entry.mean)
    assert one.gap is None
    assert zero.adjusted is None
    assert study.languages["small", "none", "gen-pairs", "zero"].gap is None


def test_the_same_store_gives_the_same_report(study, made_up):
    again = Study.of(made_up)
    assert [score.difference for score in again.scores()] == [score.difference for score in study.scores()]


def test_what_is_not_done_has_no_number_and_is_said(changed):
    results = changed()
    cell = next(c for c in results.cells if (c.intermediate, c.target, c.seed) == ("gen-nli", "gen-qa", 2))
    results.store.reject(cell.evaluation)
    study = Study.of(Results(Sweep(results.spec, results.plan, results.store)))
    assert study.averages["small", "zero-shot", "gen-nli", "gen-qa"].entry is None
    assert study.averages["small", "zero-shot", "gen-nli", "average"].difference is None
    assert study.averages["small", "zero-shot", "gen-qa", "average"].difference is not None
    assert summary(study, "small")[0].endswith("47 of 48 cells are done.")


def test_collapsed_runs_are_marked_wherever_they_count(changed):
    def collapse(step, record):
        if step.kind.group == "train" and step.name == "gen-nli -> gen-tags · seed 2":
            record["result"]["collapsed"] = {"reason": "at chance", "step": 4}

    study = Study.of(changed(collapse))
    marked = {key for key, score in study.averages.items() if score.annotations}
    assert {(of, column) for _, _, of, column in marked} == {
        ("gen-nli", "gen-tags"),
        ("gen-nli", "average"),
        ("gen-nli", "avg. without retrieval"),
    }
    assert study.languages["small", "gen-nli", "gen-tags", "two"].annotations
    (annotation,) = study.averages["small", "zero-shot", "gen-nli", "gen-tags"].annotations
    assert (annotation.kind, annotation.phase, annotation.seed) == ("collapsed", "target", 2)
    assert summary(study, "small")[-1] == (
        "Marked † as collapsed, and counted in every mean: "
        "gen-nli on gen-tags (seed 2, target phase: at chance at step 4)."
    )


def test_an_intermediate_that_collapsed_marks_all_that_rests_on_it(changed):
    def collapse(step, record):
        # One training: without intermediate it is the target's, with the intermediate gen-qa it is that.
        if step.kind.group == "train" and step.name.startswith("none -> gen-qa · seed 3"):
            record["result"]["collapsed"] = {"reason": "at chance", "step": 4}

    study = Study.of(changed(collapse))
    for target in study.targets:
        (annotation,) = study.averages["small", "zero-shot", "gen-qa", target].annotations
        assert (annotation.phase, annotation.seed) == ("intermediate", 3)
    (annotation,) = study.averages["small", "zero-shot", "none", "gen-qa"].annotations
    assert (annotation.phase, annotation.seed) == ("target", 3)


def test_cells_that_a_selection_stopped_are_told_from_those_not_done(changed, fields):
    results = changed(fields={**fields, "early_stopping": {"asha": {"grace": 2}}})
    cell = next(c for c in results.cells if (c.intermediate, c.target, c.seed) == ("gen-nli", "gen-tags", 2))
    training = cell.variants[0].training
    results.store.reject(cell.evaluation)
    results.store.reject(training)
    Decisions(results.store, results.spec.sweep).add(Stopped(training, 2, 4, 31.0, 2.0, ((2, 31.0),)))
    study = Study.of(Results(Sweep(results.spec, results.plan, results.store)))
    score = study.averages["small", "zero-shot", "gen-nli", "gen-tags"]
    assert score.entry is None
    assert cell_text(score) == "‡"
    (annotation,) = score.annotations
    assert (annotation.kind, annotation.seed, annotation.how) == ("stopped", 2, "stopped at step 2 of 4, dev 31.0")
    assert "This is a selection, not a study: 1 training stopped" in " ".join(summary(study, "small"))
    assert r"\textdaggerdbl{}" in latex(study, "small")


def test_dev_picks_one_and_the_test_sets_another(study):
    found = {one.target: one for one in selections(study, "small")}
    one = found["gen-tags"]
    # The made-up dev scores are highest after gen-nli, the made-up test scores after gen-qa.
    assert (one.chosen.intermediate, one.oracle.intermediate) == ("gen-nli", "gen-qa")
    assert (one.chosen.dev, one.none.dev) == (65.0, 60.0)
    assert one.trained_on == "gen-tags"
    assert one.regret == pytest.approx(one.oracle.test.entry.mean - one.chosen.test.entry.mean)
    # Nothing is trained for retrieval, so there is nothing to choose by.
    assert found["gen-pairs"].chosen is None
    assert found["gen-pairs"].oracle.intermediate == "gen-qa"


def test_the_cost_is_that_of_the_records_and_sharing_is_what_cells_by_themselves_would_add(changed, made_up):
    cost = cost_of(changed(lambda step, record: record.update(seconds=72.0)))
    steps = list(made_up.plan.steps.values())
    # Every step took 72 seconds: a fiftieth of an hour, on one CPU.
    assert cost.total.hours == pytest.approx(len(steps) / 50)
    assert cost.total.cpu_hours == pytest.approx(cost.total.hours)
    assert cost.total.gpu_hours == 0
    assert cost.trainings == sum(step.kind.group == "train" for step in steps)
    assert cost.unshared_trainings == made_up.plan.unshared_train_steps
    assert cost.total.tokens == 6000 * cost.trainings
    assert cost.total.tokens_per_second == pytest.approx(100)
    assert cost.tokens_per_cell == 6000 * cost.trainings / 48
    prepared = sum(step.kind.group == "prepare" for step in steps)
    assert cost.unshared.hours == pytest.approx((prepared + cost.unshared_trainings + 48) / 50)


def test_gpus_and_workers_multiply_the_hours(changed):
    def on_gpus(step, record):
        record["execution"] |= {"workers": 4, "gpus_per_worker": 0.5}

    cost = cost_of(changed(on_gpus))
    by_phase = {one.phase: one for one in cost.phases}
    assert by_phase["target"].gpu_hours == pytest.approx(2 * by_phase["target"].hours)
    assert by_phase["evaluate"].gpu_hours == pytest.approx(0.5 * by_phase["evaluate"].hours)
    assert by_phase["prepare"].gpu_hours == 0
    assert by_phase["prepare"].cpu_hours == pytest.approx(by_phase["prepare"].hours)


def test_the_words_say_what_the_seeds_can_show(made_up):
    one = made_up.spec.model_copy(update={"seeds": (1,)})
    assert "One seed: intervals and p-values are over test examples alone" in seeds_sentence(one, 9)
    four = seeds_sentence(made_up.spec, 12)
    # Student's t with three degrees of freedom: 3.18 at 5 %, 7.94 at 5 % / 12.
    assert "3.2 standard errors" in four
    assert "must reach 8" in four
    shared = made_up.spec.model_copy(update={"intermediate_seeds": "shared"})
    assert "one checkpoint of each intermediate" in seeds_sentence(shared, 12)


def test_the_summary_counts_the_claims_and_names_the_best(study):
    text = " ".join(summary(study, "small"))
    tested = study.tested("small")
    sure = [score for score in tested if score.sure]
    assert len(tested) == 12
    assert f"Of 12 differences in the main table {len(sure)} hold" in text
    assert "the highest with one is" in text
    assert "with gen-qa" in text
    assert "dev rows of the training language alone" in text
    assert any("retrieval baseline" in line for line in cautions(study, "small"))
