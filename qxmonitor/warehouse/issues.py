"""Issued briefings: what each was made from, so that it can be written again byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import Warehouse


def newest_recorded(wh: Warehouse) -> datetime | None:
    """The newest ``recorded_at`` of files, decisions, runs and events; None when empty.

    What came later is no part of an issue.
    """
    found: datetime | None = wh.arrow(sql.query("newest_of_all"))["recorded_at"][0].as_py()
    return found


def note(
    wh: Warehouse,
    period: Period,
    reader: str,
    *,
    known_at: datetime,
    recorded_at: datetime,
    files: Mapping[str, str],
    counts: str,
) -> str:
    """Note an issue; the same issue again is one.

    Args:
        wh: an open warehouse.
        period: its month.
        reader: its edition.
        known_at: as known then.
        recorded_at: as recorded then.
        files: file name → sha256.
        counts: files and lines by feed as they stood, JSON.

    Returns:
        Its id, such as ``2026-10-stats-1f2e3d4c``.
    """
    stated = json.dumps(dict(sorted(files.items())), ensure_ascii=False)
    digest = hashlib.sha256(stated.encode()).hexdigest()[:8]
    issue_id = f"{period}-{reader}-{digest}"
    with wh.engine.begin() as connection:
        connection.execute(
            text(sql.query("issue_note")),
            {
                "issue_id": issue_id, "period": str(period), "reader": reader, "known_at": known_at,
                "recorded_at": recorded_at, "files": stated, "counts": counts,
            },
        )  # fmt: skip
    return issue_id


def read(wh: Warehouse, issue_id: str) -> dict[str, Any]:
    """What was noted of an issue.

    Raises:
        QxError: there is no such issue.
    """
    with wh.engine.connect() as connection:
        row = connection.execute(text(sql.query("issue_read")), {"issue_id": issue_id}).mappings().first()
    if row is None:
        raise QxError(f"没有这一期简报：{issue_id[:80]}")
    return dict(row)
