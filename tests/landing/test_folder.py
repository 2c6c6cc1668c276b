"""A file in the landing folder is kept when it is finished, as one piece, or not yet."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from qxmonitor import pipeline
from qxmonitor.errors import QxError
from qxmonitor.landing import folder
from qxmonitor.warehouse import Warehouse, landed, store
from qxmonitor.warehouse.files import Changed, FileStore, Sight
from tests.landing.conftest import QUIET, lines, writer
from tests.pipeline.conftest import environment

pytestmark = pytest.mark.slow


def kept(wh: Warehouse) -> list[bytes]:
    """Everything in the file store."""
    return [
        path.read_bytes() for path in sorted(wh.settings.originals_dir.glob("*/*")) if not path.name.startswith(".")
    ]


def receipts(wh: Warehouse) -> list[tuple[str, str]]:
    """Last part of the path and state of every receipt."""
    found = store.read_receipts(wh)
    return sorted((Path(path).name, state) for path, state in zip(found["file"], found["state"], strict=True))


def why(wh: Warehouse) -> dict[str, str]:
    return {name: look.why for name, look in folder.waiting(wh)}


# -- still being written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("set_back", [False, True])
def test_a_file_is_kept_when_its_writer_is_done(wh: Warehouse, set_back: bool) -> None:
    """Also one whose time is set back after every line, as a copy that preserves times may look."""
    target = wh.settings.landing_dir / "a.csv"
    process = writer(target, set_back=set_back)
    pipeline.land(wh)
    assert process.poll() is None, "the writer was to be at work still"
    assert kept(wh) == []
    assert "a.csv" in why(wh)
    process.wait()
    pipeline.land(wh)
    assert kept(wh) == [lines(100)]
    assert why(wh) == {}


def test_a_folder_named_by_a_day_to_come_waits_and_says_so(wh: Warehouse) -> None:
    """The office reads on the 18th; a slip of the pen would hide the file until then."""
    target = wh.settings.landing_dir / "2026-12-18" / "a.csv"
    target.parent.mkdir()
    target.write_bytes(lines(3))
    pipeline.land(wh)
    assert kept(wh) == []
    assert why(wh) == {"2026-12-18/a.csv": "收到日期 2026-12-18 晚于今天，请改正后再收"}
    target.parent.rename(target.parent.with_name("2026-11-18"))
    pipeline.land(wh)
    assert kept(wh) == [lines(3)] and why(wh) == {}


def test_a_writer_that_is_killed_and_goes_on_leaves_one_whole_file(wh: Warehouse) -> None:
    target, looks = wh.settings.landing_dir / "a.csv", []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            pipeline.land(wh)
            looks.append(kept(wh))

    looking = threading.Thread(target=look)
    process = writer(target, end=1000)
    looking.start()
    for begin in (40, 80):
        time.sleep(QUIET)
        process.send_signal(signal.SIGKILL)
        process.wait()
        written = target.stat().st_size // 9
        process = writer(target, begin=written, end=max(begin, written) + 30)
    process.wait()
    whole = target.read_bytes()
    time.sleep(3 * QUIET)
    stop.set()
    looking.join()
    assert whole == lines(len(whole) // 9)
    assert looks[0] == []
    assert {content for found in looks for content in found} == {whole}


def test_a_look_that_was_killed_is_remembered(wh: Warehouse) -> None:
    """The second look may come from another process, and need not wait then."""
    (wh.settings.landing_dir / "a.csv").write_bytes(b"1,2\n")
    assert folder._look(wh)[0] == {}
    time.sleep(QUIET)
    ready, seconds = folder._look(wh)
    assert [path.name for path in ready] == ["a.csv"]
    assert seconds <= 0


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = wh.settings.landing_dir / "a.csv"
    target.write_bytes(lines(50))
    digest = hashlib.file_digest

    def slow(stream: object, name: str) -> object:
        found = digest(stream, name)
        if target.stat().st_size == 450:
            with target.open("ab") as more:
                more.write(b"more\n")
        return found

    monkeypatch.setattr(hashlib, "file_digest", slow)
    pipeline.land(wh)
    assert kept(wh) == []
    pipeline.land(wh)
    assert kept(wh) == [lines(50) + b"more\n"]


def test_a_file_said_on_the_command_line_is_read_at_once_but_not_while_it_changes(
    wh: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.csv"
    target.write_bytes(lines(50))
    assert [row["state"] for row in pipeline.ingest(wh, [target])] == ["refused"]  # kept, of no known form
    assert kept(wh) == [lines(50)]
    other, digest = tmp_path / "b.csv", hashlib.file_digest
    other.write_bytes(lines(60))

    def slow(stream: object, name: str) -> object:
        found = digest(stream, name)
        other.write_bytes(lines(61))
        return found

    monkeypatch.setattr(hashlib, "file_digest", slow)
    [row] = pipeline.ingest(wh, [other])
    assert "有变化" in row["reasons"][0]
    assert kept(wh) == [lines(50)]


def test_the_bytes_kept_are_of_the_file_that_was_looked_at(tmp_path: Path, wh: Warehouse) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"one")
    seen = Sight.of(source.lstat())
    assert wh.files.put(source, seen)[1] == 3
    source.write_bytes(b"two!")
    with pytest.raises(Changed):
        wh.files.put(source, seen)


# -- names ---------------------------------------------------------------------------------------------------------


def test_temporary_and_held_files_wait_and_the_rest_is_kept(wh: Warehouse) -> None:
    root = wh.settings.landing_dir
    for name in ("a.csv.part", "a.csv", "~$b.xlsx", "b.xlsx", "c.csv.filepart", "d.csv", ".hidden", "Thumbs.db"):
        (root / name).write_bytes(name.encode())
    pipeline.land(wh)
    assert kept(wh) == [b"d.csv"]
    assert set(why(wh)) == {"a.csv", "a.csv.part", "~$b.xlsx", "b.xlsx", "c.csv.filepart"}
    assert why(wh)["b.xlsx"] == "正被办公软件打开"
    (root / "a.csv.part").replace(root / "a.csv")
    (root / "~$b.xlsx").unlink()
    pipeline.land(wh)
    assert sorted(kept(wh)) == [b"a.csv.part", b"b.xlsx", b"d.csv"]
    assert set(why(wh)) == {"c.csv.filepart"}


# -- arrivals ------------------------------------------------------------------------------------------------------


def test_a_file_replaced_in_place_is_a_new_arrival(wh: Warehouse) -> None:
    """Even by one of the same size whose time was set to the old one's."""
    target = wh.settings.landing_dir / "a.csv"
    target.write_bytes(b"1,2\n")
    pipeline.land(wh)
    status = target.stat()
    other = wh.settings.landing_dir / ".new"
    other.write_bytes(b"1,3\n")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(target)
    pipeline.land(wh)
    assert sorted(kept(wh)) == [b"1,2\n", b"1,3\n"]
    assert receipts(wh) == [("a.csv", "refused"), ("a.csv", "refused")]


