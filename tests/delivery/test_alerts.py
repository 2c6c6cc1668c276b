from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import pandas as pd
import pytest

from qxmonitor.catalog.mailboxes import Mailbox
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.delivery.alerts import TOLD, Known, plan
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import compose
from qxmonitor.disclosure import Gate
from qxmonitor.period import Period
from tests.delivery import town
from tests.delivery.conftest import DATE

Gates = Callable[..., Gate]
READERS = [r.id for r in readers().readers if r.alerts]


def sent(gate: Gates, alerts: pd.DataFrame | None = None, **options: Any) -> dict[str, Message]:
    gates = {reader: gate(reader, **options) for reader in READERS}
    return {m.reader: m for m in plan(gates, town.alerts() if alerts is None else alerts, town.PERIOD, DATE).messages}


def parsed(message: Message) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(message.body, policy=policy.default))


def body(message: Message, kind: str = "plain") -> str:
    part = parsed(message).get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_one_mail_a_reader_and_the_same_bytes_again(gate: Gates) -> None:
    first, second = sent(gate), sent(gate)
    assert {r: m.body for r, m in first.items()} == {r: m.body for r, m in second.items()}
    assert len({m.message_id for m in first.values()}) == len(first)


def test_headers_read_back_as_they_were_meant(gate: Gates) -> None:
    mail = parsed(sent(gate)["gxj"])
    assert mail["Subject"] == "【风险提示】2026年10月清溪镇工业经济运行：橙1项、黄1项、蓝1项（模拟数据）"
    (to,) = mail["To"].addresses
    assert (to.display_name, to.addr_spec) == ("工信局", "gxj@example.invalid")
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (office().sender_name, office().sender_mailbox)
    assert mail["Date"].datetime == DATE
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert not mail.defects


def test_header_lines_are_short_ascii(gate: Gates) -> None:
    for message in sent(gate).values():
        head = message.body.split(b"\n\n", 1)[0]
        assert head.isascii()
        assert max(len(line) for line in head.split(b"\n")) <= 98


def test_who_gets_a_mail(gate: Gates) -> None:
    """Readers with nothing to be told and no ``when_empty`` get none."""
    assert set(sent(gate)) == {"stats", "gxj", "swj", "leaders"}
    assert set(sent(gate, town.alerts().iloc[:0])) == {"stats", "gxj", "swj", "leaders"}
    everywhere = pd.DataFrame([town.alert("total_drop", "town", "town", "returns", 1, growth=-0.09)])
    assert {"finance", "hr"} <= set(sent(gate, everywhere))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_nothing_to_say_is_said(gate: Gates, kind: str) -> None:
    message = sent(gate, town.alerts().iloc[:0])["leaders"]
    assert "本期无风险提示" in body(message, kind)
    assert message.subject.endswith("本期无风险提示（模拟数据）")


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_an_alert_last_judged_in_an_earlier_month_is_no_finding_of_this_one(gate: Gates, kind: str) -> None:
    """Its figures were that month's; a firm that no longer reports is neither falling nor well."""
    message = sent(gate, town.alerts().assign(period="2026-09"))["gxj"]
    text = body(message, kind)
    assert "本期无新增风险提示，延续3项" in text and "本期无风险提示" not in text
    assert message.subject.endswith("本期无新增风险提示，延续3项（模拟数据）")
    assert "此前提示、本期未作判断" in text
    assert "东莞市虚构光电有限公司（企业自报）：产值下降，橙色，自2026年8月起，最近判断为2026年9月" in text
    assert "当月工业总产值" not in text
    assert "4200" not in text


def test_what_was_not_judged_is_no_reason_for_a_mail(gate: Gates) -> None:
    """It is told where a mail goes anyway; finance and 人社 get one only when there is something new."""
    everywhere = pd.DataFrame([town.alert("total_drop", "town", "town", "returns", 1, growth=-0.09)])
    assert set(sent(gate, everywhere.assign(period="2026-09"))) == {"stats", "gxj", "swj", "leaders"}


def test_an_alert_quiet_in_an_earlier_month_did_not_turn_quiet_in_this_one(gate: Gates) -> None:
    table = town.alerts().assign(period="2026-09")
    table["evidence"] = table["evidence"].str.replace('"trend": "held"', '"trend":"quiet"')
    assert "恢复正常" not in body(sent(gate, table)["gxj"])


