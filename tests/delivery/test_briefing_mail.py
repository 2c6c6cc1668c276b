from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from qxmonitor.catalog.office import office
from qxmonitor.delivery.briefing_mail import KIND, MIME, mails
from qxmonitor.delivery.files import document_name
from qxmonitor.delivery.ledger import Message
from qxmonitor.disclosure import Gate
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.test_alerts import body, parsed

Gates = Callable[..., Gate]
ISSUE = "2026-10-joint-0a1b2c3d"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / document_name(office().title, town.PERIOD, "联席会议", s) for s in ("docx", "xlsx", "html")]
    for path in paths:
        path.write_bytes(b"\x00\r\n.\n" + path.name.encode() * 500)
    return paths


def made(gate: Gates, files: list[Path], edition: str = "joint", occasion: str = "", **words: bool) -> list[Message]:
    wanted = office().edition(edition)
    gates = {member: gate(member, **words) for member in wanted.members}
    return mails(wanted, town.PERIOD, ISSUE, files, gates, DATE, occasion)


def test_one_mail_a_member_and_the_same_bytes_again(gate: Gates, files: list[Path]) -> None:
    found = made(gate, files)
    assert [mail.reader for mail in found] == list(office().edition("joint").members)
    assert {mail.kind for mail in found} == {KIND}
    assert len({mail.message_id for mail in found}) == len(found)
    assert found == made(gate, files)
    (own,) = made(gate, files, "stats")
    assert (own.reader, own.recipient) == ("stats", "tjb@example.invalid")


def test_word_and_excel_come_under_their_names(gate: Gates, files: list[Path]) -> None:
    mail = parsed(made(gate, files)[0])
    attached = list(mail.iter_attachments())
    assert [part.get_filename() for part in attached] == [
        "经济运行监测简报_2026-10_联席会议.docx", "经济运行监测简报_2026-10_联席会议.xlsx",
    ]  # fmt: skip
    assert [part.get_content_type() for part in attached] == list(MIME.values())
    assert [part.get_content() for part in attached] == [path.read_bytes() for path in files[:2]]
    assert b"filename*" in made(gate, files)[0].body
    assert mail["X-Qxmonitor-Issue"] == ISSUE
    assert mail.get_content_type() == "multipart/mixed"
    assert not mail.defects


def test_the_cover_says_what_it_is_and_why(gate: Gates, files: list[Path]) -> None:
    (leaders, gxj, *_) = made(gate, files)
    assert leaders.subject == "清溪镇经济运行监测简报〔2026〕第10期（2026年10月）（模拟数据）"
    for kind in ("plain", "html"):
        text = body(gxj, kind)
        for part in ("工信局：", "模拟数据", "联席会议版", "正文（Word）和附表（Excel）见附件",
                     "贵局为重点企业与产业链监测的牵头单位", "请勿外传", "清溪镇统计办", "2026年11月18日"):  # fmt: skip
            assert part in text, part
    real = made(gate, files, simulated=False)[0]
    assert "模拟" not in real.subject + body(real) + body(real, "html")


def test_again_is_another_mail_and_says_so(gate: Gates, files: list[Path]) -> None:
    first, again = made(gate, files)[0], made(gate, files, occasion="附表二更正")[0]
    assert first.message_id != again.message_id
    assert (again.occasion, "（重发）" in again.subject) == ("附表二更正", True)
    assert "本次为重发" in body(again)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_document_that_is_missing_stops_it(gate: Gates, files: list[Path], missing: int) -> None:
    with pytest.raises(QxError, match="简报缺少文件"):
        made(gate, [path for path in files if path != files[missing]])


def test_it_passes_a_mail_program_unharmed(gate: Gates, files: list[Path]) -> None:
    """Parsed and written again, as relays do, it is the same mail."""
    found = made(gate, files)[0]
    again = message_from_bytes(message_from_bytes(found.body, policy=policy.SMTP).as_bytes(), policy=policy.default)
    assert [p.get_content() for p in again.iter_attachments()] == [path.read_bytes() for path in files[:2]]
    assert found.body.isascii()
    assert max(len(line) for line in found.body.splitlines()) <= 998


def test_another_month_is_another_mail(gate: Gates, files: list[Path]) -> None:
    wanted = office().edition("stats")
    ids = {
        mails(wanted, p, ISSUE, files, {"stats": gate("stats")}, DATE)[0].message_id
        for p in (town.PERIOD, Period("2026-09"))
    }
    assert len(ids) == 2
