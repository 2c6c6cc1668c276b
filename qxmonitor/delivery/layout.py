"""GB/T 9704-2012 for python-docx: page, grid, fonts, rules, page numbers; no content.

A4 with margins 37/28/26/35 mm leaves 156 × 225 mm: 22 lines of 28 characters in 16 pt 仿宋. The grid makes them fit
(16 pt × 28 is 2 mm too wide), so its character space is slightly negative and counted from the 16 pt of Normal.
LibreOffice pads Latin numbers to whole grid cells and gives a character wider than its cell two, so Normal does not
snap to the grid: its exact line height and half a point less between characters give the same 22 × 28 everywhere.
Fonts are named, not embedded; a machine without them falls back to its own 仿宋 or 宋体.
"""

from __future__ import annotations

from typing import Any

from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

FANGSONG, HEITI, KAITI, XIAOBIAOSONG, SONGTI = "仿宋_GB2312", "黑体", "楷体_GB2312", "方正小标宋简体", "宋体"
LATIN = "Times New Roman"
BODY_PT, TITLE_PT, BANNER_PT, TABLE_PT, PAGE_PT = 16.0, 22.0, 36.0, 10.5, 14.0
LINE_TWIPS = 579  # 225 mm = 12 756 twips over 22 lines
CHAR_SPACE = -850  # 1/4096 pt: 156 mm over 28 characters is 15.79 pt each
CONDENSED = -10  # twentieths of a point; at -5 LibreOffice loses punctuation at the end of full lines
RED = RGBColor(0xC8, 0x10, 0x2E)


def page(document: Document) -> None:
    """Paper, margins, grid, and the two-sided page number of section 0."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.header_distance, section.footer_distance = Mm(15), Mm(23)
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    for name, value in (("type", "linesAndChars"), ("linePitch", LINE_TWIPS), ("charSpace", CHAR_SPACE)):
        grid.set(qn(f"w:{name}"), str(value))
    document.settings.odd_and_even_pages_header_footer = True
    _page_number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
    _page_number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)


def running_head(document: Document, text: str) -> None:
    """A word at the top of every page, since pages are printed and passed on singly; above the text, not in it."""
    for header in (document.sections[0].header, document.sections[0].even_page_header):
        paragraph = header.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        line_height(paragraph, 16)
        style(paragraph.add_run(text), HEITI, 10.5, colour=RED)
        free(paragraph)


def styles(document: Document) -> None:
    """Normal is the body: 16 pt 仿宋, justified on the grid."""
    normal = document.styles["Normal"]
    normal.font.size = Pt(BODY_PT)
    fonts(normal.element.get_or_add_rPr(), FANGSONG)
    _condense(normal.element.get_or_add_rPr())
    form = normal.paragraph_format
    form.space_before = form.space_after = Pt(0)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(LINE_TWIPS / 20)
    form.widow_control = True
    snap: Any = OxmlElement("w:snapToGrid")
    snap.set(qn("w:val"), "0")
    normal.element.get_or_add_pPr().insert_element_before(snap, *_AFTER_SNAP)
    defaults = document.styles.element.find(qn("w:docDefaults"))
    if defaults is not None:
        for size in defaults.iter(qn("w:sz"), qn("w:szCs")):
            size.set(qn("w:val"), str(int(BODY_PT * 2)))
        for lang in defaults.iter(qn("w:lang")):
            lang.set(qn("w:eastAsia"), "zh-CN")
            lang.set(qn("w:val"), "en-US")


def _condense(properties: Any) -> None:
    """Half a point less between characters: 28 of 15.5 pt in a line, justified to its width."""
    node = OxmlElement("w:spacing")
    node.set(qn("w:val"), str(CONDENSED))
    properties.find(qn("w:sz")).addprevious(node)


def free(paragraph: Paragraph) -> None:
    """Characters of a paragraph keep their own width (titles, tables)."""
    for run in paragraph.runs:
        properties: Any = run._r.get_or_add_rPr()
        spacing = OxmlElement("w:spacing")
        spacing.set(qn("w:val"), "0")
        properties.find(qn("w:sz")).addprevious(spacing)


def fonts(properties: Any, east_asian: str) -> None:
    """Chinese characters in one font, letters and digits half-width in Times New Roman."""
    node = properties.find(qn("w:rFonts"))
    if node is None:
        node = OxmlElement("w:rFonts")
        properties.insert(0, node)
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        node.attrib.pop(qn(f"w:{theme}"), None)
    for name in ("ascii", "hAnsi", "cs"):
        node.set(qn(f"w:{name}"), LATIN)
    node.set(qn("w:eastAsia"), east_asian)


def style(run: Run, east_asian: str, size: float, *, bold: bool = False, colour: RGBColor | None = None) -> Run:
    """Font, size and colour of a run."""
    fonts(run._r.get_or_add_rPr(), east_asian)
    run.font.size = Pt(size)
    if bold:
        run.font.bold = True
    if colour is not None:
        run.font.color.rgb = colour
    return run


def indent(paragraph: Paragraph, characters: int = 2) -> None:
    """First line indented by whole characters, which follow the font's size."""
    node = paragraph._p.get_or_add_pPr().get_or_add_ind()
    node.set(qn("w:firstLineChars"), str(characters * 100))
    node.set(qn("w:firstLine"), str(int(characters * BODY_PT * 20)))


