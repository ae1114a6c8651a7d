"""Figures of answers: estimates with their intervals, curves over size, points against each other.

Nothing hangs on colour alone: series differ in marker or line, too. Colours are Okabe and Ito's, which colour-blind
people can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeps.report.figures import DOTS, INK, PALE, printed, signed
from sweeps.report.questions.answer import Estimate

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8A6D00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
WIDTH = 6.0
"""Inches."""
ROWS = 24
"""Of a figure of estimates, at most; the table has them all."""


@dataclass(frozen=True)
class Forest:
    """Estimates with their intervals, one row for each label, one marker for each series."""

    name: str
    title: str
    caption: str
    axis: str
    rows: Mapping[str, Mapping[str, Estimate]]
    """By label and series."""
    zero: bool = True
    """Whether zero means no difference, and is drawn."""

    @property
    def series(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    @property
    def text(self) -> str:
        found = [(label, name, one) for label, row in self.rows.items() for name, one in row.items()]
        shown = "; ".join(f"{label}{f', {name}' if name else ''}: {one}" for label, name, one in found[:8])
        more = f"; and {len(found) - 8} more, which the table has" if len(found) > 8 else ""
        return f"{self.title}. {self.axis}, with 95 % intervals. {shown}{more}."

    def draw(self) -> tuple[bytes, str, float]:
        """PNG, SVG, and the width in inches."""
        return printed(self._figure, self.title)

    def _figure(self) -> Figure:
        rows, names = list(self.rows.items())[:ROWS], self.series
        keyed, cut = any(names), len(rows) < len(self.rows)
        height = 1.15 + 0.15 * cut + 0.3 * keyed * math.ceil(len(names) / 3) + len(rows) * max(0.26, 0.13 * len(names))
        left = 0.3 + 0.072 * max((len(label) for label, _ in rows), default=0)
        figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor="white")
        bottom, top = 0.55 + 0.15 * cut, 0.4 + 0.3 * keyed * math.ceil(len(names) / 3)
        axes = figure.add_axes(
            (left / WIDTH, bottom / height, (WIDTH - left - 0.25) / WIDTH, (height - bottom - top) / height)
        )
        plain(axes)
        if self.zero:
            axes.axvline(0, color=PALE, linewidth=0.8)
        step = 0.7 / max(1, len(names))
        for place, name in enumerate(names):
            shift = (place - (len(names) - 1) / 2) * step
            drawn = [(y + shift, row[name]) for y, (_, row) in enumerate(rows) if name in row]
            axes.errorbar(
                [one.value for _, one in drawn], [y for y, _ in drawn], fmt=MARKERS[place % len(MARKERS)], markersize=5,
                xerr=[[one.value - one.low for _, one in drawn], [one.high - one.value for _, one in drawn]],
                color=COLOURS[place % len(COLOURS)], elinewidth=1.3, capsize=2.5, label=name or None,
            )  # fmt: skip
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=9)
        axes.tick_params(axis="y", length=0)
        lacking = f"\nthe first {len(rows)} of {len(self.rows)} rows; the table has all" if cut else ""
        axes.set_xlabel(f"{self.axis}{lacking}", fontsize=8.5)
        heading(figure, self.title, axes if keyed else None)
        return figure


@dataclass(frozen=True)
class Band:
    """A fitted curve with its interval: x, and there its value, low and high."""

    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: points by series, and the curve fitted to each."""

    title: str
    points: Mapping[str, Sequence[tuple[float, Estimate]]]
    bands: Mapping[str, Band]


