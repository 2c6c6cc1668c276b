"""Imports, exports and their sum from the customs monthly sheet; tickets and value through the bonded centre.

Both come for the whole town at once: once the month is here, a firm without a line did nothing. A firm's growth
needs both of its numbers; a chain's or the town's compares totals, and only between months that have arrived.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.formula import Parts, formula
from qxmonitor.indicators.view import Floats, View

FORM = "customs_monthly"


def _growth(view: View, now: Floats, then: Floats) -> Parts:
    known = view.arrived(FORM) & view.arrived(FORM, shift=12) & ~view.january
    return Parts(np.where(known, now, np.nan), np.where(known, then, np.nan), offset=-1.0, same_firms=False)


def _register(flow: str, currency: str) -> None:
    name = f"customs.{flow}_{currency}"

    def month(view: View, source: str) -> Parts:
        return Parts(view.take(name))

    def cumulative(view: View, source: str) -> Parts:
        return Parts(view.year_to_date(name))

    def growth(view: View, source: str) -> Parts:
        now = np.where(view.february, view.year_to_date(name), view.take(name))
        then = np.where(view.february, view.year_to_date(name, shift=12), view.take(name, shift=12))
        return _growth(view, now, then)

    def growth_cumulative(view: View, source: str) -> Parts:
        return _growth(view, view.year_to_date(name), view.year_to_date(name, shift=12))

    stem = f"{flow}_{currency}"
    formula(f"{stem}_m")(month)
    formula(f"{stem}_ytd")(cumulative)
    formula(f"{stem}_growth")(growth)
    formula(f"{stem}_growth_ytd")(growth_cumulative)


for _flow in ("import", "export", "trade"):
    for _currency in ("usd", "rmb"):
        _register(_flow, _currency)


@formula("import_dependence")
def import_dependence(view: View, source: str) -> Parts:
    """进口依存度: imports in imports and exports from January, in yuan."""
    return Parts(view.year_to_date("customs.import_rmb"), view.year_to_date("customs.trade_rmb"), same_firms=False)


@formula("firms_trading_over_1yi")
def firms_trading_over_1yi(view: View, source: str) -> Parts:
    """进出口亿元以上企业数: firms whose imports and exports from January reach 1 亿元, each legal entity by itself."""
    trade = view.year_to_date("customs.trade_rmb")
    return Parts(np.where(np.isfinite(trade), (trade >= ONE_YI).astype(np.float64), np.nan))


@formula("mirror_gap")
def mirror_gap(view: View, source: str) -> Parts:
    """镜像差: customs exports over export delivery from January, less 1, over firms that have both."""
    customs = view.year_to_date("customs.export_rmb") / 1000.0
    return Parts(customs, view.take(f"{source}.export_ytd"), offset=-1.0, beside=FORM)


ONE_YI = 1e8
"""Yuan in 亿元."""


def _register_bonded(key: str) -> None:
    formula(f"bonded_{key}")(lambda view, source: Parts(view.take(f"bonded.{key}")))
    formula(f"bonded_{key}_ytd")(lambda view, source: Parts(view.year_to_date(f"bonded.{key}")))


for _stem in ("tickets", "in_usd", "out_usd"):
    _register_bonded(_stem)


@formula("bonded_firms")
def bonded_firms(view: View, source: str) -> Parts:
    """服务企业数: cargo owners with a living inventory declared in the month."""
    tickets = view.take("bonded.tickets")
    return Parts(np.where(tickets > 0, 1.0, np.where(np.isfinite(tickets), 0.0, np.nan)))


@formula("bonded_stock_usd")
def bonded_stock_usd(view: View, source: str) -> Parts:
    """期末库存货值 of owners that are known."""
    return Parts(view.take("stock.usd"))


@formula("bonded_stock_days")
def bonded_stock_days(view: View, source: str) -> Parts:
    """平均在库天数: days in stock at the month's end weighted by value, over what has a day of entry."""
    return Parts(view.take("stock.aged"), view.take("stock.weight"))


@formula("bonded_overdue_share")
def bonded_overdue_share(view: View, source: str) -> Parts:
    """超期货值占比: value past its limit in the value in stock."""
    return Parts(view.take("stock.overdue_usd"), view.take("stock.usd"))


def _power(suffix: str, last_year: str) -> None:
    @formula(f"grid_power_{suffix}")
    def level(view: View, source: str) -> Parts:
        return Parts(view.take(f"power.power_{suffix}"))

    @formula("grid_power_growth" if suffix == "m" else "grid_power_growth_ytd")
    def growth(view: View, source: str) -> Parts:
        return Parts(*_power_pair(view, suffix, last_year), offset=-1.0)


def _power_pair(view: View, suffix: str, last_year: str) -> tuple[Floats, Floats]:
    """This and last year's power; the month of February is the two months together, as everywhere."""
    pair = []
    for name in (f"power_{suffix}", last_year):
        values = view.take(f"power.{name}")
        if suffix == "m" and view.february.any():
            values = np.where(view.february, view.take(f"power.{name.removesuffix('m')}ytd"), values)
        pair.append(np.where(view.january, np.nan, values))
    return pair[0], pair[1]


_power("m", "power_ly_m")
_power("ytd", "power_ly_ytd")
