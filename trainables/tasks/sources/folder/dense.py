"""Retrieval from a pool that all languages share: LAReQA (XQuAD-R) and Mewsli-X.

Both follow XTREME-R's scripts (google-research/xtreme ``third_party``).

**LAReQA** (``utils_lareqa.py``, ``processors/lareqa.py``): a candidate is a sentence together with the paragraph that
it stands in: the encoder reads the sentence first, then the paragraph, so that what is cut at the maximum length is the
end of the paragraph. Here the two are one text, with a blank between. The pool is every sentence of every paragraph in
all eleven languages; right for a question are, in each language, the sentences equal to the one in which the answer to
the same question begins. Train and dev rows are SQuAD v1.1's questions with the sentence in which the first answer
begins; SQuAD has no sentence breaks, so :mod:`~trainables.tasks.sources.folder.sentences` infers them.

**Mewsli-X** (``utils_mewslix.py``; the release of 2022-05-18): a query is ``mention: left { mention } right``, with the
one sentence that the mention stands in; a candidate is an entity's description. Train and dev rows are English
Wikipedia's mentions, test rows WikiNews' in eleven languages, and the pool has about a million entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainables.tasks.benchmarks import LAREQA
from trainables.tasks.sources import DataError, Row, is_held_out
from trainables.tasks.sources.file_forms import json_lines, read_json
from trainables.tasks.sources.folder.located import Located, held_out_note, labelled_or_dev, require_file
from trainables.tasks.sources.folder.qa import SQUADSHIFTS_DEV
from trainables.tasks.sources.folder.reading import read_json_lines
from trainables.tasks.sources.folder.sentences import sentence_breaks
from trainables.tasks.task import Split, Task

_WIKINEWS = ("test", "dev")
_BRACED = re.compile(r"\{(.*?)\}")


def lareqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    if split in ("train", "dev"):
        squad = require_file(task, split, language, folder / "squad" / f"{split}-v1.1.json")
        return Located((squad,), lambda: answer_sentences(squad_paragraphs(squad)), "question and answer's sentence")
    place = folder / "lareqa"
    files = tuple(
        require_file(task, split, language, place / f"{one}.json", place / "xquad-r" / f"{one}.json") for one in LAREQA
    )
    if split == "pool":
        return Located(files, lambda: _pool(files))
    # Questions are of one file, their answers of all.
    return Located(files, lambda: _questions(files, language))


def squad_paragraphs(file: Path) -> list[Mapping[str, Any]]:
    try:
        return [paragraph for article in read_json(file)["data"] for paragraph in article["paragraphs"]]
    except (KeyError, TypeError) as problem:
        raise DataError(f"{file}: not a file in SQuAD v1.1 form ({problem!r}); fetch it again") from None


def answer_sentences(paragraphs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of SQuAD's paragraphs: a question, and the sentence in which its first answer begins with its paragraph."""
    rows: list[Row] = []
    for paragraph in paragraphs:
        context = paragraph["context"]
        breaks = sentence_breaks(context)
        for question in paragraph["qas"]:
            start = question["answers"][0]["answer_start"]
            for begin, end in breaks:
                if begin <= start < end:
                    candidate = _candidate(context[begin:end], context)
                    rows.append(
                        {"id": question["id"], "query": question["question"], "candidate": candidate, "matches": []}
                    )
    return rows


def sentence_row(record: Mapping[str, Any]) -> Row:
    """The row of one record of SQuAD on the hub; empty where its answer begins in no sentence."""
    answers = [{"answer_start": start} for start in record["answers"]["answer_start"]]
    question = {"id": record["id"], "question": record["question"], "answers": answers}
    return next(iter(answer_sentences([{"context": record["context"], "qas": [question]}])), {})


def _candidate(sentence: str, context: str) -> str:
    return f"{sentence} {context}"


def _pool(files: Iterable[Path]) -> list[Row]:
    return [
        {"id": key, "query": "", "candidate": _candidate(sentence, paragraph["context"]), "matches": []}
        for file in files
        for key, sentence, paragraph in _sentences(file)
    ]


def _questions(files: tuple[Path, ...], language: str) -> list[Row]:
    right: dict[str, list[str]] = {}
    for file in files:
        answers: dict[int, list[tuple[str, str]]] = {}
        for number, paragraph in enumerate(squad_paragraphs(file)):
            answers[number] = [(question["id"], _answered(question, paragraph)) for question in paragraph["qas"]]
        for key, sentence, _ in _sentences(file):
            for question, answer in answers[int(key.split("_")[1]) - 1]:
                if answer == sentence:
                    right.setdefault(question, []).append(key)
    own = next(file for file in files if file.stem == language)
    return [
        {"id": question["id"], "query": question["question"], "candidate": "", "matches": right.get(question["id"], [])}
        for paragraph in squad_paragraphs(own)
        for question in paragraph["qas"]
    ]


