"""Letters to firms as Word documents in the layout of an official letter (信函), and their index as a workbook.

A letter holds the firm's own name and figures and nobody else's; it is printed and handed over by the statistics
office. Everything in it comes from the record of the letter, so a reprint has the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any, Literal

import docx
import xlsxwriter
from docx.document import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Pt

from qxmonitor.catalog.office import office
from qxmonitor.delivery import layout
from qxmonitor.delivery.docx import TEXT_MM, sealed, tab
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.period import Period

Kind = Literal["query", "urge"]

KINDS: dict[str, str] = {"query": "数据查询函", "urge": "催报函"}
"""Kind → what it is called."""

_HEADS = {
    "query": ("序号", "报表", "位置", "指标", "问题", "企业所报数", "要求"),
    "urge": ("序号", "报表", "报送期限", "逾期情况", "已逾期", "要求"),
}
_FIELDS = {
    "query": ("form", "spot", "field", "problem", "reported", "asked"),
    "urge": ("form", "field", "problem", "reported", "asked"),
}
_MM = {"query": [11.0, 20.0, 20.0, 27.0, 40.0, 19.0, 19.0], "urge": [11.0, 38.0, 34.0, 34.0, 23.0, 16.0]}
"""Widths of the columns, together the text's."""

_MARK = "统计资料　限本企业与统计部门使用"
_INDEX = {
    "number": "编号", "kind_name": "种类", "supplement_to": "补充", "name": "企业名称", "entity": "统一社会信用代码",
    "items": "事项（项）", "open_items": "未了（项）", "issued": "发函日期", "answer_by": "答复期限", "state": "状态",
    "answer": "答复",
}  # fmt: skip
_WIDTHS = (17, 12, 17, 34, 23, 11, 11, 13, 13, 11, 40)


@dataclass(frozen=True)
class Item:
    """One thing that is asked, as it is printed.

    Attributes:
        form: name of the form.
        spot: sheet and cell or row; empty in a 催报函.
        field: the item of the form; in a 催报函 the due day.
        problem: what is doubted; in a 催报函 since when it is late.
        reported: the figure as the firm gave it; in a 催报函 how late it is.
        asked: what the firm shall do.
    """

    form: str
    spot: str
    field: str
    problem: str
    reported: str
    asked: str


@dataclass(frozen=True)
class Letter:
    """One letter, as recorded."""

    number: str
    kind: Kind
    period: Period
    name: str
    supplement_to: str
    issuer: str
    simulated: bool
    issued: date
    answer_by: date
    items: tuple[Item, ...]


def day(when: date) -> str:
    """A day as letters write it.

    >>> day(date(2026, 5, 8))
    '2026年5月8日'
    """
    return f"{when.year}年{when.month}月{when.day}日"


def letter_docx(letter: Letter) -> bytes:
    """The letter as .docx; the same letter gives the same bytes."""
    document = docx.Document()
    core = document.core_properties
    core.created = core.modified = datetime(letter.issued.year, letter.issued.month, letter.issued.day)  # noqa: DTZ001 - the day on the letter
    core.author = core.last_modified_by = letter.issuer
    core.title, core.subject, core.keywords, core.category = f"{KINDS[letter.kind]}　{letter.number}", "", "", ""
    core.comments = office().simulated_label if letter.simulated else ""
    core.language, core.revision = "zh-CN", 1
    layout.page(document)
    layout.styles(document)
    if letter.simulated:
        layout.running_head(document, office().simulated_label)
    _head(document, letter)
    _text(document, letter)
    _table(document, letter)
    _sign(document, letter)
    _reply(document, letter)
    return sealed(document)


def _head(document: Document, letter: Letter) -> None:
    """The issuer in red over a red rule; the mark, the number; the title."""
    banner = document.add_paragraph()
    banner.alignment = WD_ALIGN_PARAGRAPH.CENTER
    layout.line_height(banner, 40)
    layout.style(banner.add_run(letter.issuer), layout.XIAOBIAOSONG, 30, colour=layout.RED)
    layout.free(banner)
    layout.rule(banner, "bottom", 24, "C8102E", space=4)
    number = document.add_paragraph()
    tab(number, TEXT_MM)
    label = f"【{office().simulated_label}】" if letter.simulated else ""
    layout.style(number.add_run(f"{_MARK}{label}\t{letter.number}"), layout.FANGSONG, 12)
    layout.free(number)
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.space_before, title.paragraph_format.space_after = Pt(10), Pt(8)
    layout.line_height(title, 30)
    layout.style(title.add_run(_title(letter)), layout.XIAOBIAOSONG, 20)
    layout.free(title)


def _title(letter: Letter) -> str:
    again = "补充" if letter.supplement_to else ""
    if letter.kind == "query":
        return f"关于{again}核实{letter.period.label}统计数据的函"
    return f"关于{again}催报{letter.period.label}统计报表的函"


