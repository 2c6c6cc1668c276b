"""Lists for 商务局 (plan clause 7): subsidy per ticket, and firms trading 1 亿元 and more; with reasons.

From customs, the bonded centre and the register alone: returns never feed support (``permitted_use.yml``), and the
gate of that reader and purpose is asked for every firm. Money stands only where the office has entered an amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog.lists import Lists, lists
from qxmonitor.catalog.office import office
from qxmonitor.delivery.files import write_private
from qxmonitor.delivery.lists import ListSheet, lists_xlsx
from qxmonitor.disclosure import Gate
from qxmonitor.errors import QxError
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, asof
from qxmonitor.warehouse.panel import read_panel

READER, PURPOSE = "swj", "support"
COLUMNS = ["list", "entity", "name", "ownership", "listed", "reason", "figure", "before", "growth", "unit", "money"]
"""Of a row: figure of the year so far and of the same months last year, growth their difference, money in yuan."""


@dataclass(frozen=True)
class _Year:
    """Sums of the year so far of firms that have any, and whether all months are here."""

    now: pd.Series
    before: pd.Series
    whole: bool


def rows(panel: Panel, period: Period, gate: Gate, rules: Lists) -> pd.DataFrame:
    """Both lists of a month: :data:`COLUMNS`, the listed first, largest first.

    A firm with tickets that is not on the list stands below with the reason why. ``before`` and ``growth`` are empty
    where not all of last year's months are known.

    Raises:
        QxError: a month of the year so far has not arrived, so that no list would be complete.
    """
    view = View(panel, [period])
    tickets, trade = _tickets(view, panel, rules), _trade(view, panel, rules)
    both = pd.concat([tickets, trade], ignore_index=True)
    sources = {"tickets": "bonded", "trade": "customs"}
    names = [gate.firm(code, sources[kind], period) for code, kind in zip(both["entity"], both["list"], strict=True)]
    both["name"] = [None if name is None else name.text for name in names]
    return both[both["name"].notna()][COLUMNS].reset_index(drop=True)


def _year(view: View, panel: Panel, name: str, label: str) -> _Year:
    form = {"bonded": "bonded_inv101", "customs": "customs_monthly"}[name.partition(".")[0]]
    complete = np.isfinite(view.accumulate(np.zeros((1, len(panel.months))), form))
    now, before = (view.pick(complete, shift=back)[0, 0] == 1.0 for back in (0, 12))
    if not now:
        raise QxError(f"{label}：本年 1 月至所求月份有的月份尚未到齐，名单不完整，暂不列出")
    sums = [pd.Series(view.year_to_date(name, shift=back)[:, 0], index=panel.firms.index) for back in (0, 12)]
    kept = sums[0].notna() & (sums[0] > 0)
    last = sums[1].fillna(0.0) if before else sums[1] * np.nan
    return _Year(sums[0][kept], last[kept], bool(before))


def _frame(kind: str, year: _Year, panel: Panel, unit: str) -> pd.DataFrame:
    ownership = panel.firms["ownership"].reindex(year.now.index).fillna("").astype(str)
    return pd.DataFrame(
        {
            "list": kind, "entity": year.now.index, "ownership": ownership.to_numpy(), "figure": year.now.to_numpy(),
            "before": year.before.to_numpy(), "growth": (year.now - year.before).to_numpy(), "unit": unit,
            "money": np.nan,
        }
    )  # fmt: skip


def _tickets(view: View, panel: Panel, rules: Lists) -> pd.DataFrame:
    rule = rules.tickets
    table = _frame("tickets", _year(view, panel, "bonded.tickets", rule.name), panel, "票")
    public = table["ownership"].isin(rule.public_ownership)
    unknown = table["ownership"] == ""
    table["listed"] = ~public & ~unknown
    table["reason"] = np.select(
        [public, unknown],
        ["公有制企业，不在资助范围", "名录未登记所有制，待核"],
        "非公有制企业，货主名下有有效核注清单",
    )
    if rule.yuan_per_ticket is not None:
        money = (table["figure"] * rule.yuan_per_ticket).clip(upper=rule.yuan_limit).round(2)
        table["money"] = money.where(table["listed"])
    return table.sort_values(["listed", "figure", "entity"], ascending=[False, False, True])


def _trade(view: View, panel: Panel, rules: Lists) -> pd.DataFrame:
    rule = rules.trade
    year = _year(view, panel, "customs.trade_rmb", rule.name)
    table = _frame("trade", year, panel, "元")
    table["listed"] = table["figure"] >= rule.least_yuan
    table = table[table["listed"]].copy()
    grown = "，比上年同期增长" if year.whole else "，上年同期数据不全，不计增长"
    table["reason"] = f"本年进出口额达到 {rule.least_yuan / 1e8:g} 亿元"
    fell = table["growth"] <= 0
    table["reason"] += np.where(fell & year.whole, "，比上年同期没有增长", grown)
    if rule.tiers and year.whole:
        steps = np.array([tier.over_yuan for tier in rule.tiers])
        rewards = np.array([0.0, *(tier.reward_yuan for tier in rule.tiers)])
        passed = np.searchsorted(steps, table["growth"].to_numpy(), side="left")  # growth must exceed the step
        table["money"] = np.where(passed > 0, rewards[passed], np.nan)
    return table.sort_values(["figure", "entity"], ascending=[False, True])


def write(wh: Warehouse, period: Period, out: Path, *, known_at: datetime | None = None) -> list[dict[str, Any]]:
    """Write both lists as a workbook for 商务局.

    Args:
        wh: an open warehouse.
        period: the year up to this month.
        out: the file, ``.xlsx``.
        known_at: as known then.

    Returns:
        The rows of both lists.

    Raises:
        QxError: another suffix, or months of the year are missing.
    """
    if out.suffix.lower() != ".xlsx":
        raise QxError("名单只写 .xlsx 文件")
    panel = read_panel(wh, period, months=HISTORY, known_at=known_at)
    gate = Gate(
        READER, PURPOSE, authorisations=asof.read(wh, "authorisation", known_at=known_at), simulated=panel.simulated,
        firms=panel.firms,
    )  # fmt: skip
    rules = lists()
    found = rows(panel, period, gate, rules)
    sheets = (
        ListSheet(rules.tickets.name, "tickets", _terms(rules.tickets.basis, "每票资助金额")),
        ListSheet(rules.trade.name, "trade", _terms(rules.trade.basis, "分档奖励标准")),
    )
    mark = office().simulated_label if panel.simulated else ""
    write_private(out, lists_xlsx(sheets, found, period, panel.known_at if known_at else None, mark))
    return [
        {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in found.to_dict("records")
    ]


def _terms(basis: str | None, what: str) -> str:
    return f"{what}依据：{basis}" if basis else f"{what}未配置（方案未写明），不计金额"
