"""What a mail says of alerts told before, silenced, explained, over budget and unanswered; and to whom it may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.alerts import TOLD, Known, plan, view
from qxmonitor.delivery.briefing import Material, build
from qxmonitor.delivery.html import briefing_html
from qxmonitor.delivery.ledger import Message
from qxmonitor.disclosure import Gate
from qxmonitor.drilling import drill
from qxmonitor.period import SHANGHAI
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.test_alerts import body

Gates = Callable[..., Gate]
ONE, TWO, THREE, FOUR = town.FIRMS.index
LINKED = pd.DataFrame(
    [("firm", ONE, TWO), ("firm", ONE, THREE), ("chain", "C02", FOUR)], columns=["cause_kind", "cause", "entity"]
)
SILENCE = {
    "silence_id": "S1", "rule": "output_drop", "entity_kind": "*", "entity": "*", "chain": "*", "first": "2026-10",
    "last": "2026-12", "who": "张某", "why": "设备检修",
}  # fmt: skip


def drops(*firms: str, source: str = "self_report", **more: Any) -> pd.DataFrame:
    rows = [town.alert("output_drop", "firm", firm, source, 3, **town.DROP, due="2026-08") for firm in firms]
    return pd.DataFrame(rows).assign(**more)


def told(
    reader: str, alerts: pd.DataFrame, period: str = "2026-09", part: str = "mailed", until: date | None = None
) -> pd.DataFrame:
    rows = [(period, reader, "", key, part, 3, "<m>", "", until) for key in alerts["alert_id"]]
    return pd.DataFrame(rows, columns=TOLD)


def mail(gate: Gates, reader: str, alerts: pd.DataFrame, known: Known) -> tuple[Message, pd.DataFrame]:
    planned = plan({reader: gate(reader)}, alerts, town.PERIOD, DATE, known=known)
    (message,) = planned.messages
    return message, planned.told


def test_what_was_told_and_goes_on_is_counted_and_not_told_again(gate: Gates) -> None:
    alerts = drops(ONE, TWO)
    message, noted = mail(gate, "gxj", alerts, Known(told=told("gxj", alerts)))
    assert message.subject.endswith("本期无新增风险提示，延续2项（模拟数据）")
    assert "另有2项此前已提示、级别未变" in body(message) and "另有2项" in body(message, "html")
    assert "虚构光电" not in body(message)
    assert noted["part"].tolist() == ["held", "held"]
    message, noted = mail(gate, "gxj", alerts, Known(told=told("swj", alerts)))
    assert noted["part"].tolist() == ["mailed", "mailed"], "another reader was told, not this one"
    assert noted["answer_by"].tolist() == [date(2026, 11, 23)] * 2
    assert "橙2项" in message.subject


def gone(*firms: str, closed: str = "2026-10", by: str = "unjudged") -> pd.DataFrame:
    proof = json.dumps({"closed_by": by, "trend": "closed"}, separators=(",", ":"))
    return drops(*firms, state="closed", closed=closed, period="2026-04", opened="2026-03", evidence=proof)


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_who_was_told_of_a_notice_is_told_once_that_nothing_judges_it_any_more(gate: Gates, kind: str) -> None:
    alerts = gone(ONE, TWO)
    before = told("gxj", alerts.iloc[:1], period="2026-04")
    message, noted = mail(gate, "gxj", alerts, Known(told=before))
    assert message.subject.endswith("本期无风险提示，终止跟踪1项（模拟数据）")
    text = body(message, kind)
    assert (
        "东莞市虚构光电有限公司（企业自报）：产值下降，橙色，自2026年3月起，最近判断为2026年4月，其后连续6个月没有判断"
        in text
    )
    assert "这不代表风险已经解除" in text and "本期解除" not in text and "恢复正常" not in text
    assert "甲乙" not in text, "nobody was told of it"
    assert noted[["part", "reason"]].to_numpy().tolist() == [
        ["closed", "告知：无判断依据，终止跟踪（不代表风险已解除）"]
    ]  # fmt: skip
    after = pd.concat([before, told("gxj", alerts.iloc[:1], part="closed")])
    later = alerts.assign(closed="2026-09")
    message, noted = mail(gate, "gxj", later, Known(told=after))
    assert "终止跟踪" not in body(message, kind) and noted.empty
    lost = after.assign(state=["accepted", "bounced"])
    assert "终止跟踪1项" in mail(gate, "gxj", later, Known(told=lost))[0].subject, "that mail came back"
    assert "终止跟踪1项" in mail(gate, "gxj", later, Known(told=before))[0].subject, "no mail went in the month itself"
    again = alerts.assign(closed="2026-10")  # judged once more after all, and then again for so long by nothing
    assert "终止跟踪1项" in mail(gate, "gxj", again, Known(told=after))[0].subject


def test_a_mail_goes_for_it_even_to_who_gets_none_without_news(gate: Gates) -> None:
    alerts = pd.DataFrame([town.alert("total_drop", "town", "town", "returns", 1)]).assign(
        **gone(ONE)[["state", "closed", "period", "opened", "evidence"]].iloc[0]
    )
    known = Known(told=told("hr", alerts, period="2026-04"))
    assert plan({"hr": gate("hr")}, alerts, town.PERIOD, DATE).messages == []
    (message,) = plan({"hr": gate("hr")}, alerts, town.PERIOD, DATE, known=known).messages
    assert "终止跟踪1项" in message.subject


@pytest.mark.parametrize(("by", "word"), [
    ("quiet", "恢复正常，已解除"), ("review", "处置后复核正常，已解除"), ("person", "人工解除"),
])  # fmt: skip
def test_a_lifted_notice_says_what_lifted_it(gate: Gates, by: str, word: str) -> None:
    message, noted = mail(gate, "gxj", gone(ONE, by=by), Known())
    assert f"东莞市虚构光电有限公司：产值下降（自2026年3月起），{word}" in body(message)
    assert "不是解除" not in body(message)
    assert noted["part"].tolist() == ["closed"]


def test_a_silence_holds_for_what_is_not_judged_as_well(gate: Gates) -> None:
    alerts = drops(ONE, period="2026-09")
    message, noted = mail(gate, "gxj", alerts, Known())
    assert "虚构光电" in body(message) and noted["part"].tolist() == ["carried"]
    known = Known(silences=pd.DataFrame([SILENCE]), firms=town.FIRMS)
    message, noted = mail(gate, "gxj", alerts, known)
    assert "虚构光电" not in body(message) and "另有1项在静默期内" in body(message)
    assert noted[["part", "reason"]].to_numpy().tolist() == [["silenced", "静默 S1"]]


def test_the_same_month_on_another_occasion_tells_the_same(gate: Gates) -> None:
    alerts = drops(ONE)
    known = Known(told=told("gxj", alerts, period=str(town.PERIOD)))
    assert "橙1项" in mail(gate, "gxj", alerts, known)[0].subject


def test_one_mail_for_the_lead_firm_with_its_suppliers_in_it(gate: Gates) -> None:
    alerts = drops(ONE, TWO)
    message, noted = mail(gate, "gxj", alerts, Known(linked=LINKED))
    assert message.subject.endswith("橙1项（模拟数据）")
    assert f"牵连配套：{town.SPECIAL}，其提示归并于此" in body(message)
    assert "牵连配套" in body(message, "html")
    assert noted["part"].tolist() == ["mailed", "explained"]
    assert noted["reason"][1] == f"因果归并于 {alerts['alert_id'][0]}"
    again = Known(linked=LINKED, told=told("gxj", alerts.iloc[:1]))
    message, _ = mail(gate, "gxj", alerts, again)
    assert f"● {town.SPECIAL}：由东莞市虚构光电有限公司产值下降（自2026年8月起）引起，不单独提示" in body(message)


def test_an_alarm_the_reader_may_not_see_explains_nothing(gate: Gates) -> None:
    """The lead firm's fall stands in its returns alone: a department must not learn of it by a silence."""
    alerts = pd.concat([drops(ONE, source="returns"), drops(TWO)], ignore_index=True)
    message, noted = mail(gate, "gxj", alerts, Known(linked=LINKED))
    assert "甲乙" in body(message) and "牵连" not in body(message) and "虚构光电" not in body(message)
    assert dict(zip(noted["alert_id"], noted["part"], strict=True)) == {alerts["alert_id"][1]: "mailed"}


