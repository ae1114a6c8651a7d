"""Predictions of a sweep in the XTREME layout: on a small folder of data written here, scored by the suite's scorer."""

from __future__ import annotations

import json

import pytest

from sweeps.results.export import export_predictions
from sweeps.results.results import Results
from sweeps.state.sweep import Sweep
from trainables.store import Store
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
TAGGED_AR = [[("الكلاب", "NOUN"), ("تنبح", "VERB"), (".", "PUNCT")]]
ENGLISH = ["We are late.", "An apple a day.", "Where is the station?"]
GERMAN = ["Wir sind spät dran.", "Ein Apfel am Tag.", "Wo ist der Bahnhof?"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of three tasks in the XTREME download layout."""
    root = tmp_path_factory.mktemp("download")

    def lines(path, rows):
        (root / path).parent.mkdir(exist_ok=True)
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
    lines("tatoeba/tatoeba.deu-eng.eng", ENGLISH)
    lines("tatoeba/tatoeba.deu-eng.deu", GERMAN)
    return root


@pytest.fixture(scope="module")
def done(folder, tiny, tmp_path_factory, here):
    """A sweep over it, carried out in this process: (spec, plan, store)."""
    root = tmp_path_factory.mktemp("export")
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    fields = {
        **tiny,
        "models": {"small": model},
        "targets": [
            {"task": "xnli", "train_on": "xnli-dev", "languages": ["en", "de"]},
            {"task": "udpos", "languages": ["en", "ar"]},
            {"task": "tatoeba", "languages": ["de"]},
            {"task": "gen-tags", "languages": ["one"]},
        ],
        "data": str(folder),
        "training": {"all": {"steps": 2, "evaluate_every": 2, "max_length": 64}},
    }
    return here(fields, root)


def test_exported_predictions_score_as_the_sweep_says(done, tmp_path):
    spec, plan, store = done
    exported = export_predictions(Sweep(spec, plan, store), SUITES["xtreme"], tmp_path)
    assert exported.folders == [tmp_path / "small" / "none-seed1"]
    assert exported.notes == ["not in xtreme: gen-tags"]
    assert (exported.folders[0] / "tatoeba" / "test-de.tsv").is_file()
    scored = score_folders(exported.folders[0], exported.labels, SUITES["xtreme"])
    numbers = {
        (n.target, n.language, n.metric): n.value
        for n in Results(Sweep(spec, plan, store)).numbers()
        if n.target in SUITES["xtreme"].tasks and n.metric in ("accuracy", "f1")
    }
    main = {key: value for key, value in numbers.items() if key[2] == ("f1" if key[0] == "udpos" else "accuracy")}
    assert {key[:2] for key in main} == {
        ("xnli", "en"),
        ("xnli", "de"),
        ("udpos", "en"),
        ("udpos", "ar"),
        ("tatoeba", "de"),
    }
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


def test_what_is_not_done_is_left_out_and_said(done, tmp_path):
    spec, plan, _ = done
    empty = Store(str(tmp_path / "empty"))
    exported = export_predictions(Sweep(spec, plan, empty), SUITES["xtreme"], tmp_path / "out")
    assert exported.folders == []
    assert "3 of 3 cells are not done and are left out" in exported.notes
