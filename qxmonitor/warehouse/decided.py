"""What the office decides: who is meant, how a file is read, and what counts no more. Appended, never changed.

A decision has a ``known_at`` like a file, so a look back before it sees things as they were, and a ``recorded_at``
handed out under the lock of loading, so reads frozen earlier never change. No decision can touch a value.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pandas as pd
from adbc_driver_postgresql import dbapi

from qxmonitor.errors import QxError
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, LOCK_LOAD, LOCK_MONTHS, Warehouse, fetch, lock
from qxmonitor.warehouse.load import append

Row = dict[str, Any]
Kind = Literal["withdraw", "reinstate"]
Fix = Literal["identity", "unit", "mapping"]


def decide_identity(
    wh: Warehouse, subject: str, uscc: str, *, who: str, why: str, known_at: datetime | None = None
) -> Row:
    """Let a name or code mean a firm from ``known_at`` on; an empty ``uscc`` revokes what was decided.

    Args:
        wh: an open warehouse.
        subject: ``name:…``, ``customs:…`` or ``org:…`` as ``list matches`` shows it.
        uscc: the firm's credit code.
        who: who decides.
        why: the reason.
        known_at: from when on it counts; now by default.

    Returns:
        The decision as recorded; the same decision again is not recorded twice.

    Raises:
        QxError: another decision on the same subject counts from the same moment.
    """
    with wh.alone(LOCK_MONTHS), wh.adbc() as connection:  # no month that is being computed may miss it
        row, there = fix(connection, wh, "identity", subject, uscc, who=who, why=why, known_at=known_at)
        if not there:
            append(connection, "fix_decision", _frame(row))
            connection.commit()
    return row


def fix(
    connection: dbapi.Connection, wh: Warehouse, kind: Fix, target: str, value: str, *, who: str, why: str,
    known_at: datetime | None,
) -> tuple[Row, bool]:  # fmt: skip
    """A decision as it is to be recorded, or as it was: without a time given, one that says what counts already.

    Args:
        connection: that takes the lock of loading, to the end of its transaction.
        wh: the warehouse.
        kind: of what.
        target: what is decided on.
        value: what it is to mean; '' revokes.
        who: who decides.
        why: the reason.
        known_at: from when on; None is now.

    Returns:
        The row of ``fix_decision``, and whether it is there.

    Raises:
        QxError: another decision on the same counts from the same moment.
    """
    head = _head(connection)
    there = fetch(connection, sql.query("decision_there"), kind, target).to_pylist()
    if known_at is None and there and there[-1]["value"] == value:
        return there[-1], True
    known_at = known_at or wh.settings.now()
    for row in there:
        if row["known_at"] == known_at:
            if row["value"] != value:
                raise QxError("同一时点已有另一项决定，请另定生效时间")
            return row, True
    return {
        "fix_id": int(head["fix_id"]) + 1, "kind": kind, "target": target, "value": value, "who": who, "why": why,
        "known_at": known_at, "recorded_at": head["recorded_at"],
    }, False  # fmt: skip


def flag(wh: Warehouse, sha256: str, kind: Kind, *, who: str, why: str, known_at: datetime) -> Row:
    """Withdraw a content from ``known_at`` on, or let it count again. Nothing is deleted.

    Args:
        wh: an open warehouse.
        sha256: of the content; all its arrivals, later ones too, go with it.
        kind: ``withdraw`` or ``reinstate``.
        who: who decides.
        why: the reason.
        known_at: from when on.

    Returns:
        What was recorded; the same again is not recorded twice.

    Raises:
        QxError: the opposite was decided for the same moment.
    """
    with wh.alone(LOCK_MONTHS), wh.adbc() as connection:  # no month that is being computed may miss it
        head = _head(connection)
        there = fetch(connection, sql.query("decision_withdrawals"), sha256).to_pandas()
        same = there[there["known_at"] == known_at]
        if len(same) and (same["kind"] != kind).any():
            raise QxError("同一时点已有相反的决定，请另定生效时间")
        row = {
            "withdrawal_id": int(head["withdrawal_id"]) + 1, "sha256": sha256, "kind": kind, "who": who, "why": why,
            "known_at": known_at, "recorded_at": head["recorded_at"],
        }  # fmt: skip
        if same.empty:
            append(connection, "withdrawal", _frame(row))
            connection.commit()
    return row


def content(wh: Warehouse, name: str, *, refused: bool = False) -> Row:
    """The content that a sha256 or the path of an arrival (or its last part) means.

    Args:
        wh: an open warehouse.
        name: of the content.
        refused: whether one that was only ever refused will do.

    Raises:
        QxError: there is none, or there are several.
    """
    found = wh.arrow(sql.query("decision_file"), name, refused).to_pylist()
    if not found:
        raise QxError("没有收到过这份文件，请按 qxmonitor list receipts 中的 sha256 或路径填写")
    if len(found) > 1:
        raise QxError(f"有 {len(found)} 份内容不同的文件同名，请改用 sha256")
    row: Row = found[0]
    return row


def withdrawn(wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None) -> set[str]:
    """The sha256 of every content that is withdrawn as known and recorded by then."""
    found = wh.arrow(sql.query("withdrawn"), known_at or FOREVER, recorded_at or FOREVER)
    return set(found["sha256"].to_pylist())


def decisions(wh: Warehouse) -> pd.DataFrame:
    """Every decision in the order recorded."""
    return wh.frame(sql.query("decision_list"))


def matches(wh: Warehouse) -> pd.DataFrame:
    """How each subject of each source is matched now: source, subject, entity, how, name, rows, files."""
    return wh.frame(sql.query("matches"))


def _head(connection: dbapi.Connection) -> Row:
    lock(connection, LOCK_LOAD)
    head: Row = fetch(connection, sql.query("load_head")).to_pylist()[0]
    return head


def _frame(row: Row) -> pd.DataFrame:
    frame = pd.DataFrame([row])
    return frame.assign(known_at=pd.to_datetime(frame["known_at"], utc=True))
