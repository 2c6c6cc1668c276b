"""Who reports, and what the register says the town is made of.

Register flags are those of the newest register known; ``since`` and ``until`` place them in a month.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.indicators.formula import Formula, Parts, formula
from qxmonitor.indicators.view import View


@formula("firms_expected")
def firms_expected(view: View, source: str) -> Parts:
    """应报: firms that owe, or have sent, B204-1 this month."""
    return Parts(np.where(view.expected("b204_1"), 1.0, np.nan))


@formula("firms_reported")
def firms_reported(view: View, source: str) -> Parts:
    """实报: of those, firms whose return is here."""
    here = (view.state("b204_1") == DatumState.VALUE).astype(np.float64)
    return Parts(np.where(view.expected("b204_1"), here, np.nan))


@formula("reporting_rate")
def reporting_rate(view: View, source: str) -> Parts:
    """上报率 = 实报 ÷ 应报."""
    return Parts(firms_reported(view, source).numerator, firms_expected(view, source).numerator)


def _count(flag: str) -> Formula:
    def count(view: View, source: str) -> Parts:
        return Parts(np.where(view.registered, view.flag(flag)[:, None].astype(np.float64), np.nan))

    return count


for _id, _flag in {
    "firms_above_scale": "above_scale",
    "firms_hightech": "hightech_firm",
    "firms_listed": "listed",
    "firms_specialised": "specialised",
}.items():
    formula(_id)(_count(_flag))


@formula("rd_institution_share")
def rd_institution_share(view: View, source: str) -> Parts:
    """规上企业建设研发机构比例, over above-scale firms on the register."""
    above = view.registered & view.flag("above_scale")[:, None]
    has = view.flag("rd_institution")[:, None].astype(np.float64)
    return Parts(np.where(above, has, np.nan), np.where(above, 1.0, np.nan))


@formula("firms_entered")
def firms_entered(view: View, source: str) -> Parts:
    """升规（入库）企业数: above-scale firms whose time on the register began this year."""
    return _moved(view, "since", 0)


@formula("firms_exited")
def firms_exited(view: View, source: str) -> Parts:
    """退规（退库）企业数: above-scale firms whose first month off the register lies in this year."""
    return _moved(view, "until", 1)


def _moved(view: View, bound: str, later: int) -> Parts:
    """Above-scale firms whose ``bound``, ``later`` months on, lies between January and the month."""
    text = pd.Series(view.bound(bound, "")).astype("str")
    year = pd.to_numeric(text.str.slice(0, 4), errors="coerce").to_numpy(dtype=np.float64)
    month = pd.to_numeric(text.str.slice(5, 7), errors="coerce").to_numpy(dtype=np.float64)
    at = (year * 12 + month - 1 + later)[:, None]
    asked = np.array([p.ordinal for p in view.periods], dtype=np.float64)[None, :]
    moved = (at <= asked) & (at > asked - view.month[None, :])
    return Parts((moved & view.flag("above_scale")[:, None]).astype(np.float64))
