"""The briefing's tables as a workbook: real numbers with the catalogue's decimals, nothing hidden, the same bytes.

Numbers are written as shown, not with the digits behind them: a workbook must not say more than the page does.
Texts are written as texts whatever they begin with, so a firm called ``=1+1`` is no formula.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from qxmonitor.delivery.briefing import Briefing
from qxmonitor.delivery.docx import len_, numeric_columns
from qxmonitor.delivery.render import check, put
from qxmonitor.delivery.tables import Table
from qxmonitor.disclosure.cleared import Cleared

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "nan_inf_to_errors": False,
}
"""Texts stay texts, whatever they look like."""


def briefing_xlsx(view: Briefing, reader: str, date: datetime) -> bytes:
    """Write the appendix tables of an edition, a sheet each; the same view and date give the same bytes.

    Raises:
        DisclosureError: the view holds something not cleared for the reader.
    """
    check(view, reader)
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    book.set_properties(
        {
            "title": f"{put(view.paper, reader)} {put(view.period, reader)}",
            "author": put(view.issuer, reader),
            "comments": put(view.simulated, reader) if view.simulated else "",
            "created": date.replace(tzinfo=None, microsecond=0),
        }
    )
    formats = _Formats(book)
    for table in view.all_tables:
        _sheet(book, formats, view, table, reader)
    book.close()
    return out.getvalue()


class _Formats:
    """Cell formats by decimals, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._numbers: dict[int, Any] = {}
        base = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
        self.title = book.add_format(base | {"bold": True, "font_size": 14})
        self.plain = book.add_format(base | {"font_color": "#595959", "text_wrap": False})
        self.head = book.add_format(base | {"bold": True, "text_wrap": True, "top": 2, "bottom": 1, "align": "center"})
        self.text = book.add_format(base | {"text_wrap": True})
        self.empty = book.add_format(base | {"align": "right"})
        self._base = base

    def number(self, decimals: int) -> Any:
        if decimals not in self._numbers:
            form = "0" if decimals == 0 else "0." + "0" * decimals
            self._numbers[decimals] = self._book.add_format(self._base | {"num_format": form, "align": "right"})
        return self._numbers[decimals]


def _sheet(book: Any, formats: _Formats, view: Briefing, table: Table, reader: str) -> None:
    title = put(table.title, reader)
    sheet = book.add_worksheet(title[:31])
    sheet.write_string(0, 0, f"{table.kind}{put(table.number, reader)}　{title}", formats.title)
    label = f"（{put(view.simulated, reader)}）" if view.simulated else ""
    sheet.write_string(1, 0, f"{put(view.period, reader)}　{put(view.edition, reader)}版{label}", formats.plain)
    for column, cell in enumerate(table.head):
        sheet.write_string(2, column, put(cell, reader), formats.head)
    numeric = numeric_columns(table)
    for number, row in enumerate(table.rows, start=3):
        for column, cell in enumerate(row):
            _cell(sheet, formats, number, column, cell, put(cell, reader), right=numeric[column])
    sheet.write_string(3 + len(table.rows), 0, f"注：{put(table.note, reader)}", formats.plain)
    for column, cells in enumerate(zip(table.head, *table.rows, strict=True)):
        widest = max(len_(put(cell, reader)) for cell in cells)
        sheet.set_column(column, column, min(max(widest * 2 + 3, 9), 48))
    sheet.freeze_panes(3, 1)
    sheet.repeat_rows(2)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _cell(sheet: Any, formats: _Formats, row: int, column: int, cell: Cleared, text: str, *, right: bool) -> None:
    # A text that differs from its number (such as 120家) stays a text.
    if cell.number is not None and text == f"{cell.number:.{cell.decimals}f}":
        sheet.write_number(row, column, cell.number, formats.number(cell.decimals))
    else:
        sheet.write_string(row, column, text, formats.empty if right and column else formats.text)
