"""More questions, supertags, and retrieval among many, in the forms of their releases. All sentences are invented."""

import json

import pytest

from trainables.tasks import DataError, get_task
from trainables.tasks.sources import labels_of
from trainables.tasks.sources.folder.sentences import sentence_breaks
from trainables.tasks.task import POOL_LANGUAGE


def squad(*paragraphs):
    return json.dumps({"version": "1", "data": [{"title": "t", "paragraphs": list(paragraphs)}]}, ensure_ascii=False)


def ask(key, question, *answers):
    return {"id": key, "question": question, "answers": [{"text": t, "answer_start": s} for t, s in answers]}


def test_a_question_of_squad2_may_have_no_answer(write, source):
    none = {**ask("b", "Who?"), "is_impossible": True, "plausible_answers": [{"text": "Ada", "answer_start": 0}]}
    write("squad/train-v2.0.json", squad({"context": "Ada sings.", "qas": [ask("a", "Who sings?", ("Ada", 0)), none]}))
    task = get_task("squad2")
    rows = source.rows(task, "train", "en")
    assert [row["answers"]["text"] for row in rows] == [["Ada"], []]
    assert all(task.is_labelled(row) for row in rows)


def test_squad_in_other_languages(write, source):
    write(
        "xtreme_translations/SQuAD/translate-train/squad.translate.train.en-hi.json",
        squad({"context": "नदी बहती है", "qas": [ask("a", "क्या बहती है?", ("नदी", 0))]}),
    )
    assert source.rows(get_task("squad"), "train", "hi")[0]["answers"] == {"text": ["नदी"], "answer_start": [0]}


@pytest.mark.parametrize("folder", ["mlqa", "mlqa/MLQA_V1/test"])
def test_mlqa_asks_in_the_language_of_the_passage(write, source, folder):
    text = squad({"context": "القط نائم", "qas": [ask("a", "من؟", ("القط", 0))]})
    write(f"{folder}/test-context-ar-question-ar.json", text)
    assert source.rows(get_task("mlqa"), "test", "ar")[0]["context"] == "القط نائم"
    assert get_task("mlqa").spec().scorer == "mlqa"


def test_tydiqa_trains_in_its_other_languages_on_all_passages(write, source):
    paragraphs = [{"context": f"కథ {n}", "qas": [ask(f"telugu-{n}", "?", ("కథ", 0))]} for n in range(30)]
    write("tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.te.train.json", squad(*paragraphs))
    assert len(source.rows(get_task("tydiqa"), "train", "te")) == 30
    assert 'no dev rows in "te"' in source.check(get_task("tydiqa"), "dev", "te")


AUTO = """ID=wsj_{section}01.1 PARSER=GOLD NUMPARSE=1
(<T S[dcl] 0 2> (<L NP NNP NNP Ada NP>) (<L (S[dcl]\\NP)/NP VBZ VBZ sees (S[dcl]\\NP_1)/NP_2>) (<L {tag} NN NN it N>) )
"""


def test_ccgbank_as_released(write, source):
    write("ccgbank/data/AUTO/02/wsj_0201.auto", AUTO.format(section="02", tag="NP"))
    write("ccgbank/data/AUTO/21/wsj_2101.auto", AUTO.format(section="21", tag="NP/N"))
    write("ccgbank/data/AUTO/00/wsj_0001.auto", AUTO.format(section="00", tag="N"))
    write("ccgbank/data/AUTO/23/wsj_2301.auto", AUTO.format(section="23", tag="never"))
    task = get_task("ccg")
    rows = source.rows(task, "train", "en")
    assert rows[0] == {
        "id": "wsj_0201.1",
        "tokens": ["Ada", "sees", "it"],
        "tags": ["NP", "(S[dcl]\\NP)/NP", "NP"],
    }
    assert rows["id"] == ["wsj_0201.1", "wsj_2101.1"]
    assert source.rows(task, "dev", "en")["id"] == ["wsj_0001.1"]
    assert labels_of(task, source) == ("(S[dcl]\\NP)/NP", "NP", "NP/N")
    write("ccgbank/data/AUTO/00/wsj_0001.auto", "something else\n")
    with pytest.raises(DataError, match=r"wsj_0001.auto, line 1: neither an ID nor a derivation"):
        source.rows(task, "dev", "en")