def test_a_supplier_the_reader_may_not_see_is_not_named(gate: Gates) -> None:
    message, noted = mail(gate, "gxj", drops(ONE, THREE), Known(linked=LINKED))
    assert "模拟婴童" not in body(message) and "牵连" not in body(message)
    assert noted["part"].tolist() == ["mailed", "withheld"]


def test_what_is_silenced_is_counted_and_its_end_is_announced(gate: Gates) -> None:
    silences = pd.DataFrame([SILENCE])
    message, noted = mail(gate, "gxj", drops(ONE), Known(silences=silences, firms=town.FIRMS))
    assert "另有1项在静默期内，不提示" in body(message) and "虚构光电" not in body(message)
    assert noted["reason"].tolist() == ["静默 S1"]
    over = silences.assign(first="2026-07", last="2026-09")
    message, noted = mail(gate, "gxj", drops(ONE), Known(silences=over, firms=town.FIRMS))
    assert "● 全部对象：产值下降，静默至2026年9月，自本期起恢复提示（负责人：张某；原因：设备检修）" in body(message)
    assert noted["part"].tolist() == ["mailed"]


def test_a_silence_of_a_chain_is_said_by_its_name(gate: Gates) -> None:
    """Of a code alone it is not said what it is, so it stays where firms may be named."""
    over = Known(silences=pd.DataFrame([SILENCE | {"entity": "C02", "first": "2026-07", "last": "2026-09"}]))
    nothing = drops(ONE).iloc[:0]
    assert "● 电气机械及设备：产值下降，静默至2026年9月" in body(mail(gate, "stats", nothing, over)[0])
    assert "静默" not in body(mail(gate, "gxj", nothing, over)[0])


