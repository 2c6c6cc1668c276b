"""Reconciliation between sources: pure functions over as-of frames; each gap names the rows on both sides.

The sources do not speak of the same thing (agents export for others, goods handed on inside the country are delivered
for export but never leave), so only large differences are gaps, and each is a question, not a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from qxmonitor.catalog.approved import approved as approved_catalogue
from qxmonitor.catalog.checks import Bound, checks
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period

GAP = ["kind", "entity", "period", "item", "basis", "unit", "left_source", "left", "right_source", "right", "gap",
       "tolerance", "reason"]  # fmt: skip
DETAIL = ["kind", "entity", "item", "side", "source", "period", "file_id", "sheet", "row", "column", "value"]
_KEY = ["kind", "entity", "item"]
_THOUSAND = 1000.0
_RETURN, _OWN, _CUSTOMS, _CENTRE, _BUREAU = "产销总值表", "企业自报表", "海关企业月度表", "保税核注清单", "市局反馈数"
_DECLARED = "报关单"
_APPROVED = {
    "output": ("工业总产值", "output"), "sales": ("工业销售产值", "sales"), "export_delivery": ("出口交货值", "export"),
}  # fmt: skip
"""Indicator of the approved figures → the item, and how the returns' columns of it begin."""
_OWN_ITEMS = {"output": "工业总产值", "export": "出口交货值"}
"""Item of firms' own reports that means what the returns' means → its name."""
_SPANS = {"m": "本月", "ytd": "1—本月", "ly_m": "上年同期本月", "ly_ytd": "上年同期1—本月"}
TOWN = "town"


class _What(NamedTuple):
    """What is compared: kind, item, basis in months, unit, and the sources on the two sides."""

    kind: str
    item: str
    basis: str
    unit: str
    left: str
    right: str


@dataclass(frozen=True)
class Reconciled:
    """Gaps (:data:`GAP`), and the rows on both sides of each (:data:`DETAIL`)."""

    gaps: pd.DataFrame
    details: pd.DataFrame


def nothing() -> Reconciled:
    """No gap."""
    return Reconciled(pd.DataFrame(columns=GAP), pd.DataFrame(columns=DETAIL))


def exports(returns: pd.DataFrame, trade: pd.DataFrame, period: Period) -> Reconciled:
    """Export delivery of the returns beside customs' exports, in thousand yuan.

    Months of delivery and of export differ by weeks, so the year to date is compared wherever customs has brought all
    its months; otherwise the month, if the return has one.

    Args:
        returns: ``output_return`` of the month.
        trade: ``trade_line`` from January of its year to the month.
        period: the month.
    """
    bounds = checks().mirror
    year = [period - back for back in range(period.month - 1, -1, -1)]
    whole = set(year) <= set(trade["period"])
    if not whole and not (period in set(trade["period"]) and release_calendar().feed("b204_1").month_column_in(period)):
        return nothing()
    column, basis = ("export_ytd", "1—本月") if whole else ("export_m", "本月")
    lines = trade[(trade["flow"] == "E") & (trade["period"].isin(year) if whole else trade["period"] == period)]
    modes = {mode.code: mode for mode in bounds.modes}
    lines = lines.assign(amount=_yuan(lines) / _THOUSAND)
    beside = lines["mode"].isin([code for code, mode in modes.items() if not mode.count])
    left_out = lines[beside].groupby("entity")["amount"].sum()
    lines = lines[~beside]
    own = {code: mode.tolerance for code, mode in modes.items() if mode.tolerance is not None}
    allowed = lines["mode"].map(own).fillna(bounds.tolerance)
    lines = lines.assign(weighted=allowed * lines["amount"])
    sums = lines.groupby("entity")[["amount", "weighted"]].sum()
    both = returns.set_index("entity")[[column]].join(sums, how="left")
    right = both["amount"].fillna(0.0)
    tolerance = (both["weighted"] / both["amount"].where(both["amount"] > 0)).fillna(bounds.tolerance)
    what = _What("mirror", "出口交货值", basis, "千元", _RETURN, _CUSTOMS)
    gaps = _gaps(what, period, both[column], right, tolerance, bounds.at_least)
    full = gaps["right"] + gaps["entity"].map(left_out).astype("float64").fillna(0.0)
    closes = (gaps["left"] - full).abs() <= gaps["tolerance"] * np.maximum(gaps["left"].abs(), full)
    gaps["reason"] = gaps["reason"].mask(closes, "加上不计入的监管方式（深加工结转等）后在容差之内，口径不同")
    left = returns.assign(amount=returns[column])
    return _with_details(gaps, [("left", left, column, _RETURN), ("right", lines, "rmb", _CUSTOMS)])


