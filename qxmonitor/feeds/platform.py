"""Reads a statistics table with one firm a row: platform exports of B204-1 and 财务状况, and 企业自报 sheets.

They differ in their items only (``catalog/items.yml``): some lines of title and unit, a header of labels in any
order, rows, a 合计 line, footers; contact persons in the last columns, empty columns behind them. A row with
anything unreadable in a column that is used is rejected as a whole, once for each such cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.items import items
from qxmonitor.errors import Refused
from qxmonitor.feeds import detail, headings, numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, TOTAL_COLUMNS, WHOSE, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids, no_table
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

SELF_REPORT = "自报"
"""The word that tells a firm's own report to the town from its return: they go to different readers."""


@dataclass(frozen=True)
class _Part:
    """What one sheet gave."""

    table: pd.DataFrame
    lines: pd.DataFrame
    rejects: pd.DataFrame
    control: pd.DataFrame
    cells: dict[str, str]
    notes: list[str]
    totals: pd.DataFrame
    factors: dict[str, float]


def matches(opened: Opened, form: str) -> bool:
    """Whether some sheet has a header of the form, and says or does not say 自报 as the form demands."""
    if opened.kind not in ("xlsx", "xls", "csv"):
        return False
    return any(_header(grid, form) is not None for grid in grids(opened))


def read(opened: Opened, form: str, kind: str) -> Batch:
    """Read every sheet that has the form's header.

    Args:
        opened: the file.
        form: id in ``items.yml``.
        kind: the batch's ``form``.

    Raises:
        Refused: no header, a mandatory column missing or doubled, an unknown unit, simulated and real firms mixed.
    """
    parts, notes, head = [], [], []
    for grid in grids(opened):
        header = _header(grid, form)
        if header is None:
            if any(text for row in grid.head for text in row.texts):
                notes.append(f"工作表“{personal.hide_words(grid.sheet[:30])}”没有可识别的表头，未读取")
            continue
        head += headings.above(grid, header)
        parts.append(_sheet(grid, header, form))
    if not parts:
        raise no_table([grid.sheet for grid in grids(opened)])
    table = pd.concat([part.table for part in parts], ignore_index=True)
    return Batch(
        feed=form,
        form=kind,
        period=newest_majority(table["period"]),
        tables={items().form(form).table: table},
        lines=gather([part.lines for part in parts], ["sheet", "row"]),
        rejects=gather([part.rejects for part in parts], [*REJECT_COLUMNS, *WHOSE]),
        control=gather([part.control for part in parts], ["sheet", "row", "text"]),
        cells={key: letter for part in parts for key, letter in part.cells.items()},
        origin=origin(table["subject"], head),
        notes=[*dict.fromkeys(note for part in parts for note in part.notes), *notes],
        totals=gather([part.totals for part in parts], TOTAL_COLUMNS),
        factors={key: factor for part in parts for key, factor in part.factors.items()},
    )


def newest_majority(periods: pd.Series) -> Period | None:
    """The period most rows have, the newest of those equally frequent; None for no rows."""
    return Period(str(periods.mode().max())) if len(periods) else None


def origin(subjects: pd.Series, head: list[str]) -> str | None:
    """Whose firms these are; where no subject tells, the file's own words 模拟数据 do.

    Raises:
        Refused: simulated and real firms in one file.
    """
    return identity.origin(subjects) or ("simulated" if any("模拟数据" in text for text in head) else None)


def _header(grid: Grid, form: str) -> Row | None:
    header = headings.find(grid, form)
    if header is None or (form == "b204_1" and detail.is_list(header)):
        return None
    own = any(SELF_REPORT in text for text in headings.above(grid, header))
    return header if own == (form == "self_report") else None


