"""What the sheets of a whole month add to the panel: trade by mode, partner and chapter, stock, power, projects, R&D.

Each comes for everybody at once, except the yearly R&D form, which stands in every month of the year after its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from qxmonitor.calendar import DatumState
from qxmonitor.panel import (
    DETAIL_COLUMNS,
    PROJECT_COLUMNS,
    PUBLISHED_COLUMNS,
    TASK_COLUMNS,
    VISIT_COLUMNS,
    no_projects,
    no_published,
    no_trade,
)
from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.bonded import month_end
from qxmonitor.warehouse.core import fetch

if TYPE_CHECKING:
    from qxmonitor.warehouse.panel import Axes

Values = dict[str, npt.NDArray[np.float64]]

REMEMBERED = 12
"""Months for which it is remembered in which ledgers an owner had stock."""


def trade(axes: Axes, lines: pa.Table, values: Values) -> tuple[npt.NDArray[np.bool_], pd.DataFrame]:
    """Lay out imports and exports per firm and month, and keep the lines behind them.

    Args:
        axes: of the panel.
        lines: of query ``panel_trade``, in its order.
        values: gets ``customs.import_usd`` … ``customs.export_rmb``.

    Returns:
        Where a firm has a line, (n, m), and the panel's ``trade``.
    """
    codes, months = axes.codes(lines["entity"]), axes.months(lines["period"])
    there = (codes >= 0) & (months >= 0)
    kept = lines.filter(pa.array(there))
    frame = pd.DataFrame({"firm": codes[there], "month": months[there]})
    for name in ("flow", "mode", "partner", "chapter"):
        frame[name] = pd.Categorical(kept[name].to_pandas())
    for name in ("usd", "rmb"):
        frame[name] = kept[name].to_numpy().astype(np.float64)
    flow = frame["flow"].to_numpy(dtype=object)
    for side, word in (("I", "import"), ("E", "export")):
        for currency in ("usd", "rmb"):
            mine = (flow == side) & np.isfinite(frame[currency].to_numpy())
            total, any_ = np.zeros(axes.shape), np.zeros(axes.shape, bool)
            place = (frame["firm"].to_numpy()[mine], frame["month"].to_numpy()[mine])
            np.add.at(total, place, frame[currency].to_numpy()[mine])
            any_[place] = True
            values[f"customs.{word}_{currency}"] = np.where(any_, total, np.nan)
    found = np.zeros(axes.shape, bool)
    found[frame["firm"], frame["month"]] = True
    return found, frame if len(frame) else no_trade()


def stock(axes: Axes, lines: pd.DataFrame, values: Values) -> npt.NDArray[np.bool_]:
    """Lay out the stock at the months' ends per owner; lines of which no owner is known are in no firm's.

    Args:
        axes: of the panel.
        lines: of query ``bonded_stock_lines``.
        values: gets ``stock.usd``, ``stock.overdue_usd``, ``stock.aged`` (dollars × days) over ``stock.weight``
            (dollars of which the day of entry is known), and ``stock.empty``: 1 where an owner has nothing left.
    """
    axes.fill(pa.Table.from_pandas(_emptied(lines), preserve_index=False), "stock", values)
    lines = lines[lines["entity"].notna()]
    end = month_end(lines["period"])
    usd = lines["usd"].astype("float64")
    quantity = lines["quantity"].astype("float64")
    held = (quantity > 0) | (quantity.isna() & (usd > 0))
    age = (end - pd.to_datetime(lines["in_on"])).dt.days.astype("float64")
    weight = usd.where(held & age.notna(), 0.0).fillna(0.0)
    late = held & (pd.to_datetime(lines["limit_on"]) < end)
    table = pd.DataFrame(
        {
            "entity": lines["entity"].astype("str"), "period": lines["period"].astype("str"),
            "usd": usd.where(held, 0.0), "overdue_usd": usd.where(late, 0.0).fillna(0.0),
            "aged": age.fillna(0.0) * weight, "weight": weight,
        }
    )  # fmt: skip
    summed = table.groupby(["entity", "period"], as_index=False).sum(min_count=1)
    return axes.fill(pa.Table.from_pandas(summed, preserve_index=False), "stock", values)


def _emptied(lines: pd.DataFrame) -> pd.DataFrame:
    """Months in which an owner has no stock any more, told by the very ledgers in which it had some: 1 as ``empty``.

    These are all ledgers in which it had stock in the :data:`REMEMBERED` months before. A month without one of them
    says nothing of what lies in it, nor does one that holds the same kind of goods of which no owner is known.
    """
    quantity, usd = lines["quantity"].astype("float64"), lines["usd"].astype("float64")
    some = (quantity > 0) | (quantity.isna() & ~(usd <= 0))
    mine = lines.loc[some & lines["account"].notna(), ["entity", "account", "hs", "period"]].astype("str")
    owned = lines.loc[mine.index, "entity"].notna()
    held, nobodys = mine[owned].drop_duplicates(), mine.loc[~owned, ["account", "hs", "period"]].drop_duplicates()
    here = lines[["account", "period"]].dropna().astype("str").drop_duplicates().assign(here=True)
    ahead = {one: [str(Period(one) + k) for k in range(1, REMEMBERED + 1)] for one in held["period"].unique()}
    due = held.assign(period=held["period"].map(ahead)).explode("period").drop_duplicates()
    due = due[due["period"].isin(here["period"])].astype({"period": "str"})
    due = due.merge(here, on=["account", "period"], how="left", validate="m:1")
    due = due.merge(nobodys.assign(doubt=True), on=["account", "hs", "period"], how="left", validate="m:1")
    told = due["here"].notna() & due["doubt"].isna()
    empty = told.groupby([due["entity"], due["period"]]).all()
    still = pd.MultiIndex.from_frame(held[["entity", "period"]])
    found = empty.index[empty.to_numpy(dtype=bool) & ~empty.index.isin(still)]
    frame: pd.DataFrame = found.to_frame(index=False)
    return frame.astype("str").assign(empty=1.0)


def rd(
    axes: Axes, connection: dbapi.Connection, times: tuple[datetime, datetime], values: Values
) -> npt.NDArray[np.bool_]:
    """Lay the yearly R&D form out over the months of the next year; returns where there is one.

    Nobody could verify when it is due, so it is never late.
    """
    years = [month.year - 1 for month in axes.columns]
    found = fetch(connection, sql.query("asof_single", table="rd_return"), *times, f"{years[0]}", f"{years[-1]}")
    table = found.select(["entity", "period", "rd_expense"]).to_pandas()
    months = pd.DataFrame({"period": [f"{year}" for year in years], "month": [str(m) for m in axes.columns]})
    spread = table.merge(months, on="period", how="inner").drop(columns="period").rename(columns={"month": "period"})
    typed = spread.astype({"entity": "str", "period": "str", "rd_expense": "float64"})
    return axes.fill(pa.Table.from_pandas(typed, preserve_index=False), "rd", values)


def projects(rows: pa.Table, columns: tuple[Period, ...], groups: pd.Series) -> pd.DataFrame:
    """The panel's ``projects``.

    Args:
        rows: investment projects as read.
        columns: the panel's months.
        groups: group by USCC.
    """
    frame = rows.to_pandas()
    if frame.empty:
        return no_projects()
    owner = frame["entity"].astype(object)
    group = owner.map(groups.to_dict())
    unknown = frame["subject"].astype(object).where(frame["subject"].notna(), "project:" + frame["thing"].astype(str))
    found = frame.assign(
        group=group.where(group.notna(), unknown), tech_upgrade=frame["tech_upgrade"].astype(object).eq(other=True)
    )
    ordered = _in_months(found.astype({"ytd": np.float64, "ytd_ly": np.float64}), columns)
    return ordered[PROJECT_COLUMNS]


def tasks(rows: pa.Table, columns: tuple[Period, ...]) -> pd.DataFrame:
    """The panel's ``tasks``, from task progress as read."""
    frame = _in_months(rows.to_pandas(), columns)
    return frame.astype({"percent": np.float64})[TASK_COLUMNS]


