"""Excel workbooks with the same bytes every time: fixed dates, fixed zip entries, no text made into formula or link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet


class Book:
    """One workbook in memory with the formats the forms share."""

    def __init__(self, title: str, day: date, *, in_order: bool = True) -> None:
        self._stream = BytesIO()
        self.workbook: Workbook = xlsxwriter.Workbook(
            self._stream,
            {
                "constant_memory": in_order,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.workbook.set_properties({"title": title, "created": datetime.combine(day, time())})
        font = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
        grid = font | {"border": 1}
        self.title = self._format(font | {"font_size": 16, "bold": True, "align": "center"})
        self.note = self._format(font)
        self.header = self._format(grid | {"bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7EDF5"})
        self.text = self._format(grid)
        self.middle = self._format(grid | {"align": "center"})
        self.whole = self._format(grid | {"num_format": "#,##0"})
        self.decimal = self._format(grid | {"num_format": "#,##0.0"})
        self.hundredth = self._format(grid | {"num_format": "#,##0.00"})
        self.day = self._format(font | {"num_format": "yyyy/m/d"})

    def _format(self, properties: dict[str, Any]) -> Format:
        return self.workbook.add_format(properties)

    def sheet(self, name: str) -> Worksheet:
        """A new sheet, landscape, one page wide."""
        sheet = self.workbook.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def content(self) -> bytes:
        """Close the workbook and give its bytes."""
        self.workbook.close()
        return self._stream.getvalue()


@contextmanager
def rows_of(sheet: Worksheet, start: int) -> Iterator[Any]:
    """A function that writes one row of plain strings after another.

    Args:
        sheet: where to.
        start: first 0-based row.
    """
    place = [start]

    def write(cells: list[str], cell_format: Format) -> int:
        row = place[0]
        for column, text in enumerate(cells):
            if text:
                sheet.write_string(row, column, text, cell_format)
            else:
                sheet.write_blank(row, column, None, cell_format)
        place[0] += 1
        return row + 1

    yield write
