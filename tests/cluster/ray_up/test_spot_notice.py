"""The notice of a cloud is heard over HTTP, as its documentation says it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cluster.ray_up import spot_notice


@contextmanager
def metadata(noticed: list[bool]) -> Iterator[str]:
    """A server that answers as both clouds do: AWS only to who has a session's token, GCP only to its header."""

    class Answers(BaseHTTPRequestHandler):
        def answer(self, code: int, text: str = "") -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_PUT(self) -> None:
            lifetime = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self.answer(200, "token") if self.path == "/latest/api/token" and lifetime else self.answer(403)

        def do_GET(self) -> None:
            if self.path == "/latest/meta-data/spot/instance-action":
                if self.headers["X-aws-ec2-metadata-token"] != "token":
                    self.answer(401)
                elif noticed:
                    self.answer(200, '{"action": "terminate", "time": "2026-01-01T00:00:00Z"}')
                else:
                    self.answer(404)
            elif self.path == "/computeMetadata/v1/instance/preempted" and self.headers["Metadata-Flavor"] == "Google":
                self.answer(200, "TRUE" if noticed else "FALSE")
            else:
                self.answer(403)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_ray_hears_of_the_notice_when_there_is_one(cloud: str, monkeypatch: pytest.MonkeyPatch):
    noticed, told = [], []
    asked = []
    monkeypatch.setattr(
        spot_notice.time, "sleep", lambda _: noticed.append(True) if len(asked) == 2 else asked.append(1)
    )
    with metadata(noticed) as address:
        assert not spot_notice.NOTICED[cloud](address)
        spot_notice.wait(cloud, address, told.append)
    assert len(asked) == 2
    assert told == [spot_notice.SECONDS[cloud] - 2]


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_cloud_that_does_not_answer_is_no_notice(cloud: str):
    assert not spot_notice.NOTICED[cloud]("http://127.0.0.1:9")
