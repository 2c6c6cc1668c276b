"""Approved figures beside ours by hand, for both editions, and what is not told."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from qxmonitor.delivery.tables import approved_table, town_table
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.comparison import Compared, compared
from tests.delivery import town

Gates = Callable[..., Gate]
ROWS = pd.DataFrame(
    [
        ("output", "ytd", 390.0, 2.0), ("output", "m", 39.5, None), ("industrial_power", "ytd", 0.5, 3.0),
        ("gdp", "ytd", 500.0, 5.5), ("value_added", "ytd", 90.0, 4.0),
    ],
    columns=["indicator", "measure", "value", "growth"],
).assign(period=str(town.PERIOD))  # fmt: skip


def told(gate: Gates, reader: str, rows: pd.DataFrame = ROWS) -> dict[str, Compared]:
    one = gate(reader)
    parts = town.decomposition() if reader == "stats" else None
    found = compared(one, one.clear(town.frame()), rows, town.PERIOD, parts)
    return {entry.name.text: entry for entry in found}


def test_the_difference_and_what_it_is_made_of(gate: Gates) -> None:
    entry = told(gate, "stats")["规上工业总产值"]
    assert entry.own is not None and entry.gap is not None
    assert (entry.own.ytd.number, entry.own.growth_ytd.number) == (382.5, 0.8)
    assert entry.gap.level.text == "7.50"
    assert entry.gap.late is not None and entry.gap.late.text == "4.33"  # 433 333.6 千元 missing, as a year ago
    assert entry.gap.rest is not None and entry.gap.rest.text == "3.17"
    assert entry.gap.points is not None and entry.gap.points.text == "1.2"
    assert entry.gap.base is not None
    assert entry.gap.base.number == pytest.approx(390 / 1.02 - 390 / 1.008, abs=0.005)


def test_outside_the_statistical_channel_late_firms_are_not_told_apart(gate: Gates) -> None:
    gap = told(gate, "joint")["规上工业总产值"].gap
    assert gap is not None and gap.late is None and gap.rest is None
    assert gap.level.text == "7.50"


def test_units_are_those_approved_and_real_growth_has_no_base(gate: Gates) -> None:
    power, added = (told(gate, "stats")[name] for name in ("工业用电量", "规上工业增加值"))
    assert power.own is not None and power.own.ytd.unit == "亿千瓦时"
    ours = gate("stats").clear(town.frame()).get("power_ytd", town.PERIOD, source="returns")
    assert power.own.ytd.number == pytest.approx(float(ours.number or 0) / 1e4, abs=0.005)
    assert added.gap is not None and added.gap.base is None and added.gap.points is not None


def test_approved_stands_first_and_alone_where_there_is_nothing_of_ours(gate: Gates) -> None:
    one = gate("joint")
    figures = one.clear(town.frame())
    entries = compared(one, figures, ROWS, town.PERIOD)
    rows = [[cell.text for cell in row] for row in town_table(one, figures, town.PERIOD, entries).rows]
    names = [row[0] for row in rows]
    at = names.index("规上工业总产值（市局反馈）")
    assert rows[at][2:] == ["39.50", "…", "390.00", "2.0"] and names[at + 1].strip() == "本办测算"
    assert names.index("地区生产总值（市局反馈）") < at and "规上工业总产值" not in names
    assert "工业销售产值" in names  # not approved: ours, under its own name
    table = {row[0].text: row for row in approved_table(one, entries).rows}
    assert [cell.text for cell in table["地区生产总值"][2:5]] == ["500.00", "", ""]
    assert [cell.text for cell in table["规上工业总产值"][2:]] == [
        "390.00", "382.50", "7.50", "2.0", "0.8", "1.2",
    ]  # fmt: skip
    stats = approved_table(gate("stats"), tuple(told(gate, "stats").values()))
    assert [cell.text for cell in stats.head][4:7] == ["相差", "其中缺报", "反馈同比"]
    assert {row[0].text: row[5].text for row in stats.rows}[
        "规上工业总产值"
    ] == "4.33"  # not less 1 亿元 of who is here now and was not a year ago


def test_another_month_or_none_gives_nothing(gate: Gates) -> None:
    assert told(gate, "stats", ROWS.assign(period="2026-09")) == {}
    assert approved_table(gate("stats"), ()).rows == ()
