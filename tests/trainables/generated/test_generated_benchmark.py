"""The benchmark's rows: the same bytes everywhere, and true."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
from typing import Any

import pytest

from trainables.generated import LABELS, LANGUAGES, TAGS, TASKS, GeneratedBenchmark, languages_of
from trainables.generated.draws import Draws
from trainables.generated.inference import triples
from trainables.generated.reading import answers, readings
from trainables.generated.world import KIND_OF, OPPOSITE, Fact

SMALL = GeneratedBenchmark(seed=1, size=0.1)
SPLITS = {
    "gen-text": ("train", "dev"),
    "gen-nli": ("train", "dev", "test"),
    "gen-qa": ("train", "dev", "test"),
    "gen-tags": ("train", "dev", "test"),
    "gen-pairs": ("test",),
}
# A change here changes what everyone has measured: raise VERSION with it.
GOLDEN = {
    "gen-text": "47b5e90babe4c2616d710e2121665f6a70ec3c690cc8ef3391917f11fc0d7733",
    "gen-nli": "25d47f69d43febe705e0e1b70d0009f8f6e1d51faf6ca4147611783c766f7347",
    "gen-qa": "702372c9a4338ab0ad91b819d4ce64db4be168a695238399f6ed11a840055d91",
    "gen-tags": "2c34d02c6c191880cf3bdcfe17bb90db970927307e7b1f388af83db2b0bf4f91",
    "gen-pairs": "fb4c89eccedb8047b9b252d9f1ea3c7d935a05f73785c4e5f16e4edcdc46c0af",
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