def test_the_same_bytes_under_another_name_are_a_duplicate(wh: Warehouse) -> None:
    for name in ("a.csv", "b.csv"):
        (wh.settings.landing_dir / name).write_bytes(b"1,2\n")
        pipeline.land(wh)
    assert kept(wh) == [b"1,2\n"]
    assert len(landed.pending(wh)) == 0


def test_a_file_whose_mode_changed_is_the_same_file(wh: Warehouse) -> None:
    target = wh.settings.landing_dir / "a.csv"
    target.write_bytes(b"1,2\n")
    pipeline.land(wh)
    before = receipts(wh)
    target.chmod(0o640)
    pipeline.land(wh)
    assert receipts(wh) == before


def test_a_file_deleted_after_landing_is_not_lost_and_forgotten(wh: Warehouse) -> None:
    target = wh.settings.landing_dir / "a.csv"
    target.write_bytes(b"1,2\n")
    pipeline.land(wh)
    target.unlink()
    pipeline.land(wh)
    assert kept(wh) == [b"1,2\n"]
    assert landed.looks(wh) == {}


def test_a_file_gone_between_look_and_reading_costs_nothing(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv"):
        (wh.settings.landing_dir / name).write_bytes(name.encode())
    look = folder.still

    def then_gone(wh: Warehouse) -> dict[Path, Sight]:
        found = look(wh)
        (wh.settings.landing_dir / "a.csv").unlink()
        return found

    monkeypatch.setattr(folder, "still", then_gone)
    pipeline.land(wh)
    assert kept(wh) == [b"b.csv"]


# -- hostile -------------------------------------------------------------------------------------------------------


def test_links_pipes_and_locked_folders_are_not_read(wh: Warehouse, tmp_path: Path) -> None:
    root = wh.settings.landing_dir
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.csv").write_bytes(b"secret")
    (root / "passwd.csv").symlink_to("/etc/passwd")
    (root / "2026-11-14").symlink_to(tmp_path / "secret")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "pipe.csv")
    (root / "b.csv").write_bytes(b"b")
    pipeline.land(wh)
    assert kept(wh) == [b"b"]
    assert set(why(wh)) == {"passwd.csv", "2026-11-14", "dangling", "pipe.csv"}


