"""A real S3 server on loopback, and a proxy before it that counts what is asked and breaks a part of it.

The proxy hands requests on as they are: a signature covers the address that the client sees, which it keeps.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from tests.sweeps.tracking.servers import Seaweed
from trainables.store import Store, StoreError

BUCKET = "runs"
KEYS = {"AWS_ACCESS_KEY_ID": "of-the-tests", "AWS_SECRET_ACCESS_KEY": "of-the-tests-3b7e", "AWS_REGION": "us-east-1"}
WEED = Path(sys.executable).with_name("weed")
FAULTS = ("500", "503", "500 after", "dropped", "answer lost", "cut short", "slow")
"""What may become of a request: refused, or carried out and answered with an error; no answer, or half of one; late."""
SLOW = 0.3


class Bucket(Seaweed):
    """SeaweedFS with a bucket of its own."""

    def environment(self) -> dict[str, str]:
        return {**KEYS, "S3_BUCKET": BUCKET}

    def answers(self) -> bool:
        """Its bucket is made a moment after it is well."""
        if not super().answers():
            return False
        try:
            Store(self.uri("")).check_writable()
        except StoreError:
            return False
        return True

    def uri(self, path: str, through: str | None = None) -> str:
        return f"s3://{BUCKET}/{path}?endpoint={through or self.url}"


class Proxy:
    """Hands requests on to `to`, and breaks them with a probability.

    Attributes:
        share: of the requests that are broken.
        kinds: how.
        asked: what was asked since `forget`: (method and what of, key, fault or None).
    """

    def __init__(self, to: str, seed: int = 1) -> None:
        self.share, self.kinds, self.only = 0.0, FAULTS, None
        self.asked: list[tuple[str, str, str | None]] = []
        self._to, self._draw, self._lock = urlsplit(to).netloc, random.Random(seed), Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        with self._lock:
            self.asked = []

    def counted(self) -> Counter[str]:
        """Requests by what they ask."""
        with self._lock:
            return Counter(what for what, _, _ in self.asked)

    def broken(self) -> Counter[str]:
        """Faults by kind."""
        with self._lock:
            return Counter(fault for _, _, fault in self.asked if fault)

    @contextmanager
    def breaking(self, share: float, kinds: tuple[str, ...] = FAULTS, only: str | None = None) -> Iterator[None]:
        """Break a share of the requests, or of those of one kind (`only`, as `counted` has it)."""
        self.share, self.kinds, self.only = share, kinds, only
        try:
            yield
        finally:
            self.share = 0.0

    def told(self, status: int, headers: list[tuple[str, str]]) -> tuple[int, list[tuple[str, str]]]:
        """What the client is told that the server has said."""
        return status, headers

    def meet(self, method: str, path: str) -> str | None:
        """Note a request; the fault that it meets."""
        address = urlsplit(path)
        query = parse_qs(address.query, keep_blank_values=True)
        what = "LIST" if "list-type" in query else "DELETE many" if "delete" in query else method
        what += " part" if query.keys() & {"uploads", "uploadId"} else ""
        key = query["prefix"][0] if "prefix" in query else unquote(address.path).partition(f"/{BUCKET}/")[2]
        with self._lock:
            fault = None
            if self.only in (None, what) and self._draw.random() < self.share:
                fault = self._draw.choice(self.kinds)
            self.asked.append((what, key, fault))
        return fault


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.meet(self.command, self.path)
        if fault == "dropped":
            return self._hang_up()
        if fault in ("500", "503"):
            return self._answer(int(fault), _error(fault), [])
        if fault == "slow":
            time.sleep(SLOW)
        upstream = http.client.HTTPConnection(self.proxy._to, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fault == "answer lost":
            return self._hang_up()
        if fault == "500 after":
            return self._answer(500, _error("500"), [])
        drop = ("transfer-encoding", "connection", "content-length")
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in drop]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        status, headers = self.proxy.told(answer.status, headers)
        self._answer(status, content, headers, cut=fault == "cut short", length=length)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one

    def _answer(
        self,
        status: int,
        content: bytes,
        headers: list[tuple[str, str]],
        cut: bool = False,
        length: str | None = None,
    ) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self._hang_up()
        except OSError:  # the client is gone
            self.close_connection = True

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


def _error(status: str) -> bytes:
    code = {"500": "InternalError", "503": "SlowDown"}[status]
    return f"<Error><Code>{code}</Code><Message>as the test has it</Message></Error>".encode()


@contextmanager
def served(folder: Path) -> Iterator[Bucket]:
    """A bucket, and its keys in the environment of this process and of those that it starts."""
    bucket = Bucket(folder)
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    bucket.start()
    try:
        yield bucket
    finally:
        bucket.kill()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
