"""Profit margin, receivable days and loss share from 财务状况 (B203): cumulative, no January."""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.formula import Parts, formula
from qxmonitor.indicators.view import View


@formula("profit_margin")
def profit_margin(view: View, source: str) -> Parts:
    """营业收入利润率 = 利润总额 ÷ 营业收入."""
    return Parts(view.take(f"{source}.profit"), view.take(f"{source}.revenue"))


@formula("receivable_days")
def receivable_days(view: View, source: str) -> Parts:
    """应收账款平均回收期 = 360 × average receivables ÷ revenue × months ÷ 12.

    The average runs from the end of last December to the end of this month, since revenue does. Where last
    December's return is missing (a firm new to the panel, or December before the panel's first month), this
    form's 上年同期 stands in: same season, and always at hand.
    """
    now, start = view.take(f"{source}.receivables"), view.december(f"{source}.receivables")
    start = np.where(np.isnan(start), view.take(f"{source}.receivables_ly"), start)
    return Parts(360.0 * (start + now) / 2.0, view.take(f"{source}.revenue"), scale=view.month / 12.0)


@formula("loss_share")
def loss_share(view: View, source: str) -> Parts:
    """亏损面: share of firms with a profit figure whose profit is negative."""
    profit = view.take(f"{source}.profit")
    known = np.isfinite(profit)
    return Parts(np.where(known, (profit < 0).astype(np.float64), np.nan), np.where(known, 1.0, np.nan))