@pytest.mark.parametrize(("state", "part"), [("dropped", "mailed"), ("bounced", "mailed"), ("accepted", "held")])
def test_what_nobody_received_is_news_still(gate: Gates, state: str, part: str) -> None:
    alerts = drops(ONE)
    before = told("gxj", alerts).assign(state=state)
    assert mail(gate, "gxj", alerts, Known(told=before))[1]["part"].tolist() == [part]


def test_who_never_got_the_mail_is_not_late(gate: Gates) -> None:
    alerts = drops(ONE)
    for state, said in (("accepted", True), ("held", False), ("dropped", False)):
        asked = told("gxj", alerts, until=date(2026, 10, 20)).assign(state=state)
        assert ("到期未签收" in mail(gate, "leaders", alerts, Known(told=asked))[0].subject) == said


def test_a_silence_of_a_firm_is_announced_to_the_statistics_office_alone(gate: Gates) -> None:
    row = SILENCE | {"entity": ONE, "first": "2026-07", "last": "2026-09"}
    over = Known(silences=pd.DataFrame([row]), firms=town.FIRMS)
    assert "静默到期" in body(mail(gate, "stats", drops(ONE).iloc[:0], over)[0])
    for reader in ("gxj", "leaders", "swj"):
        text = body(mail(gate, reader, drops(ONE).iloc[:0], over)[0])
        assert "静默" not in text and "虚构光电" not in text


def test_over_budget_is_said(gate: Gates, monkeypatch: pytest.MonkeyPatch) -> None:
    few = alerting().model_copy(update={"budget": alerting().budget.model_copy(update={"readers": {"gxj": 1}})})
    monkeypatch.setattr("qxmonitor.delivery.alerts.alerting", lambda: few)
    message, noted = mail(gate, "gxj", drops(ONE, TWO), Known())
    assert "另有1项超出本期提示上限" in body(message) and "橙1项" in message.subject
    assert sorted(noted["part"]) == ["budget", "mailed"]


