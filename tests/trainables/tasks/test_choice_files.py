"""Multiple choice in the forms of its releases. All sentences are invented."""

import bz2
import json

import pytest

from tests.trainables.tasks.rows import WITHOUT
from trainables.task_types import get_task_type
from trainables.tasks import DataError, get_task


def line(record):
    return json.dumps(record, ensure_ascii=False) + "\n"


def test_hellaswag_puts_the_begun_sentence_before_each_ending(write, source):
    record = {"ind": 24, "ctx_a": "Ada peels a pear.", "ctx_b": "then she", "ctx": "...", "label": 2, "split": "train"}
    record["activity_label"] = "Fruit"
    write(
        "hellaswag/hellaswag_train.jsonl",
        line({**record, "endings": ["[step] eats  it.", "sings.", "cuts it.", "runs."]}),
    )
    assert source.rows(get_task("hellaswag"), "train", "en").to_list() == [
        {
            "id": "24",
            "prompt": "Ada peels a pear.",
            "choices": ["then she [step] eats  it.", "then she sings.", "then she cuts it.", "then she runs."],
            "label": "2",
            "subject": "",
            "parts": [],
            "query": "Fruit: Ada peels a pear. Then she",
            "endings": [" eats it.", "sings.", "cuts it.", "runs."],
        }
    ]
    write("hellaswag/hellaswag_val.jsonl", line({**record, "ctx_b": "", "endings": ["Eat."] * 4}))
    assert source.rows(get_task("hellaswag"), "dev", "en")[0]["choices"] == ["Eat."] * 4


def test_hellaswag_as_text(source, tmp_path):
    (tmp_path / "hellaswag").mkdir()
    file = tmp_path / "hellaswag" / "hellaswag_val_full.txt.bz2"
    file.write_bytes(bz2.compress(b"Pears: Ada peels. she\n3\na\nb\nc\nd\n"))
    row = source.rows(get_task("hellaswag"), "dev", "en")[0]
    text = "Pears: Ada peels. she"
    asked = {"prompt": text, "query": text, "choices": ["a", "b", "c", "d"], "endings": ["a", "b", "c", "d"]}
    assert row == {**WITHOUT, "id": "0", **asked, "label": "3"}
    file.write_bytes(bz2.compress(b"one\n2\n"))
    with pytest.raises(DataError, match="2 lines; expected six for every example"):
        source.rows(get_task("hellaswag"), "dev", "en")


def test_cosmosqa_is_a_table_with_quotes_and_newlines(write, source):
    head = "id,context,question,answer0,answer1,answer2,answer3,label\n"
    write("cosmosqa/train.csv", f'{head}k1,"It rained, he said ""wait"".\nWe did.",Why?,a,"b, c",d,e,1\n')
    assert source.rows(get_task("cosmosqa"), "train", "en").to_list() == [
        {
            **WITHOUT,
            "id": "k1",
            "prompt": 'It rained, he said "wait".\nWe did. Why?',
            "choices": ["a", "b, c", "d", "e"],
            "label": "1",
        }
    ]


def commonsense(*choices, answer="B"):
    listed = [{"label": letter, "text": text} for letter, text in zip("ABCDE", choices, strict=False)]
    return line({"answerKey": answer, "id": "q", "question": {"stem": "Where is the lamp?", "choices": listed}})


@pytest.mark.parametrize(
    ("folder", "choices", "note"),
    [("commonsenseqa", "vwxyz", ""), ("commonsenseqa_v1.0", "vwx", " (v1.0: three choices)")],
)
def test_commonsenseqa_has_five_choices_or_in_its_first_version_three(write, source, folder, choices, note):
    write(f"{folder}/dev_rand_split.jsonl", commonsense(*choices))
    task = get_task("commonsenseqa")
    assert source.describe(task, "dev", "en") == f"{folder}/dev_rand_split.jsonl{note}"
    row = source.rows(task, "dev", "en")[0]
    assert row == {**WITHOUT, "id": "q", "prompt": "Where is the lamp?", "choices": list(choices), "label": "1"}


def test_siqa(write, source):
    record = {"context": "Bo fell.", "question": "What now?", "answerA": "x", "answerB": "y", "answerC": "z"}
    write("siqa/socialIQa_v1.4_trn.jsonl", line({**record, "correct": "C"}) + line({**record, "correct": "A"}))
    rows = source.rows(get_task("siqa"), "train", "en")
    assert rows[0] == {**WITHOUT, "id": "0", "prompt": "Bo fell. What now?", "choices": ["x", "y", "z"], "label": "2"}
    assert rows["label"] == ["2", "0"]
    write("siqa/socialIQa_v1.4_trn.jsonl", line({**record, "correct": "D"}))
    with pytest.raises(DataError, match=r"socialIQa_v1.4_trn.jsonl, line 1: not in the form"):
        source.rows(get_task("siqa"), "train", "en")


@pytest.mark.parametrize("name", ["xcopa/test.th.jsonl", "xcopa/test-th.jsonl"])
def test_xcopa_asks_in_english_in_every_language(write, source, name):
    record = {
        "premise": "ฝนตก",
        "choice1": "ถนนเปียก",
        "choice2": "แดดออก",
        "question": "effect",
        "idx": 3,
        "changed": False,
    }
    write(name, line({**record, "label": 0}) + line({**record, "idx": 4, "label": 1}))
    rows = source.rows(get_task("xcopa"), "test", "th")
    assert tuple(rows.column_names) == tuple(get_task_type("multiple-choice").columns)
    choices = ["ถนนเปียก", "แดดออก"]
    asked = {"prompt": "ฝนตก What was the effect?", "choices": choices, "query": "ฝนต ดังนั้น", "endings": choices}
    assert rows[0] == {**WITHOUT, "id": "3", **asked, "label": "0"}
    assert [get_task("xcopa").is_labelled(row) for row in rows] == [True, True]


@pytest.mark.parametrize("name", ["xcopa/val.en.jsonl", "copa_en/val-en.jsonl"])
def test_copa_lies_beside_xcopa(write, source, name):
    write(name, line({"premise": "p", "choice1": "a", "choice2": "b", "question": "cause", "label": 1, "idx": 0}))
    assert source.rows(get_task("copa"), "dev", "en")[0]["prompt"] == "p What was the cause?"


def test_a_dev_set_stands_in_for_train_and_dev_and_keeps_passages_together(write, source):
    def record(passage, number):
        choices = [f"choice {letter}" for letter in "ABC"]
        answers = {f"answer{letter}": choice for letter, choice in zip("ABC", choices, strict=True)}
        return {"context": f"Passage {passage}.", "question": f"Question {number}?", **answers, "correct": "B"}

    lines = [json.dumps(record(passage, number)) for passage in range(60) for number in range(3)]
    write("siqa/socialIQa_v1.4_dev.jsonl", "\n".join(lines) + "\n")
    task = get_task("siqa-dev")
    train, dev = (source.rows(task, split, "en")["prompt"][:] for split in ("train", "dev"))
    assert len(train) + len(dev) == 180
    passages = [{prompt.partition(".")[0] for prompt in prompts} for prompts in (train, dev)]
    assert not passages[0] & passages[1]
    assert 0 < len(passages[1]) < 20
    assert "held out for dev" in source.describe(task, "train", "en")
