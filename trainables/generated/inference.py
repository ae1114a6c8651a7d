"""What follows from a fact: pairs of facts that entail, contradict, or leave open."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from trainables.generated import world
from trainables.generated.draws import Draws
from trainables.generated.world import DEEDS, KIND_OF, KINDS, OBJECTS, OPPOSITE, QUALITIES, Fact, is_common

LABELS = ("entailment", "neutral", "contradiction")
_TRIES = 20  # premises drawn for a label before its hypothesis is given up


def relation(premise: Fact, hypothesis: Fact) -> str:
    """What `premise` makes of `hypothesis`: one of `LABELS`.

    The same deed (who, what or its kind, tense; the deed or its opposite) contradicts by an opposite deed, an
    opposite quality or another place; failing that it entails if it tells all that the hypothesis tells.
    """
    same_what = hypothesis.what == premise.what or (
        is_common(premise.what) and hypothesis.what == (KIND_OF.get(premise.what[0]),)
    )
    same_deed = hypothesis.deed in (premise.deed, OPPOSITE[premise.deed])
    if not (same_what and same_deed and (premise.who, premise.past) == (hypothesis.who, hypothesis.past)):
        return "neutral"
    if (
        hypothesis.deed == OPPOSITE[premise.deed]
        or (premise.quality and hypothesis.quality == OPPOSITE[premise.quality])
        or (premise.where and hypothesis.where and hypothesis.where != premise.where)
    ):
        return "contradiction"
    told = hypothesis.quality in ("", premise.quality) and hypothesis.where in ((), premise.where)
    return "entailment" if told else "neutral"


def triples(draws: Draws, pool: str) -> Iterator[dict[str, tuple[Fact, Fact]]]:
    """Without end: for each label a premise that `pool` owns, and one hypothesis for the three of them.

    One hypothesis with every label is what keeps the hypothesis alone from telling the label.
    """
    while True:
        hypothesis = _hypothesis(draws)
        premises = [_premise(draws, pool, label, hypothesis) for label in LABELS]
        # A hypothesis that tells much has few premises, and the pool may own none of some label.
        if all(premises):
            pairs = ((premise, hypothesis) for premise in premises if premise)
            yield dict(zip(LABELS, pairs, strict=True))


def _hypothesis(draws: Draws) -> Fact:
    drawn = world.fact(draws, detail=50)
    if is_common(drawn.what) and draws.chance(30):
        return replace(drawn, what=(KIND_OF[drawn.what[0]],))
    return drawn


def _premise(draws: Draws, pool: str, label: str, hypothesis: Fact) -> Fact | None:
    for _ in range(_TRIES):
        premise = _add_details(draws, hypothesis)
        if label != "entailment":
            change = draws.pick(_CHANGES[label])
            premise = change(draws, premise)
        if premise.pool() == pool and relation(premise, hypothesis) == label:
            return premise
    return None


def _add_details(draws: Draws, fact: Fact) -> Fact:
    """A fact that entails `fact`, more often than not by telling more."""
    what = fact.what
    if is_common(what) and what[0] in KINDS:
        what = (draws.pick(KINDS[what[0]]),)
    quality, where = fact.quality, fact.where
    if is_common(what) and not quality and draws.chance(50):
        quality = draws.pick(QUALITIES)
    if not where and draws.chance(50):
        where = world.place(draws)
    return replace(fact, what=what, quality=quality, where=where)


# A change may leave the label as it was (a place drawn anew may be the same place); then it is drawn again.
def _other_who(draws: Draws, fact: Fact) -> Fact:
    return replace(fact, who=world.being(draws))


def _other_what(draws: Draws, fact: Fact) -> Fact:
    return replace(fact, what=world.thing(draws, fact.deed)) if is_common(fact.what) else fact


def _other_deed(draws: Draws, fact: Fact) -> Fact:
    return replace(fact, deed=draws.pick([deed for deed in DEEDS if OBJECTS[deed] == OBJECTS[fact.deed]]))


def _other_quality(draws: Draws, fact: Fact) -> Fact:
    return replace(fact, quality=draws.pick(QUALITIES)) if is_common(fact.what) else fact


def _other_where(draws: Draws, fact: Fact) -> Fact:
    return replace(fact, where=world.place(draws))


def _opposite_deed(_: Draws, fact: Fact) -> Fact:
    return replace(fact, deed=OPPOSITE[fact.deed])


def _opposite_quality(_: Draws, fact: Fact) -> Fact:
    return replace(fact, quality=OPPOSITE[fact.quality]) if fact.quality else fact


def _untold_quality(_: Draws, fact: Fact) -> Fact:
    return replace(fact, quality="")


def _untold_where(_: Draws, fact: Fact) -> Fact:
    return replace(fact, where=()) if fact.what else fact


_CHANGES: dict[str, tuple[Callable[[Draws, Fact], Fact], ...]] = {
    "neutral": (_other_who, _other_what, _other_deed, _other_quality, _untold_quality, _untold_where),
    "contradiction": (_opposite_deed, _opposite_quality, _other_where),
}