def _text(document: Document, letter: Letter) -> None:
    count = len(letter.items)
    after = f"本函是对{letter.supplement_to}的补充。" if letter.supplement_to else ""
    if letter.kind == "query":
        words = (
            f"经审核，你单位{letter.period.label}统计报表有下列{count}项需要核实。请于{day(letter.answer_by)}前书面答复："
            f"填报有误的，请更正后重新报送；数据属实的，请说明情况。统计数据由企业填报，我办不代为修改。{after}"
        )
    else:
        words = (
            f"截至{day(letter.issued)}，你单位{letter.period.label}有下列{count}张统计报表尚未报送。请于"
            f"{day(letter.answer_by)}前补报；确有困难不能按时补报的，请书面说明原因和补报时间。{after}"
        )
    greeting = document.add_paragraph()
    layout.style(greeting.add_run(f"{letter.name}："), layout.FANGSONG, layout.BODY_PT)
    body = document.add_paragraph()
    layout.indent(body)
    layout.no_overhang(body)
    body.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    body.paragraph_format.space_after = Pt(8)
    layout.style(body.add_run(words), layout.FANGSONG, layout.BODY_PT)


def _table(document: Document, letter: Letter) -> None:
    lines = [
        (str(place), *(getattr(item, field) for field in _FIELDS[letter.kind]))
        for place, item in enumerate(letter.items, start=1)
    ]
    rows = [_HEADS[letter.kind], *lines]
    grid = document.add_table(rows=len(rows), cols=len(rows[0]))
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    for number, row in enumerate(rows):
        cells = grid.rows[number].cells
        for cell, text in zip(cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            layout.line_height(paragraph, 15)
            paragraph.paragraph_format.keep_with_next = number < 2 or number == len(rows) - 1
            font = layout.HEITI if number == 0 else layout.SONGTI
            layout.style(paragraph.add_run(text), font, layout.TABLE_PT)
            layout.free(paragraph)
    layout.three_lines(grid, _MM[letter.kind])


def _sign(document: Document, letter: Letter) -> None:
    for number, text in enumerate((letter.issuer, day(letter.issued))):
        paragraph = document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        paragraph.paragraph_format.right_indent = Pt(4 * layout.BODY_PT if number else 3 * layout.BODY_PT)
        paragraph.paragraph_format.keep_with_next = True
        if number == 0:
            paragraph.paragraph_format.space_before = Pt(14)
        layout.style(paragraph.add_run(text), layout.FANGSONG, layout.BODY_PT)


def _reply(document: Document, letter: Letter) -> None:
    """回执: what the firm fills in and gives back."""
    blank = "＿" * 6
    if letter.kind == "query":
        choices = f"□数据属实，情况说明：{blank * 4}"
        done = f"□填报有误，已于{blank}更正后重新报送"
    else:
        choices, done = f"□已于{blank}补报", f"□暂不能补报，原因：{blank * 2}　预计补报：{blank}"
    lines = (
        f"回　执（{letter.number}，请于{day(letter.answer_by)}前盖章交回）", choices, done,
        f"填表人：{blank}　统计负责人：{blank}　日期：{blank}",
    )  # fmt: skip
    for number, text in enumerate(lines):
        paragraph = document.add_paragraph()
        layout.line_height(paragraph, 22)
        form = paragraph.paragraph_format
        form.keep_together, form.keep_with_next = True, number < len(lines) - 1
        if number == 0:
            form.space_before = Pt(12)
            layout.rule(paragraph, "top", 6, space=4)
        layout.style(paragraph.add_run(text), layout.FANGSONG if number else layout.HEITI, 12)
        layout.free(paragraph)


def index_xlsx(rows: Sequence[dict[str, Any]], period: Period, at: datetime, *, simulated: bool) -> bytes:
    """All letters of a month, a row each; the same rows and moment give the same bytes.

    Args:
        rows: as listed, with the answer's words.
        period: the month.
        at: as known at this moment.
        simulated: whether the firms are.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    title = f"{office().town}{period.label}企业函件目录"
    book.set_properties({"title": title, "author": office().issuer, "created": at.replace(tzinfo=None, microsecond=0)})
    base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
    grid = base | {"border": 1, "border_color": "#BFBFBF", "text_wrap": True}
    head = book.add_format(grid | {"bold": True, "align": "center", "bg_color": "#DDE6F0"})
    cell = book.add_format(grid)
    page = book.add_worksheet(f"{period} 函件目录")
    page.write_string(0, 0, title, book.add_format(base | {"bold": True, "font_size": 14}))
    mark = f"　{office().simulated_label}" if simulated else ""
    note = f"截至 {at:%Y年%m月%d日 %H:%M}　限统计渠道内使用{mark}"
    page.write_string(1, 0, note, book.add_format(base | {"font_color": "#595959"}))
    for place, (name, width) in enumerate(zip(_INDEX.values(), _WIDTHS, strict=True)):
        page.write_string(2, place, name, head)
        page.set_column(place, place, width)
    for number, row in enumerate(rows, start=3):
        for place, key in enumerate(_INDEX):
            if isinstance(row[key], int):
                page.write_number(number, place, row[key], cell)
            else:
                page.write_string(number, place, str(row[key] or ""), cell)
    if not rows:
        page.write_string(3, 0, "无需发函", book.add_format(base))
    page.freeze_panes(3, 1)
    page.set_paper(9)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(2)
    book.close()
    return out.getvalue()
