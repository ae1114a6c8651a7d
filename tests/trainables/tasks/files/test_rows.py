"""Rows as a task file describes them: in every form, with paths in records, maps of labels, hold-outs; and what is not
as the file says is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, Value

import sweeps
from tests.trainables.tasks.rows import WITHOUT
from trainables.outside.yaml import parse_yaml
from trainables.tasks import DataError, FolderSource
from trainables.tasks.files.making import task_of
from trainables.tasks.files.reading import fields_of

TOPIC = {
    "name": "topic",
    "type": "text-classification",
    "languages": {"en": "english", "de": "german"},
    "labels": ["sports", "travel"],
    "rows": {"test": "{language}.jsonl"},
}
ROWS = [{"text": "a ball", "label": "sports"}, {"text": 'a train, "late"', "label": "travel"}]


def task(folder, **fields):
    return task_of(fields_of({**TOPIC, **fields}, "topic.yaml"), folder)


def read(folder, made, split="test", language="de"):
    return FolderSource(folder).rows(made, split, language).to_list()


def lines(*records):
    return "".join(json.dumps(one) + "\n" for one in records)


FORMS = {
    "{language}.jsonl": lines(*ROWS),
    "{language}.json": json.dumps(ROWS),
    "in/{language}/x.json": json.dumps({"version": 1, "data": ROWS}),
    "{language}.csv": 'text,label\na ball,sports\n"a train, ""late""",travel\n',
    "{language}.tsv": 'text\tlabel\r\na ball\tsports\r\na train, "late"\ttravel\r\n',
    "of-pandas-{language}.tsv": 'text\tlabel\na ball\tsports\n"a train, ""late"""\ttravel\n',
    "part-*-{language}.jsonl": lines(*ROWS),
}


@pytest.mark.parametrize("place", FORMS)
def test_a_form_is_known_by_the_end_of_the_name(tmp_path, write, place):
    write(place.format(language="german").replace("*", "0"), "\ufeff" + FORMS[place])
    made = task(tmp_path, rows={"test": place})
    assert [(row["text"], row["label"]) for row in read(tmp_path, made)] == [
        (one["text"], one["label"]) for one in ROWS
    ]
    assert [row["id"] for row in read(tmp_path, made)] == ["0", "1"]


def test_a_table_without_a_header_has_numbered_columns(tmp_path, write):
    write("german.txt", "7\tsports\ta ball\n8\ttravel\ta train\n")
    place = {"test": "{language}.txt", "format": "tsv", "header": False, "columns": {"id": 0, "text": 2, "label": 1}}
    assert read(tmp_path, task(tmp_path, rows=place)) == [
        {"id": "7", "text": "a ball", "label": "sports"},
        {"id": "8", "text": "a train", "label": "travel"},
    ]


def test_a_field_that_never_ends_is_one_line(tmp_path, write):
    write("german.csv", 'sports,"' + "a" * 200_000)
    place = {"test": "{language}.csv", "header": False, "columns": {"text": 1, "label": 0}}
    with pytest.raises(DataError, match=r"german\.csv: not CSV \(field larger than"):
        read(tmp_path, task(tmp_path, rows=place))


def test_parquet_says_itself_what_its_classes_are_called(tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["sports", "travel"])})
    rows = Dataset.from_dict({"text": ["a ball", "a train"], "label": [0, 1]}, features=features)
    rows.to_parquet(tmp_path / "german.parquet")
    made = task(tmp_path, rows={"test": "{language}.parquet"})
    assert [row["label"] for row in read(tmp_path, made)] == ["sports", "travel"]


