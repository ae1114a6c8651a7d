import datasets
import huggingface_hub
import pytest

from trainables.tasks import FAMILY_COLUMNS, DataError, GeneratedSource, HubSource, get_task, is_labelled
from trainables.tasks.sources import is_held_out

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ENGLISH = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])
TEXT = datasets.Value("string")


@pytest.fixture
def hub(monkeypatch):
    """A hub that holds what a test puts there: (dataset, config, split) -> columns and features."""
    tables = {}

    def load(dataset, config, split, revision):
        assert revision == COMMIT
        if (dataset, config, split) not in tables:
            raise ValueError(f"BuilderConfig '{config}' not found\nand more lines")
        columns, features = tables[dataset, config, split]
        return datasets.Dataset.from_dict(columns, features=datasets.Features(features))

    monkeypatch.setattr(datasets, "load_dataset", load)
    return tables


def test_class_numbers_become_labels(hub):
    hub["facebook/xnli", "th", "test"] = (
        {"premise": ["ฝนตก", "เธออ่าน"], "hypothesis": ["แดดออก", "เธอนอน"], "label": [2, -1]},
        {"premise": TEXT, "hypothesis": TEXT, "label": ENGLISH},
    )
    source, task = HubSource({"facebook/xnli": COMMIT}), get_task("xnli")
    rows = source.rows(task, "test", "th")
    assert rows[0] == {"id": "0", "text_a": "ฝนตก", "text_b": "แดดออก", "label": "contradiction"}
    assert [is_labelled(task, row) for row in rows] == [True, False]
    assert source.revision(task, "test", "th") == f"facebook/xnli@{COMMIT}"
    assert source.describe(task, "test", "th") == "facebook/xnli th test"


def test_lists_of_class_numbers_become_tags(hub):
    names = datasets.ClassLabel(names=["NOUN", "VERB"])
    hub["google/xtreme", "udpos.Finnish", "test"] = (
        {"tokens": [["Koira", "juoksee"]], "pos_tags": [[0, 1]]},
        {"tokens": datasets.List(TEXT), "pos_tags": datasets.List(names)},
    )
    rows = HubSource({"google/xtreme": COMMIT}).rows(get_task("udpos"), "test", "fi")
    assert rows[0] == {"id": "0", "tokens": ["Koira", "juoksee"], "tags": ["NOUN", "VERB"]}


def test_tydiqa_is_taken_apart_by_language_and_passage(hub):
    keys = [f"{name}-{number}" for number in range(60) for name in ("english", "korean")]
    contexts = [f"passage {key}" for key in keys]
    answers = [{"text": ["passage"], "answer_start": [0]}] * len(keys)
    hub["google-research-datasets/tydiqa", "secondary_task", "train"] = (
        {"id": keys, "question": ["what?"] * len(keys), "context": contexts, "answers": answers},
        {
            "id": TEXT,
            "question": TEXT,
            "context": TEXT,
            "answers": {"text": datasets.List(TEXT), "answer_start": datasets.List(datasets.Value("int32"))},
        },
    )
    source = HubSource({"google-research-datasets/tydiqa": COMMIT})
    train, dev = (source.rows(get_task("tydiqa"), split, "en") for split in ("train", "dev"))
    assert {*train["id"], *dev["id"]} == {key for key in keys if key.startswith("english-")}
    assert dev["context"] == [text for text in contexts if "english" in text and is_held_out(text, 0.1)]


def test_tatoeba_asks_in_english(hub):
    hub["google/xtreme", "tatoeba.cmn", "validation"] = (
        {"source_sentence": ["下雨了。\n"], "target_sentence": ["It is raining.\n"]},
        {"source_sentence": TEXT, "target_sentence": TEXT},
    )
    rows = HubSource({"google/xtreme": COMMIT}).rows(get_task("tatoeba"), "test", "zh")
    assert rows[0] == {"id": "0", "query": "It is raining.", "candidate": "下雨了。"}


def test_what_cannot_be_loaded_is_one_clear_line(hub):
    with pytest.raises(DataError, match=r"cannot load google/xquad, xquad\.el, validation at 0123456789ab") as caught:
        HubSource({"google/xquad": COMMIT}).rows(get_task("xquad"), "test", "el")
    assert "\n" not in str(caught.value)
    hub["google/xquad", "xquad.el", "validation"] = ({"id": ["1"]}, {"id": TEXT})
    with pytest.raises(DataError, match="no column question, context, answers; it has: id"):
        HubSource({"google/xquad": COMMIT}).rows(get_task("xquad"), "test", "el")


def test_what_is_not_on_the_hub_is_said_by_check():
    source = HubSource()
    assert "not on the hub" in source.check(get_task("snli-cad"), "train", "en")
    assert "has no train rows" in source.check(get_task("xquad"), "train", "en")
    assert 'no test rows in "ja"' in source.check(get_task("xquad"), "test", "ja")
    assert source.check(get_task("xquad"), "test", "el") is None


def test_a_revision_that_is_not_pinned_is_looked_up_once(monkeypatch):
    asked = []

    class Hub:
        def dataset_info(self, name):
            asked.append(name)
            return type("Info", (), {"sha": COMMIT})

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    source = HubSource()
    for language in ("el", "hi"):
        assert source.revision(get_task("xquad"), "test", language) == f"google/xquad@{COMMIT}"
    assert asked == ["google/xquad"]


def test_without_a_network_an_unpinned_revision_is_an_error(monkeypatch):
    class Hub:
        def dataset_info(self, name):
            raise OSError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    with pytest.raises(
        DataError, match=r"no revision is pinned and the hub does not answer \(no route\); pin a commit"
    ):
        HubSource().revision(get_task("xquad"), "test", "el")


@pytest.mark.parametrize(
    ("task", "split", "language"),
    [
        ("gen-text", "train", "two"),
        ("gen-nli", "train", "one"),
        ("gen-tags", "test", "zero"),
        ("gen-qa", "dev", "one"),
        ("gen-pairs", "test", "three"),
    ],
)
def test_generated_rows_have_the_columns_of_the_family(task, split, language):
    source, task = GeneratedSource(seed=3, size=0.02), get_task(task)
    assert source.check(task, split, language) is None
    rows = source.rows(task, split, language)
    assert tuple(rows.column_names) == FAMILY_COLUMNS[task.family]
    assert len(set(rows["id"])) == len(rows)
    assert all(is_labelled(task, row) for row in rows)
    if "label" in rows.column_names:
        assert set(rows["label"]) <= set(task.labels)
    if "tags" in rows.column_names:
        assert {tag for tags in rows["tags"] for tag in tags} <= set(task.labels)


def test_generated_revision_names_version_seed_and_size():
    assert GeneratedSource(seed=3, size=0.5).revision(get_task("gen-nli"), "dev", "one").endswith("-seed3-size0.5")


def test_generated_source_says_what_it_has_not():
    source = GeneratedSource()
    assert "not a generated one" in source.check(get_task("xnli"), "test", "en")
    assert 'no train in "two"; there is in: one' in source.check(get_task("gen-nli"), "train", "two")
    with pytest.raises(DataError):
        source.rows(get_task("gen-pairs"), "train", "two")
