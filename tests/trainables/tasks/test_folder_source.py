"""The folder source on files written here, in each data set's own form. All sentences are invented."""

import csv
import json
import re
from dataclasses import replace

import pytest

from tests.trainables.tasks.rows import NO_PARTS
from trainables.tasks import DataError, FolderSource, get_task
from trainables.tasks.sources import is_held_out


def questions(*triples, title=None):
    qas = [{"id": key, "question": ask, "answers": [{"text": text, "answer_start": 3}]} for key, ask, text in triples]
    article = {"paragraphs": [{"context": "我们 住在 河边", "qas": qas}]}
    return article if title is None else article | {"title": title}


def squad(*articles):
    return json.dumps({"version": "1.1", "data": list(articles)}, ensure_ascii=False)


XNLI_ZH = "雨下了一整天。\t天气很好。\r\n雨下了一整天。\t地面湿了。\r\n她在读书。\t她读的是小说。\r\n"


def test_xnli_labels_come_from_the_file_beside_it(write, source):
    write("xnli/test-zh.tsv", XNLI_ZH)
    write("xnli/test-labels.txt", "contradiction\nentailment\nneutral\n")
    rows = source.rows(get_task("xnli"), "test", "zh")
    assert rows.column_names == ["id", "text_a", "text_b", "label", "parts"]
    assert rows[1] == {**NO_PARTS, "id": "1", "text_a": "雨下了一整天。", "text_b": "地面湿了。", "label": "entailment"}
    assert source.describe(get_task("xnli"), "test", "zh") == "xnli/test-zh.tsv + xnli/test-labels.txt"


def test_xnli_labels_come_from_the_third_column(write, source):
    write(
        "xnli/test-sw.tsv",
        "Mvua inanyesha.\tKuna jua.\tcontradictory\nMvua inanyesha.\tNjia ni mvua.\tentailment\n",
    )
    assert source.rows(get_task("xnli"), "test", "sw")["label"] == ["contradiction", "entailment"]


@pytest.mark.parametrize("column", ["", "\tneutral"])
def test_xnli_without_labels_or_with_placeholders_is_unlabelled(write, source, column):
    write("xnli/test-hi.tsv", f"बारिश हो रही है।\tधूप है।{column}\nवह पढ़ती है।\tवह सोती है।{column}\n")
    rows = source.rows(get_task("xnli"), "test", "hi")
    assert rows["label"] == ["", ""]
    assert not any(get_task("xnli").is_labelled(row) for row in rows)
    write("xnli/test-labels.txt", "neutral\nentailment\n")
    assert source.rows(get_task("xnli"), "test", "hi")["label"] == ["neutral", "entailment"]


def test_xnli_label_file_must_go_row_by_row(write, source):
    write("xnli/test-zh.tsv", XNLI_ZH)
    write("xnli/test-labels.txt", "neutral\n")
    with pytest.raises(DataError, match=r"test-labels.txt has 1 labels for the 3 rows"):
        source.rows(get_task("xnli"), "test", "zh")


def test_fields_that_were_written_by_the_csv_module_are_read_back(tmp_path, source):
    texts = ['He said "no".', '"Yes"', 'plain "', "x", '""']
    (tmp_path / "xnli").mkdir()
    with (tmp_path / "xnli" / "train-en.tsv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t").writerows([text, "y", "neutral"] for text in texts)
    assert source.rows(get_task("mnli"), "train", "en")["text_a"] == texts


def test_quotes_in_a_file_without_csv_quoting_are_left_alone(write, source):
    write("xnli/train-en.tsv", '"Quoted whole"\t"opens only\tneutral\na "b" c\td\tneutral\n')
    rows = source.rows(get_task("mnli"), "train", "en")
    assert (rows["text_a"], rows["text_b"]) == (['"Quoted whole"', 'a "b" c'], ['"opens only', "d"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\tb\tneutral\na\n", "line 2: 1 columns"),
        ("a\tb\tmaybe\n", 'line 1: the label is "maybe"; expected one of: entailment, neutral'),
        ("a\tb\tneutral\na\tc\n", "row 1 .* has no label"),
        ("", "no rows for train"),
    ],
)
def test_malformed_training_pairs_name_the_file(write, source, text, words):
    write("xnli/train-en.tsv", text)
    with pytest.raises(DataError, match=words) as caught:
        source.rows(get_task("mnli"), "train", "en")
    assert "train-en.tsv" in str(caught.value)


