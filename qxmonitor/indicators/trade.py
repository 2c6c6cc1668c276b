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


@formula("bonded_tickets")
def bonded_tickets(view: View, source: str) -> Parts:
    """Living inventories declared in the month, by the cargo's owner."""
    return Parts(view.take("bonded.tickets"))


@formula("bonded_in_usd")
def bonded_in_usd(view: View, source: str) -> Parts:
    """Value of the month's living inventories into the centre."""
    return Parts(view.take("bonded.in_usd"))


@formula("bonded_out_usd")
def bonded_out_usd(view: View, source: str) -> Parts:
    """Value of the month's living inventories out of the centre."""
    return Parts(view.take("bonded.out_usd"))
