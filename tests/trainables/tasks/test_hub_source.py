"""Rows from a hub on loopback, through the hub's real client. All sentences are invented."""

from dataclasses import replace

import datasets
import pytest
from huggingface_hub import constants

from tests.conftest import OWN_TASKS
from tests.trainables.tasks.rows import NO_PARTS, WITHOUT
from trainables.tasks import DataError, HubSource, get_task
from trainables.tasks.sources import is_held_out, languages_with
from trainables.tasks.sources.hub.files import HubSplit, data_files, pull, pulled, resolve, verify
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.sources.open_source import source_at

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NLI = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])
TEXT = datasets.Value("string")
PAIR = {"premise": TEXT, "hypothesis": TEXT, "label": NLI}
XQUAD = "xquad.el/validation-00000-of-00001.parquet"
GREEK = {"id": "1", "question": "πού;", "context": "στο νησί", "answers": {"text": ["νησί"], "answer_start": [4]}}


COPA = {"premise": "p", "question": "cause", "idx": 5, "label": 1}


def pinned(*names):
    return HubSource(dict.fromkeys(names, COMMIT))


def test_class_numbers_become_labels(hub):
    pairs = [("ฝนตก", "แดดออก"), ("เธออ่าน", "เธอนอน")]
    for language, labels in (("th", (2, 0)), ("zh", (-1, -1))):
        rows = [{"premise": a, "hypothesis": b, "label": one} for (a, b), one in zip(pairs, labels, strict=True)]
        hub.put("facebook/xnli", f"{language}/test-00000-of-00001.parquet", rows, PAIR)
    source, task = pinned("facebook/xnli"), get_task("xnli")
    rows = source.rows(task, "test", "th")
    assert rows[0] == {**NO_PARTS, "id": "0", "text_a": "ฝนตก", "text_b": "แดดออก", "label": "contradiction"}
    assert source.rows(task, "test", "zh")["label"] == ["", ""]
    assert source.revision(task, "test", "th") == f"facebook/xnli@{COMMIT}"
    assert source.describe(task, "test", "th") == "facebook/xnli th test"


def test_lists_of_class_numbers_become_tags(hub):
    names = {"tokens": datasets.List(TEXT), "pos_tags": datasets.List(datasets.ClassLabel(names=["NOUN", "VERB"]))}
    rows = [{"tokens": ["Koira", "juoksee"], "pos_tags": [0, 1]}]
    hub.put("google/xtreme", "udpos.Finnish/test-00000-of-00001.parquet", rows, names)
    rows = pinned("google/xtreme").rows(get_task("udpos"), "test", "fi")
    assert rows[0] == {"id": "0", "tokens": ["Koira", "juoksee"], "tags": ["NOUN", "VERB"]}


def test_labels_that_are_numbers_stay_numbers(hub):
    names = datasets.ClassLabel(names=["not_duplicate", "duplicate"])
    rows = [{"question1": "Why?", "question2": "How?", "label": 1, "idx": 7}]
    features = {"question1": TEXT, "question2": TEXT, "label": names, "idx": datasets.Value("int32")}
    hub.put("nyu-mll/glue", "qqp/train-00000-of-00001.parquet", rows, features)
    assert pinned("nyu-mll/glue").rows(get_task("qqp"), "train", "en")["label"] == ["1"]


def test_shards_are_read_in_order(hub):
    for number in (1, 0):
        rows = [{**GREEK, "id": f"{number}"}]
        hub.put("google/xquad", f"xquad.el/validation-0000{number}-of-00002.parquet", rows)
    assert pinned("google/xquad").rows(get_task("xquad"), "test", "el")["id"] == ["0", "1"]


