"""Columns computed for the suites: differences and ratios that an expectation then holds against a bound.

Each is a plain formula over whole columns; NaN (not judged) wherever one of its parts is missing. Money is in the
units of the warehouse (statistics: thousand yuan), so differences allow for rounding of a form printed in 万元.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.codes import codes
from qxmonitor.catalog.rates import rate_column
from qxmonitor.catalog.tasks import tasks
from qxmonitor.feeds.base import Batch

Column = npt.NDArray[np.float64]
Measure = Callable[[pd.DataFrame], Column]


def _figures(frame: pd.DataFrame, column: str) -> Column:
    return _numbers(frame[column])


def _numbers(cells: pd.Series) -> Column:
    found: Column = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _mark(found: npt.NDArray[np.bool_]) -> Column:
    return np.where(found, 1.0, 0.0)


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


def _scale_disagrees(frame: pd.DataFrame) -> Column:
    """1 where a project's plan is on the other side of 50 million yuan than its form says."""
    scale, plan = frame["scale"].astype("str"), _figures(frame, "plan")
    large, small = (scale == "206-1").to_numpy(dtype=bool), (scale == "206-2").to_numpy(dtype=bool)
    return _mark((large & (plan < 50_000)) | (small & ((plan >= 50_000) | (plan < 5_000))))


def _staff_without_expense(frame: pd.DataFrame) -> Column:
    idle = (_figures(frame, "rd_staff") > 0) & (_figures(frame, "rd_expense") == 0)
    return _mark(idle)


def _done_below_whole(frame: pd.DataFrame) -> Column:
    return _mark((frame["state"] == "done").to_numpy(dtype=bool) & (_figures(frame, "percent") < 100))


def _not_in_lead(frame: pd.DataFrame) -> Column:
    lead = {f"{task.clause}/{department}" for task in tasks().tasks for department in task.lead}
    return _mark(~frame["thing"].isin(lead).to_numpy(dtype=bool))


def _days_open(frame: pd.DataFrame) -> Column:
    days = pd.to_datetime(frame["closed"]) - pd.to_datetime(frame["visited"])
    return _numbers(days.dt.days)


def _closed_without_day(frame: pd.DataFrame) -> Column:
    return _mark(((frame["state"] == "closed") & frame["closed"].isna()).to_numpy(dtype=bool))


def _state_without_appeal(frame: pd.DataFrame) -> Column:
    handled = frame["state"].notna() | frame["category"].notna()
    return _mark((handled & frame["appeal"].isna()).to_numpy(dtype=bool))


def _parameter(name: str) -> Measure:
    return lambda frame: np.where(frame["parameter"] == name, _figures(frame, "value"), np.nan).astype(np.float64)


def _stock(frame: pd.DataFrame) -> Column:
    """Increased less reduced less reserved; an empty reduction is none, an empty increase is unknown."""
    less = np.nan_to_num(_figures(frame, "reduced")) + np.nan_to_num(_figures(frame, "reserved"))
    found: Column = _figures(frame, "increased") - less
    return found


def _days_allowed(frame: pd.DataFrame) -> Column:
    days = pd.to_datetime(frame["limit_on"]) - pd.to_datetime(frame["in_on"])
    return _numbers(days.dt.days)


def _class_code_wrong(frame: pd.DataFrame) -> Column:
    """1 where the code of a class of industry has not the shape of one: 4 digits, divisions 06–46 (GB/T 4754)."""
    industry = (frame["kind"] == "industry").to_numpy(bool)
    shaped = frame["code"].astype("str").str.fullmatch(r"(?:0[6-9]|[1-3][0-9]|4[0-6])[0-9]{2}").to_numpy(bool)
    return np.where(industry, ~shaped, np.nan).astype(np.float64)


def _same_code(frame: pd.DataFrame) -> Column:
    """How often a firm's month has the class in one file, under whatever name."""
    keys = [name for name in ("_file", "subject", "period", "kind", "code") if name in frame]
    count = frame.groupby(keys)["code"].transform("size").to_numpy(np.float64)
    return np.where((frame["kind"] == "industry").to_numpy(bool), count, np.nan)


def _of_kind(kind: str, measure: Measure) -> Measure:
    return lambda frame: np.where((frame["kind"] == kind).to_numpy(bool), measure(frame), np.nan).astype(np.float64)


def _classes_over_total(span: str) -> Measure:
    """By how much a firm's classes together exceed its total, said once a firm and month, on its first line."""

    def excess(frame: pd.DataFrame) -> Column:
        total = f"_output_{span}"
        if total not in frame:
            return np.full(len(frame), np.nan)
        keys = [frame[name] for name in ("_file", "subject", "period")]
        industry = (frame["kind"] == "industry").to_numpy(bool)
        figures = pd.Series(np.where(industry, _figures(frame, span), np.nan), index=frame.index)
        together = figures.groupby(keys).transform("sum")
        first = industry.copy()
        first[industry] = ~frame.loc[industry, ["_file", "subject", "period"]].duplicated().to_numpy(bool)
        return np.where(first, together.to_numpy(np.float64) - _figures(frame, total), np.nan)

    return excess


def _cumulative_below_month(frame: pd.DataFrame) -> Column:
    """By how much a month's figure exceeds its cumulative one, on the cumulative line; not judged for negatives."""
    keys = ["_file", "indicator", "period"]
    month = frame[frame["measure"] == "m"].drop_duplicates(keys).set_index(keys)["value"]
    beside_it = month.reindex(pd.MultiIndex.from_frame(frame[keys])).to_numpy(np.float64)
    judged = (frame["measure"] == "ytd").to_numpy(bool) & (beside_it > 0)
    return np.where(judged, beside_it - _figures(frame, "value"), np.nan)


