"""The file store: sealed, idempotent, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings
from qxmonitor.warehouse.files import FileStore


@pytest.fixture
def store(tmp_path):
    return FileStore(Settings(tmp_path / "deep" / "home"))


def test_an_original_is_kept_sealed_by_content(store, tmp_path):
    source = tmp_path / "a.xlsx"
    source.write_bytes(b"content" * 500_000)
    sha256, size = store.put(source)
    assert (sha256, size) == (hashlib.sha256(source.read_bytes()).hexdigest(), 3_500_000)
    kept = store.path(sha256)
    assert kept == store.root / sha256[:2] / sha256 and kept.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert [stat.S_IMODE(p.stat().st_mode) for p in (kept.parent, store.root)] == [0o700, 0o700]


def test_the_same_bytes_again_change_nothing(store, tmp_path):
    source = tmp_path / "a"
    source.write_bytes(b"x")
    first = store.put(source)
    before = store.path(first[0]).stat()
    assert store.put(source) == first
    after = store.path(first[0]).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert [p.name for p in store.root.iterdir()] == [first[0][:2]]


def test_a_write_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    source = tmp_path / "a"
    source.write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(QxError, match="无法留存"):
            store.put(source)
    assert not any(p.is_file() for p in store.root.rglob("*"))
    assert store.put(source)[1] == 1


def test_a_missing_file_and_a_foreign_name_are_refused(store, tmp_path):
    with pytest.raises(QxError):
        store.put(tmp_path / "none")
    with pytest.raises(ValueError, match="not a sha256"):
        store.path("../../etc/passwd")
