"""Small workbooks and csv files in the shapes of the sources, for the tests of their readers."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from qxmonitor.identity import uscc_check_char


def uscc(number: int) -> str:
    """A valid code of a firm that does not exist (area 000000)."""
    body = f"91000000MA{number:07d}"
    return body + uscc_check_char(body)


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], at: tuple[int, int] = (1, 1)) -> bytes:
    """An .xlsx whose sheets begin at a row and column; None leaves a cell out."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if cell is not None:
                    page.cell(at[0] + i, at[1] + j, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv(rows: Sequence[Sequence[Any]], encoding: str = "gb18030") -> bytes:
    """A csv; cells with a comma are quoted."""
    lines = [",".join(f'"{c}"' if "," in str(c) else str("" if c is None else c) for c in row) for row in rows]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def raw_xlsx(sheet_data: str, shared: str | None = None, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An .xlsx with this inside ``<sheetData>``, however odd, and these shared strings."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(
            "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet_data}</sheetData></worksheet>'
        )
        if shared is not None:
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{shared}</sst>')
    return out.getvalue()


def letter(place: int) -> str:
    """Column letters of a 0-based place."""
    return get_column_letter(place + 1)


def export(
    header: Sequence[str], rows: Sequence[Sequence[Any]], unit: str | None = "计量单位：千元", title: str = "B204-1表"
) -> list[list[Any]]:
    """Rows of a platform export: title, unit, header, rows."""
    return [[title], [unit], list(header), *map(list, rows)]


B204 = (
    "统一社会信用代码",
    "单位详细名称",
    "报告期",
    "工业总产值(当年价格);本年;本月",
    "1-本月;本年;工业总产值(当年价格)",
)
