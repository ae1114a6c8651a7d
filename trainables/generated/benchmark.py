"""The generated benchmark: rows of every task, split and language."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from trainables.generated import inference, reading, world
from trainables.generated.draws import Draws
from trainables.generated.languages import LANGUAGES
from trainables.generated.pictures import picture
from trainables.generated.tell import Teller, join

VERSION: int = 1  # raised by hand whenever a seed and a size give other bytes than before
FIRST = "one"  # the language that plays English: the only one with labels to train on
ZERO = "zero"  # the language that shares nothing, told nowhere beside another
POOL = "mul"  # the language of what is searched in every language at once

# Rows at size 1. Those of "gen-text" are per language: plain, and parallel for the languages that have any.
_ROWS: dict[str, dict[str, int]] = {
    "gen-text": {"train": 1500, "dev": 100},
    "gen-nli": {"train": 3000, "dev": 300, "test": 450},
    "gen-qa": {"train": 1800, "dev": 200, "test": 300},
    "gen-tags": {"train": 600, "dev": 200, "test": 200},
    "gen-topic": {"train": 600, "dev": 200, "test": 300},
    "gen-pairs": {"test": 300},
    "gen-choice": {"train": 2400, "dev": 200, "test": 300},
    # Of "gen-ask" the pool's rows, of "gen-mine" all rows count facts: told in each language, or on some side.
    "gen-ask": {"train": 2400, "dev": 200, "test": 200, "pool": 400},
    "gen-mine": {"dev": 400, "test": 800},
    # The same pictures in every language, each with one caption.
    "gen-images": {"train": 1200, "dev": 150, "test": 200},
}
_PARALLEL_ROWS = {"train": 3000, "dev": 100}
TASKS = tuple(_ROWS)

Row = dict[str, Any]


@dataclass(frozen=True)
class GeneratedBenchmark:
    """The tasks of one world: `seed` draws its words and facts, `size` scales the number of rows."""

    seed: int = 1
    size: float = 1.0

    def __post_init__(self) -> None:
        if not self.size > 0:
            raise ValueError(f"the size of a generated benchmark must be above 0, not {self.size}")

    def rows(self, task: str, split: str, language: str) -> Iterator[Row]:
        """The rows of a split in a language, in their order. ValueError where there is no such split."""
        if language not in languages_of(task, split):
            have = ", ".join(languages_of(task, split))
            raise ValueError(f"{task} has no split {split!r} in {language!r}; it has {split!r} in: {have}")
        make = {
            "gen-text": self._text,
            "gen-nli": self._nli,
            "gen-qa": self._qa,
            "gen-tags": self._tags,
            "gen-topic": self._topic,
            "gen-pairs": self._pairs,
            "gen-choice": self._choice,
            "gen-ask": self._ask,
            "gen-mine": self._mine,
            "gen-images": self._images,
        }[task]
        return make(split, language)

    def count(self, task: str, split: str, language: str) -> int:
        """About how many rows a split has in a language (of "gen-mine" too many, by facts that one side lacks)."""
        rows = self._count(_ROWS[task][split])
        if task == "gen-text" and language not in (FIRST, ZERO):
            rows += self._count(_PARALLEL_ROWS[split])
        return rows * (len(LANGUAGES) if split == "pool" else 1)

    def _count(self, rows: int) -> int:
        return max(1, round(rows * self.size))

    def _text(self, split: str, language: str) -> Iterator[Row]:
        # Each language has facts of its own in its plain rows: there only form and use can align two of them.
        tell = Teller(self.seed, language)
        draws = Draws(self.seed, "gen-text", split, language)
        pool = "text" if split == "train" else split
        for number in range(self._count(_ROWS["gen-text"][split])):
            text = tell.text(world.passage(draws, pool))
            yield {"id": f"plain-{language}-{number:06}", "text": text, "translation": ""}
        if language in (FIRST, ZERO):
            return
        first = Teller(self.seed, FIRST)
        draws = Draws(self.seed, "gen-text", split, "parallel")
        for number in range(self._count(_PARALLEL_ROWS[split])):
            fact = [world.fact_of(draws, pool, detail=50)]
            yield {"id": f"parallel-{number:06}", "text": first.text(fact), "translation": tell.text(fact)}

    def _nli(self, split: str, language: str) -> Iterator[Row]:
        tell = Teller(self.seed, language)
        draws = Draws(self.seed, "gen-nli", split)
        triples = inference.triples(draws, split)
        for number in range(max(1, self._count(_ROWS["gen-nli"][split]) // 3)):
            triple = next(triples)
            for label in draws.shuffled(inference.LABELS):
                premise, hypothesis = triple[label]
                yield {
                    "id": f"{split}-{number:05}-{label[0]}",
                    "text_a": tell.text([premise]),
                    "text_b": tell.text([hypothesis]),
                    "label": label,
                }

    def _qa(self, split: str, language: str) -> Iterator[Row]:
        tell = Teller(self.seed, language)
        found = reading.readings(Draws(self.seed, "gen-qa", split), split)
        for number, item in enumerate(islice(found, self._count(_ROWS["gen-qa"][split]))):
            sentences = [tell.statement(fact) for fact in item.facts]
            before = [word for sentence in sentences[: item.answer] for word in sentence]
            answer = [word for word in sentences[item.answer] if word.slot == item.asked]
            before += sentences[item.answer][: sentences[item.answer].index(answer[0])]
            yield {
                "id": f"{split}-{number:05}",
                "question": join(tell.question(item.known, item.asked)),
                "context": tell.text(item.facts),
                "answers": {"text": [join(answer)], "answer_start": [len(join(before)) + bool(before)]},
            }

    def _tags(self, split: str, language: str) -> Iterator[Row]:
        tell = Teller(self.seed, language)
        draws = Draws(self.seed, "gen-tags", split)
        for number in range(self._count(_ROWS["gen-tags"][split])):
            facts = [world.fact_of(draws, split, detail=50) for _ in range(1 + draws.below(2))]
            words = [word for fact in facts for word in tell.statement(fact)]
            yield {
                "id": f"{split}-{number:05}",
                "tokens": [word.text for word in words],
                "tags": [word.tag for word in words],
            }

    def _topic(self, split: str, language: str) -> Iterator[Row]:
        tell = Teller(self.seed, language)
        draws = Draws(self.seed, "gen-topic", split)
        for number in range(self._count(_ROWS["gen-topic"][split])):
            fact = world.fact_of(draws, split, detail=50)
            while not world.is_common(fact.what):
                fact = world.fact_of(draws, split, detail=50)
            yield {"id": f"{split}-{number:05}", "text": tell.text([fact]), "label": world.KIND_OF[fact.what[0]]}

    def _pairs(self, split: str, language: str) -> Iterator[Row]:
        first, tell = Teller(self.seed, FIRST), Teller(self.seed, language)
        facts = self._facts(Draws(self.seed, "gen-pairs", split), split, self._count(_ROWS["gen-pairs"][split]), 80)
        for number, fact in enumerate(facts):
            yield {"id": f"{split}-{number:05}", "query": first.text([fact]), "candidate": tell.text([fact])}

    def _choice(self, split: str, language: str) -> Iterator[Row]:
        tell = Teller(self.seed, language)
        found = inference.choosings(Draws(self.seed, "gen-choice", split), split)
        for number, (premise, choices, right) in enumerate(islice(found, self._count(_ROWS["gen-choice"][split]))):
            yield {
                "id": f"{split}-{number:05}",
                "prompt": tell.text([premise]),
                "choices": [tell.text([choice]) for choice in choices],
                "label": str(right),
            }

    def _ask(self, split: str, language: str) -> Iterator[Row]:
        draws = Draws(self.seed, "gen-ask", "test" if split == "pool" else split)
        # The pool starts with the facts that the test asks for.
        size = self._count(_ROWS["gen-ask"]["pool" if split == "test" else split])
        facts = self._facts(draws, "test" if split == "pool" else split, size, 50)
        if split == "pool":
            for code in LANGUAGES:
                tell = Teller(self.seed, code)
                for number, fact in enumerate(facts):
                    row = {"id": f"{code}-{number:05}", "query": "", "candidate": tell.text([fact]), "matches": []}
                    yield row
            return
        tell = Teller(self.seed, language)
        for number, wanted in enumerate(facts[: self._count(_ROWS["gen-ask"][split])]):
            asked, known = reading.question(draws, wanted)
            fit = [place for place, fact in enumerate(facts) if reading.answers(fact, asked, known)]
            found = [f"{code}-{place:05}" for code in LANGUAGES for place in fit]
            yield {
                "id": f"{split}-{number:05}",
                "query": join(tell.question(known, asked)),
                "candidate": "" if split == "test" else tell.text([wanted]),
                "matches": found if split == "test" else [],
            }

    def _mine(self, split: str, language: str) -> Iterator[Row]:
        draws = Draws(self.seed, "gen-mine", split)
        facts = self._facts(draws, split, self._count(_ROWS["gen-mine"][split]), 80)
        # Of four facts one is told on both sides; the others stand on one side each, where nothing translates them.
        both = {fact for place, fact in enumerate(facts) if place % 4 == 0}
        sides = {
            "foreign": [fact for place, fact in enumerate(facts) if fact in both or place % 4 == 1],
            "english": [fact for place, fact in enumerate(facts) if fact in both or place % 4 > 1],
        }
        told = {side: draws.shuffled(of_side) for side, of_side in sides.items()}
        place_of = {fact: place for place, fact in enumerate(told["english"])}
        for side, of_side in told.items():
            tell = Teller(self.seed, FIRST if side == "english" else language)
            for number, fact in enumerate(of_side):
                matched = side == "foreign" and fact in both
                yield {
                    "id": f"{side}-{number:05}",
                    "side": side,
                    "text": tell.text([fact]),
                    "match": f"english-{place_of[fact]:05}" if matched else "",
                }

    def _images(self, split: str, language: str) -> Iterator[Row]:
        tell, draws = Teller(self.seed, language), Draws(self.seed, "gen-images", split)
        seen: set[bytes] = set()
        count = self._count(_ROWS["gen-images"][split])
        while len(seen) < count:
            fact = world.fact_of(draws, split, detail=80)
            # Two facts may look alike, as a landmark before a place's name is not drawn.
            if world.is_common(fact.what) and (drawn := picture(fact)) not in seen:
                row = {"id": f"{split}-{len(seen):05}", "image": {"bytes": drawn, "path": None}}
                seen.add(drawn)
                yield {**row, "text": tell.text([fact])}

    @staticmethod
    def _facts(draws: Draws, pool: str, count: int, detail: int) -> list[world.Fact]:
        """`count` different facts that `pool` owns."""
        facts: dict[world.Fact, None] = {}
        while len(facts) < count:
            facts[world.fact_of(draws, pool, detail=detail)] = None
        return list(facts)


def languages_of(task: str, split: str) -> tuple[str, ...]:
    """The languages that have `split` of `task`, nearest first. ValueError where there is no such split."""
    if task not in _ROWS:
        raise ValueError(f"there is no generated task {task!r}; there are: {', '.join(TASKS)}")
    if split not in _ROWS[task]:
        raise ValueError(f"{task} has no split {split!r}; it has: {', '.join(_ROWS[task])}")
    if task in ("gen-text", "gen-images"):
        return tuple(LANGUAGES)
    if split == "pool":
        return (POOL,)
    if task in ("gen-pairs", "gen-mine"):
        return tuple(code for code in LANGUAGES if code != FIRST)
    return tuple(LANGUAGES) if split == "test" else (FIRST,)