def test_tydiqa_is_taken_apart_by_language_and_in_english_by_passage(hub):
    keys = [f"{name}-{number}" for number in range(60) for name in ("english", "korean")]
    rows = [{**GREEK, "id": key, "context": f"passage {key}"} for key in keys]
    hub.put("google-research-datasets/tydiqa", "secondary_task/train-00000-of-00001.parquet", rows)
    source, task = pinned("google-research-datasets/tydiqa"), get_task("tydiqa")
    train, dev = (source.rows(task, split, "en") for split in ("train", "dev"))
    assert {*train["id"], *dev["id"]} == {key for key in keys if key.startswith("english-")}
    held_out = [f"passage {key}" for key in keys if "english" in key and is_held_out(f"passage {key}", 0.1)]
    assert dev["context"] == held_out
    assert len(source.rows(task, "train", "ko")) == 60
    assert "by a hold-out" in source.describe(task, "dev", "en")


def test_tatoeba_asks_in_english(hub):
    rows = [{"source_sentence": "下雨了。\n", "target_sentence": "It is raining.\n"}]
    hub.put("google/xtreme", "tatoeba.cmn/validation-00000-of-00001.parquet", rows)
    hub.put("mteb/tatoeba-bitext-mining", "ron-eng/test/0000.parquet", [{"sentence1": "Plouă.", "sentence2": "Rain."}])
    source = pinned("google/xtreme", "mteb/tatoeba-bitext-mining")
    assert source.rows(get_task("tatoeba"), "test", "zh")[0] == {
        "id": "0",
        "query": "It is raining.",
        "candidate": "下雨了。",
    }
    assert source.rows(get_task("tatoeba"), "test", "ro")[0]["candidate"] == "Plouă."


@pytest.mark.parametrize(
    ("task", "dataset", "path", "record", "row"),
    [
        (
            "commonsenseqa",
            "tau/commonsense_qa",
            "data/train-00000-of-00001.parquet",
            {"id": "k", "question": "Where?", "choices": {"label": ["A", "B"], "text": ["x", "y"]}, "answerKey": "B"},
            {"id": "k", "prompt": "Where?", "choices": ["x", "y"], "label": "1"},
        ),
        (
            "siqa",
            "allenai/social_i_qa",
            "default/train/0000.parquet",
            {"context": "c", "question": "q", "answerA": "x", "answerB": "y", "answerC": "z", "label": "3\n"},
            {"id": "0", "prompt": "c q", "choices": ["x", "y", "z"], "label": "2"},
        ),
        (
            "copa",
            "aps/super_glue",
            "copa/train-00000-of-00001.parquet",
            {"premise": "p", "choice1": "x", "choice2": "y", "question": "cause", "idx": 5, "label": 1},
            {"id": "5", "prompt": "p What was the cause?", "choices": ["x", "y"], "label": "1"}
            | {"query": " because", "endings": ["x", "y"]},
        ),
        (
            "hellaswag",
            "Rowan/hellaswag",
            "data/train-00000-of-00001.parquet",
            {"ind": 4, "activity_label": "C", "ctx_a": "a.", "ctx_b": "b", "endings": ["x", "y"], "label": "0"},
            {"id": "4", "prompt": "a.", "choices": ["b x", "b y"], "label": "0"}
            | {"query": "C: a. B", "endings": ["x", "y"]},
        ),
        (
            "cosmosqa",
            "allenai/cosmos_qa",
            "default/train/0000.parquet",
            {"id": "k", "context": "c", "question": "q", "answer0": "w", "answer1": "x", "answer2": "y", "answer3": "z"}
            | {"label": 3},
            {"id": "k", "prompt": "c q", "choices": ["w", "x", "y", "z"], "label": "3"},
        ),
    ],
)
def test_choices(hub, task, dataset, path, record, row):
    hub.put(dataset, path, [record])
    assert pinned(dataset).rows(get_task(task), "train", "en").to_list() == [{**WITHOUT, **row}]


def test_lareqa_trains_on_squad(hub):
    context = "Ada sings. Bo left."
    rows = [{"id": "k", "question": "Who?", "context": context, "answers": {"text": ["Bo"], "answer_start": [11]}}]
    hub.put("rajpurkar/squad", "plain_text/train-00000-of-00001.parquet", rows)
    assert pinned("rajpurkar/squad").rows(get_task("lareqa"), "train", "en").to_list() == [
        {"id": "k", "query": "Who?", "candidate": f"Bo left. {context}", "matches": []}
    ]


