"""The landing folder: which of its files are finished, and which wait and why.

A file is still when two looks, at least ``Settings.quiet`` seconds apart, saw the same size and the same two times.
What the last look saw is remembered in the warehouse, so a look that was killed is not lost, and a file is looked at
again only when something about it changed. Reading then compares once more (:meth:`FileStore.put`). Names that say
"not finished" wait for ever, and the watch tells when that is long. A sender that breaks off in the middle of a file
and stays away looks like one that has finished: senders should write under a temporary name and rename.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from qxmonitor.errors import NotYet, QxError
from qxmonitor.landing import names, place
from qxmonitor.warehouse import Warehouse, landed
from qxmonitor.warehouse.files import Changed, Sight
from qxmonitor.warehouse.landed import Look


def still(wh: Warehouse) -> dict[Path, Sight]:
    """The files that are still and not kept yet, with what they look like; waits once for those just written."""
    wh.settings.landing_dir.mkdir(parents=True, exist_ok=True)
    place.sweep(wh.settings.landing_dir)
    ready, seconds = _look(wh)
    if seconds > 0:
        time.sleep(seconds + 0.01)
        ready, _ = _look(wh)
    return ready


def done(wh: Warehouse, kept: Mapping[Path, Sight]) -> None:
    """Remember which files were kept."""
    root, now = wh.settings.landing_dir, datetime.now(UTC)
    landed.remember(wh, {_key(root, path): Look(sight, now, None) for path, sight in kept.items()})


def failed(wh: Warehouse, lost: Mapping[Path, QxError]) -> None:
    """Remember why files could not be kept; reads what is known of all, so it is called once for many."""
    if not lost:
        return
    root, known, now = wh.settings.landing_dir, landed.looks(wh), datetime.now(UTC)
    news: dict[bytes, Look] = {}
    for path, error in lost.items():
        key = _key(root, path)
        if key in known:
            unread = "读不了（权限、占用或磁盘），见 land 的日志"
            why = "" if isinstance(error, Changed) else str(error) if isinstance(error, NotYet) else unread
            news[key] = replace(known[key], waiting_since=known[key].waiting_since or now, why=why)
    landed.remember(wh, news)


def waiting(wh: Warehouse) -> list[tuple[str, Look]]:
    """What lies in the folder and was not kept at the last look, by path below it, longest first."""
    found = [(os.fsdecode(path), look) for path, look in landed.looks(wh).items() if look.waiting_since is not None]
    return sorted(found, key=lambda pair: (pair[1].waiting_since, pair[0]))


def _look(wh: Warehouse) -> tuple[dict[Path, Sight], float]:
    """Look once: the files that are still, and after how many seconds the others may be."""
    root, known, now = wh.settings.landing_dir, landed.looks(wh), datetime.now(UTC)
    ready: dict[Path, Sight] = {}
    news: dict[bytes, Look] = {}
    there: set[bytes] = set()
    seconds = 0.0
    for path, sight, why in _survey(root):
        key = _key(root, path)
        there.add(key)
        before = known.get(key)
        same = before is not None and before.sight == sight
        if before is not None and same and before.waiting_since is None:
            continue
        since = min(before.same_since, now) if before is not None and same else now
        waits = before.waiting_since if before is not None and before.waiting_since else now
        if not why:
            left = wh.settings.quiet - (now - since).total_seconds()
            if left <= 0:
                ready[path] = sight
                why = before.why if before is not None else ""
            seconds = max(seconds, left)
        news[key] = Look(sight, since, waits, why)
    landed.remember(wh, {key: look for key, look in news.items() if known.get(key) != look}, known.keys() - there)
    return ready, seconds


def _survey(root: Path) -> Iterator[tuple[Path, Sight, str]]:
    """Everything below the folder but what is hidden; why not to read it, if so."""
    unread: list[OSError] = []
    for at, folders, files in os.walk(root, onerror=unread.append):
        folder = Path(at)
        links = [name for name in folders if (folder / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not names.passed_over(name))
        beside = set(files)
        for name in sorted([*files, *links]):
            if not names.passed_over(name):
                try:
                    status = (folder / name).lstat()
                except OSError:  # gone again
                    continue
                plain = stat.S_ISREG(status.st_mode)
                why = names.unfinished(name) or names.held(name, beside) if plain else "是链接或特殊文件，不读取"
                yield folder / name, Sight.of(status), why
    for error in unread:
        if Path(error.filename) == root:
            raise QxError(f"收件目录读不了：{root}（{error.strerror}）")
        yield Path(error.filename), Sight(0, 0, 0), "文件夹读不了，请检查权限"


def _key(root: Path, path: Path) -> bytes:
    return os.fsencode(path.relative_to(root))
