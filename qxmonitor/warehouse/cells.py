"""Where figures stand: the fact rows behind a panel's measures, and the file, sheet and cell of a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

import pandas as pd

from qxmonitor.period import Period
from qxmonitor.warehouse import asof, sql
from qxmonitor.warehouse.core import FOREVER, Warehouse

TABLES = {
    "returns": ("output_return", "finance_return"),
    "self_report": ("self_report",),
    "customs": ("trade_line",),
    "bonded": ("bonded_line",),
    "stock": ("bonded_stock",),
    "power": ("power_use",),
    "rd": ("rd_return",),
    "projects": ("investment_project",),
    "detail": ("output_detail",),
    "tasks": ("task_progress",),
    "visits": ("visit",),
}
"""Source of the panel's measures → fact tables."""


def facts(
    wh: Warehouse,
    table: str,
    months: Iterable[Period],
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> pd.DataFrame:
    """The rows of a table of :data:`TABLES` in some months, each with its firm; yearly ones under their months.

    Where a figure of a row stands :func:`bearing` says.

    Args:
        wh: an open warehouse.
        table: the table.
        months: which; everything from the first to the last is given.
        known_at: as known then.
        recorded_at: as recorded then.
    """
    wanted = sorted(months)
    first, last = wanted[0], wanted[-1]
    if table == "bonded_stock":
        span = (known_at or FOREVER, recorded_at or FOREVER, str(first), str(last))
        lines = wh.frame(sql.query("bonded_stock_lines"), *span)
        return lines[lines["entity"].notna()]
    if table != "rd_return":
        return asof.read(wh, table, first=first, last=last, known_at=known_at, recorded_at=recorded_at, borrowed=True)
    yearly = asof.read(wh, table, known_at=known_at, recorded_at=recorded_at, borrowed=True)
    served = pd.DataFrame({"month": wanted, "period": [str(month.year - 1) for month in wanted]})
    return yearly.merge(served, on="period").drop(columns="period").rename(columns={"month": "period"})


def bearing(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows of :func:`facts` with the file_id, sheet and row in which a column of theirs stands.

    A return whose newest file lacks the column has it from the file before.
    """
    if asof.BORROWED not in rows or not (lent := rows[asof.BORROWED].notna()).any():
        return rows
    found = rows.copy()
    for at, said in rows.loc[lent, asof.BORROWED].items():  # the few that were filed again without a column
        if spot := json.loads(said).get(column):
            found.loc[at, ["file_id", "sheet", "row"]] = spot
    return found


def places(wh: Warehouse, rows: pd.DataFrame, sides: Iterable[str] = ("", "other_")) -> pd.DataFrame:
    """Rows that point at file_id, sheet, row and column, on one or both sides, with ``file`` and ``cell`` added.

    Args:
        wh: an open warehouse.
        rows: with ``file_id``, ``sheet``, ``row`` and ``column`` under the prefix of each side that is there; a side
            without a file has neither name nor cell.
        sides: prefixes.
    """
    contents = wh.frame(sql.query("file_cells")).set_index("file_id")
    found = rows.copy()
    for side in sides:
        if f"{side}file_id" not in rows:
            continue
        ids = rows[f"{side}file_id"]
        used = contents.loc[contents.index.isin(ids.dropna().unique())]
        cells = {key: json.loads(text) for key, text in used["cells"].astype(str).items()}
        where = zip(ids, *(rows[f"{side}{name}"] for name in ("sheet", "row", "column")), strict=True)
        found[f"{side}file"] = ids.map(contents["file"])
        found[f"{side}cell"] = [cell(cells[at], *spot) if at in cells else None for at, *spot in where]
    return found


def cell(cells: Mapping[str, str], sheet: str, row: int, column: str) -> str:
    """A cell as a person names it: ``D17``; of a form its own cell; of a message the line alone."""
    place = cells.get(f"{sheet}|{column}", "")
    return place if place[-1:].isdigit() else f"{place}{int(row)}"


def spans(numbers: Iterable[int]) -> str:
    """Row numbers as a person writes them.

    >>> spans([9, 4, 7, 8])
    '4、7—9'
    """
    ordered = sorted(set(numbers))
    starts = [n for n in ordered if n - 1 not in set(ordered)]
    ends = [n for n in ordered if n + 1 not in set(ordered)]
    return "、".join(f"{a}" if a == b else f"{a}—{b}" for a, b in zip(starts, ends, strict=True))