def test_unanswered_past_its_day_the_reader_above_is_told_once(gate: Gates) -> None:
    alerts = drops(ONE)
    asked = told("gxj", alerts, until=date(2026, 10, 26))
    message, noted = mail(gate, "leaders", alerts, Known(told=asked))
    line = "● 东莞市虚构光电有限公司（企业自报）：产值下降，橙色，自2026年8月起，应由工信局于2026年10月26日前反馈"
    assert line in body(message)
    assert "escalated" in noted["part"].tolist()
    said, not_over = told("leaders", alerts, part="escalated"), told("gxj", alerts, until=date(2026, 11, 20))
    for known in (pd.concat([asked, said]), not_over):
        assert "escalated" not in mail(gate, "leaders", alerts, Known(told=known))[1]["part"].tolist()
    answered = alerts.assign(state="in_hand")
    assert "到期未签收" not in body(mail(gate, "leaders", answered, Known(told=asked))[0])


def test_a_drill_says_so_everywhere(gate: Gates) -> None:
    from qxmonitor.delivery.alerts import message

    to = readers().reader("gxj")
    shown, _ = view(gate("gxj"), to, drops(ONE), town.PERIOD, DATE, drill=True)
    mail_ = message(office(), to, shown, town.PERIOD, DATE)
    assert mail_.subject.startswith("【演练】")
    assert "预案演练" in body(mail_) and "预案演练" in body(mail_, "html")


# -- the briefing ----------------------------------------------------------------------------------------------------


def paper(gate: Gates, material: Material, reader: str, **more: Any) -> str:
    edition = next(e for e in office().editions if e.reader == reader)
    return briefing_html(build(gate(reader), edition, town.PERIOD, replace(material, **more), DATE), reader)


def labelled(
    alert_id: str, label: str, cause: str = "", *, told: bool = True, known_at: datetime = DATE
) -> dict[str, Any]:  # fmt: skip
    rule, kind, entity, source, opened = alert_id.split(":")
    return {
        "alert_id": alert_id, "rule": rule, "entity_kind": kind, "entity": entity, "source": source, "opened": opened,
        "label": label, "cause": cause, "who": "甲", "why": "走访", "known_at": known_at,
        "told": told,
    }  # fmt: skip


def test_the_briefing_lists_silences_explained_suppliers_and_what_to_expect_of_false_alarms(
    gate: Gates, material: Material
) -> None:
    verdicts = pd.DataFrame(
        [(str(town.PERIOD), "output_drop", "firm", f"F{n}", "returns") for n in range(2000)],
        columns=["period", "rule", "entity_kind", "entity", "source"],
    )
    alerts = pd.concat([drops(ONE, TWO, source="returns"), drops(FOUR, source="returns")], ignore_index=True)
    silences = pd.DataFrame([SILENCE | {"entity": FOUR, "entity_kind": "firm"}])
    known = Known(silences=silences, linked=LINKED, firms=town.FIRMS, verdicts=verdicts)
    text = paper(gate, material, "stats", alerts=alerts, known=known)
    assert "预计约有2项误报" in text  # 2,000 judgements at the rule's mark of 0.001
    assert "本期风险提示共1项：橙色1项" in text
    assert "的提示由东莞市虚构光电有限公司产值下降（自2026年8月起）引起，不单独列示" in text
    assert "静默约定（期内不提示，本期涉及1项）：名称特别特别长" in text and "负责人张某，原因：设备检修" in text
    joint = paper(gate, material, "joint", alerts=alerts, known=known)
    assert "静默" not in joint and "误报" not in joint and "张某" not in joint


def test_the_briefing_says_what_false_discovery_control_left(gate: Gates, material: Material) -> None:
    """Of 400 judgements one at 0.00001 stands and one at 0.0008 does not: 2 × 10 % ÷ 400 is 0.0005."""
    verdicts = pd.DataFrame(
        [(str(town.PERIOD), "output_drop", "firm", f"F{n}", "returns") for n in range(400)],
        columns=["period", "rule", "entity_kind", "entity", "source"],
    )
    rows = [
        town.alert("output_drop", "firm", firm, "returns", 3, **town.DROP, p=p)
        for firm, p in ((ONE, 0.00001), (TWO, 0.0008))
    ]
    alerts = pd.DataFrame(rows).assign(opened=str(town.PERIOD))
    text = paper(gate, material, "stats", alerts=alerts, known=Known(verdicts=verdicts))
    assert "误报控制（误报占比不超过10%）的有1项，其中误报平均不超过0.1项；未通过控制、不发邮件、待核实的有1项" in text