def bonded(trade: pd.DataFrame, goods: pd.DataFrame, period: Period) -> Reconciled:
    """Customs' lines in the modes between the bonded centre and abroad beside the centre's own inventories, in dollars.

    Args:
        trade: ``trade_line`` of the month.
        goods: ``bonded_line`` of the month.
        period: the month.
    """
    bounds = checks().bonded
    if not (trade["period"] == period).any() or not (goods["period"] == period).any():
        return nothing()
    parts = []
    for flow, item in (("I", "进境"), ("E", "出境")):
        left = trade[(trade["period"] == period) & (trade["flow"] == flow) & trade["mode"].isin(bounds.abroad_modes)]
        right = goods[
            (goods["period"] == period) & (goods["flow"] == flow) & goods["mode"].isin(bounds.abroad_modes)
            & goods["living"].astype(bool)
        ]  # fmt: skip
        left, right = left.assign(amount=left["usd"]), right.assign(amount=right["usd"])
        sums = pd.concat(
            {"l": left.groupby("entity")["amount"].sum(), "r": right.groupby("entity")["amount"].sum()}, axis=1
        )
        sums = sums.reindex(columns=["l", "r"]).astype("float64").fillna(0.0)
        tolerance = pd.Series(bounds.tolerance, index=sums.index)
        what = _What("bonded", f"中心与境外{item}", "本月", "美元", _CUSTOMS, _CENTRE)
        gaps = _gaps(what, period, sums["l"], sums["r"], tolerance, bounds.at_least)
        sides = [("left", left, "usd", _CUSTOMS), ("right", right, "usd", _CENTRE)]
        parts.append(_with_details(gaps, sides))
    return together(parts)


def declarations(trade: pd.DataFrame, declared: pd.DataFrame, period: Period) -> Reconciled:
    """A firm's declarations beside its lines in customs' monthly sheet, by direction, in dollars.

    The office gets declarations of some firms only, so nobody is asked for one: of a firm that has any, imports and
    exports of the month are compared, and one that the sheet does not know at all is a gap. What was declared in a
    currency without a known rate is in no sum; where there is such a line, the reason says so.

    Args:
        trade: ``trade_line`` of the month.
        declared: ``declaration_line`` of the month.
        period: the month.
    """
    bounds, parts = checks().declarations, []
    trade, declared = (lines[lines["period"] == period] for lines in (trade, declared))
    if trade.empty or declared.empty:
        return nothing()
    rate = trade.loc[trade["usd"].gt(0) & trade["rmb"].gt(0), ["usd", "rmb"]].sum()
    declared = declared.assign(amount=_dollars(declared, rate))
    for flow, item in (("I", "进口"), ("E", "出口")):
        right = declared[declared["flow"] == flow]
        left = trade[(trade["flow"] == flow) & trade["entity"].isin(right["entity"])]
        left = left.assign(amount=_dollars(left, rate))
        sums = right.groupby("entity")["amount"].agg(["sum", "size", "count"])
        both = sums[sums["count"] > 0].join(left.groupby("entity")["amount"].sum(min_count=1), how="left")
        what = _What("declarations", item, "本月", "美元", _CUSTOMS, _DECLARED)
        tolerance = pd.Series(bounds.relative, index=both.index)
        gaps = _gaps(what, period, both["amount"], both["sum"], tolerance, bounds.at_least)
        without = gaps["entity"].map(both["size"] - both["count"]).astype("int64")
        said = gaps["reason"] + "；另有 " + without.astype("str") + " 行报关单没有汇率，未计入"
        gaps["reason"] = gaps["reason"].mask(without > 0, said)
        parts.append(_with_details(gaps, [("left", left, "usd", _CUSTOMS), ("right", right, "amount", _DECLARED)]))
    return together(parts)