def visits(rows: pa.Table, columns: tuple[Period, ...], groups: pd.Series) -> pd.DataFrame:
    """The panel's ``visits``, from the ledger as read; a firm nobody knows is its own group."""
    frame = _in_months(rows.to_pandas(), columns)
    group = frame["entity"].astype(object).map(groups.to_dict())
    appeal = frame["appeal"].astype(object)
    found = frame.assign(
        group=group.where(group.notna(), frame["subject"].astype(object)), appeal=appeal.notna() & (appeal != "")
    )
    return found[VISIT_COLUMNS]


def detail(rows: pa.Table, columns: tuple[Period, ...]) -> pd.DataFrame:
    """The panel's ``detail``, from query ``panel_detail``, in its order."""
    frame = rows.to_pandas()
    place = {str(month): at for at, month in enumerate(columns)}
    found = frame.assign(month=frame["period"].astype(str).map(place).astype("int64"))
    typed: pd.DataFrame = found.astype(dict.fromkeys(("ytd", "both_ytd", "both_ly"), np.float64))[DETAIL_COLUMNS]
    return typed


def published(rows: pa.Table, downloads: pa.Table, columns: tuple[Period, ...]) -> pd.DataFrame:
    """The panel's ``published``: the tables' figures, then what downloads add up to (query ``panel_downloads``)."""
    tables, sums = rows.to_pandas(), downloads.to_pandas()
    flows = sums["flow"].map({"I": "import", "E": "export"})
    sums = sums.assign(
        item=flows + "_" + sums["currency"] + "_m", value=sums["total"], base=np.nan, growth=np.nan,
        told=np.where(sums["short"].astype(bool), "short", "download"),
    )  # fmt: skip
    parts = [part[[*_PUBLISHED]] for part in (tables.assign(told="table"), sums) if len(part)]
    if not parts:
        return no_published()
    frame = pd.concat(parts, ignore_index=True)
    place = {str(month): at for at, month in enumerate(columns)}
    found = frame.assign(month=frame["period"].astype(str).map(place)).astype({"month": np.int64})
    typed: pd.DataFrame = found.astype(dict.fromkeys(("value", "base", "growth"), np.float64))[PUBLISHED_COLUMNS]
    return typed


_PUBLISHED = ("period", *(name for name in PUBLISHED_COLUMNS if name != "month"))


def _in_months(frame: pd.DataFrame, columns: tuple[Period, ...]) -> pd.DataFrame:
    """Lines of the months of a panel with their column, in an order of their own."""
    place = {str(month): at for at, month in enumerate(columns)}
    found = frame.assign(month=frame["period"].astype(str).map(place))
    found = found[found["month"].notna()].astype({"month": np.int64})
    return found.sort_values(["month", "thing", "file_id", "sheet", "row"], ignore_index=True)


def sheet_states(axes: Axes, arrived: npt.NDArray[np.bool_], due: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """States of a sheet nobody owes by himself: a value for all once it is here, late for all while it is due."""
    month = np.full(len(axes.columns), DatumState.EXPECTED_ABSENT, np.uint8)
    month[due] = DatumState.LATE
    month[arrived] = DatumState.VALUE
    return np.broadcast_to(month, axes.shape).copy()
