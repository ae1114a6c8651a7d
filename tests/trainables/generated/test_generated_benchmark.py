"""The benchmark's rows: the same bytes everywhere, and true."""

import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
from typing import Any

import pytest
from PIL import Image

from trainables.generated import LABELS, LANGUAGES, TAGS, TASKS, TOPICS, GeneratedBenchmark, languages_of
from trainables.generated.draws import Draws
from trainables.generated.inference import choosings, triples
from trainables.generated.languages import lexicon
from trainables.generated.reading import answers, question, readings
from trainables.generated.world import KIND_OF, OPPOSITE, Fact, fact_of

SMALL = GeneratedBenchmark(seed=1, size=0.1)
SPLITS = {
    "gen-text": ("train", "dev"),
    "gen-nli": ("train", "dev", "test"),
    "gen-qa": ("train", "dev", "test"),
    "gen-tags": ("train", "dev", "test"),
    "gen-topic": ("train", "dev", "test"),
    "gen-pairs": ("test",),
    "gen-choice": ("train", "dev", "test"),
    "gen-ask": ("train", "dev", "test", "pool"),
    "gen-mine": ("dev", "test"),
    "gen-images": ("train", "dev", "test"),
}
# A change here changes what everyone has measured: raise VERSION with it.
GOLDEN = {
    "gen-text": "47b5e90babe4c2616d710e2121665f6a70ec3c690cc8ef3391917f11fc0d7733",
    "gen-nli": "25d47f69d43febe705e0e1b70d0009f8f6e1d51faf6ca4147611783c766f7347",
    "gen-qa": "702372c9a4338ab0ad91b819d4ce64db4be168a695238399f6ed11a840055d91",
    "gen-tags": "2c34d02c6c191880cf3bdcfe17bb90db970927307e7b1f388af83db2b0bf4f91",
    "gen-topic": "bb0e703312cc097db6980e38ad5a5c738b9bdcab11c890ff8390b4733eb3c1ef",
    "gen-pairs": "fb4c89eccedb8047b9b252d9f1ea3c7d935a05f73785c4e5f16e4edcdc46c0af",
    "gen-choice": "4baea1a6a311d3528b839f1c46fdc156a8c4411caaf85475ef7d5d6a5aa5b806",
    "gen-ask": "9ccc696293f34d8c315291310cd23be0a5fa8c57dcec9ccf6f90d81c7088f357",
    "gen-mine": "4aaef884083955971b25c147611d577ea8aa9b555be9b35c151182be92cf140f",
    "gen-images": "4521ca6431361b0b98bbfeaf4609bbfd93cae86e4444806f926838493b085bc3",
}


def every_split(task: str) -> Iterator[tuple[str, str]]:
    for split in SPLITS[task]:
        for language in languages_of(task, split):
            yield split, language


def rows(task: str, split: str, language: str) -> list[dict[str, Any]]:
    return list(SMALL.rows(task, split, language))


@pytest.mark.parametrize("task", TASKS)
def test_bytes_are_pinned(task: str) -> None:
    digest = hashlib.sha256()
    for split, language in every_split(task):
        for row in GeneratedBenchmark(seed=1, size=0.02).rows(task, split, language):
            if "image" in row:  # what it shows: how PNG is compressed is the library's
                digest.update(Image.open(io.BytesIO(row.pop("image")["bytes"])).tobytes())
            digest.update(json.dumps(row, ensure_ascii=True, sort_keys=True).encode())
    assert digest.hexdigest() == GOLDEN[task]


def test_seed_and_size_matter() -> None:
    other = list(GeneratedBenchmark(seed=2, size=0.1).rows("gen-nli", "test", "one"))
    assert other != rows("gen-nli", "test", "one")
    half = list(GeneratedBenchmark(seed=1, size=0.05).rows("gen-nli", "test", "one"))
    assert half == rows("gen-nli", "test", "one")[: len(half)]
    with pytest.raises(ValueError, match="must be above 0, not -1"):
        GeneratedBenchmark(size=-1)


