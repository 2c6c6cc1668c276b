"""龙头企业冲击 in mails and papers: one story for all, names for those who may see firms, and nothing for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.alerts import Known, plan
from qxmonitor.delivery.briefing import Material
from qxmonitor.disclosure import Gate, Pattern
from qxmonitor.drilling import drill
from qxmonitor.evaluation.shocks import draw
from qxmonitor.period import Period
from qxmonitor.signals import fold, judge, links, spread
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.test_alert_life import drops, mail, paper
from tests.delivery.test_alerts import body

Gates = Callable[..., Gate]
ONE, TWO, THREE, FOUR = town.FIRMS.index
LINKED = pd.DataFrame([("firm", ONE, TWO), ("firm", ONE, FOUR)], columns=["cause_kind", "cause", "entity"])
TOLD = spread.words(1, Period("2026-08"), 0.41, 12, 6, 33_000.0, 0.021)


def shock(**more: Any) -> pd.DataFrame:
    proof = {
        "leads": ONE,
        "suppliers": f"{TWO}、{FOUR}",
        "begun": "2026-08",
        "told": TOLD,
        "limit": "提示线4个标准差",
    }
    row = town.alert("lead_firm_shock", "chain", "C01", "returns", 2, **(proof | more), due="2026-08")
    return pd.DataFrame([row])


def test_the_statistics_office_reads_one_story_with_all_names_in_it(gate: Gates) -> None:
    alerts = pd.concat([shock(), drops(ONE, TWO, FOUR, source="returns")], ignore_index=True)
    message, noted = mail(gate, "stats", alerts, Known(linked=LINKED))
    assert noted["part"].tolist() == ["mailed", "explained", "explained", "explained"]
    assert message.subject.endswith("黄1项（模拟数据）")
    long = town.FIRMS["name"].iloc[3]
    for form in ("plain", "html"):
        text = body(message, form)
        assert "东莞市虚构光电有限公司" in text and long in text and TOLD in text
        assert "归并提示" in text and "不涉及单个企业" not in text and "限统计渠道内使用" in text
    assert f"  受波及者：{town.SPECIAL}、{long}" in body(message)
    assert ONE not in body(message, "html")


@pytest.mark.parametrize("reader", ["gxj", "swj", "leaders", "finance"])
def test_nobody_outside_the_statistical_channel_learns_of_it(gate: Gates, reader: str) -> None:
    assert not gate(reader).alerts(shock(), town.PERIOD)
    alerts = pd.concat([shock(), drops(TWO)], ignore_index=True)
    planned = plan({reader: gate(reader)}, alerts, town.PERIOD, DATE, known=Known(linked=LINKED))
    for message in planned.messages:
        for form in ("plain", "html"):
            assert "龙头企业冲击" not in body(message, form) and "虚构光电" not in body(message, form)
    if reader == "gxj":  # its own named alert is not held back by what it may not know of
        assert "甲乙" in body(planned.messages[0])


def test_the_briefings_say_it_to_the_statistics_office_alone(gate: Gates, material: Material) -> None:
    alerts = pd.concat([shock(), drops(ONE, FOUR, source="returns")], ignore_index=True)
    stats = paper(gate, material, "stats", alerts=alerts, known=Known(linked=LINKED))
    assert "光电通讯（东莞市虚构光电有限公司走低，波及" in stats
    assert "产业链提示依据联网直报数，限统计渠道内使用" in stats and "汇总数，不涉及单个企业" not in stats
    joint = paper(gate, material, "joint", alerts=alerts, known=Known(linked=LINKED))
    assert "龙头企业冲击" not in joint and "虚构光电" not in joint and "波及" not in joint


def test_a_name_that_may_not_stand_there_is_left_out(gate: Gates) -> None:
    (told,) = gate("stats").alerts(shock(suppliers=f"{TWO}、91000000MA0000NOBODY"), town.PERIOD)
    assert told.evidence["suppliers"].text == town.SPECIAL
    (told,) = gate("stats").alerts(shock(suppliers="91000000MA0000NOBODY"), town.PERIOD)
    assert "suppliers" not in told.evidence


def test_a_drill_says_what_a_mail_would() -> None:
    rows = {row["reader"]: row for row in drill("lead_firm_shock", "yellow", DATE)}
    assert "标准差" in rows["stats"]["text"] and "None" not in rows["stats"]["text"]
    assert "龙头企业：" in rows["stats"]["text"]


def test_a_staged_shock_from_its_figures_to_one_mail_a_reader() -> None:
    """Judged, folded and planned month by month, as it would be known: seven or more suppliers, one story."""
    last = Period("2021-12")
    made = draw(300, last - 35, last, 3, {"lead_shock": 1})
    staged = [event for event in made.events if event.cause is not None and event.end == last]
    codes, names = made.panel.firms.index, made.panel.firms["name"]
    (lead,) = {event.cause for event in staged}
    suppliers = {codes[event.firm] for event in staged if event.firm != lead}
    rules_ = {"output_drop", "lead_firm_shock"}
    verdicts = judge(made.panel, made.panel.months, rules_)
    alerts = fold(verdicts)
    linked = links(made.panel.firms, made.panel.chains)
    nobody = pd.DataFrame({name: [] for name in ("subject", "items", "readers", "since", "until")}, dtype="str")

    def planned() -> dict[str, Any]:
        gates = {
            to.id: Gate(
                to.id, to.purposes[0], authorisations=nobody, simulated=True, firms=made.panel.firms,
                chains=made.panel.chains, pattern=Pattern(frozenset(), frozenset()),
            )
            for to in readers().readers if to.alerts
        }  # fmt: skip
        done = plan(gates, alerts, last, DATE, known=Known(linked=linked, firms=made.panel.firms))
        assert len({m.recipient for m in done.messages}) == len(done.messages)
        return {m.message_id: body(m) for m in done.messages} | {"told": done.told.to_dict("records")}

    first = planned()
    assert planned() == first
    told = pd.DataFrame(first.pop("told"))
    mine = told[told["reader"] == "stats"].set_index("alert_id")["part"]
    assert set(told["reader"]) == {"stats"}
    (key,) = [one for one in mine.index if one.startswith("lead_firm_shock:") and codes[lead] in _proof(alerts, one)]
    assert mine[key] == "mailed"
    own = [one for one in mine.index if one.split(":")[2] in {*suppliers, codes[lead]}]
    assert codes[lead] in {one.split(":")[2] for one in own} and len(own) >= 3
    assert set(mine[own]) == {"explained"}, "one story, not one a supplier"
    texts = list(first.values())
    named = [names[code] for code in suppliers]
    (statistics,) = [text for text in texts if names[codes[lead]] in text]
    assert statistics.count("〔龙头企业冲击〕") == 1 and sum(name in statistics for name in named) >= 3
    assert not any(name in text for text in texts if text is not statistics for name in (*named, names[codes[lead]]))


def _proof(alerts: pd.DataFrame, key: str) -> str:
    return str(alerts.set_index("alert_id")["evidence"][key])


def test_the_rule_is_tied_to_the_statistical_channel() -> None:
    from qxmonitor.catalog.permitted_use import permitted_use

    assert permitted_use().statistical_rule("lead_firm_shock") and office().editions
