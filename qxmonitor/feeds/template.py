"""Empty workbooks for the people who fill the forms, from the same declarations the reader has.

A template asks for what the reader takes: headings with their units, drop-downs for choices, text cells for codes so
that leading zeros survive, notes on the headings, a sheet of instructions. A filled one is read back by its feed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from qxmonitor.catalog.items import items
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.sheets import INSTRUCTIONS, Column, SheetForm, sheets
from qxmonitor.errors import QxError
from qxmonitor.feeds import register, self_report
from qxmonitor.feeds.headings import FORM_UNITS

ROWS = 500
"""Rows prepared below a header."""

_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
_CREATED = datetime(2020, 1, 1)  # noqa: DTZ001 - a workbook's property without a zone; fixed, so that bytes repeat
_FORMATS = {
    "text": "@", "code": "@", "credit_code": "@", "firm_name": "@", "choice": "@", "flag": "@", "month": "@",
    "year": "@", "money": "#,##0.00", "power": "#,##0.00", "number": "General", "integer": "0", "percent": "@",
    "date": "yyyy-mm-dd",
}  # fmt: skip
_WIDTHS = {"text": 24, "credit_code": 21, "firm_name": 26, "date": 13, "month": 12, "year": 10, "flag": 12}
_HOW = {
    "month": "年月写作 2026-10", "year": "年份写作 2025", "date": "日期写作 2026-10-31", "flag": "填“是”或“否”",
    "percent": "写作 85%，不写 0.85", "credit_code": "18 位统一社会信用代码", "integer": "整数",
    "code": "按文本填写，保留前面的零", "choice": "从下拉框选",
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    """One sheet of a template."""

    name: str
    title: str
    columns: Sequence[Column]


@dataclass(frozen=True)
class Template:
    """One workbook: its id, file name and sheets, and lines of instruction."""

    id: str
    title: str
    pages: Sequence[Page]
    about: Sequence[str] = ()


def templates() -> dict[str, Template]:
    """All templates by the feed that reads them back: the declared forms, the register and 企业自报."""
    made = [_declared(form) for form in sheets().values()]
    return {template.id: template for template in [*made, _register(), _self_report()]}


def template(name: str) -> Template:
    """One template.

    Raises:
        QxError: there is none of this name.
    """
    found = templates().get(name)
    if found is None:
        raise QxError(f"没有这种表：{name}（可选：{'、'.join(sorted(templates()))}）")
    return found


def workbook(form: Template) -> bytes:
    """The workbook of a template; the same bytes every time."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    book.set_properties({"title": form.title, "created": _CREATED})
    for page in form.pages:
        _page(book, page)
    _instructions(book, form)
    book.close()
    return out.getvalue()


# -- what to print -------------------------------------------------------------------------------------------------


def _declared(form: SheetForm) -> Template:
    return Template(form.feed, form.title, [Page(form.title[:20], form.title, form.columns)], form.about)


def _register() -> Template:
    """Register, authorisations and chain map; their reader has declared columns too."""
    names = "、".join(item.name for item in items().items_of("self_report"))
    offices = "、".join(reader.name for reader in readers().readers)
    pages = [Page(title, title, columns) for title, columns in register.declared().items()]
    about = (
        "三个工作表：企业名录、自报授权、产业链图谱；每次报送整份名录。",
        "企业退出时填退出年月，不要删行。",
        f"授权事项从这些里选，用顿号分开：{names}。",
        f"授权部门从这些里选，用顿号分开：{offices}。",
    )
    return Template(register.FEED, "企业名录", pages, about)


def _self_report() -> Template:
    columns = [
        Column(id="uscc", name="统一社会信用代码", kind="credit_code", required=True),
        Column(id="firm", name="企业名称", kind="firm_name"),
        Column(id="period", name="报告期", kind="month", required=True),
    ]
    spans = ("本月", "累计", "上年同期本月", "上年同期累计")
    for item in items().items_of("self_report"):
        for span in ("",) if item.single else spans:
            unit = FORM_UNITS[item.kind]
            name = f"{item.name}（{unit}）_{span}" if span else f"{item.name}（{unit}）"
            columns.append(Column(id=item.id, name=name, kind="number"))
    about = ("本表由企业自愿填报，只给授权的部门看，不是统计报表。",)
    page = Page("企业自报", "重点企业自报主要指标（计量单位：千元）", columns)
    return Template(self_report.FEED, "企业自报", [page], about)


# -- printing ------------------------------------------------------------------------------------------------------


def _page(book: Any, page: Page) -> None:
    base = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
    sheet = book.add_worksheet(page.name)
    sheet.write_string(0, 0, page.title, book.add_format(base | {"bold": True, "font_size": 14}))
    head = base | {"bold": True, "text_wrap": True, "align": "center", "border": 1}
    needed = book.add_format(head | {"bg_color": "#FCE4D6"})
    free = book.add_format(head | {"bg_color": "#E7EDF5"})
    sheet.set_row(1, 34)
    for place, column in enumerate(page.columns):
        sheet.write_string(1, place, column.heading, needed if column.required else free)
        form = book.add_format(base | {"num_format": _FORMATS[column.kind], "text_wrap": column.kind == "text"})
        sheet.set_column(place, place, _width(column), form)
        if note := _note(column):
            sheet.write_comment(1, place, note, {"author": "", "x_scale": 1.6, "font_size": 10})
        if rule := _validation(column):
            sheet.data_validation(2, place, 1 + ROWS, place, rule)
    sheet.freeze_panes(2, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(1)


def _width(column: Column) -> int:
    shown = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in column.heading)
    return max(_WIDTHS.get(column.kind, 14), min(shown + 2, 18))


def _note(column: Column) -> str:
    words = ["必填" if column.required else "可空", _HOW.get(column.kind, ""), column.note]
    return "；".join(word for word in words if word)


def _validation(column: Column) -> dict[str, Any] | None:
    """A drop-down or a bound; never stricter than the reader, so that nobody is kept from an answer it takes."""
    if column.kind == "flag":
        return _list(["是", "否"], column.name)
    if column.kind == "choice":
        words = [words[0] for words in column.choices.values()]
        return _list(words, column.name) if len(",".join(words)) <= 255 else None
    return None


def _list(words: list[str], name: str) -> dict[str, Any]:
    return {"validate": "list", "source": words, "error_title": name[:32], "error_message": "请从下拉框里选"}


def _instructions(book: Any, form: Template) -> None:
    base = {"font_name": "宋体", "font_size": 11, "valign": "top", "text_wrap": True}
    plain, bold = book.add_format(base), book.add_format(base | {"bold": True})
    sheet = book.add_worksheet(INSTRUCTIONS)
    sheet.set_column(0, 0, 28, plain)
    sheet.set_column(1, 1, 80, plain)
    lines = [
        ("表名", form.title),
        *(("说明", line) for line in form.about),
        ("说明", "橙色表头必填。表头不要改名；可以加列，加的列不读取。联系人、电话不要填在表里，填了也不读取。"),
        ("说明", "代码列已设为文本。从别处粘贴时选“只粘贴数值”，保留下拉框和文本格式。"),
    ]
    for page in form.pages:
        for column in page.columns:
            shown = "；".join(part for part in (_note(column), _choices(column)) if part)
            lines.append((column.name if len(form.pages) == 1 else f"{page.name}·{column.name}", shown))
    for row, (label, text) in enumerate(lines):
        sheet.write_string(row, 0, label, bold)
        sheet.write_string(row, 1, text, plain)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _choices(column: Column) -> str:
    return "可填：" + "、".join(words[0] for words in column.choices.values()) if column.choices else ""