def test_text_that_is_not_utf8_names_the_file(tmp_path, source):
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli/train-en.tsv").write_bytes(b"caf\xe9\tb\tneutral\n")
    with pytest.raises(DataError, match=r"train-en.tsv: line 1: is not UTF-8 \(byte 0xe9\)"):
        source.rows(get_task("mnli"), "train", "en")


def test_xnli_dev_is_split_by_premise(write, source):
    lines = [f"Premise {i // 3}.\tHypothesis {i}.\tneutral\n" for i in range(300)]
    write("xnli/dev-en.tsv", "".join(lines))
    train, dev = (source.rows(get_task("xnli-dev"), split, "en") for split in ("train", "dev"))
    assert len(train) + len(dev) == 300
    assert 30 <= len(dev) <= 90
    assert not set(train["text_a"]) & set(dev["text_a"])
    assert source.revision(get_task("xnli-dev"), "dev", "en") == source.revision(get_task("xnli-dev"), "train", "en")


def test_xnli_dev_in_another_language_has_the_rows_whose_originals_are_in_the_same_part(write, source):
    lines = [f"Premise {i // 3}.\tHypothesis {i}.\tneutral\n" for i in range(300)]
    write("xnli/dev-en.tsv", "".join(lines))
    write("xnli/dev-sw.tsv", "".join(line.replace("Premise", "Dhana") for line in lines))
    task = get_task("xnli-dev")
    english, swahili = (source.rows(task, "train", language) for language in ("en", "sw"))
    assert swahili["id"] == english["id"]
    assert swahili["text_a"][0] == english["text_a"][0].replace("Premise", "Dhana")
    write("xnli/dev-sw.tsv", "".join(lines[1:]))
    with pytest.raises(DataError, match=r"dev-sw.tsv: its rows are not those of dev-en.tsv"):
        source.rows(task, "train", "sw")


def test_snli_cad_shares_no_premise_and_no_pair_between_train_and_dev(write, source):
    def snli(part, pairs):
        for column, name in enumerate(("s1", "s2", "labels")):
            write(f"snli/{name}.{part}", "".join(f"{pair[column]}\n" for pair in pairs))

    snli("dev", [(f"A dog runs on hill {i} . ", "A dog moves . ", "entailment") for i in range(60)])
    snli(
        "test",
        [("A cat 's nap . ", "It sleeps . ", "entailment"), ("A held one . ", "It is out . ", "neutral")],
    )
    head = "sentence1\tsentence2\tgold_label\n"
    write(
        "cad_nli/all_combined/train.tsv",
        f"{head}A cat's nap.\tIt sleeps.\tentailment\nA dog 's nap.\tIt sleeps.\tneutral\n",
    )
    write("cad_nli/all_combined/dev.tsv", f'{head}A held one.\tIt is "in".\tcontradiction\n')
    task = get_task("snli-cad")
    train, dev = source.rows(task, "train", "en"), source.rows(task, "dev", "en")
    assert train["id"].count("snli-test-0") + train["id"].count("cad-train-0") <= 1  # one pair, spaced otherwise
    assert {"cad-dev-0", "snli-test-1"} <= set(dev["id"])  # an original goes with what was made of it
    assert "cad-train-1" in train["id"]
    assert 0 < sum(key.startswith("snli-dev") for key in dev["id"]) < 30
    assert not set(train["text_a"]) & set(dev["text_a"])


def test_part_of_speech_file(write, source):
    write("udpos/dev-ar.tsv", "ذهب\tVERB\nالولد\tNOUN\n\nيوم\tNOUN\n_\t_\nجميل\tADJ\n\n\n")
    rows = source.rows(get_task("udpos"), "test", "ar")
    assert rows.to_list() == [
        {"id": "0", "tokens": ["ذهب", "الولد"], "tags": ["VERB", "NOUN"]},
        {"id": "1", "tokens": ["يوم", "جميل"], "tags": ["NOUN", "ADJ"]},
    ]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("Das NOUN\nHaus NOUN\n\n10 000 NUM\n", [["NOUN", "NOUN"], ["NUM"]]),  # CoNLL 2003 has blanks
        ("Das\nHaus\n\n10 000\n", [[], []]),
        ("Das\t_\nHaus\t_\n\n10 000\t_\n", [[], []]),
        ("\ufeffDas\tDET\r\nHaus\tNOUN\r\n\r\n10 000\tNUM\r\n", [["DET", "NOUN"], ["NUM"]]),
    ],
)
def test_tags_stand_after_a_tab_or_blanks_or_nowhere(write, source, text, tags):
    write("udpos/dev-de.tsv", text)
    rows = source.rows(get_task("udpos"), "test", "de")
    assert rows["tokens"] == [["Das", "Haus"], ["10 000"]]
    assert rows["tags"] == tags