def own_report(returns: pd.DataFrame, reports: pd.DataFrame, period: Period, granted: pd.DataFrame) -> Reconciled:
    """A firm's own report beside its return, in thousand yuan, where the firm's authorisation covers the item.

    Only what means the same is compared: output and export delivery of the same firm and month, and what both say of
    a year before, which the growth rests on. A firm that filed one of the two is late with the other, and that is no
    gap; a line of the return left blank is one. Head-counts are not compared: the report's is of the month's end, the
    return's an average.

    Args:
        returns: ``output_return`` of the month.
        reports: ``self_report`` of the month.
        period: the month.
        granted: entity, item: what may be looked at.
    """
    bounds, parts = checks().self_report, []
    monthly = release_calendar().feed("b204_1").month_column_in(period)
    for item, name in _OWN_ITEMS.items():
        may = set(granted.loc[granted["item"] == item, "entity"])
        for span, words in _SPANS.items():
            if span.endswith("ytd") or monthly:
                column = f"{item}_{span}"
                left, right = (rows[rows["entity"].isin(may)] for rows in (returns, reports))
                left, right = (rows.assign(amount=rows[column].astype("float64")) for rows in (left, right))
                right = right[right["amount"].notna()]
                both = left.set_index("entity")[["amount"]].join(
                    right.set_index("entity")["amount"].rename("r"), how="inner"
                )
                tolerance = pd.Series(bounds.relative, index=both.index)
                what = _What("self_report", f"{name}（{words}）", words, "千元", _RETURN, _OWN)
                gaps = _gaps(what, period, both["amount"], both["r"], tolerance, bounds.at_least)
                sides = [("left", left, column, _RETURN), ("right", right, column, _OWN)]
                parts.append(_with_details(gaps, sides))
    return together(parts)


def approved(returns: pd.DataFrame, figures: pd.DataFrame, period: Period, expected: pd.Index) -> Reconciled:
    """The sum of the returns beside the figure the upper bureau approved for the town, in thousand yuan.

    The sum is of firms above scale, as the bureau counts them; how many of them have not reported is said, since that
    alone may be the gap.

    Args:
        returns: ``output_return`` of the month.
        figures: ``approved_figure`` of the month.
        period: the month.
        expected: the firms above scale in the month.
    """
    bounds = checks().approved
    mine = returns[returns["entity"].isin(expected)]
    late = int((~expected.isin(mine["entity"])).sum())
    parts = [_beside_bureau("approved", _RETURN, mine, figures, period, indicator, bounds) for indicator in _APPROVED]
    found = together(parts)
    found.gaps["reason"] += f"；规上企业缺报 {late} 家" if late else "；规上企业已报齐"
    return found


def own_approved(
    reports: pd.DataFrame, figures: pd.DataFrame, period: Period, expected: pd.Index, granted: pd.DataFrame
) -> Reconciled:
    """The sum of firms' own reports beside the town's approved figure: a part that is more than the whole is a gap.

    Nothing else can be asked of the two: key firms are some of the firms above scale, and how large a share of the
    whole they are nobody approves.

    Args:
        reports: ``self_report`` of the month.
        figures: ``approved_figure`` of the month.
        period: the month.
        expected: the firms above scale in the month.
        granted: entity, item: what may be looked at.
    """
    bounds, parts = checks().self_report_approved, []
    for indicator, (_, item) in _APPROVED.items():
        if item in _OWN_ITEMS:
            may = granted.loc[granted["item"] == item, "entity"]
            mine = reports[reports["entity"].isin(expected) & reports["entity"].isin(may)]
            parts.append(_beside_bureau("self_report_approved", _OWN, mine, figures, period, indicator, bounds))
    found = together(parts)
    above = found.gaps[found.gaps["gap"].astype("float64") > 0]
    details = found.details.merge(above[_KEY], on=_KEY)
    return Reconciled(above.assign(reason="部分企业自报之和大于全镇规上数").reset_index(drop=True), details)


