"""What a person sees while a sweep runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeps.plan.graph import Step
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from trainables.host import TrainReport
from trainables.outside.text import escaped

SHOWN_WAITING, SHOWN_FAILED, OTHER_LINES = 5, 5, 6
"""Rows of what waits and of what has failed, at most, and lines of all else; the rest of a terminal's height is for
what runs: lines below its end would not be seen, and drawing hundreds takes the driver's time."""
EVERY = 0.2
"""Seconds between two drawings."""
ENDED = {StepState.RETRYING: "failed, to be tried again", StepState.PAUSED: "stopped"}
"""How an end is said, where it is not by the state's own word."""
BAR = 16
"""Width of a progress bar, in characters."""


@dataclass(frozen=True)
class LastReport:
    """A report of a running training, and when it came by this process's clock."""

    report: TrainReport
    when: float

    @property
    def dev(self) -> str:
        """Its dev metrics."""
        return "  ".join(f"{name} {score:.2f}" for name, score in self.report.dev.items())

    def left(self, now: float) -> float:
        """Seconds to its last update at the rate since it was started; early stopping may make it fewer."""
        steps = self.report.global_steps - self.report.global_step
        return max(steps / max(self.report.steps_per_second, 1e-9) - (now - self.when), 0.0)


class View:
    """Shows a schedule. Call `refresh` often; use as a context manager."""

    def __init__(self, schedule: Schedule, console: Console) -> None:
        self.schedule, self.console = schedule, console
        self.began = time.monotonic()
        self._ended = len(schedule.done)  # the schedule hears of an end after the view
        self._reports: dict[str, LastReport] = {}
        self._started: dict[str, float] = {}
        self._drawn = float("-inf")
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, step: Step) -> None:
        """A step has been given to the cluster."""
        self._started[step.id] = time.monotonic()
        self._reports.pop(step.id, None)
        self._line(step, "started")

    def progress(self, step: Step, report: TrainReport) -> None:
        """A training step has reported."""
        now = time.monotonic()
        last = self._reports[step.id] = LastReport(report, now)
        at = f"step {report.global_step} of {report.global_steps}"
        pace = f"{report.tokens_per_second:,.0f} tokens/s"
        self._line(step, f"{at}  dev {last.dev}  {pace}  {span(last.left(now))} left")

    def ended(self, step: Step, state: StepState, error: str = "") -> None:
        """An attempt at a step has ended in `state`; `error` says why, where it did not succeed."""
        seconds = time.monotonic() - self._started.pop(step.id, self.began)
        self._ended += state is StepState.DONE
        self._line(step, f"{ENDED.get(state, state.value)} after {span(seconds)}")
        if error:
            self.console.print(Text(escaped(error, keep="\n\t"), style="red"))

    def say(self, step: str, what: str) -> None:
        """Something that a person should know of a running step."""
        self._line(self.schedule.plan.steps[step], what)

    def refresh(self) -> None:
        """Draw the table anew, where there is a terminal and it is time to."""
        if self._live is not None and time.monotonic() - self._drawn >= EVERY:
            self._drawn = time.monotonic()
            self._live.update(self._table(), refresh=True)

    def _line(self, step: Step, what: str) -> None:
        counts = f"{self._ended}/{len(self.schedule.plan.steps)}"
        self.console.print(
            f"{time.monotonic() - self.began:6.0f} s  {counts:>7}  {step.name}: {what}",
            highlight=False,
        )

    def _table(self) -> Group:
        schedule, steps, now = self.schedule, self.schedule.plan.steps, time.monotonic()
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("", "step", "for", "progress", ""):
            table.add_column(name, no_wrap=True)
        for name in ("tokens/s", "left"):
            table.add_column(name, no_wrap=True, justify="right")
        table.add_column("dev", no_wrap=True)
        failed = nsmallest(SHOWN_FAILED, schedule.failed)
        room = max(3, self.console.size.height - SHOWN_WAITING - len(failed) - OTHER_LINES)
        running = nsmallest(room, schedule.running, key=lambda name: (self._started.get(name, now), name))
        for name in running:
            cells = self._course(name, now)
            table.add_row(
                Text("running", "green"), Text(steps[name].name), span(now - self._started.get(name, now)), *cells
            )
        self._more(table, len(schedule.running) - len(running))
        next_waiting, waiting = schedule.next_waiting(SHOWN_WAITING)
        for name in next_waiting:
            table.add_row(Text("waiting", "dim"), Text(steps[name].name, style="dim"))
        self._more(table, waiting - len(next_waiting))
        for name in failed:
            table.add_row(Text("failed", "red"), Text(steps[name].name))
        self._more(table, len(schedule.failed) - len(failed))
        counts = {
            "done": len(schedule.done),
            "running": len(schedule.running),
            "waiting": waiting,
            "failed": len(schedule.failed),
            "blocked": len(schedule.blocked),
            "stopped": len(schedule.stopped),
        }
        shown = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state != "stopped")
        return Group(table, Text(f"{shown} · {span(now - self.began)}", style="bold"))

    def _more(self, table: Table, count: int) -> None:
        if count:
            table.add_row("", Text(f"and {count} more", "dim"))

    def _course(self, name: str, now: float) -> list[Any]:
        """Progress, tokens/s, time left and dev metrics of a running step."""
        last = self._reports.get(name)
        if last is None:
            return [Text("starting" if self.schedule.plan.steps[name].kind.distributed else "working", "dim")]
        at, of = last.report.global_step, last.report.global_steps
        pace = f"{last.report.tokens_per_second:,.0f}"
        return [ProgressBar(of, at, width=BAR), f"{at}/{of}", pace, span(last.left(now)), last.dev]


class TerminalDisplay:
    """Shows a run on the console (`sweeps.runtime.display.Display`)."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str, warning: bool = False) -> None:
        """Show one line."""
        style = "yellow" if warning else None
        self._console.print(text, style=style, highlight=False, soft_wrap=True)

    def watch(self, schedule: Schedule) -> View:
        """Show the steps of `schedule` until the block ends."""
        return View(schedule, self._console)


def span(seconds: float) -> str:
    """A time for people.

    >>> span(41.3), span(70), span(7300)
    ('41 s', '1 min 10 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