def test_separators_of_unicode_do_not_end_a_line(write, source):
    write("panx/dev-ja.tsv", "川\u2028\tB-LOC\n\x85\tO\n")
    assert source.rows(get_task("panx"), "test", "ja")[0]["tokens"] == ["川\u2028", "\x85"]


def test_language_prefixes_of_the_original_panx_files_are_removed(write, source):
    write("panx/train-en.tsv", "en:Lake\tB-LOC\nen:Orta\tI-LOC\n\nen::\tO\n")
    assert source.rows(get_task("panx"), "train", "en")["tokens"] == [["Lake", "Orta"], [":"]]
    write("panx/train-en.tsv", "en:Lake\tB-LOC\nOrta\tI-LOC\n")  # not every token: it is part of the word
    assert source.rows(get_task("panx"), "train", "en")["tokens"] == [["en:Lake", "Orta"]]


def test_evaluation_file_of_tagging_is_labelled_test_then_dev_then_a_cut_of_dev(write, source):
    task = get_task("udpos")
    seen = []
    for name, text in [
        ("test-de.tsv", "Haus\n"),
        ("dev-de.first2000.tsv", "Haus\tNOUN\n"),
        ("dev-de.tsv", "Baum\tNOUN\n"),
        ("test-de.tsv", "Berg\tNOUN\n"),
    ]:
        write(f"udpos/{name}", text)
        seen.append(source.describe(task, "test", "de"))
    assert seen == [
        "udpos/test-de.tsv",
        "udpos/dev-de.first2000.tsv (dev set: there are no labelled test files; a cut of it)",
        "udpos/dev-de.tsv (dev set: there are no labelled test files)",
        "udpos/test-de.tsv",
    ]


def test_unlabelled_tagging_file_gives_rows_without_tags(write, source):
    write("panx/test-ko.tsv", "강\n가\n\n산\n")
    rows = source.rows(get_task("panx"), "test", "ko")
    assert rows["tags"] == [[], []]
    assert not get_task("panx").is_labelled(rows[0])


def test_english_dev_that_doubles_as_test_is_said_to(write, source):
    write("panx/dev-en.tsv", "Rome\tB-LOC\n")
    assert "the same rows pick the checkpoint" in source.describe(get_task("panx"), "test", "en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Haus\tNOUN\nBaum\n", r'line 2: "Baum" has no tag after a tab'),
        ("\nBaum\nHaus\tNOUN\n", r'line 2: "Baum" has no tag after a tab, and others have; add it'),
        ("Haus NOUN\nBaum\n", r'line 2: "Baum" has no tag after blanks'),
        ("Haus\tNOUN\t1\n", r'line 1: the tag is "NOUN.t1"; expected one of: ADJ'),
        ("Haus\tNOMEN\n", 'line 1: the tag is "NOMEN"; expected'),
    ],
)
def test_malformed_tags_name_the_file(write, source, text, words):
    write("udpos/dev-de.tsv", text)
    with pytest.raises(DataError, match=words):
        source.rows(get_task("udpos"), "test", "de")


def test_questions_in_squad_form(write, source):
    write("xquad/xquad.zh.json", squad(questions(("q1", "住在哪里？", "住在 河边"), title="河")))
    row = source.rows(get_task("xquad"), "test", "zh")[0]
    assert row["answers"] == {"text": ["住在 河边"], "answer_start": [3]}
    assert row["context"][3:] == "住在 河边"
    assert get_task("xquad").is_labelled(row)


@pytest.mark.parametrize("folder", ["tydiqa", "tydiqa/tydiqa-goldp-v1.1-dev"])
def test_stripped_answers_are_unlabelled(write, source, folder):
    write(f"{folder}/tydiqa.goldp.te.dev.json", squad(questions(("telugu-1-0", "నది ఎక్కడ?", ""))))
    row = source.rows(get_task("tydiqa"), "test", "te")[0]
    assert row["id"] == "telugu-1-0"
    assert row["answers"] == {"text": [], "answer_start": []}
    assert not get_task("tydiqa").is_labelled(row)


