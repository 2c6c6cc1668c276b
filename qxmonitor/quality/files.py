"""Files as a whole: a few numbers about each, held against ``expectations/files/whole_file.yml``; and what is kept.

What is kept of all verdicts on a file is a row a rule: how many cells were looked at, how many broke it, and where the
first of them stand. Sheets go by number and firms not at all, so that these rows can be shown to anyone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.feeds.base import VERDICT_COLUMNS, Batch
from qxmonitor.quality.suites import WHOLE_FILE, expanded
from qxmonitor.quality.verdicts import Verdict, weigh_columns

EDGES = (65_536, 1_048_576)
"""Rows a sheet of .xls and of .xlsx has at most."""

SHOWN_PLACES = 20
_MANY, _SOME = 50, 10
_FIRM_TABLES = ("output_return", "finance_return", "self_report")
_SAID = "合计行的"
"""How a reader's own note about a total begins."""


def measure(batch: Batch, rejected: int) -> dict[str, float]:
    """The numbers of one file that the suite holds against its bounds; NaN is not judged.

    Args:
        batch: as read.
        rejected: its lines that are rejected after all row checks.
    """
    read = batch.rows_read
    share = rejected / read if read else np.nan
    last = _last_lines(batch)
    text = last["sheet"] == ""
    frames = [batch.tables[table] for table in _FIRM_TABLES if len(batch.tables.get(table, ())) >= _SOME]
    equal = [_equal_columns(frame) for frame in frames]
    spread, same = sum(total for _, total in equal), sum(count for count, _ in equal)
    firms = sum(map(len, frames))
    return {
        "rejected_share_of_many": share if read >= _MANY else np.nan,
        "rejected_share": share if read >= _SOME else np.nan,
        "sheets_filled_to_the_edge": float((~text & last["row"].isin(EDGES)).sum()),
        "text_filled_to_the_edge": float((text & (last["row"] == EDGES[0])).sum()),
        "everything_equal": float(spread > 1 and same == spread) if firms >= _MANY else np.nan,
        "equal_columns": float(same) if spread else np.nan,
        "totals_off": float(_off(batch).sum()) if len(batch.totals) else np.nan,
    }


def weigh(batches: Sequence[Batch], rejected: Sequence[int]) -> list[Verdict]:
    """What the suite of whole files says of some files; positions are those of the files."""
    measured = pd.DataFrame([measure(batch, lines) for batch, lines in zip(batches, rejected, strict=True)])
    columns = {str(name): measured[name].astype("float64") for name in measured}
    return weigh_columns(WHOLE_FILE, expanded(WHOLE_FILE), columns)


def words(batch: Batch, verdict: Verdict) -> str | None:
    """What a broken rule says of a file, with places and no values; None when its reader has said so already."""
    if verdict.column == "totals_off" and any(note.startswith(_SAID) for note in batch.notes):
        return None
    where = places(batch, verdict)
    shown = "、".join(where[:8]) + ("…" if len(where) > 8 else "")
    return f"{verdict.field}：{verdict.reason}" + (f"（{shown}）" if shown else "")


def places(batch: Batch, verdict: Verdict) -> list[str]:
    """Where in a file a broken rule of whole files points; empty when it is the file altogether."""
    if verdict.column == "totals_off":
        off = batch.totals[_off(batch)]
        return addresses(batch, off["sheet"], off["row"], off["column"])
    if verdict.column.endswith("to_the_edge"):
        last = _last_lines(batch)
        last = last[last["row"].isin(EDGES)]
        return addresses(batch, last["sheet"], last["row"], pd.Series("", index=last.index))
    return []


def addresses(batch: Batch, sheets: pd.Series, rows: pd.Series, columns: pd.Series | str) -> list[str]:
    """Cells as a person finds them: ``表1 E5``, or ``表1 第5行`` where no single cell is meant; the first few."""
    number = {name: at for at, name in enumerate(pd.unique(batch.lines["sheet"]), start=1)}
    names = [columns] * len(rows) if isinstance(columns, str) else columns.tolist()
    found = []
    for sheet, row, column in list(zip(sheets.tolist(), rows.tolist(), names, strict=True))[:SHOWN_PLACES]:
        letter = _letter(batch.cells, str(sheet), str(column))
        cell = letter if letter[-1:].isdigit() else (f"{letter}{row}" if letter else f"第{row}行")
        found.append(f"表{number.get(sheet, 0)} {cell}" if sheet else cell)
    return found


def summary(
    table: str, rule: str, field: str, severity: str, reason: str, evaluated: int, unexpected: int, where: Sequence[str]
) -> dict[str, Any]:
    """A row of :attr:`Batch.verdicts`."""
    shown = json.dumps(list(where[:SHOWN_PLACES]), ensure_ascii=False)
    row = (table, rule, field, severity, reason, int(evaluated), int(unexpected), shown)
    return dict(zip(VERDICT_COLUMNS, row, strict=True))


def reader_rejects(batch: Batch) -> list[dict[str, Any]]:
    """Summaries of what the reader itself rejected, a row a rule."""
    if batch.rejects.empty:
        return []
    rows = []
    for rule, mine in batch.rejects.groupby("rule", sort=True):
        lines = mine.drop_duplicates(["sheet", "row"])
        fields = "、".join(sorted(mine["field"].astype(str).unique())[:6])
        where = addresses(batch, lines["sheet"], lines["row"], "")
        reason = str(mine["reason"].iloc[0])
        rows.append(summary("reader", str(rule), fields, "critical", reason, batch.rows_read, len(lines), where))
    return rows


def _last_lines(batch: Batch) -> pd.DataFrame:
    """The last line of each sheet, unless it is a total or footer, with which a sheet ends as it should."""
    if batch.lines.empty or int(batch.lines["row"].max()) < EDGES[0]:
        return batch.lines.iloc[:0]
    last = batch.lines.loc[batch.lines.groupby("sheet")["row"].idxmax()]
    control = pd.MultiIndex.from_frame(batch.control[["sheet", "row"]])
    return last[~pd.MultiIndex.from_frame(last[["sheet", "row"]]).isin(control)]


def _equal_columns(frame: pd.DataFrame) -> tuple[int, int]:
    """How many figure columns hold one single value, other than zero, all the way down; and how many there are."""
    figures = frame.select_dtypes("number").drop(columns=["row"], errors="ignore").to_numpy(dtype=np.float64)
    there = ~np.isnan(figures)
    enough = there.sum(axis=0) >= _SOME
    low = np.where(there, figures, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, figures, -np.inf).max(axis=0, initial=-np.inf)
    used = enough & ~((low == 0) & (high == 0))
    return int((used & (low == high)).sum()), int(used.sum())


def _off(batch: Batch) -> pd.Series:
    gap = (batch.totals["printed"].astype("float64") - batch.totals["summed"].astype("float64")).abs()
    return gap > batch.totals["slack"].astype("float64")


def _letter(cells: dict[str, str], sheet: str, column: str) -> str:
    """Column letter of a column, or of the one a measure begins with."""
    if not column:
        return ""
    if (exact := cells.get(f"{sheet}|{column}")) is not None:
        return exact
    parts = column.split("_")
    candidates = ("_".join(parts[:size]) for size in range(len(parts) - 1, 0, -1))
    return next((cells[f"{sheet}|{name}"] for name in candidates if f"{sheet}|{name}" in cells), "")
