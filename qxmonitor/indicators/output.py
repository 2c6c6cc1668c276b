"""Output, sales, export delivery and power from B204-1 and from firms' own copies.

Growth uses the form's own last-year columns, which the firm restates on today's basis, summed over the firms
that have both numbers. In February the cumulative columns stand for the two months together; January has none.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.formula import FORMULAS, Formula, Parts, formula
from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.view import Floats, View, group_codes

MEASURES = {"output": "output", "sales": "sales", "export_delivery": "export", "power": "power"}
"""Indicator stem → measure stem of the panel."""

YI = 100_000.0
"""Thousand yuan in 亿元."""


def month_pair(view: View, source: str, measure: str) -> tuple[Floats, Floats]:
    """This year's and last year's figure behind month growth, (n, q) each: NaN in January, 1—2月 in February."""
    stem = f"{source}.{measure}_"
    now, then = view.take(stem + "m").copy(), view.take(stem + "ly_m").copy()
    if view.february.any():
        now = np.where(view.february, view.take(stem + "ytd"), now)
        then = np.where(view.february, view.take(stem + "ly_ytd"), then)
    now[:, view.january] = np.nan
    then[:, view.january] = np.nan
    return now, then


def _register(stem: str, measure: str) -> None:
    def month(view: View, source: str) -> Parts:
        return Parts(view.take(f"{source}.{measure}_m"))

    def cumulative(view: View, source: str) -> Parts:
        return Parts(view.take(f"{source}.{measure}_ytd"))

    def growth(view: View, source: str) -> Parts:
        return Parts(*month_pair(view, source, measure), offset=-1.0)

    def growth_cumulative(view: View, source: str) -> Parts:
        now, then = view.take(f"{source}.{measure}_ytd"), view.take(f"{source}.{measure}_ly_ytd")
        return Parts(np.where(view.january, np.nan, now), np.where(view.january, np.nan, then), offset=-1.0)

    family: dict[str, Formula] = {
        "m": month, "ytd": cumulative, "growth": growth, "growth_ytd": growth_cumulative,
    }  # fmt: skip
    for suffix, function in family.items():
        formula(f"{stem}_{suffix}")(function)


for _stem, _measure in MEASURES.items():
    _register(_stem, _measure)


@formula("sales_ratio")
def sales_ratio(view: View, source: str) -> Parts:
    """产销率 of the month."""
    return Parts(view.take(f"{source}.sales_m"), view.take(f"{source}.output_m"))


@formula("sales_ratio_ytd")
def sales_ratio_ytd(view: View, source: str) -> Parts:
    """产销率 from January."""
    return Parts(view.take(f"{source}.sales_ytd"), view.take(f"{source}.output_ytd"))


def growth_rate(view: View, source: str) -> Floats:
    """Month growth of each firm's output, (n, q), NaN where the base is missing or ≤ 0."""
    now, then = month_pair(view, source, "output")
    base = np.where(then > 0, then, np.nan)
    return now / base - 1.0


@formula("rise_share")
def rise_share(view: View, source: str) -> Parts:
    """增长面: share of evaluable firms whose output rose."""
    return _breadth(growth_rate(view, source), 1.0)


@formula("decline_share")
def decline_share(view: View, source: str) -> Parts:
    """下降面: share of evaluable firms whose output fell."""
    return _breadth(growth_rate(view, source), -1.0)


def _breadth(growth: Floats, sign: float) -> Parts:
    known = np.isfinite(growth)
    return Parts(np.where(known, (sign * growth > 0).astype(np.float64), np.nan), np.where(known, 1.0, np.nan))


@formula("diffusion")
def diffusion(view: View, source: str) -> Parts:
    """扩散指数: share of evaluable firms rising, plus half of those unchanged."""
    growth = growth_rate(view, source)
    known = np.isfinite(growth)
    rising, flat = ((mark & known).astype(np.float64) for mark in (growth > 0, growth == 0))
    up = np.where(known, rising + flat / 2.0, np.nan)
    return Parts(up, np.where(known, 1.0, np.nan), terms=((1.0, rising), (0.5, flat)))


@formula("stopped_share")
def stopped_share(view: View, source: str) -> Parts:
    """停产面: share of firms whose return says no output (February: of the two months)."""
    now, _ = month_pair(view, source, "output")
    known = np.isfinite(now)
    return Parts(np.where(known, (now == 0).astype(np.float64), np.nan), np.where(known, 1.0, np.nan))


@formula("advanced_mfg_share")
def advanced_mfg_share(view: View, source: str) -> Parts:
    """先进制造业占比 by output (the plan's is by value added, which needs rates the town does not have)."""
    return _flag_share(view, source, "advanced_mfg")


@formula("hightech_mfg_share")
def hightech_mfg_share(view: View, source: str) -> Parts:
    """高技术制造业占比 by output."""
    return _flag_share(view, source, "hightech_mfg")


def _flag_share(view: View, source: str, flag: str) -> Parts:
    output = view.take(f"{source}.output_ytd")
    return Parts(output * view.flag(flag)[:, None], output)


def trailing_year(view: View, source: str) -> Floats:
    """Output of the twelve months up to each asked one, (n, q).

    This cumulative + last December's − last year's same cumulative (from this form's 上年同期 where last year's
    return is missing). In December it is the cumulative itself. NaN without last December's.
    """
    now, december, before = _year(view, source)
    return now + december - before


def _year(view: View, source: str) -> tuple[Floats, Floats, Floats]:
    """This cumulative, last year's whole, and last year's same cumulative; in December the two latter are nothing."""
    now, december = view.take(f"{source}.output_ytd"), view.december(f"{source}.output_ytd")
    before = view.take(f"{source}.output_ytd", shift=12)
    before = np.where(np.isnan(before), view.take(f"{source}.output_ly_ytd"), before)
    whole = view.month == 12
    return now, np.where(whole, 0.0, december), np.where(whole, 0.0, before)


@formula("output_ttm")
def output_ttm(view: View, source: str) -> Parts:
    """近十二个月产值."""
    now, december, before = _year(view, source)
    return Parts(now + december - before, terms=((1.0, now), (1.0, december), (-1.0, before)))


def _groups_over(limit: float) -> Formula:
    def count(view: View, source: str) -> Parts:
        year = trailing_year(view, source)
        grouping = Grouping.of(np.zeros(view.n, dtype=np.intp), ["town"], group_codes(view.panel.firms))
        over = grouping.by_group(year) > limit * YI
        flags = np.zeros((view.n, view.q))
        flags[grouping.pair_first] = over  # a group is counted once, at its first firm
        return Parts(flags, has=np.isfinite(year))

    return count


for _limit in (100, 50, 10):
    formula(f"groups_over_{_limit}yi")(_groups_over(float(_limit)))

__all__ = ["FORMULAS", "growth_rate", "month_pair", "trailing_year"]
