"""Reads of the bonded centre: firms' months through it, what lies in it at a month's end, messages not yet whole.

What counts stands in SQL (``sql/views/20_bonded.sql``, ``asof_inventory``, ``bonded_bordered``); stock is summed here,
over whole arrays. There is no subsidy in it: money per ticket is a parameter that the plan does not state.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from qxmonitor.catalog.codes import codes
from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.asof import rows
from qxmonitor.warehouse.core import FOREVER, Warehouse, fetch

MONEY = ["in_abroad_usd", "out_abroad_usd", "in_domestic_usd", "out_domestic_usd", "unclear_usd"]
TICKETS = ["tickets", "tickets_abroad", "tickets_domestic"]
STOCK = ["stock_lines", "stock_quantity", "stock_unit", "stock_usd", "days", "overdue", "overdue_usd"]
NOBODY = "货主不明"
"""The name of who owns stock of which no owner is known."""

_KEY = ["entity", "period"]
_OVERDUE = "overdue"


def border_lists() -> tuple[str, str, str]:
    """The lists of ``bonded_bordered``: domestic transports, modes abroad, modes domestic, with spaces between."""
    table = codes()
    return (
        " ".join(table.domestic_transports),
        " ".join(table.border_modes("abroad")),
        " ".join(table.border_modes("domestic")),
    )


def months(
    wh: Warehouse,
    first: Period | None = None,
    last: Period | None = None,
    *,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> pd.DataFrame:
    """Firms' months at the centre as of (known_at, recorded_at); None is newest.

    Returns:
        One row per firm and month that has any: period, entity, name, ownership, tickets (in all and by border), value
        in and out by border, value of no certain border, and of the stock at the month's end: lines, quantity and
        unit (where all is in one unit), value, days in stock weighted by value, lines past their limit and their
        value. A month without a ledger has no stock figures, not zeros. A row without a firm is stock of which no
        owner is known.
    """
    times = (known_at or FOREVER, recorded_at or FOREVER)
    spans = (*times, str(first or "0000-00"), str(last or "9999-99"))
    with wh.adbc() as connection:
        moved = fetch(connection, sql.query("bonded_months"), *spans, *border_lists()).to_pandas()
        lines = fetch(connection, sql.query("bonded_stock_lines"), *spans).to_pandas()
        register = rows(connection, "register_entry", None, None, known_at, recorded_at).to_pandas()
    whole = _typed(moved, [*TICKETS, *MONEY]).merge(stock(lines), on=_KEY, how="outer")
    held = whole["period"].isin(lines["period"].unique())
    for column in ("stock_lines", _OVERDUE):
        whole[column] = whole[column].astype("Int64").where(whole[column].notna() | ~held, 0)
    for column in TICKETS:
        whole[column] = whole[column].fillna(0).astype("int64")
    for column in ("stock_usd", "overdue_usd"):
        whole[column] = whole[column].where(whole[column].notna() | ~held, 0.0)
    whole[MONEY] = whole[MONEY].fillna(0.0)
    firms = register[["subject", "name", "ownership"]].rename(columns={"subject": "entity"})
    named = whole.merge(firms, on="entity", how="left", validate="m:1").sort_values(["period", "entity"])
    named["name"] = named["name"].where(named["entity"].notna(), NOBODY)
    money = [*MONEY, "stock_usd", "overdue_usd"]
    named[money] = named[money].round(2)
    return named[["period", "entity", "name", "ownership", *TICKETS, *MONEY, *STOCK]].reset_index(drop=True)


def stock(lines: pd.DataFrame) -> pd.DataFrame:
    """Stock at each month's end per owner from ledger lines.

    A line that is used up is no stock; one whose quantity is unknown counts with its value. A line is overdue when its
    limit lies before the month's last day.

    Args:
        lines: period, entity, unit, quantity, usd, in_on, limit_on.
    """
    end = month_end(lines["period"])
    quantity, usd = lines["quantity"].astype("float64"), lines["usd"].astype("float64")
    there = (quantity > 0) | (quantity.isna() & (usd > 0))
    late = (pd.to_datetime(lines["limit_on"]) < end) & there
    age = (end - pd.to_datetime(lines["in_on"])).dt.days.astype("float64")
    weight = usd.where(age.notna() & there, 0.0).fillna(0.0)
    table = pd.DataFrame(
        {
            **{key: lines[key].astype("str") for key in _KEY},
            "unit": lines["unit"].astype("str"),
            "stock_lines": there.astype("int64"),
            "stock_quantity": quantity,
            "stock_usd": usd.fillna(0.0),
            _OVERDUE: late.astype("int64"),
            "overdue_usd": usd.where(late, 0.0).fillna(0.0),
            "weight": weight,
            "aged": age.fillna(0.0) * weight,
            "unknown": quantity.isna() | lines["unit"].isna(),
        }
    )[there.to_numpy(dtype=bool)]
    grouped = table.groupby(_KEY, dropna=False)
    found = grouped[
        ["stock_lines", "stock_quantity", "stock_usd", _OVERDUE, "overdue_usd", "weight", "aged", "unknown"]
    ].sum()
    whole = ((grouped["unit"].min() == grouped["unit"].max()) & (found["unknown"] == 0)).to_numpy(dtype=bool)
    found["stock_quantity"] = found["stock_quantity"].where(whole)
    found["stock_unit"] = grouped["unit"].first().where(whole)
    found["days"] = (found["aged"] / found["weight"].replace(0.0, np.nan)).round(1)
    return found.reset_index()[[*_KEY, *STOCK]]


def month_end(periods: pd.Series) -> pd.Series:
    """The last day of each month."""
    found: pd.Series = (pd.to_datetime(periods.astype("str") + "-01") + pd.offsets.MonthEnd(0)).dt.normalize()
    return found


def by_ownership(firm_months: pd.DataFrame) -> pd.DataFrame:
    """Firms' months (:func:`months`) added up by the register's ownership: period, ownership, firms, tickets, value."""
    added = [*TICKETS, *MONEY, "stock_usd", "overdue_usd"]
    grouped = firm_months.assign(firms=firm_months["tickets"] > 0).groupby(["period", "ownership"], dropna=False)
    found = grouped[["firms", *added]].sum().round(2).reset_index()
    return found.sort_values(["period", "ownership"], ignore_index=True)


def states(wh: Warehouse, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """What each filing came to: kind, document, change, status, on_day (of that status), living (it counts)."""
    with wh.adbc() as connection:
        found = fetch(connection, sql.query("bonded_states"), known_at or FOREVER, recorded_at or FOREVER)
    frame: pd.DataFrame = found.to_pandas()
    return frame


def incomplete(wh: Warehouse, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Messages not yet whole: message, kind, document, pockets in all, which are here, how many are not, since when."""
    with wh.adbc() as connection:
        found = fetch(connection, sql.query("bonded_open"), known_at or FOREVER, recorded_at or FOREVER)
    frame: pd.DataFrame = found.to_pandas()
    return frame


def _typed(frame: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    """An empty result has no types of its own."""
    return frame.astype(dict.fromkeys(_KEY, "str") | dict.fromkeys(numbers, "float64"))
