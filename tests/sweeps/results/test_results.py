"""Means, spreads and averages on numbers made for it."""

from __future__ import annotations

import pytest

from sweeps.plan.planner import make_plan
from sweeps.results.notes import notes_of
from sweeps.results.results import Entry, Results
from sweeps.results.tables import table_of
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from trainables.store import Store


@pytest.fixture
def filled(sweep_file, tmp_path):
    """Two seeds of three targets; scores are functions of the cell. Nothing is trained."""

    def fill(skip=(), collapsed=(), best=None):
        targets = ["gen-nli", "gen-qa", "gen-pairs"]
        file = sweep_file(intermediates=["none", "gen-nli"], targets=targets, seeds=[1, 2])
        spec = read_spec(file)
        plan, store = make_plan(spec, str(file)), Store(str(tmp_path / "store"))
        for cell in plan.cells:
            if (cell.intermediate, cell.target) in skip or store.done(cell.evaluation):
                continue
            languages = plan.steps[cell.evaluation].recipe.languages
            base = 50.0 + 10 * (cell.intermediate != "none") + cell.seed
            scores = {}
            for i, language in enumerate(languages):
                if cell.target == "gen-qa":
                    scores[language] = {"f1": base - i, "exact_match": base - i - 20}
                else:
                    scores[language] = {"accuracy": base - i}
            for training in plan.behind(cell.evaluation):
                if plan.steps[training].roles[0].label in collapsed:
                    how = {"reason": "at chance", "step": 8}
                    result = {"collapsed": how, "best": best}
                    store.commit(training, store.begin(training), {"result": result})
            made = store.begin(cell.evaluation)
            store.commit(cell.evaluation, made, {"result": {"metrics": scores}})
            data = plan.steps[cell.evaluation].recipe.data
            if not store.done(data):
                remark = " (a cut of it)" if cell.target == "gen-qa" else ""
                found = ["no labels"] if cell.target == "gen-pairs" else []
                counts = {
                    f"test-{language}": {"source": f"rows of {language}{remark}", "remarks": found}
                    for language in languages
                }
                store.commit(data, store.begin(data), {"result": counts})
        return Results(Sweep(spec, plan, store))

    return fill


def test_zero_shot_leaves_the_training_language_out_and_xtreme_takes_it_in(filled):
    results = filled()
    # `one` scores base, the five others base - 1 ... base - 5.
    zero_shot = results.entry("small", "none", ["gen-nli"], None, "zero-shot")
    assert zero_shot.mean == pytest.approx(51.5 - 3)
    xtreme = results.entry("small", "none", ["gen-nli"], None, "xtreme")
    assert xtreme.mean == pytest.approx(51.5 - 2.5)
    assert zero_shot.sd == pytest.approx(0.5**0.5)
    assert zero_shot.runs == 2


def test_a_question_answering_score_is_the_mean_of_its_two_metrics(filled):
    entry = filled().entry("small", "none", ["gen-qa"], ["one"], "xtreme")
    assert entry.mean == pytest.approx(51.5 - 10)


def test_what_no_seed_has_touched_is_one_run_without_spread(filled):
    entry = filled().entry("small", "none", ["gen-pairs"], None, "zero-shot")
    assert entry.runs == 1
    assert entry.sd is None
    assert filled().entry("small", "gen-nli", ["gen-pairs"], None, "zero-shot").runs == 2


def test_collapsed_seeds_stay_in_the_mean_and_are_shown(filled):
    results = filled(collapsed={"none -> gen-qa · seed 2"})
    entry = results.entry("small", "none", ["gen-qa"], ["one"], "xtreme")
    assert (entry.mean, entry.collapsed, entry.runs) == (pytest.approx(41.5), 1, 2)
    assert entry.sound == pytest.approx(41.0)  # the first seed alone
    assert results.entry("small", "gen-nli", ["gen-qa"], ["one"], "xtreme").collapsed == 0
    (note,) = [note for note in notes_of(results) if "collapsed" in note]
    assert note == (
        "none -> gen-qa: collapsed, and in the mean all the same: none -> gen-qa · seed 2: at chance at step 8; "
        "the mean without it: 38.0"
    )
    cells = [text for column in table_of(results, "small", "zero-shot").columns for text in column.cells]
    assert sum("1 of 2 collapsed" in str(text) for text in cells) == 3  # of the target, and of both averages
    marked = {(n.intermediate, n.target, n.seed) for n in results.numbers() if n.collapsed}
    assert marked == {("none", "gen-qa", 2)}


@pytest.mark.parametrize(("step", "said"), [(4, ", scored as it was at step 4 (dev 61.5)"), (8, "")])
def test_a_collapse_is_shown_with_the_checkpoint_that_is_scored(filled, step, said):
    results = filled(collapsed={"none -> gen-qa · seed 2"}, best={"step": step, "value": 61.5})
    assert any(f"at chance at step 8{said}; the mean" in note for note in notes_of(results))


def test_a_collapsed_intermediate_marks_all_that_starts_from_it(filled):
    results = filled(collapsed={"none -> gen-nli · seed 1"})  # the same training is the intermediate gen-nli
    marked = {(n.intermediate, n.target, n.seed) for n in results.numbers() if n.collapsed}
    assert marked == {
        ("none", "gen-nli", 1),
        *(("gen-nli", target, 1) for target in ("gen-nli", "gen-qa", "gen-pairs")),
    }
    assert any("gen-nli -> gen-pairs: collapsed" in note for note in notes_of(results))


