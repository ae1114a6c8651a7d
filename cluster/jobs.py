"""Sweeps as jobs of a Ray cluster: submit, follow, stop, found again by the name of the sweep (Ray Jobs).

The driver runs on the head node, so whoever submits may leave. Ray ends a job that is to stop by SIGTERM, on which a
driver has its running steps save, and kills it three seconds later unless told otherwise: see `STOPPING`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import requests
from ray.exceptions import RayError
from ray.job_submission import JobDetails, JobSubmissionClient

from cluster.reach import GET_TOKEN, PATIENCE, Unreachable, token_source, use_token

SWEEP = "xstilts.sweep"
"""Metadata of a job: the name of its sweep."""
STOPPING = {"RAY_JOB_STOP_WAIT_TIME_S": "1800"}
"""Environment of a job: the seconds that its driver has to end by itself. It leaves as soon as the running steps have
saved; what it waits for longest is an evaluation."""
ALONE = {"RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"}
"""Variables that Ray's client would take for the address that it is given."""
LOGGERS = (
    "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray._private.runtime_env.packaging",
)  # fmt: skip
"""Which tell of every package."""
TRIES = 5
"""How often a log that breaks off is asked for again."""
ADDRESS = re.compile(r"(https?://)?([\w.-]+|\[[0-9a-fA-F:]+\])(:[1-9]\d{0,4})?/?")


@dataclass(frozen=True)
class Job:
    """A job that carries out a sweep, as the cluster has it."""

    id: str
    sweep: str
    state: str
    """`pending`, `running`, `stopped`, `succeeded` or `failed`."""
    began: float
    """Seconds since 1970."""
    exit_code: int | None
    """Of its driver; None while that runs, or where it was killed or never started."""
    message: str
    """What Ray says of it."""

    @property
    def over(self) -> bool:
        return self.state in ("stopped", "succeeded", "failed")


class _Client(JobSubmissionClient):
    """Ray's client, which would wait for an answer for ever."""

    def _do_request(self, method: str, endpoint: str, **options: Any) -> requests.Response:
        patience = (PATIENCE, 2 * PATIENCE if method == "GET" else 120)  # packages are sent by others
        return super()._do_request(method, endpoint, timeout=patience, **options)


class Jobs:
    """The jobs of the cluster whose dashboard is at `address` (`http://host:8265`).

    Every method raises Unreachable, with one line, where the cluster does not answer or refuses.
    """

    def __init__(self, address: str) -> None:
        if not ADDRESS.fullmatch(address):
            found = "what has an @ in it" if "@" in address else repr(address[:80])  # no password is repeated
            raise Unreachable(f"{found} is no address of a Ray dashboard; give http://HOST:8265")
        self.address = (address if "://" in address else f"http://{address}").rstrip("/")
        for name in ALONE:
            os.environ.pop(name, None)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        use_token()
        self._client = self._asked(lambda: _Client(self.address))

    def submit(
        self,
        sweep: str,
        command: str,
        folder: Path,
        modules: Sequence[Path] = (),
        excludes: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Start a job, and give its id.

        Args:
            command: for the shell of the head node.
            folder: its content is the working directory of the job's processes.
            modules: packages and modules of Python that they can import.
            excludes: files of these that stay here, as in a `.gitignore`.
            env: variables of their environment. Whoever may see the cluster's jobs sees them.
        """
        job = f"{sweep}-{uuid.uuid4().hex[:8]}"
        runtime_env = {
            "working_dir": str(folder),
            "py_modules": [str(module) for module in modules],
            "excludes": ["__pycache__", *excludes],
            "env_vars": {**STOPPING, **(env or {})},
        }
        self._asked(
            lambda: self._client.submit_job(
                entrypoint=command, submission_id=job, runtime_env=runtime_env, metadata={SWEEP: sweep}
            )
        )
        return job

    def all(self) -> list[Job]:
        """Every job that carries out, or carried out, a sweep; the newest first."""
        found = [_job(job) for job in self._asked(self._client.list_jobs) if SWEEP in (job.metadata or {})]
        return sorted(found, key=lambda job: job.began, reverse=True)

    def of(self, sweep: str) -> Job | None:
        """The newest job of a sweep."""
        return next((job for job in self.all() if job.sweep == sweep), None)

    def follow(self, job: str, write: Callable[[str], None]) -> Job:
        """Write a job's log, from its beginning, until it ends; its last state."""
        written = tries = 0
        while True:
            before = written
            written = asyncio.run(self._tail(job, written, write))
            tries = 0 if written > before else tries + 1
            try:
                state = self.state(job)
                if state.over:
                    return state
            except Unreachable:
                if tries > TRIES:
                    raise
            time.sleep(min(tries, 2))

    def stop(self, job: str) -> None:
        """Ask a job to stop; it is over when its state says so."""
        self._asked(lambda: self._client.stop_job(job))

    def state(self, job: str) -> Job:
        """A job as the cluster has it now."""
        return _job(self._asked(lambda: self._client.get_job_info(job)))

    def log(self, job: str) -> str:
        """All that a job has printed."""
        return str(self._asked(lambda: self._client.get_job_logs(job)))

    async def _tail(self, job: str, skipped: int, write: Callable[[str], None]) -> int:
        """Write the log behind its first `skipped` characters; how many there were in all when it broke off."""
        seen = 0
        try:
            async for text in self._client.tail_job_logs(job):
                if seen + len(text) > skipped:
                    write(text[max(skipped - seen, 0) :])
                seen += len(text)
        except (RuntimeError, OSError, aiohttp.ClientError):
            pass  # whoever follows asks again
        return max(seen, skipped)

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except RayError as error:  # of a token
            missing = "401" in str(error) or "required" in str(error) or "couldn't find" in str(error)
            said = "wants a token" if missing else f"refuses the token of {token_source()}"
            raise Unreachable(f"the Ray cluster at {self.address} {said}: {GET_TOKEN}") from None
        except requests.Timeout:
            raise Unreachable(f"no Ray dashboard answers at {self.address} in time") from None
        except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:  # of whatever answers there
            said = " ".join(str(error).split())
            raise Unreachable(f"no Ray dashboard at {self.address}, or it refuses ({_short(said)})") from None


def _job(details: JobDetails) -> Job:
    return Job(
        id=str(details.submission_id),
        sweep=(details.metadata or {}).get(SWEEP, ""),
        state=details.status.value.lower(),
        began=(details.start_time or 0) / 1000,
        exit_code=details.driver_exit_code,
        message=" ".join((details.message or "").split()),
    )


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
