"""Against a real Postfix: the mails of a month arrive once and whole, over STARTTLS, whoever is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery import alerts, briefing_mail, ledger
from qxmonitor.delivery.files import document_name
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.disclosure import Gate, pattern
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.post import NOW, message, planned, rows, send
from tests.system.postfix import DOMAIN, SIZE_LIMIT, Postfix, postfix

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin"),
        reason="needs Postfix (scripts/system-deps installs it) and root to start it",
    ),
]

BOXES = [box.address.partition("@")[0] for reader in readers().readers for box in reader.mailboxes]


@pytest.fixture
def running() -> Iterator[Postfix]:
    with postfix([*BOXES, *(f"r{n}" for n in range(1, 30))]) as instance:
        yield instance


def month(folder: Path) -> list[Message]:
    """The risk notices and the briefing of a month, with attachments."""
    shared = pattern(town.frame())

    def gate(reader: str) -> Gate:
        purpose = "statistics" if reader == "stats" else "monitoring"
        return Gate(
            reader, purpose, authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, chains=town.CHAINS,
            reference=town.REFERENCE, pattern=shared,
        )  # fmt: skip

    members = office().edition("joint").members
    files = [folder / document_name(office().title, town.PERIOD, "联席会议", suffix) for suffix in ("docx", "xlsx")]
    for path in files:
        path.write_bytes(random.Random(1).randbytes(40_000))
    gates = {reader.id: gate(reader.id) for reader in readers().readers if reader.alerts}
    notices = alerts.plan(gates, town.alerts(), town.PERIOD, DATE).messages
    edition = office().edition("joint")
    return notices + briefing_mail.mails(
        edition, town.PERIOD, "2026-10-joint-0", files, {m: gate(m) for m in members}, DATE
    )


def parsed(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def parts(mail: EmailMessage) -> list[Any]:
    return [(p.get_content_type(), p.get_filename(), p.get_content()) for p in mail.walk() if not p.is_multipart()]


def test_a_month_of_mails_arrives_once_and_whole(warehouse: Warehouse, running: Postfix, tmp_path: Path) -> None:
    mails = month(tmp_path)
    with warehouse.engine.begin() as conn:
        ledger.plan(conn, mails, NOW)
    sent = pipeline.deliver(warehouse, server=SmtpServer.from_url(running.url))
    assert {row["state"] for row in sent} == {"accepted"}
    assert all(row["detail"].startswith("250 2.0.0 Ok: queued as ") for row in sent)
    assert pipeline.deliver(warehouse, server=SmtpServer.from_url(running.url)) == []

    assert len(running.settled(len(mails))) == len(mails)
    for mail in mails:
        box = mail.recipient.removesuffix(f"@{DOMAIN}")
        (found,) = [f for f in map(parsed, running.delivered(box)) if f["Message-ID"].strip() == mail.message_id]
        planned_ = parsed(mail.body)
        assert {name: found[name] for name in planned_} == {name: planned_[name] for name in planned_}
        assert parts(found) == parts(planned_)
        assert found["Received"] is not None
        assert "ESMTPS" in found["Received"]
        assert found["Return-Path"] == f"<{office().sender_mailbox}>"
        assert found["Delivered-To"] == mail.recipient


def test_what_it_refuses(warehouse: Warehouse, running: Postfix) -> None:
    large = message(2, b"Subject: x\n\n" + b"x" * 70 + b"\n" * SIZE_LIMIT)
    planned(warehouse, message(99), large, message(3, b"Subject: x\n\n.\n..\n.x\n"))
    pipeline.deliver(warehouse, server=SmtpServer.from_url(running.url))
    found = {row["reader"]: (row["state"], row["detail"]) for row in rows(warehouse)}
    assert found["r99"][0] == "refused"
    assert "RCPT 被拒：550 5.1.1" in found["r99"][1]
    assert found["r2"][0] == "refused"
    assert "MAIL 被拒：552 5.3.4" in found["r2"][1]
    assert found["r3"][0] == "accepted"
    (mail,) = running.settled(1)
    assert mail.endswith(b"\n\n.\n..\n.x\n")


def test_senders_killed_at_any_moment(warehouse: Warehouse, settings: Settings, running: Postfix) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.delivery.post"])
    dice, kills = random.Random(3), 0
    planned(warehouse, *(message(n, f"Message-ID: <m{n}@x>\n\n{n}\n".encode()) for n in range(1, 30)))
    for _ in range(12):
        process = processes.Process(target=send, args=(settings, running.url))
        process.start()
        time.sleep(dice.uniform(0.3, 0.6))
        kills += process.is_alive()
        process.kill()
        process.join(60)
    send(settings, running.url)
    found = {row["message_id"]: row["state"] for row in rows(warehouse)}
    accepted = [name for name, state in found.items() if state == "accepted"]
    assert kills > 0
    assert set(found.values()) <= {"accepted", "unknown"}
    arrived = Counter(parsed(mail)["Message-ID"] for mail in running.settled(len(accepted)))
    assert max(arrived.values()) == 1
    assert set(accepted) <= set(arrived) <= set(found)
