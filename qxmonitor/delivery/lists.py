"""The support lists as a workbook: a sheet a list, reasons in words, no money column unless an amount was entered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas as pd
import xlsxwriter

from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.period import Period

_HEADS = {
    "tickets": ("本年票数", "上年同期票数", "增减（票）"),
    "trade": ("本年进出口额（元）", "上年同期（元）", "增减（元）"),
}


@dataclass(frozen=True)
class ListSheet:
    """One list: its name, which rows are its own, and what is said of its money."""

    name: str
    kind: str
    terms: str


def lists_xlsx(
    sheets: tuple[ListSheet, ...], rows: pd.DataFrame, period: Period, known_at: datetime | None, mark: str
) -> bytes:
    """The lists as .xlsx; the same rows give the same bytes.

    Args:
        sheets: the lists in order.
        rows: as ``support.rows`` gives them, cleared for the reader by the gate.
        period: the year up to this month.
        known_at: as known then; None is newest.
        mark: that the figures are simulated, or nothing.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    made = known_at or release_calendar().released_at(period)
    book.set_properties({"title": "商务局名单", "author": office().issuer, "created": made.replace(tzinfo=None)})
    base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
    grid = base | {"border": 1, "border_color": "#BFBFBF"}
    formats = {
        "title": book.add_format(base | {"bold": True, "font_size": 14}),
        "note": book.add_format(base | {"font_color": "#595959"}),
        "head": book.add_format(grid | {"bold": True, "text_wrap": True, "align": "center", "bg_color": "#DDE6F0"}),
        "text": book.add_format(grid | {"text_wrap": True}),
        "number": book.add_format(grid | {"num_format": "#,##0"}),
        "money": book.add_format(grid | {"num_format": "#,##0.00"}),
    }
    for sheet in sheets:
        _sheet(book, formats, sheet, rows[rows["list"] == sheet.kind], period, mark)
    book.close()
    return out.getvalue()


def _sheet(book: Any, formats: dict[str, Any], sheet: ListSheet, rows: pd.DataFrame, period: Period, mark: str) -> None:
    page = book.add_worksheet(sheet.name[:31])
    title = f"{sheet.name}（{period.year}年1—{period.month}月）"
    page.write_string(0, 0, title + (f"【{mark}】" if mark else ""), formats["title"])
    page.write_string(1, 0, f"来源：海关、保税物流中心、企业名录；{sheet.terms}。仅供商务局核对使用。", formats["note"])
    paid = bool(rows["money"].notna().any())
    heads = ["序号", "统一社会信用代码", "企业名称", "所有制", "是否列入", *_HEADS[sheet.kind], "理由"]
    heads += ["金额（元）"] if paid else []
    for place, text in enumerate(heads):
        page.write_string(3, place, text, formats["head"])
    columns = ["entity", "name", "ownership", "listed", "figure", "before", "growth", "reason", "money"]
    for line, values in enumerate(rows[columns].astype(object).to_numpy().tolist(), start=1):
        entity, name, ownership, listed, figure, before, growth, reason, money = values
        page.write_number(3 + line, 0, line, formats["number"])
        for place, text in enumerate((entity, name, ownership, "是" if listed else "否"), start=1):
            page.write_string(3 + line, place, one_line(str(text)), formats["text"])
        for place, number in enumerate((figure, before, growth), start=5):
            _number(page, 3 + line, place, number, formats["number"], formats["text"])
        page.write_string(3 + line, 8, reason, formats["text"])
        if paid:
            _number(page, 3 + line, 9, money, formats["money"], formats["text"])
    if not len(rows):
        page.write_string(4, 0, "本年尚无符合条件的企业", formats["note"])
    for place, width in enumerate((6, 22, 34, 18, 9, 18, 18, 18, 40, 14)[: len(heads)]):
        page.set_column(place, place, width)
    page.freeze_panes(4, 3)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(3)


def _number(page: Any, row: int, column: int, number: float, form: Any, empty: Any) -> None:
    if pd.isna(number):
        page.write_string(row, column, "—", empty)
    else:
        page.write_number(row, column, number, form)