def test_tydiqa_train_is_split_by_passage_and_rows_go_by_position(write, source):
    articles = []
    for number in range(100):
        article = questions(("7", "where?", "x"), ("8", "when?", "y"))
        article["paragraphs"][0]["context"] = f"passage {number}"
        articles.append(article)
    write("tydiqa/tydiqa.goldp.en.train.json", squad(*articles))
    train, dev = (source.rows(get_task("tydiqa"), split, "en") for split in ("train", "dev"))
    assert len(train) + len(dev) == 200
    assert all(rows["id"] == list(map(str, range(len(rows)))) for rows in (train, dev))
    assert 2 <= len(dev) <= 40
    assert not set(train["context"]) & set(dev["context"])


def test_squadshifts_is_split_by_article(write, source):
    articles = [questions((f"q{i}", f"{i}?", "a"), title=f"title {i // 2}") for i in range(100)]
    write("squadshifts/new_wiki_v1.0.json", squad(*articles))
    dev = {row["id"] for row in source.rows(get_task("squadshifts"), "dev", "en")}
    assert dev
    assert dev == {f"q{i}" for i in range(100) if is_held_out(f"title {i // 2}", 0.1)}


def test_a_file_that_is_not_in_squad_form_is_named(write, source):
    write("squad/dev-v1.1.json", '{"data": [{"paragraphs": [{}]}]}')
    with pytest.raises(DataError, match=r"dev-v1.1.json: not a file in SQuAD v1.1 form"):
        source.rows(get_task("squad"), "dev", "en")


def test_tatoeba_asks_in_english(write, source):
    write("tatoeba/tatoeba.pes-eng.pes", "باران می‌بارد.\nسلام\n")
    write("tatoeba/tatoeba.pes-eng.eng", "It is raining.\nHello\n")
    rows = source.rows(get_task("tatoeba"), "test", "fa")
    assert rows[0] == {"id": "0", "query": "It is raining.", "candidate": "باران می‌بارد."}
    write("tatoeba/tatoeba.pes-eng.eng", "Hello\n")
    with pytest.raises(DataError, match="has 1 lines"):
        source.rows(get_task("tatoeba"), "test", "fa")


def test_tatoeba_as_xtreme_leaves_it_is_refused(write, source):
    write("tatoeba/fa-en.fa", "x\n")
    assert "put LASER's tatoeba.pes-eng.pes" in source.check(get_task("tatoeba"), "test", "fa")


@pytest.mark.parametrize(
    ("task", "split", "language", "words"),
    [
        ("xnli", "test", "ja", 'no test rows in "ja"; there are in: ar bg'),
        ("xnli", "train", "en", "it is only evaluated"),
        ("panx", "dev", "de", 'no dev rows in "de"; there are in: en'),
        ("xquad", "test", "hi", "there is no .*xquad.hi.json; put the file there"),
        ("gen-nli", "test", "one", "it is a generated one"),
    ],
)
def test_check_says_what_is_missing_in_one_line(source, task, split, language, words):
    line = source.check(get_task(task), split, language)
    assert re.search(words, line)
    assert "\n" not in line
    with pytest.raises(DataError, match=words):
        source.rows(get_task(task), split, language)


def test_a_task_without_a_form_of_its_own_is_read_from_rows(write, source, tmp_path):
    task = replace(get_task("xnli"), name="my-nli", folder=None)
    file = tmp_path / "rows" / "my-nli" / "test-de.jsonl"
    said = source.check(task, "test", "de")
    assert said == f"my-nli cannot be read from a folder; rows of your own go to {file}"
    row = {"id": "1", "text_a": "Es regnet.", "text_b": "Die Sonne scheint.", "label": "contradiction"}
    write("rows/my-nli/test-de.jsonl", json.dumps(row))
    assert source.rows(task, "test", "de")[0] == {**NO_PARTS, **row}


def test_check_names_a_folder_that_is_not_there(tmp_path):
    assert "no data folder" in FolderSource(tmp_path / "none").check(get_task("xnli"), "test", "en")


def test_revision_follows_the_bytes_and_nothing_else(write, tmp_path):
    first, second = FolderSource(tmp_path / "a"), FolderSource(tmp_path / "b")
    for place in "ab":
        write(f"{place}/xnli/test-zh.tsv", XNLI_ZH)
    task = get_task("xnli")
    revision = first.revision(task, "test", "zh")
    assert revision == second.revision(task, "test", "zh")
    write("a/xnli/test-zh.tsv", XNLI_ZH + "一\t二\n")
    assert first.revision(task, "test", "zh") != revision
    write("b/xnli/test-labels.txt", "neutral\n" * 3)
    assert second.revision(task, "test", "zh") != revision
