"""A task file that is wrong is one line: the file, the field, what was found, the mend."""

from __future__ import annotations

import copy

import pytest
import yaml

from trainables.tasks.files.making import task_of
from trainables.tasks.files.reading import WrongTaskFile, fields_of, read_task_file, task_files

TOPIC = {
    "name": "topic",
    "type": "text-classification",
    "languages": {"en": "english", "de": "german"},
    "labels": ["sports", "travel"],
    "rows": {"train": "train.jsonl", "dev": "dev.jsonl", "test": "{language}.jsonl"},
}
HUB = {"hub": "owner/topic", "config": "{language}", "train": "train", "dev": "validation", "test": "test"}
CHOICE = {"type": "multiple-choice", "labels": []}


def rows(**changes):
    return {"rows": {**TOPIC["rows"], **changes}}


def hub(**changes):
    return {"rows": {key: value for key, value in {**HUB, **changes}.items() if value is not None}}


WRONG = [
    ({"nmae": "x"}, 'nmae: unknown field; did you mean "name"?'),
    ({"name": None}, "name: "),
    ({"name": 5}, "name: "),
    ({"name": "../up"}, "name: give letters, digits and . _ + - beginning with a letter or a digit"),
    ({"name": "a" * 300}, "name: "),
    ({"name": "none"}, 'name: "none" means something else in a sweep file; give another one'),
    ({"type": "text-clasification"}, 'type: there is no task type "text-clasification"; did you mean "text-class'),
    ({"type": ["tagging"]}, "type: "),
    ({"type": "dense-retrieval"}, "type: dense-retrieval reads more than train, dev and test rows; a task file cannot"),
    ({"languages": "de"}, "languages: "),
    ({"languages": ["de", 5]}, "languages: give the code of each language as a text, each once"),
    ({"languages": ["de", "de"]}, "languages: give the code of each language as a text, each once"),
    ({"languages": {"German!": "de"}}, 'languages: "German!" is no code of a language; write it as de or zh-Hant'),
    ({"languages": {"de": ["x"]}}, "languages.de: "),
    (
        {"languages": {"en": "x", "de": "x"}},
        'languages: de and en are both spelled "x", so both would have the same rows',
    ),
    ({"languages": None}, "languages: is missing; give the languages of its test rows"),
    ({"train_languages": ["en", "fr"]}, "train_languages: fr is not in languages; add it there, or take it out here"),
    ({"train_languages": ["en", "en"]}, 'train_languages: "en" stands there twice; leave one out'),
    ({"labels": ["sports"]}, "labels: text-classification needs two or more; list them in the order of the head's"),
    ({"labels": ["sports", "sports"]}, 'labels: "sports" stands there twice; leave one out'),
    ({"labels": {"sports": 0}}, 'labels: input should be a list (found {"sports": 0})'),
    ({"type": "multiple-choice"}, "labels: tasks of type multiple-choice have no fixed labels; take them out"),
    ({"metric": "f2"}, 'metric: text-classification has no "f2"; give accuracy or macro_f1 or f1'),
    ({"metric": "f1", "labels": ["a", "b", "c"]}, "metric: f1 is that of the last of two labels, and there are 3"),
    ({"rows": None}, "rows: "),
    ({"rows": "train.jsonl"}, "rows: "),
    ({"rows": []}, "rows: is empty; say where its rows lie"),
    ({"rows": {}}, "rows: names no rows; give train, dev or test"),
    (rows(test=None), "rows: has no test rows, and languages are those of them; give test, or take languages out"),
    (rows(dev=None), "rows: has train and no dev rows, which pick the checkpoint; give dev, or hold_out: 0.1"),
    (rows(train=None), "rows: has dev and no train rows, and dev rows are for those alone; give train, or take dev"),
    (rows(hold_out=0.1), "rows.hold_out: makes dev rows out of train rows; dev rows are given, so take one of the two"),
    (rows(dev=None, hold_out=1.5), "rows.hold_out: "),
    (rows(test="test.jsonl"), 'rows.test: "test.jsonl" is one file for 2 languages; write {language} where its name'),
    (rows(test="{lang}.jsonl"), 'rows.test: has "{lang}"; the only one that is filled in is {language}'),
    (rows(test="{language.jsonl"), 'rows.test: is "{language.jsonl", whose braces do not match; write {language}'),
    (rows(test="{language}.xlsx"), 'rows.test: the form of "{language}.xlsx" is not known by its end; give format'),
    (rows(test="{language}.conll"), "rows.test: conll is the form of tagged words, not of text-classification"),
    (
        {**CHOICE, **rows(test="{language}.csv")},
        "rows.test: a field of a table is one text, and choices is a list; name",
    ),
    (
        {"type": "tagging", **rows(test="{language}.tsv")},
        "rows.test: a field of a table is one text, and tokens is a list; give format: conll (a word a line)",
    ),
    (rows(format="excel"), "rows.format: "),
    (rows(header="no"), "rows.header: "),
    (rows(header=False), "rows.header: is about csv and tsv; take it out"),
    (rows(config="de"), "rows.config: is about a data set of the hub; give hub too, or take it out"),
    (rows(columns={"txt": "sentence"}), "rows.columns.txt: rows of text-classification have no such column; did you"),
    (rows(columns={"text": []}), "rows.columns.text: give the name of a column, or a list of names"),
    (rows(columns={"label": ["a", "b"]}), "rows.columns.label: is a list; give one column"),
    (rows(columns=["text"]), "rows.columns: "),
    (rows(label_values={0: "sport"}), 'rows.label_values.0: "sport" is none of the labels; did you mean "sports"?'),
    (rows(label_values={0: None}), "rows.label_values[0]: "),
    (
        {"counts_as": {"sports": "travel"}},
        "counts_as: is about a set that another task's model is scored on; give clean",
    ),
    (
        {"clean_of": "xnli", "counts_as": {"sport": "travel"}},
        "counts_as.sport: is none of the labels; there are: sports, travel",
    ),
    (
        {"clean_of": "xnli", "counts_as": {"sports": "travel", "travel": "both"}},
        'counts_as.sports: "travel" counts as another one itself; name what its rows have',
    ),
    ({"clean_of": "xnli", "counts_as": {"sports": "travel"}}, "counts_as: leaves 1 label in the rows"),
    (rows(languages={"en": "eng"}), "rows: no place has test rows in de; add one, or leave them out"),
    (
        {"rows": [TOPIC["rows"], {"test": "more/{language}.jsonl"}]},
        "rows: several places have test rows in ",
    ),
    (
        {**CHOICE, **rows(label_values={"A": "first"})},
        'rows.label_values.A: is "first"; give the position of the right',
    ),
    (hub(hub="topic"), "rows.hub: give the id of a data set, owner/name"),
    (hub(revision="main"), "rows.revision: give a commit: 40 digits of 0-9 and a-f"),
    (hub(config=None), 'rows.train: is "train", the name of a split; give config too (default where it has no other)'),
    (hub(test="data/{language}.parquet"), 'rows.test: is "data/{language}.parquet"; with config it is the name of a'),
    (
        hub(config="all"),
        'rows.test: "test" is one split for 2 languages; write {language} in config, or in the name of',
    ),
    (
        hub(columns={"language": "lang"}),
        "rows.columns.language: is about files of one's own; write {language} in config",
    ),
    (hub(config="{code}"), 'rows.config: has "{code}"; the only one that is filled in is {language}'),
    (hub(format="csv"), "rows.format: is about files of one's own, and not of the hub; take it out"),
    ({"settings": {"lr": 1e-5}}, "settings.lr: unknown field"),
    ({"settings": {"batch_size": True}}, "settings.batch_size: "),
    ({"settings": {"learning_rate": "fast"}}, "settings.learning_rate: "),
    ({"settings": {"epochs": 0}}, "settings.epochs: "),
    ({"counts": {"test": -1}}, "counts.test: give how many rows there are in each language, or a mapping of that"),
    ({"counts": {"test": {"fr": 5}}}, "counts.test: fr is none of its languages"),
    ({"licence": {"data": "x"}}, "licence.terms: "),
]