def test_labels_are_truth_values_and_numbers_of_tables_with_gaps(tmp_path, write):
    write("german.jsonl", lines({"text": "a", "label": True}, {"text": "b", "label": False}))
    made = task(tmp_path, labels=[False, True])
    assert [row["label"] for row in read(tmp_path, made)] == ["true", "false"]
    Dataset.from_dict({"text": ["a", "b"], "label": [1.0, 0.0]}).to_parquet(tmp_path / "german.parquet")
    made = task(tmp_path, rows={"test": "{language}.parquet", "label_values": ["sports", "travel"]})
    assert [row["label"] for row in read(tmp_path, made)] == ["travel", "sports"]
    Dataset.from_dict({"text": ["a", "b"], "label": [float("nan")] * 2}).to_parquet(tmp_path / "german.parquet")
    assert [row["label"] for row in read(tmp_path, made)] == ["", ""]


def test_labels_that_rows_do_not_tell_apart(tmp_path, write):
    """A set of two labels for a model of three, as HANS."""
    both = {"neutral": "other", "contradiction": "other"}
    fields = {
        "type": "pair-classification",
        "labels": ["entailment", "neutral", "contradiction"],
        "clean_of": "xnli",
        "counts_as": both,
        "rows": {"test": "{language}.jsonl", "label_values": {"yes": "entailment", "no": "other"}},
    }
    rows = [{"text_a": "a", "text_b": "b", "label": label} for label in ("yes", "no")]
    write("german.jsonl", lines(*rows))
    made = task(tmp_path, **fields)
    assert [row["label"] for row in read(tmp_path, made)] == ["entailment", "other"]
    assert dict(made.spec().counts_as) == both
    assert made.spec() != task(tmp_path, **{**fields, "counts_as": {"neutral": "other"}}).spec()
    write("german.jsonl", lines(*rows, {"text_a": "a", "text_b": "b", "label": "neutral"}))
    with pytest.raises(DataError, match='"neutral"'):
        read(tmp_path, made)


def test_paths_joined_texts_and_label_values(tmp_path, write):
    record = {"doc": {"head": "a", "body": ["x", "b"]}, "gold": 1, "lang": "german"}
    write("all.jsonl", lines(record, {**record, "lang": "english"}, {**record, "gold": 0}))
    place = {
        "test": "all.jsonl",
        "columns": {"text": ["doc.head", "doc.head"], "label": "gold", "language": "lang"},
        "label_values": {0: "travel", 1: "sports"},
    }
    found = read(tmp_path, task(tmp_path, rows=place))
    assert [(row["text"], row["label"]) for row in found] == [("a a", "sports"), ("a a", "travel")]


def test_choices_are_columns_or_one_list(tmp_path, write):
    fields = {"type": "multiple-choice", "labels": [], "languages": ["de"]}
    write(
        "de.jsonl", lines({"q": "why", "a": "so", "b": "thus", "answer": "B", "all": [{"text": "so"}, {"text": "or"}]})
    )
    columns = {"prompt": "q", "choices": ["a", "b"], "label": "answer"}
    place = {"test": "{language}.jsonl", "columns": columns, "label_values": {"A": 0, "B": 1}}
    assert read(tmp_path, task(tmp_path, **fields, rows=place)) == [
        {**WITHOUT, "id": "0", "prompt": "why", "choices": ["so", "thus"], "label": "1"}
    ]
    place = {**place, "columns": {**columns, "choices": "all.text"}}
    assert read(tmp_path, task(tmp_path, **fields, rows=place))[0]["choices"] == ["so", "or"]


@pytest.mark.parametrize(
    "text",
    [
        "# id = 1\nIch\tPRON\tO\nbin\tAUX\tO\nAnna\tPROPN\tB-PER\n\n# id = 2\nHallo\tX\tO\n",
        "-DOCSTART- X O\n\nIch PRON O\nbin AUX O\nAnna PROPN B-PER\n\n\nHallo X O",
    ],
)
def test_tagged_columns(tmp_path, write, text):
    write("de.conll", text)
    fields = {"type": "tagging", "languages": ["de"], "labels": ["O", "PER"]}
    place = {"test": "{language}.conll", "label_values": {"B-PER": "PER"}}
    first, second = read(tmp_path, task(tmp_path, **fields, rows=place))
    assert (first["tokens"], first["tags"]) == (["Ich", "bin", "Anna"], ["O", "O", "PER"])
    assert second["tokens"] == ["Hallo"]
    place = {"test": "{language}.conll", "columns": {"tags": 1}}
    fields["labels"] = ["PRON", "AUX", "PROPN", "X"]
    assert read(tmp_path, task(tmp_path, **fields, rows=place))[0]["tags"] == ["PRON", "AUX", "PROPN"]


