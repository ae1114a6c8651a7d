"""The thread that tells MLflow what the journals hold, in their order, until MLflow has it.

Where a try fails, it asks whether MLflow answers at all, and whether it lets this user in. If not, it waits, ever
longer, and tries again: training goes on meanwhile, and the journal grows. If it does, the event itself is what MLflow
cannot take: after three tries the event is left out, and a line says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sweeps.tracking.auth_errors import refusal
from sweeps.tracking.journal import Journal, left_behind
from sweeps.tracking.runs import Runs

BATCH = 200
"""Events taken at once."""
TRIES = 3
SHORTEST, LONGEST = 0.5, 30.0
"""Seconds between tries while MLflow is away."""
PATIENCE_AWAY = 10.0
"""Seconds that the end of a run waits for an MLflow that is away."""
PATIENCE_HANGING = 2.0
"""Seconds that it waits for a call under way."""

log = logging.getLogger(__name__)


class Sender:
    """Sends the journals that dead drivers have left in `folder`, then `own`.

    Args:
        say: shows a line to the person who runs the sweep.
        own: the journal of this driver; None where it could not be made.
    """

    def __init__(self, runs: Runs, folder: Path, own: Journal | None, say: Callable[[str], None]) -> None:
        self._runs, self._own, self._say = runs, own, say
        left, held = left_behind(folder)
        self._journals = [*left, *([own] if own is not None else [])]
        self.others = bool(held - {own.path} if own is not None else held)
        """Whether another driver that lives has a journal there."""
        self._connected: Journal | None = None
        """The journal whose steps `runs` knows."""
        self._changed = threading.Condition()
        self._reconcile = self._over = self._idle = self._flushing = False
        self._news, self._everything = True, False
        self._taken = time.monotonic()
        """When MLflow has taken something, or let us in, the last time."""
        self.unavailable: str | None = None
        """What keeps MLflow from taking anything, where something does."""
        self._tries, self._size, self._wait = 0, BATCH, SHORTEST
        self._thread = threading.Thread(target=self._live, name="tracking", daemon=True)
        self._thread.start()

    # --- the driver's side: none of it waits for MLflow, `finished` apart ---------------------------------------

    def wake(self) -> None:
        """There is something new in the driver's journal."""
        with self._changed:
            self._news, self._idle = True, False
            self._changed.notify_all()

    def reconcile(self, everything: bool) -> None:
        """Bring all runs in line with the store (`Runs.reconcile`)."""
        self._reconcile, self._everything = True, everything
        self.wake()

    def finished(self, patience: float) -> bool:
        """Wait until MLflow has everything; False when it has taken nothing for `patience` seconds, or, where it is
        known to be away, for a few."""
        begun = time.monotonic()
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            try:
                while not self._idle:
                    limit = min(patience, PATIENCE_AWAY) if self.unavailable else patience
                    left = max(begun, self._taken) + limit - time.monotonic()
                    if left <= 0:
                        return False
                    self._changed.wait(left)
            finally:
                self._flushing = False
        return True

    @property
    def backlog(self) -> int:
        """Events that MLflow has not."""
        return sum(journal.backlog for journal in list(self._journals))

    def end(self) -> None:
        """Send no more, and give the journals free. A call that hangs is hardly waited for; its journal stays locked
        as long."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        with suppress(KeyboardInterrupt):
            self._thread.join(PATIENCE_HANGING)

    # --- the thread ------------------------------------------------------------------------------------------

    def _live(self) -> None:
        while True:
            try:
                busy = not self._over and self._work()
            except Exception as error:
                busy = True
                self._failed(error)
            with self._changed:
                if not busy and not self._over:
                    self._changed.wait_for(lambda: self._over or not self._idle)
                if self._over:
                    break
        for journal in self._journals:
            journal.close(delete=not journal.backlog)

    def _work(self) -> bool:
        """Send the next events; False when there are none."""
        journal = self._journals[0] if self._journals else None
        if self._reconcile and journal in (self._own, None):
            self._connect(journal)
            for _ in self._runs.reconcile(self._everything):
                self._taken = time.monotonic()
                if self._over:
                    return False
            self._reconcile = False
            self._succeeded()
            return True
        self._news = False
        events = journal.unsent(self._size) if journal is not None else []
        if journal is None or (not events and journal is self._own):
            with self._changed:
                self._idle = not self._news and not self._reconcile
                self._changed.notify_all()
                return not self._idle
        if not events:
            journal.close(delete=True)
            self._journals.remove(journal)
            return True
        self._connect(journal)
        for event, _ in events:
            if self._over:
                return False
            self._runs.apply(event)
            self._taken = time.monotonic()
        self._runs.flush()
        journal.sent(events[-1][1])
        self._succeeded()
        return True

    def _connect(self, journal: Journal | None) -> None:
        if self._connected is not journal or not self._runs.connected:
            self._runs.connect()
            self._taken = time.monotonic()  # it is there, however slow
            if journal is not None:
                self._runs.remember(journal.all())
            self._connected = journal

    def _succeeded(self) -> None:
        self._taken = time.monotonic()
        self._tries, self._size, self._wait = 0, BATCH, SHORTEST
        if self.unavailable:
            self.unavailable = None
            self._say(f"MLflow ({self._runs.uri}) is back; what it missed is sent")

    def _failed(self, error: Exception) -> None:
        """Find out whose fault it was, and wait or go on."""
        self._runs.forget()
        obstacle = refusal(error) or self._runs.obstacle()
        if obstacle is not None:
            if obstacle != self.unavailable:
                self.unavailable = obstacle
                log.debug("MLflow is away", exc_info=error)
                self._say(
                    f"MLflow ({self._runs.uri}) {obstacle}; training goes on, `xstilts track` sends what it misses"
                )
            with self._changed:
                self._changed.notify_all()
                waits = self._wait if not self._flushing else SHORTEST
                self._changed.wait_for(lambda: self._over or (self._flushing and waits > SHORTEST), waits)
            self._wait = min(2 * self._wait, LONGEST)
            return
        self._tries += 1
        if self._size > 1:  # one at a time shows which it is
            self._size, self._tries = 1, 0
            return
        if self._tries < TRIES:
            return
        self._tries = 0
        self._leave_out(error)

    def _leave_out(self, error: Exception) -> None:
        journal = self._journals[0] if self._journals else None
        if self._reconcile and journal in (self._own, None):
            self._reconcile = False
            self._say(f"MLflow: not all runs could be brought in line with the store: {error}")
            return
        assert journal is not None
        ((event, position),) = journal.unsent(1)
        self._say(f"MLflow takes no word of {event['what']} {event.get('name', event.get('step', ''))}: {error}")
        journal.sent(position)
