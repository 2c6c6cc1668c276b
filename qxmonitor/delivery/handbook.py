"""The method handbook (指标手册) as a page and a Word document: indicators with examples, then methods of evaluation.

Words come from the catalogues, example figures from the gate of the statistics office; both are cleared values, and the
same view gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from docx.text.paragraph import Paragraph

from qxmonitor.catalog._yaml import Entry
from qxmonitor.catalog.handbook import Method, Page, handbook, pages
from qxmonitor.catalog.office import office
from qxmonitor.delivery import layout
from qxmonitor.delivery.docx import TEXT_MM, without_thumbnail
from qxmonitor.delivery.files import rezip
from qxmonitor.delivery.render import Renderer, check, put
from qxmonitor.disclosure import Cleared, Gate

HEADS = {
    "definition": "口径",
    "formula": "公式",
    "levels": "层级",
    "source": "来源",
    "channel": "使用范围",
    "coverage": "覆盖要求",
    "precision": "单位精度",
    "revision": "修订惯例",
}
"""Fields of a page in the order printed, with their heads."""
_HEAD_MM = 22.0
_ABREAST, _CONTENTS_PT = 3, 9.0
"""Names in a row of the contents, and their size: the longest has 23 characters."""
_MARK = "page_"
_BLACK, _GREY = RGBColor(0, 0, 0), RGBColor(0x59, 0x59, 0x59)


class _Heads(Entry):
    """The heads of a page's rows, as words of the catalogue."""

    definition: str
    formula: str
    levels: str
    source: str
    channel: str
    coverage: str
    precision: str
    revision: str
    example: str


@dataclass(frozen=True)
class Row:
    head: Cleared
    text: Cleared


@dataclass(frozen=True)
class Sheet:
    """One indicator's page."""

    id: Cleared
    name: Cleared
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Chapter:
    name: Cleared
    pages: tuple[Sheet, ...]


@dataclass(frozen=True)
class View:
    """The handbook for one reader."""

    title: Cleared
    note: Cleared
    contents: Cleared
    issuer: Cleared
    simulated: Cleared | None
    chapters: tuple[Chapter, ...]


def build(gate: Gate, examples: Mapping[str, Cleared]) -> View:
    """The handbook for the gate's reader.

    Args:
        gate: of the statistics office.
        examples: by indicator or method; who has none gets no such row.
    """
    book = handbook()
    chapters = [
        Chapter(gate.word(topic, "name"), tuple(_sheet(gate, page, examples) for page in found))
        for topic, found in pages()
    ]
    methods = tuple(_sheet(gate, entry, examples) for entry in book.methods)
    chapters.append(Chapter(gate.word(book, "methods_title"), methods))
    return View(
        title=gate.word(book, "title"), note=gate.word(book, "note"),
        contents=gate.word(book, "contents"), issuer=gate.word(office(), "issuer"),
        simulated=gate.word(office(), "simulated_label") if gate.simulated else None, chapters=tuple(chapters),
    )  # fmt: skip


def _sheet(gate: Gate, page: Page | Method, examples: Mapping[str, Cleared]) -> Sheet:
    heads = _Heads(**HEADS, example="示例")
    fields = [field for field in HEADS if field in type(page).model_fields]
    rows = [Row(gate.word(heads, field), gate.word(page, field)) for field in fields]
    if page.id in examples:
        rows.append(Row(gate.word(heads, "example"), examples[page.id]))
    return Sheet(gate.word(page, "id"), gate.word(page, "name"), tuple(rows))


def handbook_html(view: View, reader: str) -> str:
    """The handbook as one self-contained page.

    Raises:
        DisclosureError: the view holds something not cleared for the reader.
    """
    return Renderer(reader).html("handbook/page.html.j2", view)


def handbook_docx(view: View, reader: str, date: datetime) -> bytes:
    """The handbook as a Word document; raises as :func:`handbook_html`."""
    check(view, reader)
    document = docx.Document()
    core = document.core_properties
    core.created = core.modified = date.replace(tzinfo=None, microsecond=0)
    core.author = core.last_modified_by = put(view.issuer, reader)
    core.title = put(view.title, reader)
    core.subject = core.keywords = core.category = core.comments = ""
    core.language, core.revision = "zh-CN", 1
    layout.page(document)
    layout.styles(document)
    if view.simulated:
        layout.running_head(document, put(view.simulated, reader))
    title = _paragraph(document, put(view.title, reader), layout.XIAOBIAOSONG, layout.TITLE_PT, 34)
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _paragraph(document, put(view.note, reader), layout.KAITI, 12, 20).alignment = WD_ALIGN_PARAGRAPH.CENTER
    _contents(document, view, reader)
    for number, chapter in enumerate(view.chapters):
        heading = _paragraph(document, put(chapter.name, reader), layout.HEITI, layout.BODY_PT, 28)
        heading.style = document.styles["Heading 1"]
        heading.paragraph_format.page_break_before = number == 0
        _bookmark(heading, str(number))
        for place, sheet in enumerate(chapter.pages):
            _card(document, sheet, reader, f"{number}_{place}")
    out = BytesIO()
    document.save(out)
    return rezip(without_thumbnail(out.getvalue()))


