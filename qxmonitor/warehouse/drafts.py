"""The life of a briefing between draft and mail: submitted, then approved, rejected or superseded. Append-only."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, text

from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import Warehouse
from qxmonitor.warehouse.store import local


def note(conn: Connection, issue_id: str, kind: str, *, who: str, why: str, at: datetime) -> None:
    """Note what happened to a draft; the same again is one. The caller owns the transaction."""
    conn.execute(text(sql.query("draft_note")), {"issue_id": issue_id, "kind": kind, "who": who, "why": why, "at": at})


def read(wh: Warehouse, period: Period) -> pd.DataFrame:
    """The drafts submitted for a month, newest last: issue_id, period, reader, who, at, outcome (null: it waits)."""
    return local(wh.frame(sql.query("drafts"), str(period)))
