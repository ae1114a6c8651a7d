"""Other entities in named entity recognition: of the same type, of the same split, and of as many words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.perturbations.draw import Draw


def with_other_entities(rows: Sequence[Mapping[str, Any]], strength: float, draw: Draw) -> list[dict[str, Any]]:
    """The rows, each entity of which is with a probability of `strength` another one. Tags stay as they are; so does an
    entity that is the only one of its type and number of words, and a row without tags."""
    known: dict[tuple[str, int], dict[tuple[str, ...], None]] = {}
    for row in rows:
        for kind, start, end in entities_of(row["tags"]):
            known.setdefault((kind, end - start), {})[tuple(row["tokens"][start:end])] = None
    pools = {key: sorted(found) for key, found in known.items()}
    new = []
    for row in rows:
        tokens, here = list(row["tokens"]), draw.within(row["id"])
        for number, (kind, start, end) in enumerate(entities_of(row["tags"])):
            pool, at = pools[kind, end - start], here.within(number)
            if len(pool) > 1 and at.share("whether") < strength:
                own = pool.index(tuple(row["tokens"][start:end]))
                other = at.below(len(pool) - 1, "entity")
                tokens[start:end] = pool[other + (other >= own)]
        new.append({**row, "tokens": tokens})
    return new


def entities_of(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Type, first word and the word behind the last one of each entity: of tags in IOB1, IOB2 or BIOES."""
    found: list[tuple[str, int, int]] = []
    before = "O"
    for place, tag in enumerate((*tags, "O")):
        position, _, kind = tag.partition("-")
        last, _, last_kind = before.partition("-")
        if position in "IE" and last in "BI" and kind == last_kind and found:
            found[-1] = (kind, found[-1][1], place + 1)
        elif position != "O" and kind:
            found.append((kind, place, place + 1))
        before = tag
    return found