def test_the_briefing_says_what_became_of_the_last_alerts_and_what_is_still_open(
    gate: Gates, material: Material
) -> None:
    last = drops(ONE, TWO, THREE, FOUR, source="returns")
    last["opened"] = "2026-09"
    last["alert_id"] = last["alert_id"].str.replace("2026-08", "2026-09")
    last["state"] = ["in_hand", "acknowledged", "opened", "resolved"]
    labels = pd.DataFrame(
        [
            labelled(last["alert_id"][0], "true", "订单转移"), labelled(last["alert_id"][1], "false"),
            labelled(f"stop:firm:{THREE}:returns:2026-09", "true", "停电两周", told=False),
        ]
    )  # fmt: skip
    text = paper(gate, material, "stats", alerts=last, labels=labels)
    assert "2026年9月新提示4项；属实的有东莞市虚构光电有限公司（产值下降，订单转移）；误报的有" in text
    assert "尚未核实2项" in text
    assert "应提示而未提示（漏报）的有：模拟婴童用品（东莞）有限公司（停产，停电两周）" in text
    assert "尚未办结4项，其中已签收1项，处置中1项，已处置、待复核1项。尚未签收1项：由统计办牵头的1项" in text
    joint = paper(gate, material, "joint", alerts=last, labels=labels)
    for words in ("订单转移", "停电", "漏报", "尚未办结"):
        assert words not in joint


def test_what_was_told_and_judged_anew_since_is_a_hit_and_late_findings_are_told_in_the_next_briefing(
    gate: Gates, material: Material
) -> None:
    last = drops(ONE, source="returns")
    before, since = datetime(2026, 10, 8, tzinfo=SHANGHAI), datetime(2026, 10, 28, tzinfo=SHANGHAI)
    labels = pd.DataFrame(
        [
            labelled(f"stop:firm:{THREE}:returns:2026-09", "true", "停电两周"),  # its return was filed again since
            labelled(f"stop:firm:{TWO}:returns:2026-09", "false", told=False),  # no miss after all
            labelled(last["alert_id"][0], "explained", "检修", known_at=since),  # opened in August
            labelled(f"stop:firm:{TWO}:returns:2026-06", "true", told=False, known_at=since),
            labelled(f"stop:firm:{FOUR}:returns:2026-06", "true", "早已说过", known_at=before),
        ]
    )  # fmt: skip
    text = paper(gate, material, "stats", alerts=last, labels=labels)
    assert "2026年9月新提示1项；属实的有模拟婴童用品（东莞）有限公司（停产，停电两周）。更早月份的提示" in text
    assert "上期以来有了核实结论：东莞市虚构光电有限公司（产值下降，2026年8月起）可解释，检修；应提示而未" in text
    assert "（停产，2026年6月）。" in text
    assert "早已说过" not in text
    assert "更早月份" not in paper(gate, material, "joint", alerts=last, labels=labels)


def test_evidence_of_who_explained_is_never_shown(gate: Gates) -> None:
    proof = json.loads(drops(ONE)["evidence"][0]) | {"explained_by": "output_drop:firm:X:returns:2026-08"}
    (alert,) = gate("gxj").alerts(drops(ONE).assign(evidence=json.dumps(proof)), town.PERIOD)
    assert "explained_by" not in alert.evidence


def test_alerts_of_a_rule_that_watches_such_no_more_are_left_out(gate: Gates, material: Material) -> None:
    old = [
        town.alert("output_drop", "town", "town", "returns", 1, growth=-0.09),
        town.alert("gone", "firm", ONE, "returns", 1),
    ]
    known = Known(verdicts=pd.DataFrame(columns=["period", "rule", "entity_kind", "entity", "source"]))
    assert "本期风险提示共" not in paper(gate, material, "stats", alerts=pd.DataFrame(old), known=known)


def test_a_drill_of_a_fall_says_what_a_mail_would() -> None:
    rows = drill("firm_output_drop", "red", DATE)
    assert [row["reader"] for row in rows] == ["gxj", "swj", "leaders"]
    assert "当月工业总产值3,600万元，按自身此前各月应为9,000万元" in rows[0]["text"]
    assert "低60.0%；本月起突然走低" in rows[0]["text"]
