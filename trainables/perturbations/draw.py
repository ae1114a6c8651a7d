"""Draws that are a function of what they are for."""

from __future__ import annotations

import hashlib


class Draw:
    """Numbers that are a function of a key alone: the same on every machine and in every version of Python."""

    def __init__(self, *key: str | int) -> None:
        self._key = "\x1f".join(map(str, key))

    def within(self, *key: str | int) -> Draw:
        """Draws for a part of this."""
        return Draw(self._key, *key)

    def share(self, purpose: str) -> float:
        """A number from 0 to below 1."""
        digest = hashlib.sha256(f"{self._key}\x1e{purpose}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def below(self, count: int, purpose: str) -> int:
        """One of the numbers below `count`, which is 1 at least."""
        return int(self.share(purpose) * count)
