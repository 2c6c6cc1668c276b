"""The landing folder under load and malice: many files, a file size limit, hostile names, no permission."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.errors import QxError
from qxmonitor.landing import folder, names
from qxmonitor.warehouse import Warehouse, landed
from qxmonitor.warehouse.files import FileStore, Sight
from tests.landing.conftest import largest_file
from tests.landing.test_folder import kept, why

pytestmark = pytest.mark.slow


def test_a_file_size_limit_costs_the_files_it_hits_and_only_for_now(wh: Warehouse) -> None:
    root = wh.settings.landing_dir
    (root / "large.csv").write_bytes(b"1,2\n" * 100_000)
    (root / "small.csv").write_bytes(b"3,4\n")
    with largest_file(200_000):
        pipeline.land(wh)
    assert kept(wh) == [b"3,4\n"]
    assert set(why(wh)) == {"large.csv"}
    assert list(wh.settings.originals_dir.glob(".new-*")) == []
    pipeline.land(wh)
    assert sorted(map(len, kept(wh))) == [4, 400_000]
    assert why(wh) == {}


def test_a_file_size_limit_at_the_command_line_is_one_line(wh: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "large.csv").write_bytes(b"1,2\n" * 100_000)
    with largest_file(200_000):
        [row] = pipeline.ingest(wh, [tmp_path / "large.csv"])
    assert row["state"] == "refused"
    assert "无法留存" in row["reasons"][0]
    assert row["reasons"][0].isprintable()
    assert kept(wh) == []


HOSTILE = [
    b"a\nb.csv", b"a\r.csv", "发\u202excod.csv".encode(), b"x" * 251 + b".csv", b"\xff\xfe.csv", b"a\\b.csv",
    b"CON.csv", b"NUL", b"=cmd|' '!A1.csv", b"<img src=x>.csv", b"-rf.csv", b" .csv", b"%00.csv", b"\x1b[31m.csv",
    "企".encode() * 83, b"'; drop table landed; --.csv", b"%s%n.csv", b"{0}.csv", b"a.csv ", b"...",
    "\u200b.csv".encode(), b"\x7f.csv",
]  # fmt: skip


def test_hostile_names_are_each_a_file_of_their_own(wh: Warehouse) -> None:
    root = os.fsencode(wh.settings.landing_dir)
    for number, name in enumerate(HOSTILE):
        with open(root + b"/" + name, "wb") as stream:  # noqa: PTH123 - bytes
            stream.write(b"%d\n" % number)
    pipeline.land(wh)
    visible = [number for number, name in enumerate(HOSTILE) if not name.startswith(b".")]
    assert sorted(map(int, kept(wh))) == visible
    paths = wh.frame("select path from receipt")["path"]  # some print alike
    assert len(paths) == len(visible)
    assert all(path.isprintable() for path in paths)
    assert pipeline.land(wh) == [] and folder.waiting(wh) == []


def counted(counts: dict[str, int], name: str, once: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        counts[name] += 1
        return once(*given)

    return call


def test_many_files_are_looked_at_once_each(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in looks at files and in readings of what is remembered of all of them, not in seconds."""
    root, many, counts = wh.settings.landing_dir, 500, {"held": 0, "looks": 0}
    for at in range(10):
        (root / f"2026-11-{at + 1:02}").mkdir()
    for number in range(many):
        (root / f"2026-11-{number % 10 + 1:02}" / f"{number}.csv").write_bytes(b"%d\n" % (number % 7))
    for module, name in ((names, "held"), (landed, "looks")):
        monkeypatch.setattr(module, name, counted(counts, name, getattr(module, name)))
    pipeline.land(wh)
    assert counts == {"held": 2 * many, "looks": 2}  # a look, and one more after a while
    assert len(kept(wh)) == 7
    assert len(landed.looks(wh)) == many
    counts["looks"] = 0
    put = FileStore.put
    monkeypatch.setattr(FileStore, "put", denied)
    for number in range(many):
        (root / f"2026-11-{number % 10 + 1:02}" / f"{number}.csv").write_bytes(b"1" * 9)
    pipeline.land(wh)
    monkeypatch.setattr(FileStore, "put", put)
    assert counts["looks"] == 3  # and once for all that could not be kept
    assert len(why(wh)) == many


def denied(store: FileStore, source: Path, seen: Sight | None = None) -> tuple[str, int]:
    """What ``put`` does when the system says no."""
    raise QxError(f"文件无法留存：{source}（Permission denied）")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_waits_and_is_told(wh: Warehouse) -> None:
    root = wh.settings.landing_dir
    (root / "a.csv").write_bytes(b"1")
    (root / "a.csv").chmod(0)
    (root / "2026-11-14").mkdir(mode=0)
    (root / "b.csv").write_bytes(b"2")
    pipeline.land(wh)
    assert kept(wh) == [b"2"]
    assert why(wh) == {"a.csv": "读不了（权限、占用或磁盘），见 land 的日志", "2026-11-14": "文件夹读不了，请检查权限"}
    (root / "a.csv").chmod(0o600)
    (root / "2026-11-14").chmod(0o700)
    pipeline.land(wh)
    assert (kept(wh), why(wh)) == ([b"1", b"2"], {})


def test_permission_denied_by_the_system_waits_and_is_told(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for root: the system's answer is put in its place."""
    root = wh.settings.landing_dir
    (root / "a.csv").write_bytes(b"1")
    (root / "b.csv").write_bytes(b"2")
    put = FileStore.put

    def some(store: FileStore, source: Path, seen: Sight | None = None) -> tuple[str, int]:
        return (denied if source.name == "a.csv" else put)(store, source, seen)

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "put", some)
        pipeline.land(wh)
    assert kept(wh) == [b"2"]
    assert set(why(wh)) == {"a.csv"}
    pipeline.land(wh)
    assert (sorted(kept(wh)), why(wh)) == ([b"1", b"2"], {})
