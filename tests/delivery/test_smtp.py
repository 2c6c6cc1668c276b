"""Every way a conversation can go, on a real line, and the one state of the ledger it ends in."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.delivery.ledger import Refused
from qxmonitor.delivery.mail import compose
from qxmonitor.delivery.smtp import Smtp, on_the_wire
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.post import NOW, drained, message, planned, rows, states, story
from tests.delivery.smtp_server import DRIP, DROP, GARBAGE, SILENT, Server

pytestmark = pytest.mark.slow

SENDER = office().sender_mailbox
LARGE = b"Subject: x\n\n" + b"." * 70 + b"\n" + b"y" * 70 + b"\n" * 2 + b"z" * 12_000_000
ON_THE_LINE = ("sending",)
"""States between planning and the end when the body never began to go out."""
HANDED_OVER = ("sending", "sending")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def smtp(server: Server, **words: Any) -> Smtp:
    return Smtp(SmtpServer("127.0.0.1", server.port, security="none", **{"timeout": 20} | words), SENDER)


LATER, NEVER = "451 4.3.0 later", "550 5.1.1 never"
CASES = [
    # stage, deed, state, whether the body began to go out, whether the drain goes on, words in the ledger
    *(
        (stage, deed, "deferred", False, False, words)
        for stage in ("greeting", "ehlo")
        for deed, words in [
            ("421 4.3.2 closing", "421 4.3.2 closing"), ("554 5.7.1 not you", "554 5.7.1 not you"), (DROP, ""),
            (SILENT, "超时"), (GARBAGE, ""), (DRIP, "连接中断"),
        ]
        if (stage, deed) != ("ehlo", "554 5.7.1 not you")
    ),
    *(
        (stage, deed, state, False, True, words)
        for stage in ("mail", "rcpt", "data")
        for deed, state, words in [
            (LATER, "deferred", f"{stage.upper()} 被暂拒：451 4.3.0 later"), ("421 bye", "deferred", "421 bye"),
            (NEVER, "refused", f"{stage.upper()} 被拒：550 5.1.1 never"), ("552 5.3.4 too big", "refused", "552"),
            ("530 5.7.0 log in", "deferred", "530"),
            (DROP, "deferred", "连接中断"), (SILENT, "deferred", "超时"), (GARBAGE, "deferred", "回答看不懂"),
            (DRIP, "deferred", "连接中断"),
        ]
    ),
    ("data", "250 what", "deferred", False, True, "回答看不懂"),
    ("body", DROP, "deferred", True, True, "正文未成"),
    ("body", SILENT, "deferred", True, True, "超时"),
    ("dot", LATER, "deferred", True, True, "正文结束后被暂拒：451"),
    ("dot", NEVER, "refused", True, True, "正文结束后被拒：550"),
    ("dot", "552 5.2.2 mailbox full", "refused", True, True, "552 5.2.2 mailbox full"),
    ("dot", DROP, "unknown", True, True, "未等到结果（连接中断）"),
    ("dot", SILENT, "unknown", True, True, "未等到结果（超时）"),
    ("dot", GARBAGE, "unknown", True, True, "回答看不懂"),
    ("dot", DRIP, "unknown", True, True, "未等到结果"),
    ("dot", "354 more", "unknown", True, True, "回答看不懂"),
    ("dot", "250 2.0.0 queued as 4XyZ", "accepted", True, True, "250 2.0.0 queued as 4XyZ"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "deed", "state", "out", "on", "words"), CASES)
def test_each_conversation_has_its_state(
    common: Warehouse,
    number: int,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    deed: str,
    state: str,
    out: bool,
    on: bool,
    words: str,
) -> None:
    """The first of two mails meets it; does the drain go on, what does the ledger say, and what happens afterwards?"""

    def now(reader: int) -> str:
        return next(row["state"] for row in rows(common) if row["reader"] == f"r{reader}")

    def took() -> int:
        return sum(mail.recipients == [f"r{number}@example.invalid"] for mail in server.taken)

    server.deeds[stage], server.only = deed, 1
    if deed == DRIP:
        monkeypatch.setattr("qxmonitor.delivery.smtp._PATIENCE", 1)
    planned(common, message(number, LARGE if stage == "body" else b"Subject: x\n\n1\n"), message(number + 1))
    transport = smtp(server, timeout=1.5 if deed in (SILENT, DRIP) else 20)
    (row, *rest) = drained(common, transport)
    assert (row["state"], bool(rest)) == (state, on and "530" not in deed), row
    assert words in row["detail"]
    assert "\n" not in row["detail"]
    assert row["via"] == transport.name
    assert story(common, number) == ["planned", *(HANDED_OVER if out else ON_THE_LINE), state]
    assert took() == (state in ("accepted", "unknown"))

    server.deeds.clear()
    due = server.connections + sum(now(n) in ("planned", "deferred") for n in (number, number + 1))
    drained(common, smtp(server, timeout=20), NOW + timedelta(minutes=6))
    end = "accepted" if state == "deferred" else state
    assert (now(number), took()) == (end, end != "refused")
    assert server.connections == due


def test_a_large_mail_goes_whole(warehouse: Warehouse, server: Server) -> None:
    planned(warehouse, message(1, LARGE))
    server.extensions = ["SIZE 50000000"]
    assert [row["state"] for row in drained(warehouse, smtp(server, timeout=20))] == ["accepted"]
    assert server.taken[0].body == LARGE.replace(b"\n", b"\r\n") + b"\r\n"


def test_one_transaction_a_recipient_and_a_fresh_connection_a_try(warehouse: Warehouse, server: Server) -> None:
    planned(warehouse, *(message(n) for n in range(1, 6)))
    drained(warehouse, smtp(server))
    assert [mail.recipients for mail in server.taken] == [[f"r{n}@example.invalid"] for n in range(1, 6)]
    assert server.connections == 5
    assert {mail.sender for mail in server.taken} == {SENDER}


def test_a_refused_recipient_concerns_nobody_else(warehouse: Warehouse, server: Server) -> None:
    """Where a common sender hands one mail to many, those refused are lost among those accepted."""
    planned(warehouse, *(message(n) for n in range(1, 4)))
    server.deeds["rcpt"] = lambda session: NEVER if "r2@example.invalid" in session.mail.recipients else None  # type: ignore[union-attr]
    assert [row["state"] for row in drained(warehouse, smtp(server))] == ["accepted", "refused", "accepted"]
    assert [mail.recipients for mail in server.taken] == [["r1@example.invalid"], ["r3@example.invalid"]]


def test_nobody_listens(warehouse: Warehouse, server: Server) -> None:
    planned(warehouse, message(1), message(2))
    server.__exit__(None, None, None)
    (row,) = drained(warehouse, smtp(server))
    assert (row["state"], row["detail"]) == ("deferred", "连接未成：连接被拒绝")
    assert states(warehouse) == ["deferred", "planned"]


def test_no_such_host(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    away = Smtp(SmtpServer("nowhere.invalid", security="tls", timeout=5), SENDER)
    (row,) = drained(warehouse, away)
    assert (row["state"], "连接未成" in row["detail"]) == ("deferred", True)


def test_an_old_server_without_ehlo(warehouse: Warehouse, server: Server) -> None:
    server.deeds["ehlo"] = "502 5.5.1 what?"
    planned(warehouse, message(1))
    assert [row["state"] for row in drained(warehouse, smtp(server))] == ["accepted"]
    assert server.taken[0].options == ""


def test_a_wrong_certificate_file_is_one_line() -> None:
    with pytest.raises(Exception, match="读不了证书文件"):
        Smtp(SmtpServer("mail.example.invalid", ca=__file__, security="tls"), SENDER)  # type: ignore[arg-type]


# -- what goes over the line -----------------------------------------------------------------------------------------


def test_size_and_eight_bits_are_announced_when_offered(server: Server) -> None:
    body = "Subject: x\n\n八位\n".encode()
    smtp(server).deliver("<m1@x>", "r1@example.invalid", body, lambda: None)
    assert server.taken[0].options == f"SIZE={len(body) + 3} BODY=8BITMIME"
    assert server.taken[0].body == body.replace(b"\n", b"\r\n")
    server.extensions = []
    smtp(server).deliver("<m1@x>", "r1@example.invalid", body, lambda: None)
    assert server.taken[1].options == ""


def test_international_addresses_only_where_the_server_knows_them(server: Server) -> None:
    with pytest.raises(Refused, match="SMTPUTF8"):
        smtp(server).deliver("<m1@x>", "工信局@例子.example", b"1\n", lambda: None)
    server.extensions.append("SMTPUTF8")
    smtp(server).deliver("<m1@x>", "工信局@例子.example", b"1\n", lambda: None)
    smtp(server).deliver("<m1@x>", "gxj@例子.example", b"1\n", lambda: None)
    assert [mail.recipients for mail in server.taken] == [["工信局@xn--fsqu00a.example"], ["gxj@xn--fsqu00a.example"]]
    assert ["SMTPUTF8" in mail.options for mail in server.taken] == [True, False]


def test_a_mail_to_an_international_address_reads_back(server: Server) -> None:
    """Headers are UTF-8 only then (RFC 6532); an international domain alone is written in ASCII."""
    server.extensions.append("SMTPUTF8")
    for address, spec, ascii_ in (
        ("工信@例子.example", "工信@xn--fsqu00a.example", False), ("gxj@例子.example", "gxj@xn--fsqu00a.example", True),
    ):  # fmt: skip
        boxes = [{"role": "主", "address": address}]
        reader = Reader.model_validate(readers().reader("gxj").model_dump() | {"mailboxes": boxes})
        mail = compose(office(), reader, "alerts", town.PERIOD, "标题", "文\n", "<p>文</p>", NOW)
        smtp(server).deliver(mail.message_id, mail.recipient, mail.body, lambda: None)
        taken = server.taken[-1]
        found = message_from_string(taken.body.decode(), policy=policy.default)
        (to,) = found["To"].addresses
        assert (taken.recipients, to.addr_spec, to.display_name) == ([spec], spec, "工信局")
        assert (found["Subject"], taken.body.isascii()) == ("标题", ascii_)


PIECES = [b".", b"..", b"\n", b"\r", b"\r\n", b"a", b"\x80", b"\n.\n", b"\r\n.\r\n"]


@pytest.fixture(scope="module")
def listening() -> Iterator[Server]:
    with Server() as running:
        yield running


@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    )
)  # fmt: skip
def test_any_body_comes_out_as_it_went_in(listening: Server, body: bytes) -> None:
    """What a server un-stuffs is the body with CRLF ends; no body ends the mail early or smuggles a second one."""
    before = len(listening.taken)
    smtp(listening, timeout=5).deliver("<m1@x>", "r1@example.invalid", body, lambda: None)
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = lines if lines.endswith(b"\n") else lines + b"\n"
    assert len(listening.taken) == before + 1
    assert listening.taken[-1].body == lines.replace(b"\n", b"\r\n")


@given(st.binary(max_size=500))
def test_the_wire_form_is_that_of_smtplib(body: bytes) -> None:
    """The library's own, not public, is the second opinion; it does not end the last line."""
    theirs = smtplib._quote_periods(smtplib._fix_eols(body.decode("latin-1")).encode("latin-1"))  # type: ignore[attr-defined]
    ours = on_the_wire(body)
    assert ours.removesuffix(b"\r\n") == theirs.removesuffix(b"\r\n")
    assert b"\n.\r\n" not in ours


def test_an_address_cannot_carry_a_command(server: Server) -> None:
    with pytest.raises(Refused, match="写法不对"):
        smtp(server).deliver("<m1@x>", "a\r\nRCPT TO:<b@x.y", b"1\n", lambda: None)
    assert server.taken == []


def test_two_at_once_send_each_mail_once(warehouse: Warehouse, server: Server) -> None:
    import threading

    planned(warehouse, *(message(n, b"Message-ID: <m%d@x>\n\n1\n" % n) for n in range(12)))
    workers = [threading.Thread(target=lambda: drained(warehouse, smtp(server, timeout=20))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(mail.message_id for mail in server.taken) == sorted(f"<m{n}@x>" for n in range(12))
    assert {row["state"] for row in rows(warehouse)} == {"accepted"}
