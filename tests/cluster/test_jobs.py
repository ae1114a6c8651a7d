"""What answers at the address of a dashboard and is none, or refuses: one line each, within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cluster import jobs
from cluster.jobs import Jobs
from cluster.reach import Unreachable


class Answer(BaseHTTPRequestHandler):
    status, body, delay = 200, b"", 0.0

    def do_GET(self):
        time.sleep(self.delay)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"Unauthorized: Missing authentication token", "wants a token: put the token that its head node"),
        (403, b"Forbidden: Invalid authentication token", "refuses the token of RAY_AUTH_TOKEN: put the token"),
        (500, b"<html>" + b"x" * 5000, "no Ray dashboard at http://127.0.0.1:"),
        (404, b"not here", "no Ray dashboard at"),
        (200, b"<html>another program</html>", "no Ray dashboard at"),
        (200, b'{"unlike": "Ray"}', "no Ray dashboard at"),
        (200, b"[]", "no Ray dashboard at"),
        (200, b'{"ray_version": "1.0.0"}', "Jobs API is not supported"),
    ],
)
def test_what_answers_otherwise_is_one_line(address, monkeypatch, status, body, said):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-of-this-test")
    monkeypatch.setattr(Answer, "status", status)
    monkeypatch.setattr(Answer, "body", body)
    with pytest.raises(Unreachable) as caught:
        Jobs(address)
    assert said in str(caught.value)
    assert len(str(caught.value)) <= 300
    assert "\n" not in str(caught.value)
    assert "secret-of-this-test" not in str(caught.value)


def test_what_never_answers_is_given_up(address, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr(Answer, "delay", 5.0)
    monkeypatch.setattr(jobs, "PATIENCE", 0.2)
    with pytest.raises(Unreachable, match=r"no Ray dashboard answers at http://127\.0\.0\.1:\d+ in time"):
        Jobs(address)


@pytest.mark.parametrize("address", ["", "ray://head:10001", "http://me:secret@head:8265", "head:0", "http://a b"])
def test_what_is_no_address_is_refused_without_asking(address):
    with pytest.raises(Unreachable, match="is no address of a Ray dashboard; give http://HOST:8265") as caught:
        Jobs(address)
    assert "secret" not in str(caught.value)