def test_ccg_in_columns(write, source):
    write("ccg/ccg.train", "Ada sleeps\tNP S[dcl]\\NP\n")
    assert source.rows(get_task("ccg"), "train", "en")[0]["tags"] == ["NP", "S[dcl]\\NP"]
    write("ccg/ccg.train", "Ada sleeps\tNP\n")
    with pytest.raises(DataError, match=r"ccg.train, line 1: 2 words and 1 tags"):
        source.rows(get_task("ccg"), "train", "en")
    assert "LDC2005T13" in source.check(get_task("ccg"), "dev", "en")


def test_labels_of_the_record_need_no_data(source):
    assert labels_of(get_task("panx"), source)[0] == "O"


def test_bucc_has_a_row_for_every_sentence_of_either_side(write, source):
    write("bucc2018/ru-en.dev.ru", "ru-1\tИдёт дождь.\nru-2\tОна поёт.\n")
    write("bucc2018/ru-en.dev.en", "en-1\tNothing.\nen-2\tIt rains.\n")
    assert "dev pairs are what tunes the threshold" in source.check(get_task("bucc2018"), "dev", "ru")
    write("bucc2018/ru-en.dev.gold", "ru-1\ten-2\n")
    task = get_task("bucc2018")
    rows = source.rows(task, "dev", "ru")
    assert rows.to_list() == [
        {"id": "ru-1", "side": "foreign", "text": "Идёт дождь.", "match": "en-2"},
        {"id": "ru-2", "side": "foreign", "text": "Она поёт.", "match": ""},
        {"id": "en-1", "side": "english", "text": "Nothing.", "match": ""},
        {"id": "en-2", "side": "english", "text": "It rains.", "match": ""},
    ]
    assert all(task.is_labelled(row) for row in rows)
    write("bucc2018/ru-en.dev.gold", "en-2\tru-1\n")  # the columns swapped, in the whole file
    assert source.rows(task, "dev", "ru").to_list() == rows.to_list()
    write("bucc2018/ru-en.dev.gold", "ru-1\ten-2\nru-1\ten-1\nru-1\ten-2\nru-2\ten-1\n")  # two partners each
    assert source.rows(task, "dev", "ru")["match"] == ["en-2\ten-1", "en-1", "", ""]
    for text, line in [
        ("ru-1\ten-2\nru-9\ten-2\n", 'line 2: "ru-9" is no id of the foreign sentences; write a foreign id, a tab'),
        ("ru-1\ten-9\n", 'line 1: "en-9" is no id of the English sentences'),
        ("en-2\tru-1\nru-2\ten-1\n", 'line 1: "en-2" is no id of the foreign sentences'),
    ]:
        write("bucc2018/ru-en.dev.gold", text)
        with pytest.raises(DataError, match=rf"ru-en.dev.gold, {line}"):
            source.rows(task, "dev", "ru")
    write("bucc2018/ru-en.dev.ru", "ru-1\tx\nru-1\ty\n")
    write("bucc2018/ru-en.dev.gold", "ru-1\ten-2\n")
    with pytest.raises(DataError, match='2 rows have the id "ru-1", and others refer to it; make ids unique'):
        source.rows(task, "dev", "ru")
    write("bucc2018/ru-en.dev.ru", "ru-1 no tab\n")
    with pytest.raises(DataError, match=r"ru-en.dev.ru, line 1: expected an id, a tab"):
        source.rows(task, "dev", "ru")


def test_bucc_without_gold_can_be_predicted_only(write, source):
    task = get_task("bucc2018")
    write("bucc2018/fr-en.test.fr", "fr-1\tIl pleut.\n")
    write("bucc2018/fr-en.test.en", "en-1\tIt rains.\n")
    assert "can be predicted and not be scored" in source.describe(task, "test", "fr")
    assert not any(task.is_labelled(row) for row in source.rows(task, "test", "fr"))
    write("bucc2018/fr-en.training.gold", "fr-1\ten-1\n")
    assert source.rows(task, "test", "fr")["match"] == ["en-1", ""]


# --- LAReQA ---------------------------------------------------------------------------------------------------------

LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]