def test_a_firm_is_not_named_after_its_authorisation_ran_out(gate: Gates) -> None:
    gates = {"gxj": gate("gxj")}
    for last_judged in ("2026-12", "2027-01"):  # 甲乙's authorisation ends with 2026
        table = town.alerts().assign(period=last_judged)
        (message,) = plan(gates, table, Period("2027-01"), DATE).messages
        assert "甲乙" not in body(message)


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_month_without_returns_is_said_to_be_one(gate: Gates, kind: str) -> None:
    (message,) = plan({"stats": gate("stats")}, town.alerts(), Period("2027-01"), DATE).messages
    assert message.subject == "【风险提示】2027年1月清溪镇工业经济运行：本期报表免报，未作判断，延续4项（模拟数据）"
    assert "产销总值表免报，不作风险判断" in body(message, kind)
    assert "本期无风险提示" not in body(message, kind)
    assert "最近判断为2026年10月" in body(message, kind)


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_an_alert_is_a_whole_story(gate: Gates, kind: str) -> None:
    text = body(sent(gate)["gxj"], kind)
    for part in (
        "模拟数据",
        "贵局为重点企业与产业链监测的牵头单位",  # why this reader
        "东莞市虚构光电有限公司",
        "当月工业总产值4,200万元，按自身此前各月应为7,330万元（八成把握在7,000至7,700之间），低42.7%；本月起突然走低",
        "2026年8月（其间3个月达到提示标准）",
        "平稳序列一百个月里约有0.005次低到这样（提示线0.1次，且低5%以上）",
        "当月工业总产值同比下降12.1%",
        "与上年同期可比口径相比",
        "依据企业自报数，未经统计核定",
        "重点企业产值下降应对预案",
        "于2026年11月23日前反馈办理情况",  # orange: five days
        "配合单位：商务局、镇领导班子",
        "最早的反馈期限：2026年11月23日",
    ):
        assert part in text


def test_a_reminder_is_not_called_new(gate: Gates) -> None:
    """Opened in August, as bad as before, nobody answered: the mail says so, and counts months and not mails."""
    alerts = town.alerts()
    rows = [("2026-09", "gxj", "", key, "mailed", 3, "<m>", "", None) for key in alerts["alert_id"]]
    alerts["evidence"] = alerts["evidence"].str.replace("{", '{"due":"2026-10",', n=1)
    known = Known(told=pd.DataFrame(rows, columns=TOLD))
    text = body(plan({"gxj": gate("gxj")}, alerts, town.PERIOD, DATE, known=known).messages[0])
    assert "东莞市虚构光电有限公司（企业，企业自报）〔未变化、未签收〕" in text
    assert "新提示" not in text and "次提示" not in text


def test_an_old_alert_told_to_a_reader_for_the_first_time_says_so(gate: Gates) -> None:
    text = body(sent(gate)["gxj"])
    assert "东莞市虚构光电有限公司（企业，企业自报）〔首次列入〕" in text
    assert "未变化" not in text and "已升级" not in text


@pytest.mark.parametrize(
    ("sent_on", "answered_by"),
    [
        (DATE.replace(month=9, day=28), "2026年10月8日"),  # five days on lies in National Day's week
        (DATE.replace(month=2, day=9), "2026年2月14日"),  # a Saturday that is worked
        (DATE.replace(month=11, day=16), "2026年11月23日"),  # five days on is a Saturday that is not
    ],
)
def test_an_answer_is_wanted_on_a_working_day(gate: Gates, sent_on: datetime, answered_by: str) -> None:
    (message,) = plan({"gxj": gate("gxj")}, town.alerts(), town.PERIOD, sent_on).messages
    assert f"于{answered_by}前反馈办理情况" in body(message)