def no_overhang(paragraph: Paragraph) -> None:
    """Punctuation stays inside the text, as far as the program can."""
    node: Any = OxmlElement("w:overflowPunct")
    node.set(qn("w:val"), "0")
    paragraph._p.get_or_add_pPr().insert_element_before(node, *_AFTER_PUNCTUATION)


def rule(paragraph: Paragraph, edge: str, eighths: int, colour: str = "000000", space: int = 1) -> None:
    """A line along the top or bottom edge of a paragraph."""
    properties = paragraph._p.get_or_add_pPr()
    borders: Any = properties.find(qn("w:pBdr"))
    if borders is None:
        borders = OxmlElement("w:pBdr")
        properties.insert_element_before(borders, *_AFTER_BORDERS)
    borders.append(_line(edge, eighths, colour, space))


def line_height(paragraph: Paragraph, line_pt: float | None = None) -> None:
    """A paragraph with a line height of its own, as titles, tables and pictures have."""
    form = paragraph.paragraph_format
    if line_pt is None:
        form.line_spacing_rule = WD_LINE_SPACING.SINGLE
    else:
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line_pt)


def three_lines(table: Any, widths_mm: list[float], *, head: bool = True) -> None:
    """三线表: thick rule above and below, thin one under the head; fixed widths; the head repeats on every page.

    Without a head there is no thin rule, and nothing repeats.
    """
    properties = table._tbl.tblPr
    borders = OxmlElement("w:tblBorders")
    borders.append(_line("top", 12))
    borders.append(_line("bottom", 12))
    properties.append(borders)
    widths(table, widths_mm)
    for number, row in enumerate(table.rows):
        row_properties = row._tr.get_or_add_trPr()
        row_properties.append(OxmlElement("w:cantSplit"))
        if head and number == 0:
            row_properties.append(OxmlElement("w:tblHeader"))
            for cell in row.cells:
                edge = OxmlElement("w:tcBorders")
                edge.append(_line("bottom", 6))
                cell._tc.get_or_add_tcPr().append(edge)


def widths(table: Any, widths_mm: list[float]) -> None:
    """Fixed widths of a table's columns."""
    table.autofit = False
    for column, width in zip(table._tbl.tblGrid.findall(qn("w:gridCol")), widths_mm, strict=True):
        column.set(qn("w:w"), str(int(width * 56.6929)))
    for row in table.rows:
        for cell, width in zip(row.cells, widths_mm, strict=True):
            cell.width = Mm(width)


def _line(edge: str, eighths: int, colour: str = "000000", space: int = 0) -> Any:
    node = OxmlElement(f"w:{edge}")
    for name, value in (("val", "single"), ("sz", eighths), ("space", space), ("color", colour)):
        node.set(qn(f"w:{name}"), str(value))
    return node


def _page_number(paragraph: Paragraph, side: WD_ALIGN_PARAGRAPH) -> None:
    """— 1 — in 14 pt, one character in from the outer edge."""
    paragraph.alignment = side
    node = paragraph._p.get_or_add_pPr().get_or_add_ind()
    edge = "right" if side == WD_ALIGN_PARAGRAPH.RIGHT else "left"
    node.set(qn(f"w:{edge}Chars"), "100")
    node.set(qn(f"w:{edge}"), str(int(PAGE_PT * 20)))
    style(paragraph.add_run("— "), SONGTI, PAGE_PT)
    for kind, text in (("begin", ""), ("", "PAGE"), ("separate", ""), ("", "1"), ("end", "")):
        run = style(paragraph.add_run(), SONGTI, PAGE_PT)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
        elif text == "PAGE":
            code = OxmlElement("w:instrText")
            code.text = text
            run._r.append(code)
        else:
            run.text = text
    style(paragraph.add_run(" —"), SONGTI, PAGE_PT)


_AFTER_SNAP = (
    "w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents", "w:suppressOverlap", "w:jc", "w:textDirection",
    "w:textAlignment", "w:textboxTightWrap", "w:outlineLvl", "w:divId", "w:cnfStyle", "w:rPr", "w:sectPr",
    "w:pPrChange",
)  # fmt: skip
_AFTER_PUNCTUATION = (
    "w:topLinePunct", "w:autoSpaceDE", "w:autoSpaceDN", "w:bidi", "w:adjustRightInd", "w:snapToGrid", *_AFTER_SNAP,
)  # fmt: skip
_AFTER_BORDERS = (
    "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:kinsoku", "w:wordWrap", "w:overflowPunct", "w:topLinePunct",
    "w:autoSpaceDE", "w:autoSpaceDN", "w:bidi", "w:adjustRightInd", "w:snapToGrid", *_AFTER_SNAP,
)  # fmt: skip
