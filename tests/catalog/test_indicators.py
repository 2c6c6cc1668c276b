"""The office's YAML: what is shipped holds together, and a slip is refused with its line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from qxmonitor.catalog._yaml import HERE, Entry, load
from qxmonitor.catalog.indicators import Indicators, indicators
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.plans import Plans, plans
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.rules import Rules, rules
from qxmonitor.catalog.targets import Targets, targets
from qxmonitor.catalog.tasks import Tasks, tasks
from qxmonitor.errors import CatalogError

SLIPS: list[tuple[str, type[Entry], str, str, str]] = [
    ("indicators", Indicators, "unit: 千元", "unit: 千圆", r"indicators\.yml 第 \d+ 行 indicators\.0\.unit"),
    ("indicators", Indicators, "direction: up_good", "direction: up", r"indicators\.0\.direction"),
    ("indicators", Indicators, "min_coverage: 0.8", "min_coverage: 80", r"min_coverage"),
    ("indicators", Indicators, "decimals: 2", "decimal: 2", r"第 \d+ 行 .*decimal"),
    ("indicators", Indicators, "id: sales_m", "id: output_m", r"指标编号重复：output_m"),
    ("rules", Rules, "blue: -0.12", "blue: -0.35", r"单调|逐级"),
    ("rules", Rules, "blue: -0.12", "blue: 0.12", r"单调|须为负"),
    ("rules", Rules, "indicator: output_growth", "indicator: output_grows", r"没有指标 output_grows"),
    ("rules", Rules, "plan: firm_stop", "plan: firm_stops", r"没有预案 firm_stops"),
    ("rules", Rules, "orange: 3, red: null", "orange: null, red: 4", r"不得空缺"),
    ("rules", Rules, "id: stop", "id: silence", r"规则编号重复"),
    ("plans", Plans, "days: {blue: 15", "days: {blue: 1", r"答复期限"),
    ("plans", Plans, "id: firm_stop", "id: firm_output_drop", r"预案编号重复"),
    ("targets", Targets, "end: 2022-12", "end: 2019-12", r"终止年月"),
    ("targets", Targets, "firms_hightech, source: register", "firms_hightech, source: returns", r"没有来源 returns"),
    ("targets", Targets, "goal: 230\n", "goal: -230\n", r"goal"),
    ("tasks", Tasks, "clause: 7,", "clause: 8,", r"第 1 至 19 条"),
    ("tasks", Tasks, "lead: [hr, gxj]", "lead: [hrr, gxj]", r"部门编号未定义：hrr"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "model", "right", "wrong", "reason"), SLIPS, ids=[f"{s[0]}-{s[3][:24]}" for s in SLIPS]
)
def test_a_slip_is_refused_in_one_line(
    tmp_path: Path, name: str, model: type[Entry], right: str, wrong: str, reason: str
) -> None:
    text = (HERE / f"{name}.yml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / f"{name}.yml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(CatalogError, match=reason) as caught:
        load(name, model, tmp_path)
    assert "\n" not in str(caught.value)
    assert f"{name}.yml 第 " in str(caught.value)


def test_ids_are_unique_and_display_units_are_scaled() -> None:
    entries = indicators().indicators
    assert len({e.id for e in entries}) == len(entries)
    for entry in entries:
        if entry.unit == "千元":
            assert (entry.display.unit, entry.display.multiply) == ("亿元", 1e-5)
        if entry.unit == "1":
            assert (entry.display.unit, entry.display.multiply) == ("%", 100)


def test_a_concentration_figure_never_passes_the_dominance_test() -> None:
    weighs = {e.id: e.weighs for e in indicators().indicators}
    concentrated = {k for k, v in weighs.items() if v == "always"}
    assert {k for k in weighs if k.startswith(("groups_over_", "cr1_", "cr4_", "hhi_"))} <= concentrated
    assert all(permitted_use().statistical_indicator(k) for k in concentrated)


def test_every_department_named_is_a_reader() -> None:
    known = {reader.id for reader in readers().readers}
    named = {w.lead for r in rules().rules for w in r.watch} | {
        s for r in rules().rules for w in r.watch for s in w.support
    }
    named |= {p.lead for p in plans().plans} | {s for p in plans().plans for s in p.support}
    named |= {lead for t in targets().targets for lead in t.lead}
    assert named <= known


def test_alerts_on_one_firms_returns_are_routed_to_the_statistics_office_alone() -> None:
    for rule in rules().rules:
        for watch in rule.watch:
            if (watch.kind, watch.source) == ("firm", "returns"):
                assert (watch.lead, watch.support) == ("stats", ())
                assert plans().plan(watch.plan).lead == "stats"
                assert plans().plan(watch.plan).support == ()


def test_who_reports_is_no_economic_alert() -> None:
    assert [r.id for r in rules().rules if not r.economic] == ["silence", "data_quality"]


def test_the_nineteen_tasks_are_there() -> None:
    assert len(tasks().tasks) == 19
    assert tasks().tasks[18].lead == ("gxj", "stats")