def test_squads_own_form_and_its_rows(tmp_path, write):
    answers = [{"text": "Anna", "answer_start": 0}]
    question = {"id": "q", "question": "Who?", "answers": answers}
    squad = {"data": [{"title": "t", "paragraphs": [{"context": "Anna ran.", "qas": [question]}]}]}
    write("de.json", json.dumps(squad))
    write("de.jsonl", lines({"ask": "Who?", "context": "Anna ran.", "answers": answers}))
    fields = {"type": "span-qa", "labels": [], "languages": ["de"]}
    made = task(tmp_path, **fields, rows={"test": "{language}.json", "format": "squad"})
    (row,) = read(tmp_path, made)
    assert row["answers"] == {"text": ["Anna"], "answer_start": [0]}
    made = task(tmp_path, **fields, rows={"test": "{language}.jsonl", "columns": {"question": "ask"}})
    (again,) = read(tmp_path, made)
    assert again == {**row, "id": "0"}
    made = task(tmp_path, **{**fields, "type": "span-or-none"}, rows={"test": "{language}.txt", "format": "jsonl"})
    write("de.txt", lines({"question": "Who?", "context": "Anna ran."}))
    with pytest.raises(DataError, match=r"answers is not there; write \[\] where a question has no answer"):
        read(tmp_path, made)
    write("de.csv", "ask,context,answer,start\nWho?,Anna ran.,Anna,0\n")
    columns = {"question": "ask", "answers.text": "answer", "answers.answer_start": "start"}
    made = task(tmp_path, **fields, rows={"test": "{language}.csv", "columns": columns})
    assert read(tmp_path, made) == [again]


def test_dev_rows_may_be_held_out_of_the_train_rows(tmp_path, write):
    write("train.jsonl", lines(*({"text": f"{i % 40}", "label": ("sports", "travel")[i % 2]} for i in range(80))))
    made = task(tmp_path, rows={"train": "train.jsonl", "test": "{language}.jsonl", "hold_out": 0.25})
    train, dev = (read(tmp_path, made, split, "en") for split in ("train", "dev"))
    assert len(train) + len(dev) == 80
    assert 4 <= len(dev) <= 36
    assert not {row["text"] for row in train} & {row["text"] for row in dev}


def test_a_test_set_without_labels_has_none(tmp_path, write):
    write("german.jsonl", lines({"text": "a"}, {"text": "b"}))
    made = task(tmp_path)
    assert [made.is_labelled(row) for row in read(tmp_path, made)] == [False, False]
    write("german.jsonl", lines({"text": "a", "label": "sports"}, {"text": "b"}))
    with pytest.raises(DataError, match=r"german\.jsonl"):
        read(tmp_path, made)


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        (
            lines({"txt": "a", "label": "sports"}),
            {},
            'german.jsonl, line 1: no column "text" for text; it has "txt, label"',
        ),
        (lines({"text": "a"}), {"label": "gold"}, 'line 1: no column "gold" for label; it has "text"'),
        (lines(ROWS[0], {"text": None, "label": "travel"}), {}, "line 2: text is null, and a text belongs there"),
        (lines({"text": 5, "label": "travel"}), {}, "line 1: text is 5, and a text belongs there"),
        (lines({"text": "a", "label": "weather"}), {}, 'line 1: label is "weather"'),
        (lines({"text": "a", "label": 2}), {}, "line 1: label is 2"),
        (lines([1]), {}, "line 1: [1] is no row; expected an object with its columns"),
        ("{", {}, "line 1: not JSON"),
        ("", {}, "no rows"),
    ],
)
def test_rows_that_are_not_as_the_file_says_are_one_line(tmp_path, write, text, columns, says):
    write("german.jsonl", text)
    with pytest.raises(DataError) as caught:
        read(tmp_path, task(tmp_path, rows={"test": "{language}.jsonl", "columns": columns}))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_of_another_width_is_named_with_its_number(tmp_path, write):
    write("de.conll", "Ich O\nbin\n")
    made = task(tmp_path, type="tagging", languages=["de"], labels=["O", "B"], rows={"test": "{language}.conll"})
    with pytest.raises(DataError, match=r'de.conll, line 2: "bin" has 1 columns, and the first line of words has 2'):
        read(tmp_path, made)