@pytest.mark.parametrize(("changes", "says"), WRONG, ids=[says[:60] for _, says in WRONG])
def test_each_mistake_is_one_line(tmp_path, changes, says):
    said = {key: value for key, value in {**copy.deepcopy(TOPIC), **changes}.items() if value is not None}
    file = tmp_path / "topic.yaml"
    file.write_text(yaml.safe_dump(said))
    with pytest.raises(WrongTaskFile) as caught:
        read_task_file(file)
    assert caught.value.lines[0].startswith(f"{file}: {says}")
    assert all(len(line) <= 300 and line.isprintable() for line in caught.value.lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is null; a task file is a mapping of fields (name, type, rows, ...)"),
        (b"- name", 'is ["name"]; a task file is a mapping'),
        (b"name: [", "line 1: not valid YAML"),
        (b"name: a\nname: b", 'line 2: the key "name" stands twice'),
        (b"1: a", "1: field names must be words"),
        ("name: ä".encode("utf-16"), "is UTF-16, which is not read; save it as UTF-8"),
        ("name: ä".encode("latin-1"), "line 1: is not UTF-8"),
        (b"name: " + b"[" * 200, "is nested more than 32 deep"),
        (b'name: "\\e[2J"', "has the control character"),
    ],
)
def test_what_is_no_task_file_is_one_line(tmp_path, text, says):
    file = tmp_path / "topic.yaml"
    file.write_bytes(text)
    with pytest.raises(WrongTaskFile) as caught:
        read_task_file(file)
    (line,) = caught.value.lines
    assert line.startswith(f"{file}: ")
    assert says in line
    assert len(line) <= 300
    assert line.isprintable()


