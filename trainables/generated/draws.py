"""Draws that are the same on every machine and in every version of Python."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws that depends on its key alone: draw number n is a hash of the key and n.

    `random.Random` promises the same bytes only for `random()`; its other methods change between versions.
    """

    def __init__(self, *key: str | int) -> None:
        self._key = blake2b("\0".join(map(str, key)).encode(), digest_size=32).digest()
        self._count = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1; its bias is below `bound` / 2**64."""
        word = blake2b(self._count.to_bytes(8, "little"), key=self._key, digest_size=8).digest()
        self._count += 1
        return int.from_bytes(word, "little") * bound >> 64

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.below(100) < percent

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`, each as likely as the other."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """`items` in a drawn order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(len(rest))]
