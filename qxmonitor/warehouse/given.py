"""What was given out: the aggregates that readers outside the statistical channel have on paper, by approved issue."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Connection, text

from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, Warehouse

COLUMNS = [
    "indicator", "entity_kind", "entity", "source", "period", "value", "state", "coverage", "groups", "top2",
    "hidden_groups", "withheld",
]  # fmt: skip
"""Of an indicator frame; ``withheld``: hidden because the difference of two issues would have shown few groups."""


def note(conn: Connection, issue_id: str, frame: pd.DataFrame) -> None:
    """Note what an issue gives; the same again is one. The caller owns the transaction, which is the approval's."""
    table = frame[COLUMNS].astype(object).where(frame[COLUMNS].notna(), None).assign(issue_id=issue_id)
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    if rows:
        conn.execute(text(sql.query("given_note")), rows)


def read(wh: Warehouse, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Everything given by then, :data:`COLUMNS`; where a month was issued again, the newest."""
    return wh.frame(sql.query("given_read"), recorded_at or FOREVER)[COLUMNS]


class Issue(NamedTuple):
    """What an issue was made from."""

    period: Period
    known_at: datetime
    recorded_at: datetime


def issues(wh: Warehouse, first: Period, last: Period, recorded_at: datetime | None = None) -> list[Issue]:
    """The issues given out of some months, the newest of each, by month."""
    found = wh.arrow(sql.query("given_issues"), recorded_at or FOREVER, str(first), str(last)).to_pylist()
    return [Issue(Period(row["period"]), row["known_at"], row["recorded_at"]) for row in found]
