"""The index of the landing folder: every file seen there, kept and recognised, pending until it has a receipt.

Landing and loading are two steps that may be killed, repeated and run at once. The index ties them: a file is pending
as long as no receipt speaks of it, so whoever comes next finds what was left, and nothing needs to remember a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from sqlalchemy import text

from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import Warehouse
from qxmonitor.warehouse.store import local


def seen(wh: Warehouse) -> set[tuple[str, int, int]]:
    """Every file indexed so far: path, size in bytes, time of change in nanoseconds."""
    found = wh.arrow(sql.query("landed_seen"))
    return set(zip(*(found[name].to_pylist() for name in ("path", "bytes", "modified")), strict=True))


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
