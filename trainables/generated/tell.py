"""Telling facts: from a fact to the words of a language."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainables.generated.languages import LANGUAGES, lexicon
from trainables.generated.world import KINDS, Fact, is_common

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ANI", "I-ANI")
ASKED = {"who": "who", "what": "what", "where": "where"}  # the slot that a question leaves open, and its word
# Where the place stands in each order is part of the order: before the verb if the verb ends the sentence.
_ORDERS = {
    "SVO": ("who", "deed", "what", "where"),
    "SOV": ("who", "where", "what", "deed"),
    "VSO": ("deed", "who", "what", "where"),
}


@dataclass(frozen=True)
class Word:
    """A word of a sentence, with its entity tag and the slot of the fact that it tells ("" for the stop)."""

    text: str
    tag: str
    slot: str


class Teller:
    """Tells the facts of the world with seed `seed` in the language `code`."""

    def __init__(self, seed: int, code: str) -> None:
        self._language = LANGUAGES[code]
        self._words = lexicon(seed)[code]

    def statement(self, fact: Fact) -> list[Word]:
        """The words of the sentence that says `fact`, the stop included."""
        return [*self._clause(fact, ""), Word(self._language.stop, "O", "")]

    def question(self, fact: Fact, asked: str) -> list[Word]:
        """The words of the question for the slot `asked`, of which the rest of `fact` is known.

        The question word stands where its answer would: no language here moves it.
        """
        return [*self._clause(fact, asked), Word(self._language.question, "O", "")]

    def text(self, facts: Sequence[Fact]) -> str:
        """The sentences that say `facts`, one after the other."""
        return join([word for fact in facts for word in self.statement(fact)])

    def _clause(self, fact: Fact, asked: str) -> list[Word]:
        return [word for slot in _ORDERS[self._language.order] for word in self._slot(fact, slot, slot == asked)]

    def _slot(self, fact: Fact, slot: str, asked: bool) -> list[Word]:
        language, words = self._language, self._words
        if slot == "deed":
            ending = language.past_ending if fact.past else language.present_ending
            return [Word(words[fact.deed] + ending, "O", slot)]
        if asked:
            return [Word(words[ASKED[slot]], "O", slot)]
        if slot == "who":
            return self._name(fact.who, _being_type(fact.who), slot)
        if slot == "what":
            return self._end(self._what(fact), language.object_ending)
        if not fact.where:
            return []
        name = self._end(self._name(fact.where, "LOC", slot), language.place_ending)
        adposition = [Word(words["in"], "O", "")]
        return adposition + name if language.adposition_first else name + adposition

    def _what(self, fact: Fact) -> list[Word]:
        if fact.what and not is_common(fact.what):
            return self._name(fact.what, _being_type(fact.what), "what")
        concepts = [concept for concept in (fact.quality, *fact.what) if concept]
        if not self._language.quality_first:
            concepts.reverse()
        return [Word(self._words[concept], "O", "what") for concept in concepts]

    def _name(self, concepts: tuple[str, ...], entity: str, slot: str) -> list[Word]:
        return [
            Word(self._words[concept], f"{'I' if index else 'B'}-{entity}", slot)
            for index, concept in enumerate(concepts)
        ]

    @staticmethod
    def _end(words: list[Word], ending: str) -> list[Word]:
        """`words` with `ending` on the last: a group of words is marked once."""
        return words[:-1] + [Word(word.text + ending, word.tag, word.slot) for word in words[-1:]]


def _being_type(name: tuple[str, ...]) -> str:
    return "ANI" if name[0] in KINDS["animal"] else "PER"


def join(words: Sequence[Word]) -> str:
    """`words` as running text, with a space between any two of them, stops included."""
    return " ".join(word.text for word in words)