def test_averages_with_and_without_retrieval(filled):
    results = filled()
    assert results.columns("zero-shot") == {
        "gen-nli": ["gen-nli"],
        "gen-qa": ["gen-qa"],
        "gen-pairs": ["gen-pairs"],
        "average": ["gen-nli", "gen-qa", "gen-pairs"],
        "avg. without retrieval": ["gen-nli", "gen-qa"],
    }


def test_a_mean_with_a_part_missing_is_not_given(filled):
    results = filled(skip={("gen-nli", "gen-qa")})
    assert results.entry("small", "gen-nli", ["gen-nli", "gen-qa"], None, "zero-shot") is None
    assert results.entry("small", "gen-nli", ["gen-nli"], None, "zero-shot") is not None
    assert any("2 of 12 cells are not done" in note for note in notes_of(results))


def test_an_entry_in_words():
    assert str(Entry.of([50.0, 52.0])) == "51.0 ±1.4"
    assert str(Entry.of([50.0])) == "50.0"


def test_what_a_source_says_of_its_rows_stands_under_the_tables(filled):
    notes = notes_of(filled())
    assert "gen-qa, one two three four five zero: a cut of it" in notes
    assert not any(note.startswith("gen-nli, ") for note in notes)
    assert "gen-pairs test, two three four five zero: no labels" in notes


def test_no_kind_of_retrieval_is_in_the_average_without_it(sweep_file, tmp_path):
    targets = ["gen-nli", "gen-tags", "gen-pairs", "gen-mine", "gen-ask"]
    file = sweep_file(targets=targets)
    spec = read_spec(file)
    plan, store = make_plan(spec, str(file)), Store(str(tmp_path / "store"))
    for cell in plan.cells:
        metrics = dict.fromkeys(("accuracy", "f1", "map@20"), 50.0)
        scores = dict.fromkeys(plan.steps[cell.evaluation].recipe.languages, metrics)
        store.commit(cell.evaluation, store.begin(cell.evaluation), {"result": {"metrics": scores}})
    columns = Results(Sweep(spec, plan, store)).columns("zero-shot")
    assert columns["average"] == targets
    assert columns["avg. without retrieval"] == ["gen-nli", "gen-tags"]


@pytest.mark.parametrize("others", [["gen-nli", "gen-tags"], ["gen-nli"]])
def test_a_target_with_rows_in_the_training_language_alone_is_in_no_zero_shot_mean(sweep_file, tmp_path, others):
    """It has no such mean, and an average that waited for one would never be there; of one target there is none."""
    file = sweep_file(targets=[*others, {"task": "gen-qa", "languages": ["one"]}])
    spec = read_spec(file)
    plan, store = make_plan(spec, str(file)), Store(str(tmp_path / "store"))
    for cell in plan.cells:
        recipe = plan.steps[cell.evaluation].recipe
        scores = dict.fromkeys(recipe.languages, dict.fromkeys(("accuracy", "f1", "exact_match"), 50.0))
        store.commit(cell.evaluation, store.begin(cell.evaluation), {"result": {"metrics": scores}})
        counts = {f"test-{language}": {"words": 200, "bare_words": 0} for language in recipe.languages}
        store.commit(recipe.data, store.begin(recipe.data), {"result": counts})
    results = Results(Sweep(spec, plan, store))
    several = len(others) > 1
    assert list(results.columns("zero-shot")) == [*others, *(["average"] if several else [])]
    assert list(results.columns("xtreme")) == [*others, "gen-qa", "average"]
    assert results.columns("zero-shot").get("average") == (others if several else None)
    assert ("average/none" in results.means()) == several
    assert "gen-qa: test rows in the training language alone; in no zero-shot mean" in notes_of(results)
    shown = [str(text) for column in table_of(results, "small", "zero-shot").columns for text in column.cells]
    assert shown
    assert "…" not in shown


def test_tags_on_first_visible_subwords_are_a_column_but_in_no_average_and_notes_say_where_it_matters(
    sweep_file, tmp_path
):
    both = ["gen-tags", "gen-tags@first-visible"]
    file = sweep_file(targets=["gen-nli", *both, "gen-pairs"])
    spec = read_spec(file)
    plan, store = make_plan(spec, str(file)), Store(str(tmp_path / "store"))
    for cell in plan.cells:
        recipe = plan.steps[cell.evaluation].recipe
        value = 70.0 if cell.target == both[1] else 50.0
        scores = {language: {"accuracy": value, "f1": value} for language in recipe.languages}
        store.commit(cell.evaluation, store.begin(cell.evaluation), {"result": {"metrics": scores}})
        counts = {
            f"test-{language}": {"words": 200, "bare_words": {"two": 177, "three": 41}.get(language, 40)}
            for language in recipe.languages
        }
        store.commit(recipe.data, store.begin(recipe.data), {"result": counts})
    results = Results(Sweep(spec, plan, store))
    columns = results.columns("zero-shot")
    assert (columns[both[0]], columns[both[1]]) == (both[:1], both[1:])
    assert columns["average"] == ["gen-nli", "gen-tags", "gen-pairs"]
    assert columns["avg. without retrieval"] == ["gen-nli", "gen-tags"]
    assert [results.entry("small", "none", [one], None, "zero-shot").mean for one in both] == [50.0, 70.0]
    bare = "words that begin with a bare space sign: two 88 %, three 20 %"
    notes = notes_of(results)
    assert (
        f"gen-tags: tags are on the first subwords, as in the reference; {bare}; gen-tags@first-visible has its tags "
        "behind it"
    ) in notes
    other = "gen-tags@first-visible: tags are on the first visible subwords, unlike the reference's: in no average"
    assert f"{other}; {bare}" in notes
    assert not any(note.startswith("gen-nli: tags") for note in notes)