def test_a_task_of_parts_is_read_from_all_and_its_revision_names_all(hub):
    hub.put("facebook/xnli", "en/train-00000-of-00001.parquet", [{"premise": "m", "hypothesis": "h", "label": 0}], PAIR)
    rows = [{"premise": "s", "hypothesis": "h", "label": label} for label in (1, -1)]
    hub.put("stanfordnlp/snli", "plain_text/train-00000-of-00001.parquet", rows, PAIR)
    for number in (1, 2, 3):
        rows = [{"uid": f"u{number}", "premise": "a", "hypothesis": "h", "label": 2}]
        path = f"plain_text/train_r{number}-00000-of-00001.parquet"
        hub.put("facebook/anli", path, rows, {"uid": TEXT, **PAIR})
    names = ("facebook/anli", "facebook/xnli", "stanfordnlp/snli")
    source, task = pinned(*names), get_task("anli+")
    rows = source.rows(task, "train", "en")
    assert rows["id"] == ["anli:u1", "anli:u2", "anli:u3", "mnli:0", "snli:0"]
    assert rows["label"] == ["contradiction"] * 3 + ["entailment", "neutral"]
    revision = source.revision(task, "train", "en")
    assert revision == "+".join(f"{name}@{COMMIT}" for name in names)
    assert source_at("files", "hub", revision).revision(task, "train", "en") == revision


# --- files ----------------------------------------------------------------------------------------------------------

PLACE = HubSplit(dataset="google/xquad", commit=COMMIT, config="xquad.el", split="validation")


@pytest.fixture
def greek(hub):
    hub.put("google/xquad", XQUAD, [GREEK] * 500)
    return hub


def test_what_was_pulled_needs_no_network(greek, monkeypatch):
    assert pulled(PLACE) is None
    ((file, path),) = pull(PLACE)
    assert file.size == path.stat().st_size == len(greek.files["google/xquad"][XQUAD])
    asked = len(greek.asked)
    greek.server.shutdown()
    greek.server.server_close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert pulled(PLACE) == pull(PLACE) == ((file, path),)
    assert len(pinned("google/xquad").rows(get_task("xquad"), "test", "el")) == 500
    assert len(greek.asked) == asked


def test_without_a_network_what_is_not_there_is_an_error(greek, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"google/xquad, xquad.el validation at 0123456789ab: cannot be downloaded"):
        pinned("google/xquad").rows(get_task("xquad"), "test", "el")


def test_a_commit_that_is_not_there(greek):
    wrong = HubSource({"google/xquad": "f" * 40})
    with pytest.raises(DataError, match="cannot be downloaded") as caught:
        wrong.rows(get_task("xquad"), "test", "el")
    assert "\n" not in str(caught.value)


def test_what_the_hub_refuses_is_said_with_the_mend(greek):
    there_is_none = HubSplit(dataset="google/none", commit=COMMIT, config="a", split="b")
    with pytest.raises(DataError, match="there is none of this name that may be read: check the name, or set HF_TOKEN"):
        pull(there_is_none)
    with pytest.raises(DataError, match="it has no such revision: pin one that it has"):
        pull(replace(PLACE, commit="f" * 40))
    with pytest.raises(DataError, match="that is no name of a repository: owner/name"):
        resolve("no name", "main")


def test_the_pinned_commit_is_read_and_not_the_branch(greek):
    greek.commits["google/xquad"] = {"main": "f" * 40, COMMIT: COMMIT}
    assert resolve("google/xquad", "main") == "f" * 40
    pinned("google/xquad").rows(get_task("xquad"), "test", "el")
    assert not any("main" in line for line in greek.asked[1:])


def test_a_missing_file_names_what_there_is(greek):
    with pytest.raises(DataError, match=r"xquad.hi validation .*no files of it .* are in: xquad.el"):
        pinned("google/xquad").rows(get_task("xquad"), "test", "hi")