def test_a_folder_is_its_yaml_files_by_name(tmp_path):
    for name in ("b.yaml", "a.yml", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [file.name for file in task_files(tmp_path)] == ["a.yml", "b.yaml"]
    (tmp_path / "empty").mkdir()
    for place, says in (
        ("empty", "there is no task file in this folder"),
        ("none.yaml", "there is no such"),
        ("a\0b", "there is no such"),
    ):
        with pytest.raises(WrongTaskFile, match=says):
            task_files(tmp_path / place)


def test_short_forms_mean_the_long_ones():
    short = fields_of({**TOPIC, "labels": [0, True], "metric": "macro_f1", "licence": "CC0"}, "f")
    assert short.labels == ("0", "true")
    assert short.metric == ("macro_f1",)
    assert short.licence is not None
    assert short.licence.terms == "CC0"
    listed = fields_of({**TOPIC, **rows(label_values=["sports", "travel"], columns={"text": 3, "label": 0})}, "f")
    assert listed.rows[0].label_values == {"0": "sports", "1": "travel"}
    assert listed.rows[0].columns == {"text": "3", "label": "0"}
    assert fields_of({**TOPIC, "languages": ["en", "de"]}, "f").languages == {"en": "en", "de": "de"}


WHOLE = {
    **TOPIC,
    "train_languages": ["en"],
    "metric": ["accuracy"],
    "rows": [
        {
            **HUB,
            "branch": "main",
            "columns": {"text": ["a", "b.c"], "label": "l", "group": "g"},
            "label_values": {0: "sports"},
            "languages": {"en": "e", "de": "d"},
        }
    ],
    "trains_on": ["topic"],
    "settings": {
        "max_length": 64,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "epochs": 1.5,
        "warmup": 0,
        "patience": None,
    },
    "counts": {"test": {"de": 5}, "train": 7},
    "licence": {"data": "d", "source": "s", "terms": "t"},
}
HOSTILE = [
    None, True, 0, -1, 10**18, 1.5, float("inf"), "", " ", "x" * 5000, "\x1b[2J", "a\nb", "{language", "{}", "../../x",
    "*", [], [None], [[]], [{}], ["x"] * 3000, {}, {"x": {}}, {1: 2}, {"": ""}, {"x" * 300: "y"}, {"en": None},
]  # fmt: skip


def places(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*at, key))


@pytest.mark.parametrize("at", [at for at in places(WHOLE) if at], ids=lambda at: ".".join(map(str, at)))
def test_whatever_stands_in_a_field_it_is_taken_or_refused_in_lines(at):
    for value in HOSTILE:
        said = copy.deepcopy(WHOLE)
        inner = said
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = value
        for line in lines_about(said):
            assert line.startswith("topic.yaml: ")
            assert len(line) <= 300
            assert line.isprintable()


def lines_about(said):
    try:
        task_of(fields_of(said, "topic.yaml"), None)
    except WrongTaskFile as error:
        return error.lines
    return []
