"""Predictions of a sweep in the XTREME layout: on a small folder of data written here, scored by the suite's scorer."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from sweeps.plan.remarks import remarks_of
from sweeps.results.export import export_predictions
from sweeps.results.results import Results
from sweeps.state.sweep import Sweep
from trainables.store import PREDICTIONS, Store
from trainables.suites import SUITES, score_folders

NLI = [
    ("A man sleeps.", "A person sleeps.", "entailment"),
    ("A dog runs in the park.", "A dog is in the kitchen.", "contradiction"),
    ("A girl reads a book.", "A girl reads a novel.", "neutral"),
    ("Two boys play chess.", "Two boys play a game.", "entailment"),
    ("The shop is open.", "The shop is closed.", "contradiction"),
    ("She bought a hat.", "She bought a red hat.", "neutral"),
]
NLI_DE = [
    ("Ein Mann schläft.", "Eine Person schläft.", "entailment"),
    ("Ein Hund läuft im Park.", "Ein Hund ist in der Küche.", "contradiction"),
    ("Ein Mädchen liest ein Buch.", "Ein Mädchen liest einen Roman.", "neutral"),
]
TAGGED = [[("Dogs", "NOUN"), ("bark", "VERB"), (".", "PUNCT")], [("We", "PRON"), ("sing", "VERB"), ("!", "PUNCT")]]
TAGGED_DE = [[("Hunde", "NOUN"), ("bellen", "VERB"), (".", "PUNCT")]]
NAMES = [[("Anna", "B-PER"), ("lives", "O"), ("in", "O"), ("Bonn", "B-LOC")], [("It", "O"), ("rains", "O")]]
TAGGED_AR = [[("الكلاب", "NOUN"), ("تنبح", "VERB"), (".", "PUNCT")]]
ENGLISH = ["We are late.", "An apple a day.", "Where is the station?"]
GERMAN = ["Wir sind spät dran.", "Ein Apfel am Tag.", "Wo ist der Bahnhof?"]
TAGS = ("udpos", "panx")
LABELLED = {
    ("xnli", "en"),
    ("xnli", "de"),
    ("udpos", "en"),
    ("udpos", "ar"),
    ("panx", "en"),
    ("tatoeba", "de"),
}
"""Languages of each task that are scored on the benchmark's own test set."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of seven tasks in the XTREME download layout: UD-POS and PAWS-X also as the public download has them, with
    labelled dev sets and test sets without labels; PAN-X in German without a test set."""
    root = tmp_path_factory.mktemp("download")

    def lines(path, rows):
        (root / path).parent.mkdir(exist_ok=True, parents=True)
        (root / path).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")

    def tagged(path, sentences):
        lines(path, ["\n".join("\t".join(pair) for pair in sentence) + "\n" for sentence in sentences])

    lines("xnli/dev-en.tsv", ["\t".join(row) for row in NLI * 5])
    for number, (premise, hypothesis, label) in enumerate(NLI):  # so that some premises are held out as dev
        with (root / "xnli/dev-en.tsv").open("a", encoding="utf-8") as file:
            file.writelines(f"{premise} ({number}.{n})\t{hypothesis}\t{label}\n" for n in range(10))
    lines("xnli/test-en.tsv", ["\t".join(row) for row in NLI])
    lines("xnli/test-de.tsv", ["\t".join(row) for row in NLI_DE])
    for split in ("train", "dev", "test"):
        tagged(f"udpos/{split}-en.tsv", TAGGED)
    tagged("udpos/test-ar.tsv", TAGGED_AR)
    tagged("udpos/dev-de.tsv", TAGGED_DE * 4)
    lines("udpos/test-de.tsv", ["\n".join(word for word, _ in sentence) + "\n" for sentence in TAGGED_DE * 7])
    for split in ("train", "dev"):
        tagged(f"panx/{split}-en.tsv", NAMES)
        lines(f"pawsx/{split}-en.tsv", [f"{text}\t{text}\t{n % 2}" for n, text in enumerate(ENGLISH)])
    for split in ("test-en", "dev-de"):
        tagged(f"panx/{split}.tsv", NAMES)
    lines("pawsx/dev-de.tsv", [f"{text}\t{text}\t1" for text in GERMAN * 2])
    lines("pawsx/test-de.tsv", [f"{text}\t{text}" for text in GERMAN * 3])
    question = {
        "question": "Who sleeps?",
        "context": "A man sleeps.",
        "answers": {"text": ["A man"], "answer_start": [0]},
    }
    for name in ("squad/train-en", "squad/dev-en", "xquad/test-de"):
        lines(f"rows/{name}.jsonl", [json.dumps(question)] * 2)
    lines("tatoeba/tatoeba.deu-eng.eng", ENGLISH)
    lines("tatoeba/tatoeba.deu-eng.deu", GERMAN)
    return root


@pytest.fixture(scope="module")
def done(folder, tiny, tmp_path_factory, here):
    """A sweep over it, carried out in this process: (spec, plan, store)."""
    targets = [
        {"task": "xnli", "train_on": "xnli-dev", "languages": ["en", "de"]},
        {"task": "udpos", "languages": ["en", "ar", "de"]},
        {"task": "panx", "languages": ["en", "de"]},
        {"task": "pawsx", "languages": ["de"]},
        {"task": "xquad", "train_on": "squad", "languages": ["de"]},
        {"task": "tatoeba", "languages": ["de"]},
        {"task": "gen-tags", "languages": ["one"]},
    ]
    return here(_fields(tiny, folder, targets), tmp_path_factory.mktemp("export"))


def _fields(tiny, folder, targets):
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    training = {"all": {"steps": 2, "evaluate_every": 2, "max_length": 64}}
    return {**tiny, "models": {"small": model}, "targets": targets, "data": str(folder), "training": training}


def test_exported_predictions_score_as_the_sweep_says(done, tmp_path):
    spec, plan, store = done
    exported = export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path)
    assert exported.folders == [tmp_path / "small" / "none-seed1"]
    assert "not in xtreme: gen-tags" in exported.notes
    assert (exported.folders[0] / "tatoeba" / "test-de.tsv").is_file()
    scored = score_folders(exported.folders[0], exported.labels, SUITES["xtreme"])
    numbers = {
        (n.target, n.language, n.metric): n.value
        for n in Results(Sweep(spec, plan, store)).numbers()
        if (n.target, n.language) in LABELLED and n.metric in ("accuracy", "f1")
    }
    main = {key: value for key, value in numbers.items() if key[2] == ("f1" if key[0] in TAGS else "accuracy")}
    assert {key[:2] for key in main} == LABELLED
    for (task, language, metric), value in main.items():
        assert scored.languages[task][language][metric] == pytest.approx(value, abs=1e-9)
    assert scored.total() is None


def test_tatoeba_stands_in_the_order_of_the_sorted_english_sentences(done, tmp_path):
    spec, plan, store = done
    exported = export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path)
    # Sorted: apple (row 1), We (row 0), Where (row 2).
    assert (exported.labels / "tatoeba" / "test-de.tsv").read_text() == "1\n0\n2\n"


def test_the_manifest_says_what_each_file_came_from(done, tmp_path):
    spec, plan, store = done
    exported = export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path)
    manifest = json.loads((exported.folders[0] / "manifest.json").read_text())
    entry = manifest["tasks"]["xnli"]["de"]
    assert entry["rows"] == 3
    assert entry["origin"]["seed"] == 1
    assert entry["origin"]["step"] in plan.steps


def test_predictions_are_of_the_test_set_and_never_of_dev_rows_that_are_scored_in_its_place(done, tmp_path):
    spec, plan, store = done
    exported = export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path)
    folder = exported.folders[0]
    sentences = (folder / "udpos" / "test-de.tsv").read_text().strip().split("\n\n")
    assert [len(sentence.split("\n")) for sentence in sentences] == [3] * 7
    assert len((folder / "pawsx" / "test-de.tsv").read_text().splitlines()) == 9
    assert not (folder / "panx" / "test-de.tsv").exists()
    assert (folder / "panx" / "test-en.tsv").is_file()
    for task in ("udpos", "pawsx", "panx"):
        assert not (exported.labels / task / "test-de.tsv").exists()
    without = "rows of the test set, which has no labels here; scores are of dev rows"
    assert {f"udpos, de: {without}", f"pawsx, de: {without}"} < set(exported.notes)
    (left_out,) = [note for note in exported.notes if note.startswith("panx, de: left out, dev rows are scored")]
    assert "put it into the data folder" in left_out
    # The scores are those of the dev rows, and the table says so.
    results = Results(Sweep(spec, plan, store))
    assert results.unlabelled() == {}
    remarks = {target: of for (target, remark), of in results.about_the_data().items() if "dev set" in remark}
    assert remarks == {"udpos": ["de"], "panx": ["de"], "pawsx": ["de"]}
    said = "dev rows are scored: there is no test set with labels"
    assert {f"{task} test, de: {said}" for task in ("udpos", "panx", "pawsx")} <= set(remarks_of(plan, spec))
    manifest = json.loads((folder / "manifest.json").read_text())["tasks"]
    assert [manifest["udpos"][language]["origin"]["rows"] for language in ("en", "de")] == ["test-en", "submission-de"]


def test_nothing_of_an_earlier_export_is_left_to_be_scored(done, tmp_path):
    sweep = Sweep(*done)
    folder = export_predictions(sweep, SUITES["xtreme"], tmp_path).folders[0]
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, text in (("panx", "O\n"), ("mlqa", "{}")):  # as if they had been written the first time
        file = folder / name / "test-de.tsv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        entry = {"file": f"{name}/test-de.tsv", "rows": 1, "sha256": sha256(text.encode()).hexdigest(), "origin": {}}
        manifest["tasks"].setdefault(name, {})["de"] = entry
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "mlqa" / "test-de.tsv").write_text("the user's own")
    export_predictions(sweep, SUITES["xtreme"], tmp_path)
    assert not (folder / "panx" / "test-de.tsv").exists()
    assert (folder / "mlqa" / "test-de.tsv").read_text() == "the user's own"
    assert (folder / "panx" / "test-en.tsv").is_file()


def test_answers_of_rows_without_ids_are_said_to_be_by_position(done, tmp_path):
    exported = export_predictions(Sweep(*done), SUITES["xtreme"], tmp_path)
    assert set(json.loads((exported.folders[0] / "xquad" / "test-de.json").read_text())) == {"0", "1"}
    assert "xquad, de: ids are positions, and the evaluator goes by the benchmark's own ids" in exported.notes


def test_a_part_of_a_test_set_is_no_submission(folder, tiny, here, tmp_path):
    targets = [{"task": "udpos", "languages": ["en", "ar", "de"]}, {"task": "tatoeba", "languages": ["de"]}]
    sweep = here({**_fields(tiny, folder, targets), "test_limit": 2}, tmp_path)
    exported = export_predictions(Sweep(*sweep), SUITES["xtreme"], tmp_path / "out")
    # Of Arabic there is one row, so it has them all.
    files = {f"{file.parent.name} {file.stem}" for file in exported.folders[0].rglob("test-*")}
    assert files == {"tatoeba test-de", "udpos test-ar"}
    (part,) = [note for note in exported.notes if "test_limit" in note]
    assert part.startswith("udpos, de en: left out, test_limit draws 2 rows")


@pytest.mark.parametrize("what", ["not done", "no test set"])
def test_where_nothing_is_left_nothing_is_written(done, tmp_path, what):
    spec, plan, store = done
    if what == "not done":
        store, why = Store(str(tmp_path / "empty")), "6 of 6 cells are not done and are left out"
    else:
        plan = replace(plan, cells=tuple(cell for cell in plan.cells if cell.target == "gen-tags"))
        why = "not in xtreme: gen-tags"
    with pytest.raises(ValueError, match=f"nothing to export for xtreme: .*{why}"):
        export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_the_layout_leaves_nothing_behind(done, tmp_path):
    spec, plan, store = done
    cell = next(cell for cell in plan.cells if cell.target == "pawsx")
    file = store.path(cell.evaluation) / PREDICTIONS / "submission-de.jsonl"
    text = file.read_text()
    try:
        file.write_text(text.replace('"prediction": "', '"prediction": "no label '))
        with pytest.raises(ValueError, match="pawsx, de: example '0' is"):
            export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path / "out")
    finally:
        file.write_text(text)
    assert not (tmp_path / "out").exists()
