"""Writes sheets in any container, quickly and without asking whether anybody should."""

from __future__ import annotations

import csv as csv_module
import io
import random
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import xlwt

from qxmonitor.feeds.csvfile import column_letter

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

Sheets = Sequence[tuple[str, list[list[Any]]]]


def xlsx(sheets: Sheets, rng: random.Random | None = None) -> bytes:
    """A workbook; with a random source, in one of the styles writers have."""
    style = rng.randrange(4) if rng else 0
    return archive(xlsx_parts(sheets, shared=style in (0, 1), places=style != 3))


def xlsx_parts(sheets: Sheets, *, shared: bool = True, places: bool = True) -> dict[str, bytes]:
    """The parts of a workbook, texts shared or in line, cells with or without their references."""
    strings: dict[str, int] = {}
    pages = {}
    for number, (_, rows) in enumerate(sheets, start=1):
        lines = []
        for at, row in enumerate(rows, start=1):
            cells = [_cell(cell, f"{column_letter(place)}{at}" if places else "", strings if shared else None)
                     for place, cell in enumerate(row)]  # fmt: skip
            lines.append((f'<row r="{at}">' if places else "<row>") + "".join(cells) + "</row>")
        pages[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    names = "".join(
        f'<sheet name={quoteattr(name[:31] or "S")} sheetId="{n}" r:id="r{n}"/>'
        for n, (name, _) in enumerate(sheets, start=1)
    )
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    texts = "".join(f'<si><t xml:space="preserve">{escape(word)}</t></si>' for word in strings)
    made = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}</Relationships>',
        **pages,
    }
    if strings:
        made["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{texts}</sst>'
    return {name: content.encode("utf-8", "replace") for name, content in made.items()}


def _cell(cell: Any, place: str, strings: dict[str, int] | None) -> str:
    r = f' r="{place}"' if place else ""
    if cell is None or cell == "":
        return "" if place else "<c/>"
    if isinstance(cell, bool):
        return f'<c{r} t="b"><v>{cell:d}</v></c>'
    if isinstance(cell, int | float):
        return f"<c{r}><v>{cell!r}</v></c>"
    if isinstance(cell, datetime | date):
        return f'<c{r} t="d"><v>{cell.isoformat()}</v></c>'
    word = "".join(letter for letter in str(cell) if letter >= " " or letter in "\n\t")
    if word.startswith("#") and word.endswith(("!", "?", "/A")):
        return f'<c{r} t="e"><v>{escape(word)}</v></c>'
    if word.startswith("="):
        return f"<c{r}><f>{escape(word[1:])}</f></c>"  # saved without its result
    if strings is None:
        return f'<c{r} t="inlineStr"><is><t>{escape(word)}</t></is></c>'
    return f'<c{r} t="s"><v>{strings.setdefault(word, len(strings))}</v></c>'


def archive(parts: dict[str, bytes]) -> bytes:
    """A zip of parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def xls(sheets: Sheets) -> bytes:
    """An old workbook."""
    book = xlwt.Workbook()
    for number, (_, rows) in enumerate(sheets):
        page = book.add_sheet(f"S{number}")
        for at, row in enumerate(rows):
            for place, cell in enumerate(row[:256]):
                if cell not in ("", None):
                    page.write(at, place, cell if isinstance(cell, bool | int | float) else str(cell)[:30_000])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv(rows: list[list[Any]], encoding: str = "gb18030", delimiter: str = ",", end: str = "\r\n") -> bytes:
    """A csv; ``utf-16-le`` and ``-be`` and ``utf-8-sig`` bear their marks."""
    if "\n" not in end:
        rows = [[cell.replace("\n", " ") if isinstance(cell, str) else cell for cell in row] for row in rows]
    out = io.StringIO(newline="")
    csv_module.writer(out, delimiter=delimiter, lineterminator=end).writerows(
        [["" if cell is None else cell for cell in row] for row in rows]
    )
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    return mark + out.getvalue().encode(encoding, "replace")
