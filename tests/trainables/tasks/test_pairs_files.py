"""Pairs of sentences in the forms of their releases. All sentences are invented."""

import json

import pytest

from tests.trainables.tasks.rows import NO_PARTS
from trainables.tasks import DataError, get_task
from trainables.tasks.sources import languages_with


def lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def snli(number, label="neutral"):
    return {"gold_label": label, "sentence1": f"Hill {number}.", "sentence2": "A dog.", "pairID": f"p{number}"}


def anli(number, label="e"):
    return {"uid": f"u{number}", "context": f"Text {number}.", "hypothesis": "So.", "label": label, "reason": ""}


def test_snli_leaves_out_what_annotators_did_not_agree_on(write, source):
    write("snli/snli_1.0/snli_1.0_train.jsonl", lines(snli(1, "entailment"), snli(2, "-"), snli(3)))
    rows = source.rows(get_task("snli"), "train", "en")
    assert rows.to_list() == [
        {**NO_PARTS, "id": "p1", "text_a": "Hill 1.", "text_b": "A dog.", "label": "entailment"},
        {**NO_PARTS, "id": "p3", "text_a": "Hill 3.", "text_b": "A dog.", "label": "neutral"},
    ]


def test_a_line_that_is_not_in_the_form_is_named(write, source):
    write("snli/snli_1.0_dev.jsonl", lines(snli(1), {"gold_label": "neutral"}))
    with pytest.raises(DataError, match=r"snli_1.0_dev.jsonl, line 2: not in the form .*sentence1|pairID"):
        source.rows(get_task("snli"), "dev", "en")
    write("snli/snli_1.0_dev.jsonl", lines(snli(1, "perhaps")))
    with pytest.raises(DataError, match=r'snli_1.0_dev.jsonl: the label is "perhaps"; expected one of: entailment'):
        source.rows(get_task("snli"), "dev", "en")


def test_anli_is_its_three_rounds(write, source):
    for number, label in ((1, "e"), (2, "n"), (3, "c")):
        write(f"anli_v1.0/R{number}/dev.jsonl", lines(anli(number, label)))
    rows = source.rows(get_task("anli"), "dev", "en")
    assert rows["id"] == ["u1", "u2", "u3"]
    assert rows["label"] == ["entailment", "neutral", "contradiction"]


def test_a_task_of_parts_has_the_rows_of_all_and_names_where_each_came_from(write, source):
    task = get_task("anli+")
    assert 'anli: no train rows in "en"' in source.check(task, "train", "en")
    for number in (1, 2, 3):
        write(f"anli/R{number}/train.jsonl", lines(anli(number)))
    write("snli/snli_1.0_train.jsonl", lines(snli(1), snli(2)))
    assert "mnli: no train rows" in source.check(task, "train", "en")
    write("xnli/train-en.tsv", "A.\tB.\tneutral\n")
    rows = source.rows(task, "train", "en")
    assert rows["id"] == ["anli:u1", "anli:u2", "anli:u3", "mnli:0", "snli:p1", "snli:p2"]
    assert rows["text_a"][3:] == ["A.", "Hill 1.", "Hill 2."]
    revision = source.revision(task, "train", "en")
    write("xnli/train-en.tsv", "A.\tC.\tneutral\n")
    assert source.revision(task, "train", "en") != revision


@pytest.mark.parametrize("place", ["xtreme_translations/XNLI", "xnli"])
def test_translations_of_mnli(write, source, place):
    write(
        f"{place}/translate-train/en-sw-translated.tsv",
        "It rains.\tIt is wet.\tMvua inanyesha.\tKuna maji.\tentailment\n"
        "It rains.\tThe sun.\tMvua inanyesha.\tKuna jua.\tcontradictory\n"
        "It rains.\tbroken line\n",
    )
    rows = source.rows(get_task("mnli"), "train", "sw")
    assert rows["text_b"] == ["Kuna maji.", "Kuna jua."]
    assert rows["label"] == ["entailment", "contradiction"]
    assert 'no dev rows in "sw"; there are in: en' in source.check(get_task("mnli"), "dev", "sw")
    assert "sw" in languages_with(get_task("mnli"), "train")


def test_qqp_as_glue_has_it(write, source):
    head = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    write("QQP/train.tsv", f'{head}1\t1\t2\tWhy "so"?\tHow?\t0\n2\t3\t4\tbroken\n3\t5\t6\tWho?\tWho is it?\t1\n')
    rows = source.rows(get_task("qqp"), "train", "en")
    assert rows["text_a"] == ['Why "so"?', "Who?"]
    assert rows["label"] == ["0", "1"]


PAWS = "id\tsentence1\tsentence2\tlabel\n1\tAda met Bo .\tBo met Ada .\t1\n2\tAda saw Bo .\tBo left .\t0\n"