@pytest.mark.parametrize("task", TASKS)
def test_ids_are_unique_and_parallel(task: str) -> None:
    for split, language in every_split(task):
        ids = [row["id"] for row in rows(task, split, language)]
        assert len(ids) == len(set(ids))
        if task != "gen-text":
            assert ids == [row["id"] for row in rows(task, split, languages_of(task, split)[0])]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (("gen-mt", "train", "one"), "there is no generated task 'gen-mt'; there are: gen-text"),
        (("gen-text", "test", "one"), "gen-text has no split 'test'; it has: train, dev"),
        (("gen-nli", "train", "two"), "gen-nli has no split 'train' in 'two'; it has 'train' in: one"),
        (("gen-pairs", "test", "one"), "it has 'test' in: two, three, four, five, zero"),
    ],
)
def test_what_is_not_there_is_said(request_: tuple[str, str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SMALL.rows(*request_)


def follows(premise: Fact, hypothesis: Fact) -> str:
    """The label, found another way than the generator's: a premise as the set of all that follows from it."""
    whats = {premise.what} | {(KIND_OF[noun],) for noun in premise.what if len(premise.what) == 1 and noun in KIND_OF}
    told = product(whats, {premise.quality, ""}, {premise.where, ()})
    entailed = [replace(premise, what=what, quality=quality, where=where) for what, quality, where in told]
    if hypothesis in entailed:
        return "entailment"
    # The opposite deed denies, whatever the details.
    bare = replace(hypothesis, quality="", where=())
    denied = {replace(fact, deed=OPPOSITE[fact.deed], quality="", where=()) for fact in entailed}
    return "contradiction" if bare in denied else "neutral"


def test_nli_labels_are_true() -> None:
    seen: Counter[str] = Counter()
    for triple in islice(triples(Draws("nli"), "train"), 500):
        for label, (premise, hypothesis) in triple.items():
            assert follows(premise, hypothesis) == label
            seen[label] += 1
    assert set(seen) == set(LABELS)


def test_nli_is_balanced_and_its_premises_are_not_shared() -> None:
    premises = {}
    for split in SPLITS["gen-nli"]:
        found = rows("gen-nli", split, "one")
        assert len({Counter(r["label"] for r in found)[label] for label in LABELS}) == 1
        premises[split] = {row["text_a"] for row in found}
    assert not premises["train"] & premises["dev"]
    assert not premises["train"] & premises["test"]
    assert not premises["dev"] & premises["test"]


def bag_of_words_accuracy(column: str) -> float:
    """Of a naive Bayes classifier that sees one text of each pair."""
    train = list(GeneratedBenchmark(seed=1, size=0.5).rows("gen-nli", "train", "one"))
    counts = {
        label: Counter(word for r in train if r["label"] == label for word in r[column].split()) for label in LABELS
    }
    totals = {label: sum(count.values()) for label, count in counts.items()}

    def guess(text: str) -> str:
        return max(LABELS, key=lambda c: sum(math.log((counts[c][w] + 1) / (totals[c] + 300)) for w in text.split()))

    test = list(GeneratedBenchmark(seed=1, size=0.5).rows("gen-nli", "test", "one"))
    return sum(guess(row[column]) == row["label"] for row in test) / len(test)


def test_no_half_of_a_pair_tells_the_label() -> None:
    assert bag_of_words_accuracy("text_b") == pytest.approx(1 / 3, abs=0.03)
    assert bag_of_words_accuracy("text_a") < 0.45


def test_qa_answers_lie_where_they_should() -> None:
    for split, language in every_split("gen-qa"):
        for row in rows("gen-qa", split, language):
            text, start = row["answers"]["text"][0], row["answers"]["answer_start"][0]
            assert row["context"][start : start + len(text)] == text
            assert f" {row['context']} ".count(f" {text} ") == 1
            assert row["context"].count(f" {LANGUAGES[language].stop}") == 3
            assert row["question"].endswith(LANGUAGES[language].question)


def test_qa_questions_have_one_answer() -> None:
    asked: Counter[str] = Counter()
    for item in islice(readings(Draws("qa"), "train"), 500):
        assert [answers(fact, item.asked, item.known) for fact in item.facts].count(True) == 1
        assert answers(item.facts[item.answer], item.asked, item.known)
        asked[item.asked] += 1
    assert min(asked[slot] for slot in ("who", "what", "where")) > 75


def test_tags_are_well_formed_and_names_ambiguous() -> None:
    types: dict[str, set[str]] = {}
    for split, language in every_split("gen-tags"):
        for row in rows("gen-tags", split, language):
            assert len(row["tokens"]) == len(row["tags"])
            assert set(row["tags"]) <= set(TAGS)
            for before, tag in zip(["O", *row["tags"]], row["tags"], strict=False):
                assert not tag.startswith("I-") or before[2:] == tag[2:]
            if language == "one":
                for token, tag in zip(row["tokens"], row["tags"], strict=True):
                    types.setdefault(token, set()).add(tag)
    assert sum(len(tags) > 1 for tags in types.values()) > 20


def test_a_topic_is_the_kind_of_the_object_and_none_is_rare() -> None:
    words = lexicon(1)
    for split, language in every_split("gen-topic"):
        found = list(GeneratedBenchmark(seed=1, size=0.5).rows("gen-topic", split, language))
        counts = Counter(row["label"] for row in found)
        assert set(counts) == set(TOPICS)
        assert min(counts.values()) > len(found) / 8
        ending = LANGUAGES[language].object_ending  # on the last word of the object, which may be its quality
        kind_of = {words[language][noun] + end: kind for noun, kind in KIND_OF.items() for end in ("", ending)}
        for row in found:
            named = {kind_of[word] for word in row["text"].split() if word in kind_of}
            # An animal with a name ("dog Rex") may be the one who does it.
            assert row["label"] in named <= {row["label"], "animal"}


def test_evaluation_is_not_in_the_text() -> None:
    for language in LANGUAGES:
        text: set[str] = set()
        for row in SMALL.rows("gen-text", "train", language):
            for told in (row["text"], row["translation"]):
                text.update(part.strip() for part in told.split(LANGUAGES[language].stop))
        held_out = {part["text_a"] for part in rows("gen-nli", "test", language)}
        if language != "one":
            held_out |= {row["candidate"] for row in rows("gen-pairs", "test", language)}
        assert not {told.rstrip(f" {LANGUAGES[language].stop}") for told in held_out} & text


def test_zero_is_told_beside_nothing() -> None:
    for split in ("train", "dev"):
        for code in LANGUAGES:
            parallel = [row for row in rows("gen-text", split, code) if row["translation"]]
            assert bool(parallel) == (code not in ("one", "zero"))


def test_pairs_are_distinct() -> None:
    for language in languages_of("gen-pairs", "test"):
        found = rows("gen-pairs", "test", language)
        assert len({row["query"] for row in found}) == len({row["candidate"] for row in found}) == len(found)


def test_choices_have_one_that_follows_and_any_place_is_as_likely() -> None:
    places: Counter[tuple[int, int]] = Counter()
    for premise, choices, right in islice(choosings(Draws("choice"), "train"), 1500):
        assert [follows(premise, choice) for choice in choices].count("entailment") == 1
        assert follows(premise, choices[right]) == "entailment"
        assert premise.pool() == "train"
        assert len(set(choices)) == len(choices)
        places[len(choices), right] += 1
    for count in (2, 3, 4):
        of_count = [places[count, place] for place in range(count)]
        assert sum(of_count) > 400
        assert min(of_count) > 0.75 * sum(of_count) / count


def test_choice_rows_differ_in_their_number_of_choices_and_point_at_one() -> None:
    for split, language in every_split("gen-choice"):
        found = rows("gen-choice", split, language)
        assert {len(row["choices"]) for row in found} == {2, 3, 4}
        assert all(0 <= int(row["label"]) < len(row["choices"]) for row in found)


def test_a_question_is_answered_by_its_matches_and_nothing_else_of_the_pool() -> None:
    pool = {row["id"]: row["candidate"] for row in rows("gen-ask", "pool", "mul")}
    assert {name.partition("-")[0] for name in pool} == set(LANGUAGES)
    for language in LANGUAGES:
        for row in rows("gen-ask", "test", language):
            assert row["candidate"] == ""
            assert {name.partition("-")[0] for name in row["matches"]} == set(LANGUAGES)
            asked = set(row["query"].split()) & {word for text in pool.values() for word in text.split()}
            # Every word of the question that any candidate of its language has stands in its matches.
            own = [name for name in row["matches"] if name.startswith(f"{language}-")]
            assert all(asked <= set(pool[name].split()) for name in own)
            others = [name for name in pool if name.startswith(f"{language}-") and name not in own]
            assert not any(asked <= set(pool[name].split()) for name in others if len(asked) > 3)


def test_a_question_fits_the_fact_it_was_made_from() -> None:
    draws = Draws("ask")
    for _ in range(300):
        wanted = fact_of(draws, "train", detail=50)
        asked, known = question(draws, wanted)
        assert answers(wanted, asked, known)


def test_training_questions_stand_beside_their_answer() -> None:
    for split in ("train", "dev"):
        found = rows("gen-ask", split, "one")
        assert all(row["query"].endswith("?") and row["candidate"] and not row["matches"] for row in found)
        answered = {row["candidate"] for row in found}
        assert not answered & {row["candidate"] for row in rows("gen-ask", "pool", "mul")}


def test_what_is_mined_is_a_translation_and_the_rest_has_none() -> None:
    for language in languages_of("gen-mine", "test"):
        for split in ("dev", "test"):
            found = rows("gen-mine", split, language)
            side = {row["id"]: row["side"] for row in found}
            matches = [row["match"] for row in found if row["match"]]
            assert all(row["side"] == "foreign" for row in found if row["match"])
            assert all(side[name] == "english" for name in matches)
            assert len(set(matches)) == len(matches) == pytest.approx(len(found) / 5, abs=1)
            # No sentence stands twice on a side, and the places of translations say nothing.
            assert len({(row["side"], row["text"]) for row in found}) == len(found)
            places = [(row["id"].split("-")[1], row["match"].split("-")[1]) for row in found if row["match"]]
            assert sum(ours == theirs for ours, theirs in places) < 4


def test_mined_sentences_are_told_from_the_same_facts_in_every_language() -> None:
    english = {
        language: [row["text"] for row in rows("gen-mine", "test", language) if row["side"] == "english"]
        for language in languages_of("gen-mine", "test")
    }
    assert len({tuple(texts) for texts in english.values()}) == 1
    foreign = {row["id"]: row for row in rows("gen-mine", "test", "zero")}
    assert all(foreign[row["id"]]["match"] == row["match"] for row in rows("gen-mine", "test", "two"))