def test_without_authorisation_the_department_has_the_chain(gate: Gates) -> None:
    text = body(sent(gate)["swj"])
    assert "电气机械及设备" in text
    assert "虚构光电" in text
    assert "甲乙" not in text  # authorised to 工信局 only
    assert "模拟婴童" not in text  # to nobody
    assert "婴幼童玩具用品" not in text  # a chain of two groups


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_lead_that_may_not_see_a_notice_is_not_said_to_answer_it(gate: Gates, kind: str) -> None:
    """The chain of two groups is kept from 工信局, which leads its plan: 统计办 follows it up."""
    messages = sent(gate)
    assert "婴幼童玩具用品" not in body(messages["gxj"], kind)
    text = body(messages["stats"], kind)
    mine = text[text.index("婴幼童玩具用品") :]
    mine = mine[mine.index("办理要求") :][:120]
    assert "工信局不得查看本项，未向其发送；由统计办于" in mine and "前核实跟进" in mine
    other = text[text.index("电气机械及设备") :]
    assert "不得查看" not in other[other.index("办理要求") :][:120]


def test_returns_and_silence_only_in_the_statistics_mail(gate: Gates) -> None:
    by_reader = {reader: body(message) for reader, message in sent(gate).items()}
    assert "停产" in by_reader["stats"].split("应对预案")[0]
    assert "数据催报（不属经济风险）：逾期未报" in by_reader["stats"]
    for reader, text in by_reader.items():
        if reader != "stats":
            assert "逾期未报" not in text
            assert "企业，联网直报" not in text


def test_one_month_is_no_run_of_months(gate: Gates) -> None:
    text = body(sent(gate)["stats"])
    assert "工业产销总值表逾期未报\n" in text
    assert "工业总产值为零，已连续4个报告期" in text


def test_late_returns_are_no_risks_in_the_subject(gate: Gates) -> None:
    only_late = town.alerts().query("rule == 'silence'")
    assert "本期无风险提示，数据催报1项" in sent(gate, only_late)["stats"].subject


def test_hostile_names_are_text(gate: Gates) -> None:
    html = body(sent(gate)["gxj"], "html")
    assert town.SPECIAL not in html
    assert "甲乙&lt;b&gt;&amp;&#34;厂&#34;&lt;/b&gt;有限公司" in html


def test_headers_cannot_be_injected() -> None:
    box = Mailbox(role="主", address="x@example.invalid")
    to = Reader(
        id="x", name="甲局\r\nBcc: t@x.y", channel="administrative", mailboxes=(box,), live=True,
        purposes=("monitoring",), alerts=True, when_empty=True, why="测试测试",
    )  # fmt: skip
    message = compose(office(), to, "alerts", town.PERIOD, "提示\nBcc: thief@example.invalid", "文", "<p>文</p>", DATE)
    mail = parsed(message)
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Qxmonitor-Kind", "X-Qxmonitor-Period",
        "MIME-Version", "Content-Type",
    }  # fmt: skip


def test_real_data_carry_no_label(gate: Gates) -> None:
    message = sent(gate, simulated=False)["gxj"]
    assert "模拟数据" not in body(message) + body(message, "html") + message.subject


def test_alerts_of_later_months_are_not_told(gate: Gates) -> None:
    assert "本期无风险提示" in sent(gate, town.alerts().assign(period="2026-11"))["gxj"].subject


def test_quiet_and_closed_alerts(gate: Gates) -> None:
    table = town.alerts()
    table["evidence"] = table["evidence"].str.replace('"trend": "held"', '"trend":"quiet"')
    assert "另有3项本期恢复正常，尚在观察期" in body(sent(gate, table)["gxj"])
    closed = town.alerts().assign(state="closed", closed=str(town.PERIOD))
    text = body(sent(gate, closed)["gxj"])
    assert "本期解除" in text
    assert "东莞市虚构光电有限公司：产值下降（自2026年8月起）" in text


def test_only_returns_are_said_to_stay_in_the_statistical_channel(gate: Callable[..., Gate]) -> None:
    """Goods of the bonded centre are told to the trade office, which has every right to them."""
    rows = [
        town.alert("bonded_overdue", "firm", town.FIRMS.index[0], "bonded", 3, told="占比40%", limit="0.1%"),
        town.alert("output_drop", "firm", town.FIRMS.index[0], "returns", 3, **town.DROP),
    ]
    for reader, said in (("swj", "依据保税物流中心数，请先与企业核实"), ("stats", "依据联网直报数，限统计渠道内使用")):
        (message,) = plan({reader: gate(reader)}, pd.DataFrame(rows), town.PERIOD, DATE).messages
        assert said in body(message)
        assert ("统计渠道" in body(message)) == (reader == "stats")