def test_a_file_that_the_listing_has_and_the_server_has_not(greek):
    info = greek._info
    greek._info = lambda *arguments: (info(*arguments), greek.files["google/xquad"].clear())
    with pytest.raises(DataError, match=r"xquad.el validation at 0123456789ab: cannot be downloaded"):
        pull(PLACE)


def test_an_interrupted_download_goes_on_where_it_broke_off(greek):
    size = len(greek.files["google/xquad"][XQUAD])
    greek.cuts[XQUAD] = size // 2
    ((file, _),) = pull(PLACE)
    assert file.size == size
    assert len([line for line in greek.asked if line.startswith("GET /datasets")]) == 2


def test_a_pull_that_died_goes_on_with_the_files_that_are_missing(hub):
    for number in (0, 1):
        hub.put("google/xquad", f"xquad.el/validation-0000{number}-of-00002.parquet", [{**GREEK, "id": f"{number}"}])
    second = "xquad.el/validation-00001-of-00002.parquet"
    hub.lies[second] = b"not what it should be"
    with pytest.raises(DataError):
        pull(PLACE)
    assert pulled(PLACE) is None
    hub.lies.clear()
    hub.asked.clear()
    assert len(pull(PLACE)) == 2
    assert [line for line in hub.asked if line.startswith("GET /datasets")] == [
        f"GET /datasets/google/xquad/resolve/{COMMIT}/{second}"
    ]


def test_a_wrong_checksum_is_refused_and_the_file_removed(greek):
    content = greek.files["google/xquad"][XQUAD]
    greek.lies[XQUAD] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(DataError, match=rf"{XQUAD}: its SHA-256 is .* the hub says .* removed, pull it again"):
        pull(PLACE)
    assert pulled(PLACE) is None
    greek.lies.clear()
    pull(PLACE)
    verify(PLACE)


def test_a_file_that_changed_after_it_was_pulled(greek):
    ((_, path),) = pull(PLACE)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match="its SHA-256 is"):
        verify(PLACE)
    assert not path.exists()
    assert pulled(PLACE) is None


def test_a_column_that_is_missing_is_named(hub):
    hub.put("google/xquad", XQUAD, [{"id": "1"}])
    with pytest.raises(DataError, match=r'row 1: no column "question" for question; it has "id"'):
        pinned("google/xquad").rows(get_task("xquad"), "test", "el")


@pytest.mark.parametrize(
    ("config", "split", "found"),
    [
        ("a", "train", ["a/train-00000-of-00002.parquet", "a/train-00001-of-00002.parquet"]),
        ("b", "train", ["b/train/0000.parquet", "b/train/0001.parquet"]),
        ("default", "test", ["data/test-00000-of-00001.parquet"]),
        ("c", "test", []),
        ("a", "validation", []),
    ],
)
def test_layouts_of_repositories(config, split, found):
    names = [
        "README.md", "a/train-00001-of-00002.parquet", "a/train-00000-of-00002.parquet", "b/train/0001.parquet",
        "b/train/0000.parquet", "data/test-00000-of-00001.parquet", "b/partial-train/0000.parquet",
    ]  # fmt: skip
    assert data_files(names, config, split) == found


# --- what there is --------------------------------------------------------------------------------------------------


def test_what_is_not_on_the_hub_is_said_by_check():
    source = HubSource({"google/xquad": COMMIT})
    assert "not on the hub" in source.check(get_task("snli-cad"), "train", "en")
    assert "it is only evaluated" in source.check(get_task("xquad"), "train", "en")
    assert 'no test rows in "ja"' in source.check(get_task("xquad"), "test", "ja")
    assert 'has no test rows in "uk" there' in source.check(get_task("udpos"), "test", "uk")
    assert source.check(get_task("xquad"), "test", "el") is None


def test_what_is_not_pinned_is_said_by_check_and_never_looked_up(hub):
    with pytest.raises(DataError, match="google/xquad: no commit of it is pinned; `xstilts data pull FILE` does that"):
        HubSource().revision(get_task("xquad"), "test", "el")
    assert hub.asked == []


