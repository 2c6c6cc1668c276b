"""The ledger: whether a mail may go is decided here, from what was planned and sent, never from who runs when.

:func:`plan` writes in the caller's transaction, with the decision to send; a second plan of the same kind, period,
reader and occasion changes nothing, wherever the mail would go. Every change of a message is one statement that also
writes the message's history, and it only happens while the message stands as the caller saw it.

States: planned, sending, accepted; deferred (goes again by itself); refused, failed, bounced, unknown, held (a person
decides); dropped (a person decided that it does not go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, text

from qxmonitor.period import Period
from qxmonitor.warehouse.sql import query

WAITING = {"held": "已扣下", "unknown": "结果不明", "failed": "多次未送成", "refused": "对方拒收", "bounced": "被退回"}
"""States in which a mail waits for a person, and what they are called."""

SYSTEM = "系统"
"""Who changed a message when no person did."""


@dataclass(frozen=True)
class Message:
    """A finished mail.

    Attributes:
        message_id: follows from kind, period, reader and occasion.
        kind: such as ``alerts`` or ``briefing``.
        period: the month it speaks of.
        reader: who it is made for.
        recipient: the mailbox it goes to; empty when there is none, and then it is held.
        subject: one line.
        body: the mail's bytes, lines ending with LF.
        occasion: empty for the regular mail of the period, else why there is another one.
        trial: marked as a trial and addressed to the statistics office instead of the reader.
        held: why it is held from the beginning; empty when it is planned.
    """

    message_id: str
    kind: str
    period: Period
    reader: str
    recipient: str
    subject: str
    body: bytes
    occasion: str = ""
    trial: bool = False
    held: str = ""


class Fate(Exception):
    """How a try ended when the mail was not accepted; the text goes into the ledger and is fit to be read there."""

    state = "unknown"


class Deferred(Fate):
    """Nothing was taken; worth another try later."""

    state = "deferred"


class Unreachable(Deferred):
    """The same, and any other mail would fare no better now: connection, encryption or login failed."""


class Refused(Fate):
    """The server will not take this mail."""

    state = "refused"


class Unknown(Fate):
    """It was handed over whole, and nobody said what became of it."""


class Transport(Protocol):
    """Takes a mail away.

    Attributes:
        name: what the ledger calls it.
        repeatable: delivering the same message again through it leaves one mail.
    """

    name: str
    repeatable: bool

    def deliver(self, message_id: str, recipient: str, body: bytes, handing_over: Callable[[], None]) -> str:
        """Try once; returns a word for the ledger when the mail was accepted.

        Args:
            message_id: of the mail.
            recipient: its mailbox.
            body: its bytes, lines ending with LF.
            handing_over: to be called just before the body's first byte goes out; what it raises must pass.

        Raises:
            Fate: it was not accepted.
        """


def plan(conn: Connection, messages: Iterable[Message], now: datetime, *, who: str = SYSTEM) -> list[str]:
    """Write messages into the ledger as planned (or held); the caller owns the transaction.

    Returns:
        The Message-IDs that are new; the others were planned before, whatever their words or mailbox were then.
    """
    statement = text(query("ledger_plan"))
    new = []
    for message in messages:
        row = conn.execute(
            statement,
            {
                **vars(message), "period": str(message.period), "state": "held" if message.held else "planned",
                "detail": message.held or message.occasion, "who": who, "now": now,
            },
        ).first()  # fmt: skip
        if row is not None:
            new.append(str(row.message_id))
    return new


def change(
    conn: Connection, message_id: str, was: tuple[str, int], state: str, now: datetime, *, attempts: int | None = None,
    who: str = SYSTEM, detail: str = "", via: str | None = None, handing_over: bool = False,
    next_try_at: datetime | None = None,
) -> bool:  # fmt: skip
    """Change a message and write its history; false when it no longer stands as ``was`` (state, attempts) says."""
    row = conn.execute(
        text(query("ledger_change")),
        {
            "message_id": message_id, "was": was[0], "was_attempts": was[1], "state": state, "now": now, "who": who,
            "attempts": was[1] if attempts is None else attempts, "detail": detail, "via": via,
            "handing_over": handing_over, "next_try_at": next_try_at,
        },
    ).first()  # fmt: skip
    return row is not None


@contextmanager
def locked(conn: Connection, message_id: str) -> Iterator[bool]:
    """Hold the session's lock on a message; gives false, without waiting, when another session has it."""
    key = {"message_id": message_id}
    mine = bool(conn.execute(text(query("ledger_lock")), key).scalar_one())
    conn.commit()
    try:
        yield mine
    finally:
        conn.rollback()
        if mine:
            conn.execute(text(query("ledger_unlock")), key)
            conn.commit()


def listing(conn: Connection, period: Period | None = None, message_id: str | None = None) -> list[dict[str, Any]]:
    """The ledger without the bodies, oldest period first."""
    wanted = {"period": None if period is None else str(period), "message_id": message_id}
    return [dict(row) for row in conn.execute(text(query("ledger_list")), wanted).mappings()]


def holds(conn: Connection, kind: str, period: Period) -> bool:
    """Whether any mail of a kind was ever planned for a period."""
    return any(row["kind"] == kind for row in listing(conn, period))


def history(conn: Connection) -> list[dict[str, Any]]:
    """Everything that happened to every mail, in order, with who decided it."""
    return [dict(row) for row in conn.execute(text(query("ledger_history"))).mappings()]


def bodies(conn: Connection, message_ids: list[str]) -> dict[str, bytes]:
    """The bytes of some mails."""
    rows = conn.execute(text(query("ledger_bodies")), {"message_ids": message_ids})
    return {str(row.message_id): bytes(row.body) for row in rows}


def waiting(conn: Connection) -> int:
    """How many mails wait for a person."""
    return int(conn.execute(text(query("ledger_waiting"))).scalar_one())
