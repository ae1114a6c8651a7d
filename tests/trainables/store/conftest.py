"""A store on the local file system, and one on a real S3 server."""

from __future__ import annotations

import uuid

import pytest

from trainables.store import Store


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.programs)])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    if request.param == "local":
        return Store(str(tmp_path / "store"))
    return Store(request.getfixturevalue("bucket").uri(uuid.uuid4().hex))