def test_tables_have_splits_and_languages_that_there_are():
    for task in OWN_TASKS:
        for split in {split for table in task.hub for split in table.splits}:
            listed = [language for table in task.hub if split in table.splits for language in table.languages]
            assert len(set(listed)) == len(listed)
            assert set(listed) <= {task.train_language, *task.languages, *task.other_train_languages}
            assert set(listed) & set(languages_with(task, split))


def test_no_network_is_one_line(monkeypatch):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    with pytest.raises(DataError, match=r"google/xquad: cannot look up its branch main .*check the network"):
        resolve("google/xquad", "main")
    place = HubSplit(dataset="google/xquad", commit=COMMIT, config="xquad.el", split="validation")
    with pytest.raises(DataError, match=r"google/xquad, xquad.el.* cannot be downloaded .*check the network"):
        pull(place)


# --- other forms than parquet, and other columns ---------------------------------------------------------------------

SIB = 'index_id\tcategory\ttext\n7\tsports\tA race.\n8\ttravel\tA "long" way.\n'
CHOICE = {"passage": "p", "question": "q", "mc": [{"a": "x"}, {"a": "y"}], "right": "2"}


@pytest.mark.parametrize(
    ("path", "content", "table", "rows"),
    [
        (
            "data/deu_Latn/test.tsv",
            SIB,
            {
                "splits": {"test": "data/{code}/test.tsv"},
                "codes": {"de": "deu_Latn"},
                "columns": {"id": "index_id", "text_a": "text", "text_b": "category", "label": "category"},
                "labels": {"sports": "neutral", "travel": "entailment"},
            },
            [("7", "A race.", "sports", "neutral"), ("8", 'A "long" way.', "travel", "entailment")],
        ),
        (
            "test/mmlu_DE-DE.csv",
            'Question,"An, swer",Subject\n"Who, ""me""?",A,x\n',
            {
                "splits": {"test": "test/mmlu_{code}.csv"},
                "codes": {"de": "DE-DE"},
                "columns": {"text_a": "Question", "text_b": ("Subject", "An, swer"), "label": "An, swer"},
                "labels": {"A": "neutral"},
            },
            [("0", 'Who, "me"?', "x A", "neutral")],
        ),
        (
            "data/de/test.jsonl",
            '{"pair": {"one": "a", "two": ["b", "c"]}, "gold": 1}\n\n{"pair": {"one": "d", "two": []}, "gold": 0}\n',
            {
                "config": "data/{code}",
                "splits": {"test": "test"},
                "columns": {"text_a": "pair.one", "text_b": ("pair.one", "pair.one"), "label": "gold"},
                "class_names": {"gold": NLI.names},
            },
            [("0", "a", "a a", "neutral"), ("1", "d", "d d", "entailment")],
        ),
        (
            "de_test.json",
            '{"version": 1, "data": [{"text_a": "a", "text_b": "b", "label": "0"}]}',
            {"splits": {"test": "{code}_*.json"}, "labels": {"0": "contradiction"}},
            [("0", "a", "b", "contradiction")],
        ),
    ],
)
def test_tables_and_json_are_read_beside_parquet(hub, register, path, content, table, rows):
    hub.files["owner/set"] = {path: content.encode(), "README.md": b"about", "script.py": b"never run"}
    hub.pin("owner/set", "main", COMMIT)
    table = HubTable(dataset="owner/set", languages=("de",), **{"config": "default", **table})
    register(replace(get_task("xnli"), name="mine", languages=("de",), hub=(table,)))
    found = HubSource({"owner/set": COMMIT}).rows(get_task("mine"), "test", "de").to_list()
    assert [tuple(row[name] for name in ("id", "text_a", "text_b", "label")) for row in found] == rows
    assert not any("script.py" in line for line in hub.asked)


