"""The drain: takes each due message through sending to its fate, with a commit before each outward step.

A session lock on the message keeps a second drainer away, and the lock of a killed one is gone with its connection.
What a killed drainer left in ``sending`` tells how far it came: before the body began to go out nothing can have been
taken, so it goes again; after that its end is unknown and a person decides, unless the transport is one through which
a repetition leaves one mail.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from qxmonitor.catalog.office import office
from qxmonitor.delivery import ledger
from qxmonitor.delivery.ledger import Deferred, Fate, Transport, Unknown, Unreachable
from qxmonitor.errors import QxError
from qxmonitor.warehouse.sql import query

log = logging.getLogger(__name__)

_LOST = (OperationalError, InterfaceError)
"""The database went away, as against a statement that is wrong."""

_PAUSES = (0.1, 1.0, 2.0)
"""Seconds between attempts to write a fate down."""

Clock = Callable[[], datetime]


class _Overtaken(Exception):
    """The message no longer stands as this drainer left it."""


def drain(engine: Engine, transport: Transport, clock: Clock) -> list[dict[str, Any]]:
    """Deliver everything due; ends early when the server cannot be reached, leaving the rest as it stands.

    Args:
        engine: of the warehouse; this takes a connection of its own.
        transport: where mails go.
        clock: the present.

    Returns:
        The ledger's row of each message touched.

    Raises:
        QxError: the database went away; what was under way is taken up by the next drain.
    """
    touched: list[str] = []
    try:
        with engine.connect() as conn:
            due = [str(row.message_id) for row in conn.execute(text(query("ledger_due")), {"now": clock()})]
            conn.rollback()
            for message_id in due:
                with ledger.locked(conn, message_id) as mine:
                    sender = _claim(conn, transport, message_id, clock) if mine else None
                    if sender is None:
                        continue
                    touched.append(message_id)
                    try:
                        if not sender.go():
                            break
                    except _Overtaken:
                        log.warning("%s was changed by somebody else", message_id)
            return [row for message_id in touched for row in ledger.listing(conn, message_id=message_id)]
    except _LOST as error:
        log.warning("database lost in mid-drain: %s", type(error).__name__)
    raise QxError("发送中数据库连接中断；再次运行 qxmonitor deliver 会接着处理")


def due(engine: Engine) -> list[dict[str, Any]]:
    """What a drain would send, now or later, with the mail's bytes under ``body``."""
    with engine.connect() as conn:
        rows = [row for row in ledger.listing(conn) if row["state"] in ("planned", "sending", "deferred")]
        found = ledger.bodies(conn, [row["message_id"] for row in rows])
    return [row | {"body": found[row["message_id"]]} for row in rows]


@dataclass
class _Sender:
    """One message under its lock."""

    conn: Connection
    transport: Transport
    row: dict[str, Any]
    clock: Clock
    handing_over: bool = False

    def go(self) -> bool:
        """Send it; false when no other mail should be tried now."""
        fate: Fate | None = None
        accepted = ""
        try:
            if self.row["state"] == "sending" and not self._take_up():
                return True
            self._begin()
            accepted = self.transport.deliver(
                self.row["message_id"], self.row["recipient"], bytes(self.row["body"]), self._hand_over
            )
        except Fate as error:
            fate = error
        except (DBAPIError, _Overtaken):
            raise
        except Exception as error:  # a defect in one mail must not keep the others from going
            log.error("%s: %s", self.row["message_id"], type(error).__name__)
            kind = Unknown if self.handing_over else Deferred
            fate = kind(f"程序出错：{type(error).__name__}")
        self._end(fate, accepted)
        return not isinstance(fate, Unreachable)

    def _take_up(self) -> bool:
        """What a killed drainer left; whether it may go again."""
        repeatable = self.transport.repeatable and self.row["via"] == self.transport.name
        if self.row["handing_over"] and not repeatable:
            self._change("unknown", detail="上次发送在交出正文后中断，结果不明，请人工核对")
            return False
        self._change(
            "planned", detail="上次发送中断，未交出正文" if not repeatable else "上次投递中断，再次投递不会重复"
        )
        return True

    def _begin(self) -> None:
        self._change("sending", attempts=self.row["attempts"] + 1, via=self.transport.name)

    def _hand_over(self) -> None:
        self._change("sending", detail="开始交出正文", handing_over=True)
        self.handing_over = True

    def _end(self, fate: Fate | None, accepted: str) -> None:
        if fate is None:
            self._write_down("accepted", detail=accepted)
        elif isinstance(fate, Deferred):
            again = office().delivery.next_try(self.row["attempts"], self.clock())
            if again is None:
                self._write_down("failed", detail=f"试了 {self.row['attempts']} 次仍未送成：{fate}")
            else:
                self._write_down("deferred", detail=str(fate), next_try_at=again)
        else:
            self._write_down(fate.state, detail=str(fate))

    def _write_down(self, state: str, **words: Any) -> None:
        """Change, with some patience: a database that just restarts should not turn a known fate into an unknown one.

        The lock went with the connection; that the message still stands as it was left is checked all the same.
        """
        for pause in _PAUSES:
            try:
                self._change(state, **words)
                return
            except _LOST:
                log.warning("database lost before the fate of %s was written", self.row["message_id"])
                self.conn.rollback()
                time.sleep(pause)
        self._change(state, **words)

    def _change(self, state: str, *, attempts: int | None = None, **words: Any) -> None:
        """Change and commit; from here on this is how the message stands."""
        was = (self.row["state"], self.row["attempts"])
        if not ledger.change(self.conn, self.row["message_id"], was, state, self.clock(), attempts=attempts, **words):
            self.conn.rollback()
            raise _Overtaken(self.row["message_id"])
        self.conn.commit()
        self.row["state"] = state
        self.row["attempts"] = was[1] if attempts is None else attempts


def _claim(conn: Connection, transport: Transport, message_id: str, clock: Clock) -> _Sender | None:
    """The message under its lock; None when somebody else finished it meanwhile."""
    row = conn.execute(text(query("ledger_claim")), {"message_id": message_id, "now": clock()}).mappings().first()
    conn.rollback()
    return None if row is None else _Sender(conn, transport, dict(row), clock)
