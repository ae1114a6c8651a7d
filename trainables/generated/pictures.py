"""Pictures of facts: small drawings whose shapes and colours say what a sentence says in words."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray

from trainables.generated.world import DEEDS, GIVEN, KIND_OF, KINDS, PLACES, QUALITIES, Fact

SIDE = 32
"""Height and width, in pixels."""
_GREY = (110, 110, 110)
_WHEEL = 12


def picture(fact: Fact) -> bytes:
    """A PNG of a fact that is done to a common thing.

    In the middle a shape: its family is the kind of the thing, its proportions which one it is, its colour the quality
    (grey: untold). The left edge is the place, the right edge who does it, the row of dots at the top the deed, and at
    the bottom there is a line if it is past.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(_pixels(fact)).save(file, "PNG")
    return file.getvalue()


def _pixels(fact: Fact) -> NDArray[np.uint8]:
    pixels = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    noun = fact.what[0]
    kind = KIND_OF.get(noun, noun)
    number = KINDS[kind].index(noun) if noun in KIND_OF else -1
    inside = _shape(tuple(KINDS).index(kind), number)
    pixels[inside] = _colour(QUALITIES.index(fact.quality)) if fact.quality else _GREY
    pixels[:, :4] = _colour(PLACES.index(fact.where[-1])) if fact.where else _GREY
    # A name may be several words: its halves are above one another, and what is untold is grey.
    for half, word in zip((slice(0, SIDE // 2), slice(SIDE // 2, SIDE)), (fact.who * 2)[:2], strict=True):
        pixels[half, -4:] = _named(word)
    deed = DEEDS.index(fact.deed)
    for dot in range(4):
        if deed >> dot & 1:
            pixels[1:4, 7 + 5 * dot : 10 + 5 * dot] = 0
    if fact.past:
        pixels[-3:-1, 6:-6] = 0
    return pixels


def _shape(family: int, number: int) -> NDArray[np.bool_]:
    """Where a shape is: ellipses, rectangles, triangles, crosses; `number` makes it narrow or wide, low or high."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    width, height = (9.0, 9.0) if number < 0 else ((5.0, 9.0)[number % 2], (5.0, 9.0)[number // 2])
    x, y = x / width, y / height
    shapes = (
        x**2 + y**2 <= 1,
        (abs(x) <= 1) & (abs(y) <= 1),
        (abs(y) <= 1) & (abs(x) <= (y + 1) / 2),
        ((abs(x) <= 0.4) & (abs(y) <= 1)) | ((abs(y) <= 0.4) & (abs(x) <= 1)),
    )
    return shapes[family]


def _named(word: str) -> tuple[int, int, int]:
    """Given names are bright, families (which are called after places) dark, animals light."""
    if word in GIVEN:
        return _colour(GIVEN.index(word))
    if word in PLACES:
        return _colour(PLACES.index(word), 0.5)
    return _colour(3 * KINDS["animal"].index(word), 1.4)


def _colour(number: int, light: float = 1.0) -> tuple[int, int, int]:
    """One of a wheel of twelve."""
    angle = 2 * math.pi * number / _WHEEL
    levels = [round(min(255.0, light * (128 + 110 * math.cos(angle - third * 2 * math.pi / 3)))) for third in range(3)]
    return levels[0], levels[1], levels[2]