def paragraph(language, twice=False):
    first, second = f"{language} one.", f"{language} one." if twice else f"{language} two."
    context = f"{first} {second}"
    breaks = [[0, len(first)], [len(first) + 1, len(context)]]
    return {"context": context, "sentence_breaks": breaks, "qas": [ask("q1", f"{language}?", ("one", 3))]}


def test_lareqa_asks_in_one_language_and_finds_answers_in_all(write, source):
    for language in LANGUAGES:
        write(f"lareqa/xquad-r/{language}.json", squad(paragraph("x"), paragraph(language, twice=language == "hi")))
    task = get_task("lareqa")
    pool = source.rows(task, "pool", POOL_LANGUAGE)
    assert len(pool) == 4 * 11
    assert pool[2 * 2 * LANGUAGES.index("de") + 3] == {
        "id": "de_2_1",
        "query": "",
        "candidate": "de two. de one. de two.",
        "matches": [],
    }
    rows = source.rows(task, "test", "tr")
    assert [row["query"] for row in rows] == ["x?", "tr?"]
    # The question's id stands in two paragraphs here, and both are right; so is each equal sentence of a paragraph.
    assert set(rows[1]["matches"]) == {f"{one}_{n}_0" for one in LANGUAGES for n in (1, 2)} | {"hi_2_1"}
    assert set(rows[1]["matches"]) <= set(pool["id"])
    assert 'no pool rows in "de"; there are in: mul' in source.check(task, "pool", "de")


def test_lareqa_trains_on_squads_questions_and_their_sentences(write, source):
    context = "Ada was born in St. Ives. She sang. Then she left."
    questions = [ask("a", "Where?", ("Ives", 20)), ask("b", "What?", ("sang", 30), ("left", 45))]
    write("squad/train-v1.1.json", squad({"context": context, "qas": questions}))
    assert source.rows(get_task("lareqa"), "train", "en").to_list() == [
        {"id": "a", "query": "Where?", "candidate": f"Ada was born in St. Ives. {context}", "matches": []},
        {"id": "b", "query": "What?", "candidate": f"She sang. {context}", "matches": []},
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! “Three?” Four", ["One.", "Two!", "“Three?”", "Four"]),
        ("Dr. A. B. Wu came at 5 p.m. and left.", ["Dr. A. B. Wu came at 5 p.m. and left."]),
        ("See Fig. 3.[12] It was 3.5 m. high.", ["See Fig.", "3.[12]", "It was 3.5 m. high."]),
        ("Made by Acme Inc. The firm closed.", ["Made by Acme Inc.", "The firm closed."]),
        ("  no end  ", ["no end"]),
        ("", []),
    ],
)
def test_sentence_breaks(text, sentences):
    assert [text[begin:end] for begin, end in sentence_breaks(text)] == sentences


# --- Mewsli-X -------------------------------------------------------------------------------------------------------


def spans(*pairs):
    return [{"start": start, "end": end} for start, end in pairs]


TEXT = "Rain fell. The {old} Nile rose. Sun."
CONTEXT = {
    "document_title": "d", "document_url": "u", "document_id": "i", "language": "en", "text": TEXT,
    "sentence_spans": spans((0, 10), (11, 31), (32, 36)),
}  # fmt: skip
MENTION = {"example_id": "e1", "mention_span": {"start": 21, "end": 25, "text": "Nile"}, "entity_id": "Q3"}
NILE = {
    "entity_id": "Q3", "title": "نیل", "description": "نیل رودی است.\nدراز است. ", "description_language": "fa",
    "description_url": "u", "sentence_spans": spans((0, 13), (14, 23)),
}  # fmt: skip


