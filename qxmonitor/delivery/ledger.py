"""The ledger: whether a mail may go is decided here, from what was planned and sent, never from who runs when.

``plan`` writes in the caller's transaction, with the decision to send; a second plan of the same kind, period,
reader and recipient changes nothing. ``drain`` takes each message through planned → sending → accepted with a commit
at each step, holding a session lock on it: a second drainer passes over it, and the lock of a killed one is gone
with its connection. What a killed drainer left in ``sending`` goes out again through a transport whose second
delivery leaves one mail (a Maildir); for any other it becomes ``unknown``, for a person to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, text

from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.warehouse.sql import query


@dataclass(frozen=True)
class Message:
    """A finished mail: who it is for and its bytes."""

    message_id: str
    kind: str
    period: Period
    reader: str
    recipient: str
    subject: str
    body: bytes


class Transport(Protocol):
    """Takes a mail away. ``repeatable``: delivering the same message again leaves one mail."""

    repeatable: bool

    def deliver(self, message_id: str, recipient: str, body: bytes) -> str:
        """Deliver; returns a word for the ledger.

        Raises:
            QxError: it was refused for good.
            OSError: it did not work this time.
        """


def plan(conn: Connection, messages: Iterable[Message], now: datetime) -> list[str]:
    """Write messages into the ledger as planned; the caller owns the transaction.

    Returns:
        The Message-IDs that are new; the others were planned before, whatever their words were then.
    """
    statement = text(query("ledger_plan"))
    new = []
    for message in messages:
        row = conn.execute(statement, {**vars(message), "period": str(message.period), "now": now}).first()
        if row is not None:
            new.append(str(row.message_id))
    return new


def drain(engine: Engine, transport: Transport, now: datetime, *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Deliver everything planned (and what a killed drainer left half-way).

    Args:
        engine: of the warehouse; this takes connections of its own.
        transport: where mails go.
        now: written as the time of each change.
        dry_run: only say what would go.

    Returns:
        One dict per message touched: recipient, kind, period, reader, subject, state, message_id, detail.
    """
    if dry_run:
        with engine.connect() as conn:
            return [row for row in listing(conn) if row["state"] in ("planned", "sending")]
    outcomes = []
    with engine.connect() as conn:
        due = [str(row.message_id) for row in conn.execute(text(query("ledger_due")))]
        conn.rollback()
        for message_id in due:
            key = {"message_id": message_id}
            if not conn.execute(text(query("ledger_hold")), key).scalar_one():
                conn.rollback()
                continue
            try:
                conn.commit()
                outcome = _send(conn, transport, message_id, now)
                if outcome is not None:
                    outcomes.append(outcome)
            finally:
                conn.rollback()
                conn.execute(text(query("ledger_release")), key)
                conn.commit()
    return outcomes


def listing(conn: Connection, period: Period | None = None) -> list[dict[str, Any]]:
    """The ledger without the bodies, oldest period first."""
    rows = conn.execute(text(query("ledger_list")), {"period": None if period is None else str(period)})
    return [dict(row) for row in rows.mappings()]


def _send(conn: Connection, transport: Transport, message_id: str, now: datetime) -> dict[str, Any] | None:
    """One message, under its lock; None when somebody else finished it meanwhile."""
    row = conn.execute(text(query("ledger_claim")), {"message_id": message_id}).mappings().first()
    if row is None:
        conn.rollback()
        return None
    outcome = {name: row[name] for name in ("recipient", "kind", "period", "reader", "subject", "message_id")}
    if row["state"] == "sending" and not transport.repeatable:
        return outcome | _settle(conn, message_id, "unknown", "上次发送中断，结果不明，请人工核对", now)
    _settle(conn, message_id, "sending", "", now)
    try:
        detail = transport.deliver(message_id, row["recipient"], bytes(row["body"]))
    except QxError as error:
        return outcome | _settle(conn, message_id, "refused", str(error), now)
    except OSError as error:
        return outcome | _settle(
            conn, message_id, "deferred", f"投递未成：{error.strerror or type(error).__name__}", now
        )
    return outcome | _settle(conn, message_id, "accepted", detail, now)


def _settle(conn: Connection, message_id: str, state: str, detail: str, now: datetime) -> dict[str, str]:
    conn.execute(text(query("ledger_state")), {"message_id": message_id, "state": state, "detail": detail, "now": now})
    conn.commit()
    return {"state": state, "detail": detail}