def _beside_bureau(
    kind: str, source: str, rows: pd.DataFrame, figures: pd.DataFrame, period: Period, indicator: str, bounds: Bound
) -> Reconciled:
    """The sum of firms' rows beside an approved figure of the town, of the month and cumulative."""
    (name, stem), parts, catalogue = _APPROVED[indicator], [], approved_catalogue()
    factor = round(catalogue.factor(catalogue.by_id[indicator].unit, "千元") or np.nan)
    for span in ("m", "ytd"):
        column, words = f"{stem}_{span}", _SPANS[span]
        right = figures[(figures["indicator"] == indicator) & (figures["measure"] == span)]
        right = right.assign(amount=right["value"] * factor, entity=TOWN)
        left = rows.assign(amount=rows[column], entity=TOWN)
        left, right = left[left["amount"].notna()], right[right["amount"].notna()]
        if left.empty or right.empty:
            continue
        ours, theirs = (pd.Series({TOWN: float(side["amount"].sum())}) for side in (left, right))
        what = _What(kind, f"规上{name}（{words}）", words, "千元", source, _BUREAU)
        gaps = _gaps(what, period, ours, theirs, pd.Series({TOWN: bounds.relative}), bounds.at_least)
        parts.append(_with_details(gaps, [("left", left, column, source), ("right", right, "value", _BUREAU)]))
    return together(parts)


def _dollars(lines: pd.DataFrame, rate: pd.Series) -> pd.Series:
    """Dollars of customs lines; where only yuan are printed, at the rate of the month's other lines."""
    return lines["usd"].astype("float64").fillna(lines["rmb"].astype("float64") * rate["usd"] / (rate["rmb"] or np.nan))


def _yuan(lines: pd.DataFrame) -> pd.Series:
    """Yuan of customs lines; where only dollars are printed, at the rate of the month's other lines."""
    known = lines[lines["usd"].gt(0) & lines["rmb"].gt(0)]
    sums = known.groupby("period")[["usd", "rmb"]].sum()
    rate = lines["period"].map(sums["rmb"] / sums["usd"])
    return lines["rmb"].fillna(lines["usd"] * rate).fillna(0.0)


def _gaps(
    what: _What, period: Period, left: pd.Series, right: pd.Series, tolerance: pd.Series, at_least: float
) -> pd.DataFrame:
    """The differences beyond tolerance and size; a blank on the left is one only where the right has something."""
    there = left.fillna(0.0)
    gap = there - right
    larger = np.maximum(there.abs(), right.abs())
    wide = (gap.abs() > tolerance * larger) & (gap.abs() > at_least)
    reason = np.select(
        [left.isna(), right == 0, there == 0],
        [f"{what.left}该项为空，{what.right}有数", f"{what.left}有数，{what.right}没有",
         f"{what.left}为零，{what.right}有数"],
        "两边之差超过容差",
    )  # fmt: skip
    found = pd.DataFrame(
        {
            "kind": what.kind, "entity": left.index, "period": str(period), "item": what.item, "basis": what.basis,
            "unit": what.unit, "left_source": what.left, "left": left.to_numpy(), "right_source": what.right,
            "right": right.to_numpy(), "gap": gap.to_numpy(), "tolerance": tolerance.to_numpy(), "reason": reason,
        }
    )  # fmt: skip
    return found[wide.to_numpy(dtype=bool)].reset_index(drop=True)


def _with_details(gaps: pd.DataFrame, sides: Sequence[tuple[str, pd.DataFrame, str, str]]) -> Reconciled:
    """The rows of the firms that have a gap; each side's figures stand in one column."""
    parts = [
        gaps[_KEY].merge(rows.assign(value=rows["amount"]), on="entity").assign(side=side, source=source, column=column)
        for side, rows, column, source in sides
    ]
    return Reconciled(gaps, pd.concat([part[DETAIL] for part in parts], ignore_index=True))


def together(parts: list[Reconciled]) -> Reconciled:
    """Several reconciliations as one."""
    gaps = [part.gaps for part in parts if len(part.gaps)]
    details = [part.details for part in parts if len(part.details)]
    empty = nothing()
    return Reconciled(
        pd.concat(gaps, ignore_index=True) if gaps else empty.gaps,
        pd.concat(details, ignore_index=True) if details else empty.details,
    )