def test_choices_may_lie_in_several_columns_or_in_a_list_of_objects(hub, register):
    rows = [{**CHOICE, "text": ["t1", "t2"]}]
    hub.put("owner/set", "default/test/0000.parquet", rows)
    for choices in ("mc.a", ("passage", "question")):
        columns = {"prompt": ("passage", "question"), "choices": choices, "label": "right"}
        table = HubTable(
            dataset="owner/set",
            splits={"test": "test"},
            languages=("qu",),
            columns=columns,
            labels={"1": "0", "2": "1"},
            revision=COMMIT,
        )
        record = replace(get_task("xcopa"), name=f"mine-{len(choices)}-{type(choices).__name__}", hub=(table,))
        register(record)
        # A commit in the record needs no lock file.
        found = HubSource().rows(record, "test", "qu").to_list()
        expected = ["x", "y"] if choices == "mc.a" else ["p", "q"]
        assert found == [{**WITHOUT, "id": "0", "prompt": "p q", "choices": expected, "label": "1"}]


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("test.tsv", "a\tb\nx\n", "record 2: 1 columns, but its first line has 2"),
        ("test.jsonl", '{"text_a": "a"}\n', 'line 1: no column "text_b" for text_b; it has "text_a"'),
        ("test.jsonl", "[1]\n", r"test.jsonl, line 1: \[1\] is no row"),
        ("test.jsonl", "{\n", "line 1: not JSON"),
        ("test.json", '"x"', 'holds "x"; expected a list of objects'),
        ("test.json", "[7]", "entry 1: 7 is no row"),
        ("test.csv", b"\xff\xfea\x00", "UTF-16"),
        ("test.parquet", "PAR1", "not a parquet file that can be read"),
        ("data/test-00000-of-00001.parquet", "", "not a parquet file that can be read"),
    ],
)
def test_what_cannot_be_read_is_one_line(hub, register, path, content, said):
    hub.files["owner/set"] = {path: content if isinstance(content, bytes) else content.encode()}
    hub.pin("owner/set", "main", COMMIT)
    table = HubTable(dataset="owner/set", splits={"test": "test"}, languages=("de",))
    register(replace(get_task("xnli"), name="mine", languages=("de",), hub=(table,)))
    with pytest.raises(DataError, match=said) as caught:
        HubSource({"owner/set": COMMIT}).rows(get_task("mine"), "test", "de")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("owner/set, default test at 0123456789ab")
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("value", [None, 7, True, 3.5, [], ["a", None], {"a": 1}, [{"text": "a"}], b"\xff"])
@pytest.mark.parametrize(
    ("task", "language", "dataset", "path", "record", "column"),
    [
        (
            "tatoeba",
            "de",
            "google/xtreme",
            "tatoeba.deu/validation/0.parquet",
            {"target_sentence": "a"},
            "source_sentence",
        ),
        ("xnli", "de", "facebook/xnli", "de/test/0.parquet", {"hypothesis": "b", "label": 1}, "premise"),
        ("xquad", "de", "google/xquad", "xquad.de/validation/0.parquet", {"question": "q", "context": "c"}, "answers"),
        ("udpos", "de", "google/xtreme", "udpos.German/test/0.parquet", {"tokens": ["a", "b"]}, "pos_tags"),
        ("copa", "en", "aps/super_glue", "copa/train/0.parquet", {**COPA, "choice2": "y"}, "choice1"),
        ("xcopa", "qu", "cambridgeltl/xcopa", "qu/test/0.parquet", {**COPA, "choice1": "x"}, "choice2"),
    ],
)
def test_a_value_of_another_kind_is_one_line_or_no_label(hub, task, language, dataset, path, record, column, value):
    hub.put(dataset, path, [{**record, column: value}])
    split = "train" if task == "copa" else "test"
    try:
        (row,) = HubSource({dataset: COMMIT}).rows(get_task(task), split, language).to_list()
    except DataError as problem:
        line = str(problem)
        assert len(line) <= 300, line
        assert line.startswith(dataset), line
    else:
        assert value in (None, []), row
        assert not get_task(task).is_labelled(row)