@dataclass(frozen=True)
class Curves:
    """Scores against parameters, on a logarithmic axis; a panel for each family or target."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    axis: str = "zero-shot score"
    shared: bool = False
    """Whether all panels show one quantity, on one scale."""

    @property
    def text(self) -> str:
        parts = [
            f"{panel.title}, {name or 'all'}: " + ", ".join(f"{size_text(x)} {one}" for x, one in points)
            for panel in self.panels
            for name, points in panel.points.items()
        ]
        more = f"; and {len(parts) - 6} more, which the table has" if len(parts) > 6 else ""
        return f"{self.title}: {self.axis} against parameters, logarithmic axis. {'; '.join(parts[:6])}{more}."

    def draw(self) -> tuple[bytes, str, float]:
        """PNG, SVG, and the width in inches."""
        return printed(self._figure, self.title)

    def _figure(self) -> Figure:
        names = list(dict.fromkeys(name for panel in self.panels for name in panel.points))
        across = min(3, len(self.panels))
        down = math.ceil(len(self.panels) / across)
        width, tall = max(WIDTH, 2.5 * across), 2.3 if across > 1 else 2.6
        keys = 0.25 * math.ceil(len(names) / 3)
        height = 0.5 + keys + down * tall
        figure = Figure(figsize=(width, height), dpi=DOTS, facecolor="white")
        drawn: list[Axes] = []
        for place, panel in enumerate(self.panels):
            row, column = divmod(place, across)
            cell = width / across
            axes = figure.add_axes(
                (
                    (column * cell + 0.55) / width,
                    (height - 0.5 - keys - (row + 1) * tall + 0.55) / height,
                    (cell - 0.7) / width,
                    (tall - 0.85) / height,
                )
            )
            drawn.append(axes)
            plain(axes)
            self._panel(axes, panel, names)
            if column == 0:
                axes.set_ylabel(self.axis, fontsize=8.5)
        if self.shared:
            bounds = [bound for axes in drawn for bound in axes.get_ylim()]
            for axes in drawn:
                axes.set_ylim(min(bounds), max(bounds))
        heading(figure, self.title, drawn[0] if drawn else None)
        return figure

    def _panel(self, axes: Axes, panel: Panel, names: list[str]) -> None:
        axes.set_xscale("log")
        for name, points in panel.points.items():
            place = names.index(name)
            colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
            if name in panel.bands:
                x, y, low, high = zip(*panel.bands[name].points, strict=True)
                axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
                axes.plot(x, y, color=colour, linewidth=1.2, linestyle=line)
            aside = 1.03 ** (place - (len(names) - 1) / 2)  # so that series do not hide each other
            axes.errorbar(
                [x * aside for x, _ in points], [one.value for _, one in points], fmt=MARKERS[place % len(MARKERS)],
                yerr=[[one.value - one.low for _, one in points], [one.high - one.value for _, one in points]],
                color=colour, markersize=5, elinewidth=1.1, capsize=2.5, label=name or None,
            )  # fmt: skip
        sizes = sorted({x for points in panel.points.values() for x, _ in points})
        axes.set_xticks(sizes, [size_text(x) for x in sizes], fontsize=8)
        axes.minorticks_off()
        if sizes:
            axes.set_xlim(sizes[0] / 1.35, sizes[-1] * 1.35)
        axes.set_title(panel.title, fontsize=9, loc="left")
        axes.set_xlabel("parameters", fontsize=8.5)


@dataclass(frozen=True)
class Point:
    """A point with its error along y."""

    x: float
    y: Estimate
    label: str
    series: str


@dataclass(frozen=True)
class Scatter:
    """One quantity against another, a point for each pair."""

    name: str
    title: str
    caption: str
    x_axis: str
    y_axis: str
    points: tuple[Point, ...]
    summary: str
    """The correlation in words, in the figure's corner."""

    @property
    def text(self) -> str:
        shown = "; ".join(f"{p.label} on {p.series}: {p.x:.2f}, {signed(p.y.value)}" for p in self.points[:8])
        more = f"; and {len(self.points) - 8} more, which the table has" if len(self.points) > 8 else ""
        return f"{self.title}: {self.y_axis} against {self.x_axis}. {self.summary}. {shown}{more}."

    def draw(self) -> tuple[bytes, str, float]:
        """PNG, SVG, and the width in inches."""
        return printed(self._figure, self.title)

    def _figure(self) -> Figure:
        names = list(dict.fromkeys(point.series for point in self.points))
        keys = 0.25 * math.ceil(len(names) / 3)
        height = 3.6 + keys
        figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor="white")
        axes = figure.add_axes((0.65 / WIDTH, 0.55 / height, (WIDTH - 0.9) / WIDTH, (height - 1.3 - keys) / height))
        plain(axes)
        axes.axhline(0, color=PALE, linewidth=0.8)
        for place, name in enumerate(names):
            of = [point for point in self.points if point.series == name]
            axes.errorbar(
                [one.x for one in of], [one.y.value for one in of], fmt=MARKERS[place % len(MARKERS)], markersize=5,
                yerr=[[one.y.value - one.y.low for one in of], [one.y.high - one.y.value for one in of]],
                color=COLOURS[place % len(COLOURS)], elinewidth=0.9, alpha=0.85, label=name,
            )  # fmt: skip
        if len(self.points) <= 16:
            for point in self.points:
                axes.annotate(
                    point.label, (point.x, point.y.value), xytext=(5, 3), textcoords="offset points", fontsize=7,
                    color=PALE,
                )  # fmt: skip
        axes.margins(x=0.12, y=0.1)
        axes.set_xlabel(self.x_axis, fontsize=8.5)
        axes.set_ylabel(self.y_axis, fontsize=8.5)
        axes.set_title(self.summary, fontsize=8, color=PALE, loc="left")
        heading(figure, self.title, axes)
        return figure


def plain(axes: Axes) -> None:
    """Axes without what bears no number."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    axes.tick_params(labelsize=8, color=PALE, labelcolor=INK)
    axes.grid(axis="both", color="#e6e6ea", linewidth=0.6)
    axes.set_axisbelow(True)


def heading(figure: Figure, title: str, keyed: Axes | None) -> None:
    """The title, and below it the key of the series of some axes."""
    width, height = figure.get_size_inches()
    figure.text(0.12 / width, 1 - 0.1 / height, title, fontsize=10, weight="bold", va="top")
    if keyed is not None:
        handles, labels = keyed.get_legend_handles_labels()
        if labels:
            figure.legend(
                handles, labels, loc="upper left", bbox_to_anchor=(0.05 / width, 1 - 0.28 / height), ncols=3,
                fontsize=8, frameon=False, columnspacing=1.2, handletextpad=0.4,
            )  # fmt: skip


def size_text(parameters: float) -> str:
    """A number of parameters as model names have it: 270M, 7B."""
    for least, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if parameters >= 0.9995 * least:
            text = f"{parameters / least:.1f}" if parameters < 9.95 * least else f"{parameters / least:.0f}"
            return text.removesuffix(".0") + sign
    return f"{parameters:.0f}"
