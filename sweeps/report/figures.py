"""Heat maps of differences: PNG to put into a paper, SVG for the page, and the same in words.

Orange is worse, purple is better, white is no difference: ColorBrewer's PuOr, which colour-blind people can tell apart
and which survives print. Every cell has its number with its sign, so that nothing hangs on colour alone.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sweeps.report.annotations import SIGNS
from sweeps.report.study import AVERAGES, Score, Study
from sweeps.spec.intermediate import NONE

CELL = (0.82, 0.42)
"""Inches."""
DOTS = 200
LEAST_RANGE = 1.0
"""Points of difference at which the colours are full, at the least: noise shall not look like an effect."""
MISSING = "…"
BASE = "(without)"
WRAP = 11
"""Characters of a heading's line."""
INK, PALE = "#1a1a1a", "#555555"


@dataclass(frozen=True)
class HeatMap:
    """Differences of rows and columns, in points."""

    name: str
    """Of its file."""
    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    below: tuple[str, ...]
    """Under each column's heading: what no intermediate scores."""
    cells: Mapping[tuple[str, str], Score]

    @property
    def text(self) -> str:
        """What the figure shows, for those who do not see it."""
        found = [
            (score.difference.value, row, column)
            for (row, column), score in self.cells.items()
            if score.difference is not None
        ]
        if not found:
            return f"{self.title}: no difference can be given yet."
        (low, *worst), (high, *best) = min(found), max(found)
        above = sum(value > 0 for value, _, _ in found)
        return (
            f"{self.title}. {len(self.rows)} rows (intermediates) by {len(self.columns)} columns; {above} of "
            f"{len(found)} differences are above zero. The largest is {signed(high)} points ({' on '.join(best)}), the "
            f"smallest {signed(low)} ({' on '.join(worst)}). The page's tables have every number."
        )

    def draw(self) -> tuple[bytes, str, float]:
        """PNG, SVG, and the width in inches."""
        return printed(self._figure, self.title)

    @property
    def legend(self) -> str:
        """What the signs in its cells mean."""
        shown = "".join(cell_text(score) for score in self.cells.values())
        signs = {"*": "holds at 5 % after Holm's correction", **{sign: f"a run {kind}" for kind, sign in SIGNS.items()}}
        signs[MISSING] = "not done"
        return "   ".join(f"{sign} {text}" for sign, text in signs.items() if sign in shown)

    def _figure(self) -> Figure:
        headings = [textwrap.fill(column, WRAP, break_long_words=False) for column in self.columns]
        lines = max(heading.count("\n") + 1 for heading in headings)
        slanted = max(len(line) for heading in headings for line in heading.split("\n")) > WRAP
        left = 0.35 + 0.085 * max(map(len, (*self.rows, BASE)))
        top = 0.75 + (0.7 if slanted else 0.16 * lines)
        height = top + CELL[1] * len(self.rows) + 0.45
        across = CELL[0] * len(self.columns)
        width = max(
            left + across + (0.7 if slanted else 0.2), 0.085 * len(self.title) + 0.4, 0.065 * len(self.legend) + 0.4
        )
        figure = Figure(figsize=(width, height), dpi=DOTS, facecolor="white")
        axes = figure.add_axes(
            (left / width, 0.45 / height, across / width, CELL[1] * len(self.rows) / height),
            xlim=(0, len(self.columns)),
            ylim=(len(self.rows), 0),
        )
        axes.axis("off")
        values = [abs(score.difference.value) for score in self.cells.values() if score.difference is not None]
        full = 1.2 * max([LEAST_RANGE, *values])  # the darkest ends of the colours are hard to read on
        norm, colours = Normalize(-full, full), colormaps["PuOr"]
        for y, row in enumerate(self.rows):
            axes.text(-0.12, y + 0.5, row, ha="right", va="center", fontsize=9, color=INK)
            for x, column in enumerate(self.columns):
                score = self.cells.get((row, column))
                value = score.difference.value if score and score.difference else None
                colour = colours(norm(value)) if value is not None else (0.93, 0.93, 0.93, 1.0)
                axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", linewidth=1))
                axes.text(
                    x + 0.5, y + 0.5, cell_text(score), ha="center", va="center", fontsize=9,
                    color="white" if _dark(colour) else INK, weight="bold" if score and score.sure else "normal",
                )  # fmt: skip
        axes.text(-0.12, -0.18, BASE, ha="right", va="bottom", fontsize=7.5, color=PALE)
        for x, (heading, below) in enumerate(zip(headings, self.below, strict=True)):
            axes.text(x + 0.5, -0.18, f"({below})", ha="center", va="bottom", fontsize=7.5, color=PALE)
            axes.text(
                x + (0.4 if slanted else 0.5), -0.58, heading, va="bottom", fontsize=9, color=INK,
                ha="left" if slanted else "center", rotation=30 if slanted else 0, rotation_mode="anchor",
            )  # fmt: skip
        figure.text(0.15 / width, 1 - 0.12 / height, self.title, fontsize=10, weight="bold", va="top")
        figure.text(0.15 / width, 0.12 / height, self.legend, fontsize=7.5, color=PALE, va="bottom")
        return figure