def _sheet(grid: Grid, header: Row, form: str) -> _Part:
    found = headings.read(grid, header, form)
    who = [found.keys[key] for key in ("uscc", "org", "name") if key in found.keys]
    body = grid.body(header, who)
    lines = Lines(grid.sheet, body)
    lines.totals_and_footers(body, [0, *who], header)
    lines.reject(body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")

    subject = subjects(body, found, lines)
    period = periods(grid, header, body, found, lines)
    lines.whose = {"subject": subject, "period": period}
    names = items().columns_of(form)
    figures: dict[str, npt.NDArray[np.float64]] = {}
    for column, shown in names.items():
        if column not in found.values:
            figures[column] = np.full(len(body.rows), np.nan)
            continue
        value = found.values[column]
        cells = body.column(value.place)
        parsed = numbers.parse_numbers(cells)
        lines.reject(parsed.errors, shown, "number.error", "单元格是 Excel 错误值", cells)
        lines.reject(parsed.unreadable & ~parsed.errors, shown, "number.unreadable", "数字无法识别", cells)
        figures[column] = numbers.scaled(parsed.values, value.factor)
    data = lines.data
    table = pd.DataFrame(
        {
            "sheet": pd.Series(grid.sheet, index=range(len(body.rows)), dtype="str"),
            "row": body.rows,
            "subject": subject,
            "period": period,
            **figures,
        }
    )
    table = table if data.all() else table[data].reset_index(drop=True)
    cells_of = {f"{grid.sheet}|{name}": column_letter(place) for name, place in found.places().items()}
    if (months := table["period"].nunique()) > 1:
        found.notes.append(f"一张表里有 {months} 个报告期，按各行自己的报告期收下")
    factors = {f"{grid.sheet}|{name}": value.factor for name, value in found.values.items() if value.factor != 1}
    return _Part(table, *lines.frames(), cells_of, found.notes, _totals(grid.sheet, lines, found, figures), factors)


def _totals(
    sheet: str, lines: Lines, found: headings.Headings, figures: dict[str, npt.NDArray[np.float64]]
) -> pd.DataFrame:
    """The one 合计 line beside what its columns add up to; nothing where a line's figures could not be read."""
    rejected = lines.rejected & ~lines.control
    if lines.totals.sum() != 1 or rejected.any():
        return pd.DataFrame(columns=TOTAL_COLUMNS)
    at, data = int(np.flatnonzero(lines.totals)[0]), ~lines.control
    names = [name for name in figures if name in found.values and not np.isnan(figures[name][at])]
    rows = [
        (sheet, int(lines.rows[at]), name, figures[name][at], float(np.nansum(figures[name][data])),
         found.values[name].factor * 0.5 * (int(data.sum()) + 1))
        for name in names
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=TOTAL_COLUMNS)


def subjects(body: Body, found: headings.Headings, lines: Lines) -> pd.Series:
    """Whose each line is; lines of nobody are rejected."""
    columns = {key: body.text(found.keys[key]) if key in found.keys else None for key in ("uscc", "org", "name")}
    who = identity.resolve(columns["uscc"], None, columns["org"], columns["name"])
    named = who["subject"].str.startswith("name:").fillna(False).to_numpy(bool)
    if named.any() and columns["name"] is not None:  # a person's name in a shifted row is no firm's
        person = named & personal.is_person(columns["name"]).to_numpy(bool)
        who.loc[person, "subject"] = None
        who.loc[person, ["rule", "field", "reason", "raw"]] = [
            "identity.name", "单位详细名称", "单位名称不像企业名称", "",
        ]  # fmt: skip
    lines.reject(who["subject"].isna().to_numpy(dtype=bool), who["field"], who["rule"], who["reason"], who["raw"])
    return who["subject"]


def periods(grid: Grid, header: Row, body: Body, found: headings.Headings, lines: Lines) -> pd.Series:
    """The month of each line, from its column or from above the header; lines without one are rejected.

    Raises:
        Refused: neither a column nor a line above the header states it, or two months stand there.
    """
    if "period" not in found.keys:
        stated = headings.stated_period(headings.above(grid, header))
        if stated is None:
            raise Refused("缺少报告期列，表头上也没有注明报告期")
        return pd.Series(stated, index=range(len(body.rows)), dtype="str")
    cells = body.column(found.keys["period"])
    months = numbers.parse_months(cells)
    period = pd.Series(months.values, dtype="str")
    lines.reject(months.unreadable, "报告期", "period.unreadable", "报告期不是有效的年月", cells)
    lines.reject(period.isna().to_numpy(dtype=bool) & ~months.unreadable, "报告期", "period.missing", "报告期为空")
    return period
