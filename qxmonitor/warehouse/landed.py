"""The index of the landing folder: every file kept from there and recognised, pending until it has a receipt.

Landing and loading are two steps that may be killed, repeated and run at once. The index ties them: a file is pending
as long as no receipt speaks of it, so whoever comes next finds what was left, and nothing needs to remember a run.
Beside it, what the folder looked like the last time, and what was fetched from SFTP servers: memories, not facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import text

from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import Warehouse
from qxmonitor.warehouse.files import Sight
from qxmonitor.warehouse.store import local

LOCK_LANDING, LOCK_FETCH = 0x71786D40, 0x71786D41
"""Advisory locks: one looks at the landing folder at a time, and one fetches."""


@dataclass(frozen=True)
class Look:
    """How a path of the landing folder looked the last time.

    Attributes:
        sight: size and times.
        same_since: when they were first seen as they are.
        waiting_since: since when it lies there and is not kept; None when these bytes are kept.
        why: why it waits; empty when it only has to be still for a while.
    """

    sight: Sight
    same_since: datetime
    waiting_since: datetime | None
    why: str = ""


@dataclass(frozen=True)
class FetchState:
    """How the last fetch from a server ended.

    Attributes:
        server: which.
        tried_at: when it ended.
        failing_since: since when not everything could be brought; None when all is well.
        words: what is wrong, one Chinese line.
    """

    server: str
    tried_at: datetime
    failing_since: datetime | None
    words: str


def looks(wh: Warehouse) -> dict[bytes, Look]:
    """What is remembered of the landing folder, by path below it."""
    return {
        row["path"]: Look(
            Sight(row["bytes"], row["modified"], row["changed"]), row["same_since"], row["waiting_since"], row["why"]
        )
        for row in wh.arrow(sql.query("landing_looks")).to_pylist()
    }


def remember(wh: Warehouse, now: dict[bytes, Look], gone: Iterable[bytes] = ()) -> None:
    """Remember how paths look, and forget those that are gone, in one transaction."""
    rows = [
        {"path": path, **look.sight._asdict(), "same_since": look.same_since, "waiting_since": look.waiting_since,
         "why": look.why}
        for path, look in sorted(now.items())
    ]  # fmt: skip
    forgotten = [{"path": path} for path in sorted(gone)]
    if rows or forgotten:
        with wh.engine.begin() as connection:
            if rows:
                connection.execute(text(sql.query("landing_remember")), rows)
            if forgotten:
                connection.execute(text(sql.query("landing_forget")), forgotten)


def fetched(wh: Warehouse, server: str) -> set[tuple[bytes, int, int]]:
    """What was brought from a server so far: path, size in bytes and time of change in seconds, as it says."""
    found = wh.arrow(sql.query("fetched_known"), server)
    return set(zip(*(found[name].to_pylist() for name in ("path", "bytes", "modified")), strict=True))


def note_fetched(wh: Warehouse, row: dict[str, Any]) -> None:
    """Remember a file that was brought: server, path, bytes, modified, sha256, name."""
    with wh.engine.begin() as connection:
        connection.execute(text(sql.query("fetched_note")), row)


def note_tried(wh: Warehouse, server: str, wrong: str) -> None:
    """Remember how a fetch ended: what is wrong, or nothing."""
    with wh.engine.begin() as connection:
        connection.execute(text(sql.query("fetch_tried")), {"server": server, "failing": bool(wrong), "words": wrong})


def fetch_states(wh: Warehouse) -> list[FetchState]:
    """How the last fetch from each server ended."""
    return [FetchState(**row) for row in wh.arrow(sql.query("fetch_states")).to_pylist()]


def index(wh: Warehouse, rows: Iterable[dict[str, Any]]) -> None:
    """Index files in one transaction; one that is there already stays as it is.

    Args:
        wh: an open warehouse.
        rows: path, bytes, modified, sha256, known_at, feed and period of each.
    """
    rows = list(rows)
    if rows:
        with wh.engine.begin() as connection:
            connection.execute(text(sql.query("landed_index")), rows)


def pending(wh: Warehouse) -> pd.DataFrame:
    """What landed and has no receipt yet: path, sha256, bytes, known_at, feed, period, landed_at; oldest first."""
    return local(wh.frame(sql.query("landed_pending")))
