"""Text that `python -m tools.corpora` gathers from a Linux distribution's packages: its corpora and their languages."""

from __future__ import annotations

from trainables.tasks.records.shapes import words

GATHERED: dict[str, tuple[str, ...]] = {
    "dictionaries": words("ar bg de el es fr hi id ja ru sw tr zh"),
    "wesnoth": words("ar bg de el es fr id ja ru tr vi zh"),
    "games": words("bg de el es fr id ja ru tr zh"),
    "bible": words("ar de es fr hi ru vi"),
    "stamps": words("ar bg de el es fr hi id ja ru sw tr vi zh"),
    "annotations": words("ar bg de el es fr hi id ja ru sw tr vi zh"),
    "help": words("bg de el es fr hi id ja ru tr vi zh"),
    "software": words("ar bg de el es fr hi id ja ru sw tr vi zh"),
}
"""The languages of each corpus, beside English."""
