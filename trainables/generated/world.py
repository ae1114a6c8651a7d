"""The world that every language tells: its concepts, its facts, and which facts each split may use."""

from dataclasses import dataclass, replace
from hashlib import blake2b

from trainables.generated.draws import Draws

# Concepts are written as English words, so that facts can be read; no language uses these words.
GIVEN = tuple(f"given-{number:02}" for number in range(12))
# Families are called after places, so that a name alone does not say whether a person or a place is meant.
PLACES = tuple(f"place-{number:02}" for number in range(12))
KINDS: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "horse", "goat"),
    "food": ("bread", "apple", "cheese", "egg"),
    "tool": ("knife", "hammer", "rope", "pot"),
    "garment": ("coat", "hat", "shoe", "shirt"),
}
KIND_OF: dict[str, str] = {noun: kind for kind, nouns in KINDS.items() for noun in nouns}
TOPICS = tuple(KINDS)
LANDMARKS = ("hill", "lake", "port")
BEING, NOTHING = "being", "nothing"  # objects of a deed beside the kinds: someone with a name, none at all

_ANY = tuple(KINDS)
# Each deed stands beside its opposite, with what both may be done to.
_DEED_PAIRS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("has", "lacks", _ANY),
    ("finds", "loses", (*_ANY, BEING)),
    ("loves", "hates", (*_ANY, BEING)),
    ("breaks", "mends", ("tool", "garment")),
    ("feeds", "starves", ("animal", BEING)),
    ("cooks", "spoils", ("food",)),
    ("works", "rests", (NOTHING,)),
    ("stays", "leaves", (NOTHING,)),
)
OBJECTS: dict[str, tuple[str, ...]] = {
    deed: objects for first, second, objects in _DEED_PAIRS for deed in (first, second)
}
DEEDS = tuple(OBJECTS)
QUALITIES = (
    "big", "small", "old", "new", "good", "bad", "clean", "dirty", "heavy", "light", "warm", "cold",
)  # fmt: skip
OPPOSITE: dict[str, str] = {
    deed: other for first, second, _ in _DEED_PAIRS for deed, other in ((first, second), (second, first))
}
FUNCTION_WORDS = ("in", "who", "what", "where")

# Every concept that needs a word, by group: each group has its share of cognates.
CONCEPTS: dict[str, tuple[str, ...]] = {
    "given": GIVEN,
    "place": PLACES,
    "noun": tuple(KIND_OF),
    "kind": (*KINDS, *LANDMARKS),
    "deed": DEEDS,
    "quality": QUALITIES,
    "function": FUNCTION_WORDS,
}

# Of 100 facts, those that each pool owns. A fact belongs to one pool, so no split can show another's facts.
_POOLS = {"text": 40, "train": 25, "dev": 15, "test": 20}


@dataclass(frozen=True)
class Fact:
    """Someone does something, perhaps to something of some quality, perhaps somewhere. Empty means untold."""

    who: tuple[str, ...]
    deed: str
    past: bool
    what: tuple[str, ...] = ()
    quality: str = ""
    where: tuple[str, ...] = ()

    def pool(self) -> str:
        """The pool that owns the fact: "text", "train", "dev" or "test"."""
        told = "\0".join((*self.who, self.deed, str(self.past), *self.what, self.quality, *self.where))
        left = int.from_bytes(blake2b(told.encode(), digest_size=8).digest(), "little") % 100
        for pool, share in _POOLS.items():
            left -= share
            if left < 0:
                return pool
        raise AssertionError("the pools' shares do not sum to 100")


def being(draws: Draws) -> tuple[str, ...]:
    """A name: of a person (given, family, or both) or of an animal (what it is, and a given name)."""
    given, family = draws.pick(GIVEN), draws.pick(PLACES)
    animal = draws.pick(KINDS["animal"])
    return draws.pick((*((given,), (family,)) * 3, (given, family), (animal, given)))


def place(draws: Draws) -> tuple[str, ...]:
    """A place's name, in one case of four after a landmark."""
    name = draws.pick(PLACES)
    return (draws.pick(LANDMARKS), name) if draws.below(4) == 0 else (name,)


def thing(draws: Draws, deed: str) -> tuple[str, ...]:
    """Something that `deed` may be done to; empty if it is done to nothing."""
    kind = draws.pick(OBJECTS[deed])
    if kind == NOTHING:
        return ()
    return being(draws) if kind == BEING else (draws.pick(KINDS[kind]),)


def is_common(what: tuple[str, ...]) -> bool:
    """Whether `what` is a noun or a kind, which can have a quality, rather than a name or nothing."""
    return len(what) == 1 and (what[0] in KIND_OF or what[0] in KINDS)


def fact(draws: Draws, *, detail: int) -> Fact:
    """A fact of any pool that tells each detail (quality, place) with a chance of `detail` in 100.

    The place of a deed that is done to nothing is always told: otherwise little would be said.
    """
    deed = draws.pick(DEEDS)
    what = thing(draws, deed)
    return Fact(
        who=being(draws),
        deed=deed,
        past=draws.chance(50),
        what=what,
        quality=draws.pick(QUALITIES) if is_common(what) and draws.chance(detail) else "",
        where=place(draws) if not what or draws.chance(detail) else (),
    )


def passage(draws: Draws, pool: str) -> list[Fact]:
    """A fact that `pool` owns, and half of the time the same told again, perhaps with less detail."""
    first = fact_of(draws, pool, detail=50)
    if draws.chance(50):
        return [first]
    while True:
        again = retold(draws, first)
        if again.pool() == pool:
            return [first, again]


def retold(draws: Draws, fact: Fact) -> Fact:
    """What follows from `fact`: the same without some of its details, or with the kind of what it is done to."""
    return replace(
        fact,
        what=(KIND_OF[fact.what[0]],) if is_common(fact.what) and draws.chance(30) else fact.what,
        quality=fact.quality if draws.chance(60) else "",
        where=fact.where if not fact.what or draws.chance(60) else (),
    )


def fact_of(draws: Draws, pool: str, *, detail: int) -> Fact:
    """A fact that `pool` owns."""
    while True:
        drawn = fact(draws, detail=detail)
        if drawn.pool() == pool:
            return drawn
