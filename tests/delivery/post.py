"""Small mails and what the ledger says of them, for the tests of ledger, drain, decisions and SMTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from qxmonitor import pipeline
from qxmonitor.delivery import ledger
from qxmonitor.delivery.drain import drain
from qxmonitor.delivery.ledger import Message, Transport
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.conftest import DATE

NOW = DATE


def message(number: int, body: bytes = b"Subject: x\n\n1\n", **words: Any) -> Message:
    address = f"r{number}@example.invalid"
    return Message(f"<m{number}@x>", "alerts", town.PERIOD, f"r{number}", address, "标题", body, **words)


def planned(warehouse: Warehouse, *messages: Message) -> list[str]:
    with warehouse.engine.begin() as conn:
        return ledger.plan(conn, messages, NOW)


def drained(warehouse: Warehouse, transport: Transport, now: datetime = NOW) -> list[dict[str, Any]]:
    return drain(warehouse.engine, transport, lambda: now)


def rows(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.engine.connect() as conn:
        return ledger.listing(conn)


def states(warehouse: Warehouse) -> list[str]:
    return [row["state"] for row in rows(warehouse)]


def story(warehouse: Warehouse, number: int = 1) -> list[str]:
    """The states a message went through, by its history."""
    with warehouse.engine.connect() as conn:
        return [row["state"] for row in ledger.history(conn) if row["message_id"] == f"<m{number}@x>"]


class Killed(BaseException):
    """Stands for the process ending here."""


def kill(_: str) -> None:
    raise Killed


def send(settings: Settings, url: str) -> None:
    """Drain to a mail server; for a process of its own, which may be killed."""
    with Warehouse(settings) as wh:
        pipeline.deliver(wh, server=SmtpServer.from_url(url))


class Recorder:
    """A transport that counts, and may fail or be killed at a message, before or after the body goes out."""

    def __init__(
        self,
        *,
        repeatable: bool = True,
        name: str = "recorder",
        at: Callable[[str], None] = lambda _: None,
        before: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.repeatable, self.name, self.at, self.before = repeatable, name, at, before
        self.seen: list[str] = []

    def deliver(self, message_id: str, recipient: str, body: bytes, handing_over: Callable[[], None]) -> str:
        self.before(message_id)
        handing_over()
        self.seen.append(message_id)
        self.at(message_id)
        return "ok"