def heat_maps(study: Study, model: str) -> list[HeatMap]:
    """Intermediate by target; then of each target intermediate by language."""
    results, over = study.results, AVERAGES[0]
    rows = tuple(name for name in study.intermediates if name != NONE)
    if not rows or not study.columns[over] or NONE not in study.intermediates:
        return []
    columns = tuple(study.columns[over])
    whole = {(row, column): study.averages[model, over, row, column] for row in rows for column in columns}
    maps = [
        HeatMap(
            file_name(model, "heatmap"),
            f"{results.spec.sweep} · {model}: difference to no intermediate, zero-shot",
            "Points of score, mean over the languages that were not trained on and over seeds; purple is better, "
            "orange worse than without intermediate, whose score is in brackets.",
            rows,
            columns,
            tuple(mean_text(study.averages[model, over, NONE, column]) for column in columns),
            whole,
        )
    ]
    for target in study.targets:
        languages = tuple(results.languages(target, "xtreme"))
        maps.append(
            HeatMap(
                file_name(model, f"heatmap-{target}"),
                f"{results.spec.sweep} · {model}: difference on {target}",
                f"{target} by language: points of score to no intermediate, mean over seeds.",
                rows,
                languages,
                tuple(mean_text(study.languages[model, NONE, target, one]) for one in languages),
                {(row, one): study.languages[model, row, target, one] for row in rows for one in languages},
            )
        )
    return maps


def printed(make: Callable[[], Figure], title: str) -> tuple[bytes, str, float]:
    """A figure as PNG and SVG, and its width in inches; the same each time."""
    # Math is not parsed: a name may have a $ in it.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "xstilts", "text.parse_math": False}):
        figure = make()
        width = float(figure.get_figwidth())
        png, svg = io.BytesIO(), io.StringIO()
        FigureCanvasAgg(figure).print_png(png, metadata={"Software": None, "Title": title})
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Title": title})
    return png.getvalue(), svg.getvalue(), width


def cell_text(score: Score | None) -> str:
    """A difference with its signs, or that it is not there."""
    if score is None or score.entry is None:
        return (score and score.signs) or MISSING
    return (signed(score.difference.value) if score.difference else "–") + ("*" if score.sure else "") + score.signs


def mean_text(score: Score) -> str:
    return score.signs or MISSING if score.entry is None else f"{score.entry.mean:.1f}"


def signed(value: float) -> str:
    """With one decimal and a minus that is as wide as a plus."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def file_name(*parts: str) -> str:
    """Of characters that every file system takes."""
    return "-".join("".join(c if c.isalnum() or c in "._-" else "-" for c in part) for part in parts)


def _dark(colour: Sequence[float]) -> bool:
    red, green, blue = colour[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
