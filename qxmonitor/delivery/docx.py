"""The briefing as a Word document, from its view and its script; every text goes through ``put``."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from itertools import pairwise

import docx
from docx.document import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.shape import InlineShape
from docx.shared import Emu, Mm, Pt
from docx.text.paragraph import Paragraph

from qxmonitor.delivery import layout
from qxmonitor.delivery.briefing import Briefing
from qxmonitor.delivery.files import rezip
from qxmonitor.delivery.illustrations import Illustration
from qxmonitor.delivery.render import Renderer, check, put
from qxmonitor.delivery.tables import Table
from qxmonitor.delivery.words import join

TEXT_MM = 156.0
_LEFT_OUT = frozenset({"docProps/thumbnail.jpeg"})
_HEADINGS = {"h1": layout.HEITI, "h2": layout.KAITI}


def briefing_docx(view: Briefing, reader: str, date: datetime) -> bytes:
    """Write an edition; the same view and date give the same bytes.

    Args:
        view: cleared for ``reader``.
        reader: the edition's reader.
        date: written as the document's time.

    Raises:
        DisclosureError: the view holds something not cleared for the reader.
    """
    check(view, reader)
    lines = Renderer(reader).script("briefing/body.j2", view)
    document = docx.Document()
    _neutral(document, view, reader, date)
    layout.page(document)
    layout.styles(document)
    if view.simulated:
        layout.running_head(document, put(view.simulated, reader))
    _masthead(document, view, reader)
    for line in lines:
        text = put(line.text, reader)
        if line.marker == "title":
            _title(document, text)
        elif line.marker in _HEADINGS:
            _heading(document, line.marker, text)
        elif line.marker == "table" and (inline := view.inline[put(line.text, reader)]) is not None:
            _table(document, inline, reader)
        elif line.marker == "chart":
            _chart(document, view.pictures[text], reader)
        else:
            _body(document, text)
    for number, table in enumerate(view.tables):
        _table(document, table, reader, first=number == 0)
    _imprint(document, view, reader)
    return sealed(document)


def sealed(document: Document) -> bytes:
    """A finished document as the same bytes each time."""
    out = BytesIO()
    document.save(out)
    return rezip(without_thumbnail(out.getvalue()), _LEFT_OUT)


def _neutral(document: Document, view: Briefing, reader: str, date: datetime) -> None:
    core = document.core_properties
    moment = date.replace(tzinfo=None, microsecond=0)
    core.created = core.modified = moment
    core.author = core.last_modified_by = put(view.issuer, reader)
    core.title = f"{put(view.paper, reader)} {put(view.period, reader)}"
    core.subject = core.keywords = core.category = ""
    core.comments = put(view.simulated, reader) if view.simulated else ""
    core.language, core.revision = "zh-CN", 1


def _masthead(document: Document, view: Briefing, reader: str) -> None:
    """报头: mark and label, the red name, 期号, issuer and date, red rule."""
    top = document.add_paragraph()
    layout.style(top.add_run(put(view.mark, reader)), layout.HEITI, layout.BODY_PT)
    if view.simulated:
        tab(top, TEXT_MM)
        label = f"\t【{put(view.simulated, reader)}】"
        layout.style(top.add_run(label), layout.HEITI, layout.BODY_PT, colour=layout.RED)
    banner = document.add_paragraph()
    banner.alignment = WD_ALIGN_PARAGRAPH.CENTER
    layout.line_height(banner, 54)
    banner.paragraph_format.space_before = Pt(10)
    layout.style(banner.add_run(put(view.paper, reader)), layout.XIAOBIAOSONG, layout.BANNER_PT, colour=layout.RED)
    layout.free(banner)
    number = document.add_paragraph()
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    layout.style(
        number.add_run(f"{put(view.number, reader)}（{put(view.edition, reader)}版）"), layout.FANGSONG, layout.BODY_PT
    )
    sign = document.add_paragraph()
    tab(sign, TEXT_MM)
    layout.style(sign.add_run(f"{put(view.issuer, reader)}\t{put(view.date, reader)}"), layout.FANGSONG, layout.BODY_PT)
    layout.rule(sign, "bottom", 18, "C8102E", space=4)


def _title(document: Document, text: str) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(29), Pt(14)
    paragraph.paragraph_format.line_spacing = Pt(34)
    layout.style(paragraph.add_run(text), layout.XIAOBIAOSONG, layout.TITLE_PT)
    layout.line_height(paragraph, 34)
    layout.free(paragraph)


def _heading(document: Document, marker: str, text: str) -> None:
    paragraph = document.add_paragraph()
    layout.indent(paragraph)
    paragraph.paragraph_format.keep_with_next = True
    layout.style(paragraph.add_run(text), _HEADINGS[marker], layout.BODY_PT)


def _body(document: Document, text: str) -> None:
    paragraph = document.add_paragraph()
    layout.indent(paragraph)
    layout.no_overhang(paragraph)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    layout.style(paragraph.add_run(text), layout.FANGSONG, layout.BODY_PT)


def _chart(document: Document, shown: Illustration | None, reader: str) -> None:
    if shown is None:
        return
    check(shown, reader)
    name = f"图{put(shown.number, reader)}"
    caption = document.add_paragraph()
    caption.alignment = WD_ALIGN_PARAGRAPH.CENTER
    caption.paragraph_format.keep_with_next = True
    layout.line_height(caption, 20)
    caption.paragraph_format.space_before = Pt(6)
    layout.style(caption.add_run(f"{name}　{put(shown.picture.title, reader)}"), layout.HEITI, 12)
    layout.free(caption)
    bounds = [0.0, *shown.picture.cuts, 1.0]
    for part, (top, bottom) in enumerate(pairwise(bounds)):
        paragraph = document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        layout.line_height(paragraph)
        shape = paragraph.add_run().add_picture(BytesIO(shown.picture.png), width=Mm(150))
        _cut(shape, top, bottom)
        properties = shape._inline.docPr
        properties.set("descr", put(shown.picture.alt, reader) if part == 0 else f"{name}（续）")
        properties.set("name", f"{name}（续{part}）" if part else name)
    paragraph.paragraph_format.space_after = Pt(6)


def _cut(shape: InlineShape, top: float, bottom: float) -> None:
    """Show a band of a picture alone, so that the rest may stand on the next page; the picture is stored once."""
    if (top, bottom) != (0.0, 1.0):
        shape.height = Emu(round(shape.height * (bottom - top)))
        fill = shape._inline.graphic.graphicData.pic.blipFill
        crop = OxmlElement("a:srcRect")
        for side, share in (("t", top), ("b", 1.0 - bottom)):
            crop.set(side, str(round(share * 100_000)))
        fill.insert(1, crop)


def _table(document: Document, table: Table, reader: str, *, first: bool = False) -> None:
    heading = document.add_paragraph()
    heading.paragraph_format.page_break_before = first
    heading.paragraph_format.keep_with_next = True
    layout.line_height(heading, 24)
    heading.paragraph_format.space_before = Pt(0 if first else 12)
    name = f"{table.kind}{put(table.number, reader)}　{put(table.title, reader)}"
    layout.style(heading.add_run(name), layout.HEITI, 12 if table.inline else 14)
    layout.free(heading)
    grid = document.add_table(rows=1 + len(table.rows), cols=len(table.head))
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    numeric = numeric_columns(table)
    for number, row in enumerate((table.head, *table.rows)):
        for column, (cell, value) in enumerate(zip(grid.rows[number].cells, row, strict=True)):
            paragraph = cell.paragraphs[0]
            layout.line_height(paragraph, 15)
            right = numeric[column] and column > 0
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if right else WD_ALIGN_PARAGRAPH.LEFT
            # The head stays with the first rows, the note with the last, and short tables stay whole.
            if not table.inline and (number < 4 or len(table.rows) <= 14 or number >= len(table.rows) - 1):
                paragraph.paragraph_format.keep_with_next = True
            font = layout.HEITI if number == 0 else layout.SONGTI
            layout.style(paragraph.add_run(put(value, reader)), font, layout.TABLE_PT)
            layout.free(paragraph)
    layout.three_lines(grid, widths([[len_(put(v, reader)) for v in row] for row in (table.head, *table.rows)]))
    note = document.add_paragraph()
    layout.line_height(note, 16)
    note.paragraph_format.space_before = Pt(2)
    layout.style(note.add_run(f"注：{put(table.note, reader)}"), layout.SONGTI, 9)
    layout.free(note)


def numeric_columns(table: Table) -> list[bool]:
    """Columns set to the right: those with numbers, and those in which no figure is given at all."""
    columns = list(zip(*table.rows, strict=True))
    return [any(c.number is not None for c in column) or not any(c.shown for c in column) for column in columns]


def _imprint(document: Document, view: Briefing, reader: str) -> None:
    """报尾: between two rules, whom it goes to, and who printed it when."""
    lines = []
    if view.report_to:
        lines.append(f"报：{put(join(view.report_to), reader)}。")
    if view.send_to:
        lines.append(f"送：{put(join(view.send_to), reader)}。")
    lines.append(f"{put(view.issuer, reader)}\t{put(view.date, reader)}印发")
    for number, text in enumerate(lines):
        paragraph = document.add_paragraph()
        form = paragraph.paragraph_format
        form.keep_with_next, form.keep_together = number < len(lines) - 1, True
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(24)
        form.left_indent = form.right_indent = Pt(14)
        if number == 0:
            form.space_before = Pt(16)
            layout.rule(paragraph, "top", 12, space=2)
        if number == len(lines) - 1:
            tab(paragraph, TEXT_MM - 5)
            if number > 0:
                layout.rule(paragraph, "top", 6, space=2)
            layout.rule(paragraph, "bottom", 12, space=2)
        layout.style(paragraph.add_run(text), layout.FANGSONG, 14)


def tab(paragraph: Paragraph, at_mm: float) -> None:
    """A right-hand tab stop."""
    paragraph.paragraph_format.tab_stops.add_tab_stop(Mm(at_mm), WD_TAB_ALIGNMENT.RIGHT)


def len_(text: str) -> float:
    """Width of a text in Chinese characters, with a gap where half-width ones meet them.

    A half-width one counts 0.64, as in the widest font that may stand in for Times New Roman.
    """
    wide = [ord(c) >= 0x2E80 for c in text]
    return sum(1.0 if w else 0.64 for w in wide) + 0.25 * sum(a != b for a, b in pairwise(wide))


def widths(rows: list[list[float]]) -> list[float]:
    """Column widths in mm that fill the text width: by content, names wrap first.

    >>> [round(w) for w in widths([[4, 4], [40, 6]])]
    [129, 27]
    """
    # A head may wrap after four characters, in a crowded table after two; a body cell not before its content needs it.
    for most, pad, floor in ((4.6, 5.0, 12.0), (2.2, 4.4, 10.5)):
        characters = [max(min(head, most), *body) for head, *body in zip(*rows, strict=True)]
        natural = [count * layout.TABLE_PT * 0.3528 + pad for count in characters]
        least = [max(floor, min(width, 32.0)) for width in natural]
        if sum(least) <= TEXT_MM:
            break
    spare = TEXT_MM - sum(least)
    want = [max(width - floor, 0.0) for width, floor in zip(natural, least, strict=True)]
    if spare > 0 and sum(want) > 0:
        share = min(spare / sum(want), 1.0)
        least = [floor + share * more for floor, more in zip(least, want, strict=True)]
    scale = TEXT_MM / sum(least)
    return [width * scale for width in least]


def without_thumbnail(content: bytes) -> bytes:
    """Drop the template's thumbnail: the package relationship goes, then the part."""
    document = docx.Document(BytesIO(content))
    relations = document.part.package.rels
    for key in [k for k, rel in relations.items() if rel.reltype.endswith("/thumbnail")]:
        del relations[key]
    out = BytesIO()
    document.save(out)
    return out.getvalue()
