"""Revenue, profit, cost, turnover and head-count from 财务状况 (B203): cumulative, no January.

Formulas as the bureau prints them. A stock is averaged from the end of last December to the end of this month, since
revenue and cost run over the same time. Where last December's return is missing (a firm new to the panel, or December
before the panel's first month), this form's 上年同期 stands in: same season, and always at hand.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.formula import Formula, Parts, formula
from qxmonitor.indicators.stress import Stress, stress
from qxmonitor.indicators.view import Floats, View

_RATIOS = {
    "profit_margin": ("profit", "revenue", 1.0),
    "cost_per_100": ("cost", "revenue", 100.0),
    "debt_ratio": ("liabilities", "assets", 1.0),
    "rd_intensity": ("rd_expense", "revenue", 1.0),
}
"""Indicator → numerator, denominator, factor: 营业收入利润率, 每百元营业收入中的成本, 资产负债率, 研发费用强度."""

_LEVELS = {"revenue_ytd": "revenue", "profit_ytd": "profit", "employees": "employees"}
_GROWTHS = {"revenue_growth_ytd": "revenue", "employees_growth": "employees"}


def _ratio(top: str, bottom: str, factor: float) -> Formula:
    return lambda view, source: Parts(view.take(f"{source}.{top}"), view.take(f"{source}.{bottom}"), scale=factor)


def _level(measure: str) -> Formula:
    return lambda view, source: Parts(view.take(f"{source}.{measure}"))


def _growth(measure: str) -> Formula:
    def growth(view: View, source: str) -> Parts:
        now, then = view.take(f"{source}.{measure}"), view.take(f"{source}.{measure}_ly")
        return Parts(np.where(view.january, np.nan, now), np.where(view.january, np.nan, then), offset=-1.0)

    return growth


for _id, _of in _RATIOS.items():
    formula(_id)(_ratio(*_of))
for _id, _measure in _LEVELS.items():
    formula(_id)(_level(_measure))
for _id, _measure in _GROWTHS.items():
    formula(_id)(_growth(_measure))


@formula("revenue_per_head")
def revenue_per_head(view: View, source: str) -> Parts:
    """人均营业收入 = 营业收入 ÷ 平均用工人数 ÷ months × 12."""
    return Parts(view.take(f"{source}.revenue"), view.take(f"{source}.employees"), scale=12.0 / view.month)


def _days(view: View, source: str, stock: str, flow: str) -> Parts:
    """360 × a stock, averaged between the end of last December and of this month, ÷ a flow × months ÷ 12."""
    now, start = view.take(f"{source}.{stock}"), view.december(f"{source}.{stock}")
    start = np.where(np.isnan(start), view.take(f"{source}.{stock}_ly"), start)
    average = np.asarray((start + now) / 2.0, dtype=np.float64)
    return Parts(
        360.0 * average, view.take(f"{source}.{flow}"), scale=view.month / 12.0, terms=((0.5, start), (0.5, now))
    )


@formula("receivable_days")
def receivable_days(view: View, source: str) -> Parts:
    """应收账款平均回收期 = 360 × average receivables ÷ revenue × months ÷ 12."""
    return _days(view, source, "receivables", "revenue")


@formula("finished_goods_days")
def finished_goods_days(view: View, source: str) -> Parts:
    """产成品存货周转天数 = 360 × average finished goods ÷ cost × months ÷ 12."""
    return _days(view, source, "finished_goods", "cost")


@formula("loss_share")
def loss_share(view: View, source: str) -> Parts:
    """亏损面: share of firms with a profit figure whose profit is negative."""
    profit = view.take(f"{source}.profit")
    known = np.isfinite(profit)
    return Parts(np.where(known, (profit < 0).astype(np.float64), np.nan), np.where(known, 1.0, np.nan))


@formula("loss_amount")
def loss_amount(view: View, source: str) -> Parts:
    """亏损企业亏损额: what the firms with a loss lost, as a positive number; a firm with a profit lost nothing."""
    profit = view.take(f"{source}.profit")
    return Parts(np.where(np.isfinite(profit), np.maximum(-profit, 0.0), np.nan))


@formula("rd_year_spend")
def rd_year_spend(view: View, source: str) -> Parts:
    """研发经费（上年）: the yearly form (107) of the year before."""
    return Parts(view.take("rd.rd_expense"))


@formula("rd_year_intensity")
def rd_year_intensity(view: View, source: str) -> Parts:
    """研发经费投入强度（上年）: the same over the revenue of that year, from its December return."""
    return Parts(view.take("rd.rd_expense"), view.december(f"{source}.revenue"))


LEAST_COVERAGE = 0.7
"""Share of the weights that must have a ratio for a firm to have a stress index."""


def stress_of(view: View, source: str) -> Stress:
    """The stress index and its ratios, firms × months of the view.

    A return has no depreciation, short-term debt or share capital, so the ratios that need them are left out. Interest
    cover stands where there is a financial expense at all.
    """

    def of(measure: str) -> Floats:
        return view.take(f"{source}.{measure}")

    def per(top: Floats, bottom: Floats) -> Floats:
        ratio = np.full(top.shape, np.nan)
        np.divide(top, bottom, out=ratio, where=np.nan_to_num(bottom) > 0)
        return ratio

    revenue, assets, liabilities = of("revenue"), of("assets"), of("liabilities")
    days = 30.0 * view.month
    return stress(
        {
            "operating_return": per(of("operating_profit"), assets) * 12.0 / view.month,
            "net_margin": per(of("profit"), revenue),
            "interest_cover": per(of("operating_profit"), of("financial_expense")),
            "debt_ratio": per(liabilities, assets),
            "current_to_debt": per(of("current_assets"), liabilities),
            "receivable_days": per(of("receivables"), revenue) * days,
            "inventory_days": per(of("inventories"), revenue) * days,
            "sales_growth": per(revenue, of("revenue_ly")),
        }
    )


@formula("stress_index")
def stress_index(view: View, source: str) -> Parts:
    """财务压力指数: the index of firms whose return covers enough of it."""
    found = stress_of(view, source)
    return Parts(np.where(found.coverage >= LEAST_COVERAGE, found.value, np.nan))
