"""Perturbed rows: over scripts, kinds and types of task labels stay true, and the same rows come of the same seed."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.perturbations import rows as perturbing
from trainables.perturbations.dictionaries import key
from trainables.perturbations.distractor import sentences_of
from trainables.perturbations.entities import entities_of
from trainables.perturbations.keyboards import layout_of
from trainables.perturbations.text import clusters, words
from trainables.recipe.perturbation import Kind, Perturbation
from trainables.task_types import get_task_type

NOISE = ("keyboard", "ocr", "diacritics", "swaps")
WORDS = {
    "en": "the professor naïve café changed cold months remember",
    "vi": "người Việt tiếng rất đường phố những",
    "el": "ελληνική άνθρωπος καλημέρα Αθήνα",
    "ru": "ещё большой йогурт страна мо́ре",
    "ar": "كِتَابٌ مدرسة العربية بيوت",
    "he": "שָׁלוֹם ירושלים ספרים אנשים",
    "hi": "हिन्दी भारत क्षेत्र विद्यार्थी महानगर",
    "ta": "தமிழ்நாடு மாணவர்கள் புத்தகம்",
    "th": "ภาษาไทย เก้าอี้ นักเรียน น้ำแข็ง",
    "zh": "我们学习中文 今天天气很好 未来世界",
    "ko": "대한민국 학교에서는 값이비싸다 의사선생님",
    "ja": "ソフトウェア ありがとう 東京タワー",
    "ka": "საქართველო თბილისი ქალაქი",
    "am": "ኢትዮጵያ አዲስ አበባ",
}
LANGUAGES = sorted(WORDS)
DICTIONARIES = {  # into a language with blanks, and one without; of one word, of several, and the word itself
    language: {
        "x": {key(one, language): (one, f"w{len(one)}", "two words") for one in found.split()},
        "zh": {key(one, language): ("一二",) for one in found.split()[::2]},
    }
    for language, found in WORDS.items()
}
FULL = {  # what each kind has for a language at strength 1: nothing where it has no table, or there is no diacritic
    "keyboard": set(LANGUAGES) - {"zh", "ja", "ko", "am"},
    "ocr": {"en", "vi", "el", "ru", "ar", "he", "hi", "th", "zh", "ja"},
    "diacritics": {"en", "vi", "el", "ru", "ar", "he"},
    "swaps": set(LANGUAGES),
}


def text(language):
    pieces = st.sampled_from((*WORDS[language].split(), "1984", "U.S.", "–", "x"))
    return st.lists(pieces, min_size=1, max_size=12).map(" ".join)


def asked(language):
    """A question, and a context with an answer in it: of whole words, from anywhere in it."""

    def row(parts):
        before, answer, behind, question = parts
        context = f"{before} {answer}, {behind}."
        return {
            "question": question,
            "context": context,
            "answers": {"text": [answer, answer], "answer_start": [len(before) + 1] * 2},
        }

    return st.tuples(*[text(language)] * 4).map(row)


def tagged(language):
    pairs = st.tuples(st.sampled_from(WORDS[language].split()), st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"]))
    return st.lists(pairs, min_size=1, max_size=10).map(
        lambda found: {"tokens": [one for one, _ in found], "tags": [tag for _, tag in found]}
    )


def paired(language):
    return st.fixed_dictionaries({"text_a": text(language), "text_b": text(language), "label": st.just("neutral")})


def chosen(language):
    return st.fixed_dictionaries(
        {"prompt": text(language), "choices": st.lists(text(language), min_size=2, max_size=4), "label": st.just("1")}
    )


ROWS = {"span-qa": asked, "tagging": tagged, "pair-classification": paired, "multiple-choice": chosen}


@st.composite
def cases(draw):
    """A kind of task, its language and rows, and a perturbation that it can have."""
    name, language = draw(st.sampled_from(sorted(ROWS))), draw(st.sampled_from(LANGUAGES))
    rows = draw(st.lists(ROWS[name](language), min_size=1, max_size=6))
    labels = ["O", "B-PER", "I-PER", "B-LOC"] if name == "tagging" else []
    kinds = [one for one in get_args(Kind) if not get_task_type(name).wrong_kind(one, labels)]
    kind, strength = draw(st.sampled_from(kinds)), draw(st.sampled_from([0.1, 0.5, 1]))
    how = Perturbation(kind=kind, strength=strength, seed=3, keyboard=layout_of(language))
    return name, language, [{"id": f"r{number}", **row} for number, row in enumerate(rows)], how


def perturbed(rows, how, columns, task, language):
    found = perturbing.perturbed(rows, how, columns, task, language, DICTIONARIES.get(language))
    for old, one in zip(rows, found, strict=True):
        assert 0 <= one.changed <= one.words or how.kind == "distractor"
        assert (one.changed > 0) == (one.row != old) or how.kind == "distractor"
    return [one.row for one in found]


def apply(case, **fields):
    name, language, rows, how = case
    columns = get_task_type(name).perturbed
    return perturbed(rows, how.model_copy(update=fields), columns, "a-task", language)


@given(cases())
@settings(max_examples=150, deadline=None)
def test_labels_stay_true_and_nothing_else_moves(case):
    name, _, rows, how = case
    task_type, before = get_task_type(name), [dict(row) for row in rows]
    new = apply(case)
    assert rows == before, "rows that are given stay as they are"
    assert apply(case) == new
    assert apply(case, strength=0.0) == rows
    assert [row["id"] for row in new] == [row["id"] for row in rows]
    assert not any(map(task_type.misplaced, new))
    for old, row in zip(rows, new, strict=True):
        assert row.keys() == old.keys()
        for column, value in row.items():
            if column in task_type.perturbed:
                assert all(value) if isinstance(value, list) else len(value.split()) >= len(old[column].split())
            elif column != "answers":
                assert value == old[column]
            else:
                assert value["text"] == old[column]["text"]
        if how.kind == "entities":
            assert {kind for kind, *_ in entities_of(row["tags"])} == {kind for kind, *_ in entities_of(old["tags"])}
            outside = [tag == "O" for tag in row["tags"]]
            assert [w for w, out in zip(row["tokens"], outside, strict=True) if out] == [
                w for w, out in zip(old["tokens"], outside, strict=True) if out
            ]
        if how.kind == "code-switching" and name == "tagging":  # entities are kept
            inside = [(w, v) for w, v, tag in zip(row["tokens"], old["tokens"], row["tags"], strict=True) if tag != "O"]
            assert all(now == before for now, before in inside)
    if how.kind not in ("distractor", "entities"):  # no other row bears on what becomes of one, nor does their order
        assert apply((name, case[1], rows[::-1], how))[::-1] == new


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_at_full_strength_words_change_wherever_there_is_something_to_change(kind, language):
    rows = [{"id": str(number), "text": word} for number, word in enumerate(WORDS[language].split())]
    new = perturbed(rows, Perturbation(kind=kind, strength=1, seed=1), ("text",), "a-task", language)
    changed = [old["text"] for old, row in zip(rows, new, strict=True) if row != old]
    assert bool(changed) == (language in FULL[kind]), changed
    if kind == "swaps":
        for old, row in zip(rows, new, strict=True):
            ours, theirs = clusters(row["text"]), clusters(old["text"])
            assert sorted(ours) == sorted(theirs)
            assert (ours[0], ours[-1]) == (theirs[0], theirs[-1])
    weak = perturbed(rows, Perturbation(kind=kind, strength=0.4, seed=1), ("text",), "a-task", language)
    assert all(row in (old, full) for old, row, full in zip(rows, weak, new, strict=True)), "a part of the stronger one"


@pytest.mark.parametrize(
    ("word", "without"),
    [
        ("naïve", "naive"),
        ("Việt", "Viet"),
        ("άνθρωπος", "ανθρωπος"),
        ("ещё", "еще"),
        ("мо́ре", "море"),
        ("йогурт", "йогурт"),
        ("їжак", "їжак"),
        ("كِتَابٌ", "كتاب"),
        ("أب", "أب"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी", "हिन्दी"),
        ("น้ำแข็ง", "น้ำแข็ง"),
        ("がぎ", "がぎ"),
    ],
)
def test_diacritics_are_dropped_and_parts_of_letters_are_not(word, without):
    how = Perturbation(kind="diacritics", strength=1, seed=1)
    assert perturbed([{"id": "1", "text": word}], how, ("text",), "a-task", "x")[0]["text"] == without


@given(st.text(max_size=40))
@settings(deadline=None)
def test_words_and_clusters_are_parts_of_a_text(text):
    spans = list(words(text))
    assert all(a < b <= c for (a, b), (c, _) in zip(spans, [*spans, (len(text), 0)][1:], strict=True))
    assert all("".join(clusters(text[a:b])) == text[a:b] for a, b in spans)
    assert clusters("क्षेत्र") == ["क्षे", "त्र"]
    assert clusters("เก้าอี้") == ["เก้า", "อี้"]


def test_a_distracting_sentence_is_of_another_context_and_holds_no_answer():
    contexts = [
        "The cat sat on a mat. It slept.",
        "Dogs bark at night. A CAT ran away fast.",
        "Birds sing in the morning.",
    ]
    rows = [
        {"id": str(i), "question": "?", "context": one, "answers": {"text": ["cat"], "answer_start": [4]}}
        for i, one in enumerate([contexts[0]] * 40)
    ] + [
        {"id": f"o{i}", "question": "?", "context": c, "answers": {"text": [], "answer_start": []}}
        for i, c in enumerate(contexts)
    ]
    new = perturbed(rows, Perturbation(kind="distractor", strength=1, seed=2), (), "a-task", "en")
    added = {row["context"].replace(contexts[0], "").strip() for row in new[:40]}
    assert added == {"Dogs bark at night.", "Birds sing in the morning."}
    assert {row["answers"]["answer_start"][0] > 4 for row in new[:40]} == {True, False}  # before it, and behind it
    assert all(row["context"] != old["context"] for row, old in zip(new, rows, strict=True))
    assert sentences_of("今天天气很好我们出去。明天会下雨吗我们不知道？") == [
        "今天天气很好我们出去。",
        "明天会下雨吗我们不知道？",
    ]
    alone = [{"id": "1", "question": "?", "context": contexts[0], "answers": {"text": ["cat"], "answer_start": [4]}}]
    assert perturbed(alone, Perturbation(kind="distractor", strength=1, seed=2), (), "a-task", "en") == alone


def test_entities_are_others_of_their_type_and_number_of_words():
    tokens = [["Ann", "Lee", "in", "Rome"], ["Bo", "Li", "saw", "Oslo"], ["Cher"], ["Nil"]]
    tags = [["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "B-LOC"], ["B-PER"], []]
    rows = [{"id": str(i), "tokens": t, "tags": g} for i, (t, g) in enumerate(zip(tokens, tags, strict=True))]
    new = perturbed(rows, Perturbation(kind="entities", strength=1, seed=1), ("tokens",), "a-task", "en")
    assert [row["tokens"] for row in new] == [
        ["Bo", "Li", "in", "Oslo"],
        ["Ann", "Lee", "saw", "Rome"],
        ["Cher"],
        ["Nil"],
    ]
    assert entities_of(["I-A", "I-A", "B-A", "O", "S-B", "B-C", "E-C"]) == [
        ("A", 0, 2),
        ("A", 2, 3),
        ("B", 4, 5),
        ("C", 5, 7),
    ]
