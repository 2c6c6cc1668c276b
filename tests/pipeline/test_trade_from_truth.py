"""Trade by mode, market and chapter, the mirror gap and both lists against plain loops over what the files print."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from qxmonitor import support
from qxmonitor.catalog.lists import Lists, lists
from qxmonitor.disclosure import Gate
from qxmonitor.indicators import compute
from qxmonitor.period import Period, months
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import asof
from qxmonitor.warehouse.panel import read_panel
from tests.pipeline.conftest import Ingested, Town
from tests.pipeline.test_bonded_from_truth import lines, moved

pytestmark = pytest.mark.slow

COLUMNS = {"mode": "mode", "market": "partner", "chapter": "hs"}
TIERS = [{"over_yuan": 0, "reward_yuan": 50_000}, {"over_yuan": 20_000_000, "reward_yuan": 100_000}]
MONEY = {
    "tickets": {"yuan_per_ticket": 100, "yuan_limit": 600, "basis": "模拟"},
    "trade": {"tiers": TIERS, "basis": "模拟"},
}


def traded(town: Town) -> list[dict[str, Any]]:
    """The lines that count: of a firm and month those of the highest vintage, then of the newest file."""
    files: dict[tuple[str, str], dict[tuple[int, str, str], list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for day, file, line in lines(town, "customs_monthly"):
        vintage = 0 if "快讯" in file else 2 if "修正" in file else 1
        files[line["entity"], line["period"]][vintage, day, file].append(line)
    return [line for known in files.values() for line in known[max(known)]]


def year(period: Period) -> list[str]:
    return [str(month) for month in months(Period(f"{period.year}-01"), period)]


def test_parts_of_trade_and_the_mirror_gap(ingested: Ingested) -> None:
    town, last = ingested.town, ingested.town.last
    panel = read_panel(ingested.wh, last, months=HISTORY)
    rows = compute(panel, [last])
    told = {(r["indicator"], r["entity_kind"], r["entity"]): r["value"] for r in rows.to_dict("records")}
    now = [line for line in traded(town) if line["period"] in year(last)]
    compared = 0
    for flow, word in (("E", "export"), ("I", "import")):
        mine = [line for line in now if line["flow"] == flow]
        whole = sum(line["rmb"] for line in mine)
        assert told[f"{word}_rmb_ytd", "town", "town"] == pytest.approx(whole, rel=1e-12)
        for kind, column in COLUMNS.items():
            sums: dict[str, float] = defaultdict(float)
            for line in mine:
                sums[line[column][:2] if kind == "chapter" else line[column]] += line["rmb"]
            for entity, value in sums.items():
                assert told[f"{word}_part_rmb_ytd", kind, entity] == pytest.approx(value, rel=1e-12)
                assert told[f"{word}_part_share", kind, entity] == pytest.approx(value / whole, rel=1e-12)
                compared += 1
            if kind == "market":
                top = max(sums.values()) / whole
                assert told[f"{word}_market_top", "town", "town"] == pytest.approx(top, rel=1e-12)
                hhi = sum((value / whole * 100) ** 2 for value in sums.values())
                assert told[f"{word}_market_hhi", "town", "town"] == pytest.approx(hhi, rel=1e-12)
    assert compared > 20
    delivered = dict(zip(panel.firms.index, panel.values["returns.export_ytd"][:, -1].tolist(), strict=True))
    shipped: dict[str, float] = defaultdict(float)
    for line in now:
        if line["flow"] == "E" and math.isfinite(delivered.get(line["entity"], math.nan)):
            shipped[line["entity"]] += line["rmb"] / 1000
    assert told["mirror_gap", "town", "town"] == pytest.approx(
        sum(shipped.values()) / sum(delivered[f] for f in shipped) - 1, rel=1e-9
    )


def test_both_lists_with_money(ingested: Ingested) -> None:
    wh, town, last = ingested.wh, ingested.town, ingested.town.last
    panel = read_panel(wh, last, months=HISTORY)
    shipped = lists().model_dump()
    rules = Lists.model_validate({key: shipped[key] | MONEY[key] for key in shipped})
    gate = Gate(
        "swj", "support", authorisations=asof.read(wh, "authorisation"), simulated=True, firms=panel.firms
    )  # fmt: skip
    found = support.rows(panel, last, gate, rules)
    then = [str(Period(month) - 12) for month in year(last)]
    trade: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for line in traded(town):
        for at, span in enumerate((year(last), then)):
            trade[line["entity"]][at] += line["rmb"] if line["period"] in span else 0.0
    tickets: dict[str, int] = defaultdict(int)
    for (firm, period), mine in moved(town).items():
        tickets[firm] += len(mine["tickets"]) if period in year(last) else 0
    whole = set(then) <= {line["period"] for line in traded(town)}
    listed = found[found["list"] == "trade"].set_index("entity")
    assert set(listed.index) == {firm for firm, (now, _) in trade.items() if now >= 1e8} and len(listed)
    for firm, row in listed.iterrows():
        now, before = trade[str(firm)]
        grown = now - before if whole else np.nan
        money = 100_000 if grown > 20_000_000 else 50_000 if grown > 0 else np.nan
        assert row["figure"] == pytest.approx(now) and row["growth"] == pytest.approx(grown, abs=0.5, nan_ok=True)
        assert row["money"] == pytest.approx(money, nan_ok=True)
    paid = found[found["list"] == "tickets"].set_index("entity")
    assert paid["figure"].to_dict() == {firm: count for firm, count in tickets.items() if count} and len(paid)
    assert paid["money"].where(paid["listed"], 0).to_dict() == {
        firm: min(600, 100 * tickets[str(firm)]) if listed else 0 for firm, listed in paid["listed"].items()
    }
