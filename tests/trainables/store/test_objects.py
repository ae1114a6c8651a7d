"""The store on a real S3 server behind a proxy that breaks requests: what was asked for is done, and done once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.s3 import FAULTS, KEYS, Proxy
from trainables.store import Leases, Store, StoreError, address, objects
from trainables.store.local import cache_dir

pytestmark = pytest.mark.programs
ROOT = Path(__file__).parents[3]


@pytest.fixture
def proxy(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    proxy = Proxy(bucket.url)
    proxy.uri = bucket.uri(uuid.uuid4().hex, proxy.url)
    yield proxy
    proxy.close()


def put(store, step, parts=3, size=100_000):
    made = store.begin(step)
    (made / "model").mkdir()
    for number in range(parts):
        (made / "model" / f"part-{number}").write_bytes(bytes([number]) * size)
    store.commit(step, made, {"result": {"value": 1}})
    store.free(made)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_operation_does_what_it_says_whatever_breaks(proxy, tmp_path, kind):
    store = Store(proxy.uri)
    files, at = store.files, store.at
    files.reachable(store.root)
    with proxy.breaking(0.3, (kind,)):
        assert files.exclusive(store.root)
        for number in range(5):
            assert files.create(at("leases", f"{number}"), b"mine")
            assert not files.create(at("leases", f"{number}"), b"another's")
            files.replace(at("note"), str(number).encode())
            assert files.read(at("note")) == str(number).encode()
        put(store, "s")
        assert store.done("s")
        assert not store.done("t")
        assert store.check("s") is None
        for number, part in enumerate(sorted((store.path("s") / "model").iterdir())):
            assert part.read_bytes() == bytes([number]) * 100_000
        files.delete_tree(at("steps"))
        files.delete(at("note"))
        files.delete(at("note"))
        assert set(files.sizes(store.root)) == {f"leases/{number}" for number in range(5)}
    assert proxy.broken()[kind] > 5


@pytest.mark.parametrize(
    ("share", "kinds", "said"),
    [
        (1.0, ("503",), r"cannot be read \(the server says 503 Service Unavailable, SlowDown\); run again when it is"),
        (1.0, ("dropped",), r"cannot be read \(no answer: .*\); is the address right"),
    ],
)
def test_what_does_not_pass_ends_in_one_line_in_bounded_time(proxy, monkeypatch, share, kinds, said):
    monkeypatch.setattr(objects, "PATIENCE", 2.0)
    store = Store(proxy.uri)
    began = time.monotonic()
    with proxy.breaking(share, kinds), pytest.raises(StoreError, match=said) as error:
        store.files.read(store.at("note"))
    assert 2.0 < time.monotonic() - began < 30
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    assert 4 < len(proxy.asked) < 40  # the pauses grow


RACE = """
import sys, uuid
from trainables.store.address import open_files
files, root = open_files(sys.argv[1])
sys.stdin.readline()
print(*(int(files.create(f"{root}/{number}", uuid.uuid4().hex.encode())) for number in range(30)))
"""
READ = """
import sys
from trainables.store import Store
store = Store(sys.argv[1])
sys.stdin.readline()
print(len([file.read_bytes() for file in sorted((store.path("s") / "model").iterdir())]))
"""


def at_once(script, uri, number=3):
    """What so many processes print that are let loose at the same moment."""
    command = [sys.executable, "-c", script, uri]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) for _ in range(number)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[0].split() for process in processes]


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_of_processes_that_create_one_object_exactly_one_makes_it(proxy, share):
    with proxy.breaking(share, ("500 after", "answer lost", "503")):
        made = at_once(RACE, proxy.uri)
    assert [each.count("1") for each in zip(*made, strict=True)] == [1] * 30


def test_processes_that_race_for_one_lease_are_never_both_inside(proxy):
    store, inside, broken, taken = Store(proxy.uri), threading.Lock(), [], Counter()

    def run():
        with Leases(store.files, store.root) as leases:
            for _ in range(15):
                if leases.acquire("s"):
                    taken[leases.owner] += 1
                    if not inside.acquire(blocking=False):
                        broken.append(leases.owner)
                    else:
                        inside.release()
                    leases.release("s")

    threads = [threading.Thread(target=run) for _ in range(3)]
    with proxy.breaking(0.05, ("503", "answer lost")):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not broken
    assert sum(taken.values()) > 5
    assert not store.files.sizes(store.at("leases"))


class Unconditional(Proxy):
    """A server of old: it does not know of conditions, and says that all is well."""

    def told(self, status, headers):
        return (200, [("ETag", '"0"')]) if status == 412 else (status, headers)


def test_a_store_that_cannot_create_exclusively_is_refused_for_several_drivers(bucket, monkeypatch, tmp_path):
    monkeypatch.setattr("trainables.store.leases.SEEN", 0.1)
    proxy = Unconditional(bucket.url)
    for uri in (bucket.uri(uuid.uuid4().hex, proxy.url), f"memory://{uuid.uuid4().hex}"):
        store = Store(uri)
        with Leases(store.files, store.root) as one:
            assert one.acquire("s")
            with pytest.raises(StoreError, match=r"one driver at a time may use it, and \S+ does; wait for its end"):
                Leases(store.files, store.root).__enter__()
            assert one.acquire("s")
            assert one.acquire("t")
        with Leases(store.files, store.root) as two:
            assert two.acquire("s")
        assert not store.files.sizes(store.root)
    proxy.close()


WRONG = {
    "s3://no-such-bucket/x?endpoint={url}": "there is no such bucket",
    "s3://runs/x?endpoint=http://127.0.0.1:1": "no answer: error sending request",
    "s3://runs/x?endpoint=http://no.such.host.invalid": "no answer: error sending request",
    "s3://runs/x?endpoint=nowhere": 'endpoint: "nowhere" is no address of a server; it is like https://HOST:PORT',
    "s3://runs/x?endpoint=": 'endpoint: "" is no address of a server',
    "s3://runs/x?key=abc": '"key" after the \\?: it takes endpoint and region alone',
    "gs://runs/x?region=a": '"region" after the \\?: it takes none',
    "s3://runs:80/x": "a URI is like s3://BUCKET/PATH",
    "s3:///x": "a URI is like s3://BUCKET/PATH",
    "az://runs/x": "it wants AZURE_STORAGE_ACCOUNT_NAME",
    "nosuch://runs/x": "cannot be opened",
}


def reach(uri):
    store = Store(uri)
    store.files.reachable(store.root)


@pytest.mark.parametrize("uri", WRONG)
def test_an_address_that_leads_nowhere_is_one_line_within_seconds(bucket, uri):
    began = time.monotonic()
    with pytest.raises(StoreError, match=WRONG[uri]) as error:
        reach(uri.format(url=bucket.url))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    assert time.monotonic() - began < 6


def test_where_there_are_no_keys_and_no_role_the_line_says_what_to_set(bucket, monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")  # where a machine's role is asked for
    monkeypatch.setenv("HOME", "/nowhere")
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"\(there are no credentials\); set AWS_ACCESS_KEY_ID and AWS_SECRET"):
        reach(bucket.uri("x"))
    assert time.monotonic() - began < 6


def test_wrong_keys_are_asked_for_once_and_never_shown(proxy, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else-77")
    store = Store(proxy.uri)
    with pytest.raises(StoreError, match=r"403 Forbidden, SignatureDoesNotMatch\); check AWS_ACCESS_KEY_ID") as error:
        store.files.write(store.at("x"), b"")
    assert len(proxy.asked) == 1
    assert not any(secret in str(error.value) for secret in ("of-somebody-else-77", *KEYS.values()))
    with pytest.raises(StoreError, match="a password stands in the address") as error:
        Store("s3://me:geheim@bucket/runs")
    assert "geheim" not in str(error.value)


# --- how many requests, and how many copies ------------------------------------------------------------------


def test_a_step_takes_no_more_requests_than_the_readme_says(proxy):
    """trainables/README.md has this table."""
    store = Store(proxy.uri)
    with Leases(store.files, store.root) as leases:
        mine = Store(proxy.uri, owner=leases.owner)
        asked = {}

        def count(name, do):
            proxy.forget()
            do()
            asked[name] = len(proxy.asked)

        count("take the lease", lambda: leases.acquire("s"))
        made = []
        count("begin", lambda: made.append(mine.begin("s")))
        for name in "abc":
            (made[0] / name).write_text(name)
        count("commit", lambda: mine.commit("s", made[0], {}))
        count("give the lease back", lambda: leases.release("s"))
        count("look at a done step", lambda: store.check("s"))
        count("read, first of its node", lambda: Store(proxy.uri).path("s"))
        count("read, others", lambda: Store(proxy.uri).path("s"))
        leases.acquire("t")
        for number in (1, 2):
            scratch = mine.state_scratch("t")
            (scratch / f"{number}").mkdir()
            (scratch / f"{number}" / "shard").write_text("x")
            count("save a state: a worker", lambda s=scratch, n=number: mine.upload_state("t", s, f"{n}"))
            count("save a state: once", lambda n=number: mine.complete_state("t", f"{n}", {}))
        count("load a state", lambda: Store(proxy.uri).load_state("t"))
    assert asked == {
        "take the lease": 4,
        "begin": 6,
        "commit": 3 + 8,
        "give the lease back": 3,
        "look at a done step": 2,
        "read, first of its node": 3 + 2,
        "read, others": 1,
        "save a state: a worker": 1 + 1,
        "save a state: once": 7,
        "load a state": 3 + 1,
    }


def test_a_long_file_goes_in_parts_and_comes_back(proxy, monkeypatch, tmp_path):
    monkeypatch.setattr(objects, "PART", 5 * 2**20)
    store = Store(proxy.uri)
    content = bytes(range(256)) * 50_000
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "long").write_bytes(content)
    store.files.upload(tmp_path / "up", store.at("x"))
    assert proxy.counted() == {"POST part": 2, "PUT part": 3}
    with proxy.breaking(0.3):
        store.files.upload(tmp_path / "up", store.at("y"))
        store.files.download(store.at("y"), {"long": len(content)}, tmp_path / "down")
    assert (tmp_path / "down" / "long").read_bytes() == content


def test_the_workers_of_a_node_fetch_an_artifact_once(proxy):
    put(Store(proxy.uri), "s")
    proxy.forget()
    with proxy.breaking(1.0, ("slow",)):
        assert at_once(READ, proxy.uri) == [["3"]] * 3
    asked = Counter(key.partition("/steps/")[2] for what, key, _ in proxy.asked if what == "GET")
    assert asked == {"s/record.json": 3, "s/model/part-0": 1, "s/model/part-1": 1, "s/model/part-2": 1}


def test_copies_make_room_for_each_other_but_not_while_they_are_used(proxy, monkeypatch):
    for step in "abc":
        put(Store(proxy.uri), step, parts=1, size=1000)
    room = [3500]  # of which copies may have half

    def usage(_):
        from trainables.store.local import size_of

        taken = sum(size_of(path) for path in cache_dir().iterdir() if path.name[0] in "abc" and path.name[1] == "-")
        return type("Usage", (), {"free": room[0] - taken})

    monkeypatch.setattr("trainables.store.copies.shutil.disk_usage", usage)

    def there():
        return {path.name[0] for path in cache_dir().iterdir() if path.name[1] == "-"}

    user = Store(proxy.uri)
    used = user.path("a")
    Store(proxy.uri).path("b")  # its user is gone at once
    assert there() == {"a", "b"}
    Store(proxy.uri).path("c")
    assert there() == {"a", "c"}  # `a` is older, and in use
    assert (used / "model" / "part-0").read_bytes() == bytes(1000)
    user.free(used)
    assert there() == {"c"}
    room[0] = 1500
    Store(proxy.uri).path("b")
    assert there() == {"b"}
    room[0] = 500
    with pytest.raises(StoreError, match=r"0 MiB are left, the copy of a-\w+ takes 0; make room, or set XSTILTS_CACHE"):
        Store(proxy.uri).path("a")
    assert not list(cache_dir().glob("*.*"))


def test_options_of_the_address_reach_the_workers_and_no_path(bucket):
    store = Store(f"s3://runs/a b/?endpoint={bucket.url}&region=us-east-1")
    assert store.root == "s3://runs/a b"
    assert store.locate("s", "model") == "s3://runs/a b/steps/s/model"
    assert Store(store.uri).root == store.root
    assert set(address.CREDENTIALS) == {"s3", "gs", "az"}