def test_mewslix(write, source):
    task = get_task("mewslix")
    other = {**CONTEXT, "language": "ja", "text": "ナイル川。", "sentence_spans": spans((0, 5))}
    mention = {"example_id": "e2", "mention_span": {"start": 0, "end": 4, "text": "ナイル川"}, "entity_id": "Q3"}
    documents = [{"context": CONTEXT, "mentions": [MENTION]}, {"context": other, "mentions": [mention]}]
    pair = {"contextual_mention": {"context": CONTEXT, "mention": MENTION}, "entity": NILE}
    for name, records in [
        ("candidate_set_entities", [NILE]),
        ("wikinews_mentions-test", documents),
        ("wikipedia_pairs-train", [pair]),
    ]:
        write(f"mewslix/{name}.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    query = "Nile: The (old) { Nile } rose."
    description = "نیل رودی است. دراز است."
    assert source.rows(task, "test", "en").to_list() == [
        {"id": "e1", "query": query, "candidate": "", "matches": ["Q3"]}
    ]
    assert source.rows(task, "test", "ja")[0]["query"] == "ナイル川: { ナイル川 } 。"
    assert source.rows(task, "pool", POOL_LANGUAGE).to_list() == [
        {"id": "Q3", "query": "", "candidate": description, "matches": []}
    ]
    assert source.rows(task, "train", "en").to_list() == [
        {"id": "e1", "query": query, "candidate": description, "matches": []}
    ]
    untold = {"context": {**CONTEXT, "text": ""}, "mentions": [MENTION]}
    write("mewslix/wikinews_mentions-test.jsonl", json.dumps(untold) + "\n")
    with pytest.raises(DataError, match=r"mentions-test.jsonl, line 1: \"Nile\" does not stand .* get-mewsli-x.sh"):
        source.rows(task, "test", "en")
    write("mewslix/wikinews_mentions-test.jsonl", json.dumps({"context": CONTEXT}) + "\n")
    with pytest.raises(DataError, match=r"a record has no 'mentions'; expected the release of 2022-05-18"):
        source.rows(task, "test", "en")


def test_mewslix_as_the_script_of_the_benchmark_leaves_it(write, source):
    task, unnamed = get_task("mewslix"), {**MENTION, "entity_id": ""}
    write("mewslix/wikinews_mentions/test-en.jsonl", json.dumps({"context": CONTEXT, "mentions": [unnamed]}) + "\n")
    (row,) = source.rows(task, "test", "en").to_list()
    assert (row["id"], row["query"], row["matches"]) == ("e1", "Nile: The (old) { Nile } rose.", [])
    assert source.settled(task, "test", "en").remarks == ("no labels: predicted, not scored",)
    # With the dev set beside it, that is scored, and the test set is for a submission.
    write("mewslix/wikinews_mentions/dev-en.jsonl", json.dumps({"context": CONTEXT, "mentions": [MENTION] * 2}) + "\n")
    assert source.describe(task, "test", "en").endswith("dev-en.jsonl (dev set: there are no labelled test files)")
    assert source.rows(task, "test", "en")["matches"] == [["Q3"], ["Q3"]]
    assert source.rows(task, "submission", "en")["matches"] == [[]]
    write("mewslix/wikinews_mentions-test.jsonl", json.dumps({"context": CONTEXT, "mentions": [MENTION]}) + "\n")
    assert source.rows(task, "test", "en")["matches"] == [["Q3"]]


def test_a_file_of_another_form_is_named_whatever_is_wrong_with_it(write, source):
    for name, task, split, language in [
        ("squad/train-v1.1.json", "squad", "train", "en"),
        ("squad/train-v1.1.json", "lareqa", "train", "en"),
        ("copa_en/train-en.jsonl", "copa", "train", "en"),
        ("mewslix/candidate_set_entities.jsonl", "mewslix", "pool", POOL_LANGUAGE),
        ("mewslix/wikinews_mentions/test-en.jsonl", "mewslix", "test", "en"),
    ]:
        for text in (
            "[]",
            "{}",
            "[1]",
            '{"data": [1]}',
            '{"context": 3}',
            "7",
            '{"data": [{"paragraphs": [{"qas": [{}]}]}]}',
        ):
            write(name, text)
            with pytest.raises(DataError) as caught:
                source.rows(get_task(task), split, language)
            assert name in str(caught.value)
            assert "\n" not in str(caught.value)


def test_bucc_without_test_files_is_its_dev_set_and_says_so(write, source):
    task = get_task("bucc2018")
    assert "zh-en.test.zh" in source.check(task, "test", "zh")
    write("bucc2018/zh-en.dev.zh", "zh-1\t下雨了。\n")
    write("bucc2018/zh-en.dev.en", "en-1\tIt rains.\n")
    write("bucc2018/zh-en.dev.gold", "zh-1\ten-1\n")
    assert source.rows(task, "test", "zh").to_list() == source.rows(task, "dev", "zh").to_list()
    assert "the same rows tune the threshold" in source.describe(task, "test", "zh")
