"""A store on the local file system, and one that is remote as far as the store can tell."""

from __future__ import annotations

import uuid

import pytest

from trainables.store import Store


@pytest.fixture(params=["local", "fsspec"])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}")
