"""The life of alerts as records: what people did and found out, silences, and what each mail told.

An event and a silence have a ``known_at``, so a look back before it sees things as they were, and a ``recorded_at``
handed out under the lock of loading, so reads frozen earlier never change. Nothing is changed or deleted.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, LOCK_LOAD, Warehouse, fetch, lock
from qxmonitor.warehouse.load import append
from qxmonitor.warehouse.store import local

Row = dict[str, Any]

ALERT = ["rule", "entity_kind", "entity", "source", "opened"]
"""What an alert's id is made of."""

SAID = ["kind", "who", "why", "cause"]
TARGET = ["rule", "entity_kind", "entity", "chain"]
"""What a silence is for; ``*`` is anything."""


def record(wh: Warehouse, event: Row, *, known_at: datetime | None, now: datetime) -> bool:
    """Record what a person did with an alert, or found out about it.

    Args:
        wh: an open warehouse.
        event: :data:`ALERT`, :data:`SAID` and period.
        known_at: when it was done; None is now, and then it is nothing new while it is the last word on the alert.
        now: the clock.

    Returns:
        Whether it is new; the same event again is not recorded twice.
    """
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        head: Row = fetch(connection, sql.query("load_head")).to_pylist()[0]
        there = fetch(connection, sql.query("alert_events"), FOREVER, FOREVER).to_pandas()
        mine = there[(there[ALERT] == pd.Series(event)[ALERT]).all(axis=1)]
        if known_at is None:
            same = mine.sort_values(["known_at", "event_id"]).tail(1)
        else:
            same = mine[mine["known_at"] == known_at]
        if (same[SAID] == pd.Series(event)[SAID]).all(axis=1).any():
            return False
        row = event | {
            "event_id": int(head["event_id"]) + 1, "known_at": pd.Timestamp(known_at or now).tz_convert("UTC"),
            "recorded_at": head["recorded_at"],
        }  # fmt: skip
        append(connection, "alert_event", pd.DataFrame([row]))
        connection.commit()
    return True


def events(wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """What people did and found out as known and recorded by then, in the order recorded."""
    return local(wh.frame(sql.query("alert_events"), known_at or FOREVER, recorded_at or FOREVER))


def labelled_raised(wh: Warehouse, *, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Of alerts that were verified, those that some run raised in the month they opened: :data:`ALERT`."""
    return wh.frame(sql.query("labelled_raised"), recorded_at or FOREVER)


def silence(
    wh: Warehouse, target: Row, first: Period, last: Period, *, who: str, why: str, known_at: datetime
) -> tuple[str, bool]:  # fmt: skip
    """Silence alerts for some months; returns the silence's id, which follows from what it says, and whether it is new.

    Args:
        wh: an open warehouse.
        target: :data:`TARGET`.
        first: first month.
        last: last month.
        who: who answers for it.
        why: the reason.
        known_at: since when it is known.
    """
    words = "\n".join([*(target[name] for name in TARGET), first, last, who, why])
    silence_id = "S" + hashlib.sha256(words.encode()).hexdigest()[:8]
    row = {**target, "silence_id": silence_id, "first": first, "last": last, "who": who, "why": why}
    return silence_id, _append(wh, "silence", row, known_at, ["silence_id"])


def end_silence(wh: Warehouse, silence_id: str, last: Period, *, who: str, why: str, known_at: datetime) -> None:
    """Let a silence end with a month before its last one; of several ends the earliest counts.

    Raises:
        QxError: there is no such silence.
    """
    if silence_id not in set(silences(wh)["silence_id"]):
        raise QxError(f"没有这项静默：{silence_id[:20]}，见 qxmonitor silence list")
    row = {"silence_id": silence_id, "last": last, "who": who, "why": why}
    _append(wh, "silence_end", row, known_at, ["silence_id", "last"])


def silences(wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Silences as known and recorded by then: silence_id, :data:`TARGET`, first, last, who, why, known_at."""
    return local(wh.frame(sql.query("silences"), known_at or FOREVER, recorded_at or FOREVER))


def told(wh: Warehouse, *, until: Period | None = None) -> pd.DataFrame:
    """What the mails of the months up to one told of each alert, or why they did not, by month.

    Returns:
        period, reader, occasion, alert_id, part, level, message_id, reason, answer_by, planned_at, and the ``state`` of
        the mail in the ledger, null where there was none.
    """
    return local(wh.frame(sql.query("told"), "0000-00", str(until) if until else "9999-99"))


def note_told(conn: Connection, rows: pd.DataFrame, now: datetime) -> None:
    """Note what was told, in the transaction that plans the mails; what was noted before stands."""
    noted = [{**{str(k): v for k, v in row.items()}, "planned_at": now} for row in rows.to_dict("records")]
    if noted:
        conn.execute(text(sql.query("told_note")), noted)


def _append(wh: Warehouse, table: str, row: Row, known_at: datetime, key: list[str]) -> bool:
    """Append a row; False when there is one of this key."""
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        head: Row = fetch(connection, sql.query("load_head")).to_pylist()[0]
        there = fetch(connection, sql.query("silence_keys" if table == "silence" else "silence_end_keys")).to_pandas()
        if (there[key] == pd.Series(row)[key]).all(axis=1).any():
            return False
        stamped = {**row, "known_at": pd.Timestamp(known_at).tz_convert("UTC"), "recorded_at": head["recorded_at"]}
        append(connection, table, pd.DataFrame([stamped]))
        connection.commit()
    return True
