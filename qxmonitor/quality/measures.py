"""Columns computed for the suites: differences and ratios that an expectation then holds against a bound.

Each is a plain formula over whole columns; NaN (not judged) wherever one of its parts is missing. Money is in the
units of the warehouse (statistics: thousand yuan), so differences allow for rounding of a form printed in 万元.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

Column = npt.NDArray[np.float64]
Measure = Callable[[pd.DataFrame], Column]


def _figures(frame: pd.DataFrame, column: str) -> Column:
    return _numbers(frame[column])


def _numbers(cells: pd.Series) -> Column:
    found: Column = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _minus(whole: str, part: str) -> Measure:
    return lambda frame: _figures(frame, whole) - _figures(frame, part)


def _over(top: str, bottom: str, at_least: float) -> Measure:
    """A ratio, judged only where the denominator is greater than ``at_least``."""

    def ratio(frame: pd.DataFrame) -> Column:
        below = _figures(frame, bottom)
        with np.errstate(over="ignore"):
            found: Column = np.divide(
                _figures(frame, top), below, out=np.full(len(below), np.nan), where=below > at_least
            )
        return found

    return ratio


def _jump(now: str, before: str) -> Measure:
    """The ratio of two levels; a stop (zero) is no jump of the unit."""

    def ratio(frame: pd.DataFrame) -> Column:
        top, below = _figures(frame, now), _figures(frame, before)
        with np.errstate(over="ignore"):  # beyond all numbers is a jump
            found: Column = np.divide(top, below, out=np.full(len(below), np.nan), where=(below > 0) & (top > 0))
        return found

    return ratio


def _power_without_output(frame: pd.DataFrame) -> Column:
    return np.where(_figures(frame, "output_m") == 0, _figures(frame, "power_m"), np.nan).astype(np.float64)


def _months(column: pd.Series) -> Column:
    return _numbers(column.str.slice(0, 4)) * 12 + _numbers(column.str.slice(5, 7))


def _months_valid(frame: pd.DataFrame) -> Column:
    return _months(frame["until"].astype("str")) - _months(frame["since"].astype("str"))


def _leader_missing(frame: pd.DataFrame) -> Column:
    leader = frame["leader"].astype("str").fillna("") == ""
    return _numbers((frame["key_firm"].astype(bool) & leader).astype(int))


def _document_disagrees(frame: pd.DataFrame) -> Column:
    """1 where an inventory number of the usual shape bears the other direction's letter."""
    letter = frame["document"].astype("str").str.extract(r"^QD\d{6}([IE])\d{9}$")[0]
    return _numbers((letter.notna() & (letter != frame["flow"])).astype(int))


_RETURN: dict[str, Measure] = {
    **{f"{item}_ytd_minus_m": _minus(f"{item}_ytd", f"{item}_m") for item in ("output", "sales", "export", "power")},
    **{
        f"{item}_ytd_over_ly": _jump(f"{item}_ytd", f"{item}_ly_ytd") for item in ("output", "sales", "export", "power")
    },
    "sales_minus_export_m": _minus("sales_m", "export_m"),
    "sales_minus_export_ytd": _minus("sales_ytd", "export_ytd"),
    "sales_over_output_ytd": _over("sales_ytd", "output_ytd", 1000.0),
    "power_without_output": _power_without_output,
}

MEASURES: dict[str, dict[str, Measure]] = {
    "output_return": _RETURN,
    "self_report": {
        **{name: _RETURN[name] for name in ("output_ytd_minus_m", "export_ytd_minus_m")},
        **{name: _RETURN[name] for name in ("output_ytd_over_ly", "export_ytd_over_ly")},
    },
    "finance_return": {
        "inventories_minus_finished_goods": _minus("inventories", "finished_goods"),
        "assets_minus_current_assets": _minus("assets", "current_assets"),
        "liabilities_over_assets": _over("liabilities", "assets", 1000.0),
        "profit_over_revenue": _over("profit", "revenue", 1000.0),
        "revenue_over_ly": _jump("revenue", "revenue_ly"),
        "assets_over_ly": _jump("assets", "assets_ly"),
    },
    "register_entry": {"months_listed": _months_valid, "leader_missing": _leader_missing},
    "authorisation": {"months_valid": _months_valid},
    "trade_line": {"rmb_over_usd": _over("rmb", "usd", 1000.0)},
    "bonded_line": {"document_disagrees": _document_disagrees},
}
"""Table → measure → formula."""