def _sentences(file: Path) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Key (language, paragraph from 1, sentence from 0), sentence and paragraph, in the order of the file."""
    for number, paragraph in enumerate(squad_paragraphs(file), start=1):
        for place, (begin, end) in enumerate(paragraph["sentence_breaks"]):
            yield f"{file.stem}_{number}_{place}", paragraph["context"][begin:end], paragraph


def _answered(question: Mapping[str, Any], paragraph: Mapping[str, Any]) -> str:
    start = question["answers"][0]["answer_start"]
    found = (paragraph["context"][a:b] for a, b in paragraph["sentence_breaks"] if a <= start < b)
    return next(found, "")


def mewslix(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / "mewslix"
    if split == "pool":
        file = require_file(task, split, language, place / "candidate_set_entities.jsonl")
        return Located((file,), lambda: read_json_lines(file, _entity))
    if split in ("train", "dev"):
        file = require_file(task, split, language, place / f"wikipedia_pairs-{split}.jsonl")
        return Located((file,), lambda: read_json_lines(file, _pair))
    # The release has one file for all languages; XTREME-R's script divides it, without the labels of the test set.
    names = {one: [f"wikinews_mentions-{one}.jsonl", f"wikinews_mentions/{one}-{language}.jsonl"] for one in _WIKINEWS}
    tests, devs = ([place / name for name in names[one]] for one in _WIKINEWS)
    found = labelled_or_dev(task, language, tests, devs, _names_entities, lambda file: _mentions(file, language))
    return replace(found, note="dev set: there are no labelled test files") if found.note else found


def _mentions(file: Path, language: str) -> list[Row]:
    """A row for each mention in a language."""
    rows: list[Row] = []
    for number, document in json_lines(file):
        try:
            if document["context"]["language"] == language:
                rows += [
                    {
                        "id": mention["example_id"],
                        "query": _query(document["context"], mention["mention_span"]),
                        "candidate": "",
                        "matches": [mention["entity_id"]] if mention.get("entity_id") else [],
                    }
                    for mention in document["mentions"]
                ]
        except KeyError as problem:
            raise DataError(
                f"{file}, line {number}: a record has no {problem}; expected the release of 2022-05-18"
            ) from None
        except ValueError as problem:
            raise DataError(f"{file}, line {number}: {problem}") from None
    return rows


def _names_entities(file: Path) -> bool:
    """Whether the first mention of a file says which entity is meant. Reads no further."""
    for _, document in json_lines(file):
        try:
            return bool(document["mentions"][0]["entity_id"])
        except (KeyError, IndexError, TypeError):  # it has none; what is wrong with it is said by who reads it
            continue
    return False


def _entity(record: Mapping[str, Any]) -> Row:
    return {"id": record["entity_id"], "query": "", "candidate": _description(record), "matches": []}


def _pair(record: Mapping[str, Any]) -> Row:
    mentioned = record["contextual_mention"]
    return {
        "id": mentioned["mention"]["example_id"],
        "query": _query(mentioned["context"], mentioned["mention"]["mention_span"]),
        "candidate": _description(record["entity"]),
        "matches": [],
    }


def _query(context: Mapping[str, Any], span: Mapping[str, Any]) -> str:
    """The mention, and the sentence that it stands in with the mention in braces; braces of the text become round."""
    text, start, end = context["text"], span["start"], span["end"]
    if text[start:end] != span["text"]:
        raise ValueError(
            f'"{span["text"]}" does not stand where it is said to; texts are put in by the release\'s get-mewsli-x.sh'
        )
    inside = (one for one in context["sentence_spans"] if one["start"] <= start and end <= one["end"])
    sentence = next(inside, {"start": 0, "end": len(text)})
    left, right = (
        _BRACED.sub(r"(\1)", part) for part in (text[sentence["start"] : start], text[end : sentence["end"]])
    )
    return _one_line(f"{text[start:end]}: {left} {{ {text[start:end]} }} {right}")


def _description(entity: Mapping[str, Any]) -> str:
    return _one_line(" ".join(entity["description"][one["start"] : one["end"]] for one in entity["sentence_spans"]))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()).replace("  ", " ").strip()


def squadshifts_sentences(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "squadshifts" / "new_wiki_v1.0.json")

    def read() -> list[Row]:
        articles = read_json(file)["data"]
        kept = [one for one in articles if is_held_out(one["title"], SQUADSHIFTS_DEV) == (split == "dev")]
        return answer_sentences(paragraph for article in kept for paragraph in article["paragraphs"])

    return Located((file,), read, held_out_note(split, "articles"))