def _paragraph(document: Document, text: str, font: str, size: float, line: float) -> Paragraph:
    paragraph = document.add_paragraph()
    layout.line_height(paragraph, line)
    layout.style(paragraph.add_run(text), font, size, colour=_BLACK)
    layout.free(paragraph)
    return paragraph


def _contents(document: Document, view: View, reader: str) -> None:
    """Chapters and what stands in them, each leading there.

    Without page numbers: only Word knows them, and a field that it is to fill in makes it ask at every opening.
    """
    _paragraph(
        document, put(view.contents, reader), layout.HEITI, layout.BODY_PT, 28
    ).paragraph_format.space_before = Pt(12)
    for number, chapter in enumerate(view.chapters):
        head = document.add_paragraph()
        head.paragraph_format.keep_with_next = True
        layout.line_height(head, 22)
        _link(head, put(chapter.name, reader), str(number), layout.HEITI, 12)
        layout.free(head)
        grid = document.add_table(rows=-(-len(chapter.pages) // _ABREAST), cols=_ABREAST)
        for place, sheet in enumerate(chapter.pages):
            name = grid.cell(*divmod(place, _ABREAST)).paragraphs[0]
            _link(name, put(sheet.name, reader), f"{number}_{place}", layout.SONGTI, _CONTENTS_PT)
        for cell in grid._cells:
            layout.line_height(cell.paragraphs[0], 14)
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT
            layout.free(cell.paragraphs[0])
        layout.widths(grid, [TEXT_MM / _ABREAST] * _ABREAST)


def _link(paragraph: Paragraph, text: str, mark: str, font: str, size: float) -> None:
    """Words that lead to a bookmark of the same document."""
    run = paragraph.add_run(text)
    layout.style(run, font, size, colour=_BLACK)
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), f"{_MARK}{mark}")
    link.append(run._r)
    paragraph._p.append(link)


def _bookmark(paragraph: Paragraph, mark: str) -> None:
    """Make a paragraph the place that a :func:`_link` leads to, and an entry of Word's own navigation."""
    number = str(len(paragraph.part.element.findall(f".//{qn('w:bookmarkStart')}")))
    for tag, place in (("w:bookmarkStart", 1 if paragraph._p.pPr is not None else 0), ("w:bookmarkEnd", None)):
        element = OxmlElement(tag)
        element.set(qn("w:id"), number)
        if place is not None:
            element.set(qn("w:name"), f"{_MARK}{mark}")
            paragraph._p.insert(place, element)
        else:
            paragraph._p.append(element)


def _card(document: Document, sheet: Sheet, reader: str, mark: str) -> None:
    """An indicator: its name and id, and a table of what is said of it, kept on one page."""
    name = _paragraph(document, put(sheet.name, reader), layout.HEITI, 13, 22)
    name.paragraph_format.space_before = Pt(10)
    name.paragraph_format.keep_with_next = True
    layout.style(name.add_run(f"　{put(sheet.id, reader)}"), layout.SONGTI, 9, colour=_GREY)
    _bookmark(name, mark)
    grid = document.add_table(rows=len(sheet.rows), cols=2)
    for number, (cells, row) in enumerate(zip(grid.rows, sheet.rows, strict=True)):
        for cell, value, font in zip(cells.cells, (row.head, row.text), (layout.HEITI, layout.SONGTI), strict=True):
            paragraph = cell.paragraphs[0]
            layout.line_height(paragraph, 14)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT  # a formula has nowhere to be stretched
            paragraph.paragraph_format.keep_with_next = number < len(sheet.rows) - 1
            layout.style(paragraph.add_run(put(value, reader)), font, layout.TABLE_PT)
            layout.free(paragraph)
    layout.three_lines(grid, [_HEAD_MM, TEXT_MM - _HEAD_MM], head=False)