def test_a_file_that_is_not_there_is_named_before_anything_runs(tmp_path):
    made = task(tmp_path, rows={"test": ["{language}.jsonl"]})
    problem = FolderSource(tmp_path).check(made, "test", "de")
    assert problem == (
        f'topic: no test rows in "de": there is no {tmp_path / "german.jsonl"}; put the file there, or mend the path '
        "in the task file"
    )


def test_what_changes_rows_changes_the_digest_and_nothing_else_does(tmp_path):
    base = task(tmp_path, rows={**TOPIC["rows"], "columns": {"text": "t"}})
    same = [
        task(tmp_path / "elsewhere", rows={"test": "other/{language}.jsonl", "columns": {"text": "t"}}),
        task(
            tmp_path, rows=base_rows(columns={"text": "t"}), licence="CC0", settings={"epochs": 9}, counts={"test": 5}
        ),
    ]
    others = [
        task(tmp_path, rows=base_rows(columns={"text": "u"})),
        task(tmp_path, rows=base_rows(columns={"text": "t"}, label_values={0: "sports"})),
        task(tmp_path, rows=base_rows(columns={"text": "t"}, format="json")),
        task(tmp_path, rows=base_rows(columns={"text": "t", "language": "l"})),
    ]
    assert {one.reading["test-de"] for one in same} == {base.reading["test-de"]}
    assert len({one.reading["test-de"] for one in [base, *others]}) == 5


def base_rows(**changes):
    return {**TOPIC["rows"], **changes}


def test_of_the_hub_the_place_of_the_rows_counts_too(tmp_path):
    def digest(**rows):
        return task(tmp_path, rows={"hub": "owner/topic", "config": "{language}", "test": "test", **rows}).reading

    base = digest()
    (named,) = task(tmp_path, rows={"hub": "owner/topic", "config": "all", "test": "test_{language}"}).hub
    assert named.place("test", "de") == ("all", ("test_german",))
    assert digest(branch="other") == base
    for changed in (digest(config="c-{language}"), digest(test="validation"), digest(hub="owner/other")):
        assert changed["test-de"] != base["test-de"]


def test_text_is_read_in_all_its_languages(tmp_path, write):
    for split in ("train", "dev"):
        for language in ("en", "de"):
            write(f"{split}.{language}.jsonl", lines({"text": f"{split} {language}"}))
    place = {"train": "train.{language}.jsonl", "dev": "dev.{language}.jsonl"}
    made = task(tmp_path, type="masked-lm", labels=[], languages=["en", "de"], rows=place)
    assert made.train_languages == ("en", "de")
    assert (made.main_metrics, made.select_mode) == (("loss",), "min")
    (row,) = read(tmp_path, made, "dev", "de")
    assert (row["text"], row["translation"]) == ("dev de", "")


def test_the_example_of_the_readme_is_a_task_file():
    text = (Path(sweeps.__file__).parent / "README.md").read_text()
    example = re.search(r"### A task from a file\n.*?```yaml\n(.*?)```", text, re.DOTALL)
    made = task_of(fields_of(parse_yaml(example[1], "README"), "README"), None)
    assert (made.name, made.languages, made.trains_on) == ("hate-speech", ("en", "de"), ("hate-speech",))
    assert made.expected_rows == {}