def _rmb_over_usd(frame: pd.DataFrame) -> Column:
    """The implied rate where no rate of the month is known, so that only its order of magnitude can be judged."""
    found: Column = np.where(np.isnan(rate_column(frame["period"])), _IMPLIED(frame), np.nan)
    return found


def _rate_gap(frame: pd.DataFrame) -> Column:
    """The implied rate against the month's, as a share of it."""
    found: Column = _IMPLIED(frame) / rate_column(frame["period"]) - 1
    return found


_IMPLIED = _over("rmb", "usd", 1000.0)


def _mode_against_flow(frame: pd.DataFrame) -> Column:
    """1 where a mode that only ever goes one way stands with the other direction."""
    only = frame["mode"].map(codes().one_way_modes)
    return _numbers((only.notna() & (only != frame["flow"])).astype(int))


def _total_gap(frame: pd.DataFrame) -> Column:
    """Unit price times quantity against the total, beyond what the printing of a price to four places explains."""
    quantity, price, total = (_figures(frame, name) for name in ("quantity", "price", "amount"))
    gap = quantity * price - total
    slack = quantity * 0.00005 + 0.01
    beyond = np.sign(gap) * np.maximum(np.abs(gap) - slack, 0)
    found: Column = np.divide(beyond, total, out=np.where(np.isnan(gap), np.nan, np.sign(beyond)), where=total > 0)
    return found


def _gross_minus_net(frame: pd.DataFrame) -> Column:
    """Gross less net weight; a gross weight of nought was not weighed."""
    gross = _figures(frame, "gross_kg")
    found: Column = np.where(gross > 0, gross - _figures(frame, "net_kg"), np.nan)
    return found


def _year_gap(frame: pd.DataFrame) -> Column:
    """The year in a declaration's number less the year of its date."""
    return _numbers(frame["entry_id"].str.slice(4, 8)) - _numbers(frame["period"].str.slice(0, 4))


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
    "trade_line": {
        "rmb_over_usd": _rmb_over_usd,
        "rate_gap": _rate_gap,
        "mode_against_flow": _mode_against_flow,
    },
    "declaration_line": {
        "total_gap": _total_gap,
        "gross_minus_net": _gross_minus_net,
        "year_gap": _year_gap,
        "mode_against_flow": _mode_against_flow,
    },
    "trade_total": {"rmb_over_usd": _rmb_over_usd},
    "bonded_line": {"document_disagrees": _document_disagrees},
    "investment_project": {
        "scale_disagrees": _scale_disagrees,
        "ytd_minus_month": _minus("ytd", "month"),
        "ytd_over_plan": _over("ytd", "plan", 0.0),
    },
    "rd_return": {"staff_without_expense": _staff_without_expense},
    "power_use": {"power_ytd_minus_m": _RETURN["power_ytd_minus_m"], "power_ytd_over_ly": _RETURN["power_ytd_over_ly"]},
    "task_progress": {"done_below_whole": _done_below_whole, "not_in_lead": _not_in_lead},
    "visit": {
        "days_open": _days_open,
        "closed_without_day": _closed_without_day,
        "state_without_appeal": _state_without_appeal,
    },
    "monthly_parameter": {name: _parameter(name) for name in ("value_added_rate", "producer_price", "usd_cny")},
    "bonded_stock": {"stock": _stock, "days_allowed": _days_allowed},
    "output_detail": {
        "class_code_wrong": _class_code_wrong,
        "same_code": _same_code,
        "classes_ytd_minus_m": _of_kind("industry", _minus("ytd", "m")),
        "product_ytd_over_m": _of_kind("product", _over("ytd", "m", 0.0)),
        "classes_over_total_m": _classes_over_total("m"),
        "classes_over_total_ytd": _classes_over_total("ytd"),
    },
    "approved_figure": {"cumulative_below_month": _cumulative_below_month},
}
"""Table → measure → formula."""


def beside(table: str, frame: pd.DataFrame, batches: Sequence[Batch]) -> pd.DataFrame:
    """The rows of a table with what other tables of the same call say beside them.

    Args:
        table: warehouse table.
        frame: its rows with ``_file``, the number of the batch each comes from.
        batches: all files of the call.

    Returns:
        For ``output_detail`` with ``_output_m`` and ``_output_ytd``, the firm's totals of the month: its own file's,
        else the largest of the call's, so that a re-filed total raises no false alarm. Any other frame as it is.
    """
    if table != "output_detail":
        return frame
    parts = [batch.tables["output_return"].assign(_file=at) for at, batch in enumerate(batches)
             if len(batch.tables.get("output_return", ()))]  # fmt: skip
    if not parts:
        return frame
    totals = pd.concat(parts, ignore_index=True)
    keys, spans = ["subject", "period"], ["output_m", "output_ytd"]
    own = totals.groupby(["_file", *keys])[spans].max()
    any_ = totals.groupby(keys)[spans].max()
    here = own.reindex(pd.MultiIndex.from_frame(frame[["_file", *keys]])).to_numpy(np.float64)
    there = any_.reindex(pd.MultiIndex.from_frame(frame[keys])).to_numpy(np.float64)
    mine = np.where(np.isnan(here), there, here)
    return frame.assign(_output_m=mine[:, 0], _output_ytd=mine[:, 1])