def test_a_file_that_becomes_a_link_or_a_pipe_is_not_followed(wh: Warehouse, tmp_path: Path) -> None:
    target = wh.settings.landing_dir / "a.csv"
    target.write_bytes(b"1")
    seen = Sight.of(target.lstat())
    target.unlink()
    target.symlink_to("/etc/passwd")
    with pytest.raises(QxError, match="无法留存"):
        wh.files.put(target, seen)
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(QxError, match="不是普通文件"):
        wh.files.put(target, seen)
    assert kept(wh) == []


def test_names_that_print_alike_are_two_files(wh: Warehouse) -> None:
    for number, name in enumerate((b"a\x01.csv", b"a\x02.csv", b"\xff\xfe.csv", b"a\nb.csv")):
        Path(os.fsdecode(os.fsencode(wh.settings.landing_dir) + b"/" + name)).write_bytes(b"%d\n" % number)
    pipeline.land(wh)
    pipeline.land(wh)
    assert sorted(kept(wh)) == [b"0\n", b"1\n", b"2\n", b"3\n"]
    assert len(receipts(wh)) == 4


def test_a_full_disk_leaves_the_files_for_later(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    (wh.settings.landing_dir / "a.csv").write_bytes(b"1,2\n")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        pipeline.land(wh)
    assert kept(wh) == []
    assert "读不了" in why(wh)["a.csv"]
    assert list(wh.settings.originals_dir.glob(".new-*")) == []
    pipeline.land(wh)
    assert kept(wh) == [b"1,2\n"]
    assert why(wh) == {}


def test_two_who_land_at_once_keep_and_tell_once(wh: Warehouse) -> None:
    for number in range(30):
        (wh.settings.landing_dir / f"{number}.csv").write_bytes(b"%d\n" % number)
    command = [sys.executable, "-m", "qxmonitor", "land"]
    both = [subprocess.Popen(command, env=environment(wh.settings), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(kept(wh)) == 30
    assert len(receipts(wh)) == 30


def test_a_lander_killed_anywhere_leaves_no_piece_and_the_next_finishes(wh: Warehouse) -> None:
    for number in range(300):
        (wh.settings.landing_dir / f"{number}.csv").write_bytes(b"%d\n" % number * 5000)
    whole = {path.read_bytes() for path in wh.settings.landing_dir.iterdir()}
    for seconds in (1.2, 1.6, 2.0):
        process = subprocess.Popen([sys.executable, "-m", "qxmonitor", "land"], env=environment(wh.settings))
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert set(kept(wh)) <= whole
    pipeline.land(wh)
    assert set(kept(wh)) == whole
    assert len(receipts(wh)) == 300


def test_waiting_is_told_with_its_age(wh: Warehouse) -> None:
    (wh.settings.landing_dir / "a.csv.part").write_bytes(b"1")
    pipeline.land(wh)
    [(_, first)] = folder.waiting(wh)
    time.sleep(0.05)
    (wh.settings.landing_dir / "a.csv.part").write_bytes(b"12")
    pipeline.land(wh)
    [(_, then)] = folder.waiting(wh)
    assert then.waiting_since == first.waiting_since
    assert then.same_since - first.same_since > timedelta(0)


def test_the_store_is_as_before_for_those_who_only_put(tmp_path: Path, wh: Warehouse) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"x")
    assert FileStore(wh.settings).put(tmp_path / "link")[1] == 1