def test_paws_as_released(write, source):
    write("paws/final/dev.tsv", PAWS)
    assert source.rows(get_task("paws"), "dev", "en")["label"] == ["1", "0"]
    write("paws/final/dev.tsv", PAWS.replace("\tlabel", "\tlabels", 1))
    with pytest.raises(DataError, match=r"dev.tsv: no column label; its first line has: id, sentence1"):
        source.rows(get_task("paws"), "dev", "en")


def test_pawsx_evaluates_on_labelled_tests_before_dev(write, source):
    task, seen = get_task("pawsx"), []
    for name, text in [
        ("pawsx/test-ja.tsv", "犬が走る。\t走るのは犬だ。\n"),
        ("pawsx/dev-ja.tsv", "猫が寝る。\t寝るのは猫だ。\t1\n"),
        ("x-final/ja/test_2k.tsv", "id\tsentence1\tsentence2\tlabel\n7\t犬が走る。\t走るのは犬だ。\t1\n"),
    ]:
        write(name, text)
        seen.append((source.describe(task, "test", "ja"), source.rows(task, "test", "ja")[0]["label"]))
    assert seen == [
        ("pawsx/test-ja.tsv", ""),
        ("pawsx/dev-ja.tsv (dev set: there are no labelled test files)", "1"),
        ("x-final/ja/test_2k.tsv", "1"),
    ]


def test_pawsx_trains_on_its_own_or_translated_rows(write, source):
    write("pawsx/train-en.tsv", 'Ada "the" met .\tAda met .\t0\n')
    write("xtreme_translations/PAWSX/translate-train/en-ko-translated.tsv", "a\tb\t비가 온다\t비다\t1\na\tb\tc\td\te\n")
    write("x-final/fr/translated_train.tsv", "id\tsentence1\tsentence2\tlabel\n1\tIl pleut .\tPluie .\t1\n")
    task = get_task("pawsx")
    assert source.rows(task, "train", "en")["text_a"] == ['Ada "the" met .']
    assert source.rows(task, "train", "ko")["text_a"] == ["비가 온다"]
    assert source.rows(task, "train", "fr")["text_a"] == ["Il pleut ."]


def test_rows_of_ones_own_go_before_any_other(write, source, tmp_path):
    task = get_task("pawsx")
    own = {"id": "a", "text_a": "यह", "text_b": "वह", "label": "1", "more": "not read"}
    write("pawsx/train-en.tsv", "a\tb\t0\n")
    write("rows/pawsx/train-en.jsonl", lines(own))
    assert source.rows(task, "train", "en").to_list() == [
        {**NO_PARTS, **{key: own[key] for key in ("id", "text_a", "text_b", "label")}}
    ]
    write("rows/pawsx/train-en.jsonl", lines({"id": "a", "text_a": "x"}))
    with pytest.raises(
        DataError, match=r"train-en.jsonl, line 1: text_b is not there; rows of pair-classification have: id, text_a"
    ):
        source.rows(task, "train", "en")
    write("rows/pawsx/train-en.jsonl", lines({**own, "label": "yes"}))
    with pytest.raises(DataError, match=r'line 1: label is "yes", which is no label of the task; write one of: 0, 1'):
        source.rows(task, "train", "en")


def test_rows_of_ones_own_as_parquet(source, tmp_path):
    import pyarrow
    import pyarrow.parquet

    rows = [{"id": "1", "question": "எங்கே?", "context": "ஆற்றில்", "answers": {"text": [], "answer_start": []}}]
    (tmp_path / "rows" / "squad2").mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows" / "squad2" / "dev-en.parquet")
    assert source.rows(get_task("squad2"), "dev", "en").to_list() == [{**NO_PARTS, **rows[0]}]


def test_mnli_is_selected_on_its_own_dev_set_where_it_is_there(write, source):
    task = get_task("mnli")
    write("xnli/dev-en.tsv", "A cat sleeps.\tAn animal sleeps.\tentailment\n")
    assert "XNLI's English dev set" in source.describe(task, "dev", "en")
    records = [
        {"gold_label": "neutral", "sentence1": "It rains.", "sentence2": "It is cold.", "pairID": "1n"},
        {"gold_label": "-", "sentence1": "It rains.", "sentence2": "It snows.", "pairID": "2c"},
    ]
    write("mnli/multinli_1.0_dev_matched.jsonl", "".join(f"{json.dumps(record)}\n" for record in records))
    assert source.rows(task, "dev", "en").to_list() == [
        {**NO_PARTS, "id": "1n", "text_a": "It rains.", "text_b": "It is cold.", "label": "neutral"}
    ]
    assert source.describe(task, "dev", "en") == "mnli/multinli_1.0_dev_matched.jsonl"
