"""Opens a file nobody vouches for: what is it really, is it whole, and what would reading it cost?

Suffixes lie (platforms hand out web pages called .xls, offices rename csv), so only content counts. What cannot
be read safely ends in :class:`~qxmonitor.errors.Refused` with one line for the person who sent it. Formulas are
never computed: a cell is what was last saved in it; links and macros are never followed.
"""

from __future__ import annotations

import gc
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from qxmonitor.errors import Refused
from qxmonitor.feeds import marks, xls, zipguard
from qxmonitor.feeds.marks import Mark
from qxmonitor.feeds.rulings import Rulings
from qxmonitor.feeds.zipguard import DAMAGED

if TYPE_CHECKING:
    from lxml import etree

Kind = Literal["xlsx", "xls", "csv", "xml"]
Rows = list[list[Any]]
"""Rows of a sheet from A1 on, all of one length; a cell is str, float, int, bool, a date or time, or ``""``."""

MAX_BYTES = 512 * 2**20
MAX_TEXT_BYTES = 200 * 2**20

_NOT_TABLES = (
    (b"%PDF", "PDF 文档"), (b"Rar!", "压缩包"), (b"7z\xbc\xaf", "压缩包"), (b"\x1f\x8b", "压缩包"),
    (b"\x89PNG", "图片"), (b"\xff\xd8\xff", "图片"), (b"GIF8", "图片"),
)  # fmt: skip


_OTHER_ARCHIVES = {
    "content.xml": "OpenDocument 文件（如 ods 表格）",
    "word/document.xml": "Word 文档",
    "ppt/presentation.xml": "PowerPoint 文档",
}


@dataclass
class Opened:
    """One file, its kind known from its content; its views are made when first asked for.

    Attributes:
        name: of the file, for messages only.
        data: its bytes.
        kind: what it is.
        uncached: worksheet name → 0-based columns with formulas saved without a result; known with ``sheets``.
        rulings: what the office decided about reading it.
    """

    name: str
    data: bytes
    kind: Kind
    uncached: dict[str, set[int]] = field(default_factory=dict)
    rulings: Rulings = field(default_factory=Rulings)

    def ruled(self, rulings: Rulings) -> Opened:
        """The same file, to be read as ruled; what was unpacked of it is kept, what was understood is not."""
        again = Opened(self.name, self.data, self.kind, self.uncached, rulings)
        for view in ("sheets", "text", "root"):
            if view in self.__dict__:
                again.__dict__[view] = self.__dict__[view]
        return again

    @cached_property
    def sheets(self) -> dict[str, Rows]:
        """Worksheet name → rows; empty for text and XML.

        Raises:
            Refused: the workbook is damaged, encrypted or would take too much memory.
        """
        if self.kind == "xls":
            sheets, found = xls.read(self.data)
        elif self.kind == "xlsx":
            sheets, found = _read_xlsx(self.data)
        else:
            return {}
        for name, marked in found.items():
            self.uncached[name] = marks.put(sheets[name], marked, zipguard.MAX_CELLS // len(found))
        return sheets

    @cached_property
    def text(self) -> str:
        """The text of a csv or XML file.

        Raises:
            Refused: with the line of the first byte that fits no encoding.
        """
        from qxmonitor.feeds import text

        return text.decode(self.data)

    @cached_property
    def root(self) -> etree._Element:
        """Root element of an XML message.

        Raises:
            Refused: malformed, or with a document type or entities.
        """
        from qxmonitor.feeds import xml

        return xml.parse(self.data)


def open_file(source: Path | str | bytes, name: str | None = None) -> Opened:
    """Take a file in and find out what it is.

    Args:
        source: a path, or the bytes themselves.
        name: for messages; the path's own by default.

    Raises:
        Refused: empty, too large, unreadable, encrypted, damaged, or of no kind that holds a return.
    """
    if isinstance(source, bytes):
        data = source
    else:
        path = Path(source)
        name = name or path.name
        try:
            if not path.is_file():
                raise Refused("不是普通文件，无法读取")
            if path.stat().st_size > MAX_BYTES:
                raise Refused(f"文件超过 {MAX_BYTES // 2**20} MB 上限")
            data = path.read_bytes()
        except OSError:
            raise Refused("文件无法打开") from None
    if len(data) > MAX_BYTES:
        raise Refused(f"文件超过 {MAX_BYTES // 2**20} MB 上限")
    return Opened(name or "", data, _kind(data))


def _kind(data: bytes) -> Kind:
    if not data.strip(b"\0\t\r\n \xef\xbb\xbf"):
        raise Refused("文件为空")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(data)
    if data.startswith(xls.MAGIC):
        return _ole_kind(data)
    for magic, what in _NOT_TABLES:
        if data.startswith(magic):
            raise Refused(f"这是{what}，不是报表文件")
    if data[:2] == b"\x09\x00" or data[:4] in (b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"):
        raise Refused("Excel 版本过旧（早于 97），请另存为 xlsx 后再报")
    if len(data) > MAX_TEXT_BYTES:
        raise Refused(f"文本文件超过 {MAX_TEXT_BYTES // 2**20} MB 上限")
    head = data[:1024]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")[2:]
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"<(?:!doctype\s+html|html|table|head|meta|body)\b", head, re.IGNORECASE):
        raise Refused("这是网页，不是工作簿，请另存为 xlsx 后再报")
    return "xml" if re.match(rb"<[?!A-Za-z_]", head) else "csv"


def _zip_kind(data: bytes) -> Kind:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except Exception:  # zipfile raises a dozen kinds on damaged input
        raise Refused(DAMAGED) from None
    if "xl/workbook.bin" in names:
        raise Refused("不支持 xlsb 格式，请另存为 xlsx 后再报")
    for part, what in _OTHER_ARCHIVES.items():
        if part in names:
            raise Refused(f"这是 {what}，请另存为 xlsx 后再报")
    if not any(re.fullmatch(r"/?xl/workbook\d*\.xml", name, re.IGNORECASE) for name in names):
        raise Refused("压缩包里不是 Excel 工作簿")
    return "xlsx"


def _ole_kind(data: bytes) -> Kind:
    found = xls.streams(data)
    if "EncryptedPackage" in found or "EncryptionInfo" in found:
        raise xls.encrypted()
    if "Workbook" in found or "Book" in found:
        return "xls"
    if len(data) < 1536 or not found:
        raise Refused(DAMAGED)
    raise Refused("这是 Office 文档，但不是 Excel 工作簿")


def _read_xlsx(data: bytes) -> tuple[dict[str, Rows], dict[str, list[Mark]]]:
    """The worksheets' rows, and what the reader does not show of them."""
    parts = zipguard.scan(data)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            wanted = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
            if len(wanted) > zipguard.MAX_SHEETS:
                raise Refused("工作表过多，不是正常的工作簿")
            with _uncollected():
                sheets: dict[str, Rows] = {
                    name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in wanted
                }
    except PasswordError:
        raise xls.encrypted() from None
    except (CalamineError, OSError, ValueError, OverflowError, MemoryError):
        raise Refused(DAMAGED) from None
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of the extension; derives from BaseException
            raise Refused(DAMAGED) from None
        raise
    found: dict[str, list[Mark]] = {}
    if any(part.marks for part in parts.values()):
        for part_name, sheet in _sheet_parts(data).items():
            if sheet in sheets and part_name in parts:
                found[sheet] = parts[part_name].marks
    return sheets, found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector, which would visit a million new cells again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _sheet_parts(data: bytes) -> dict[str, str]:
    """Part of the archive → the sheet's name, by the workbook's own relations."""
    from qxmonitor.feeds import xml

    archive = zipfile.ZipFile(io.BytesIO(data))
    try:
        book = xml.parse(archive.read("xl/workbook.xml"))
        relations = xml.parse(archive.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, zipfile.BadZipFile):  # a local header that disagrees with the directory
        raise Refused(DAMAGED) from None
    targets = {str(node.get("Id")): str(node.get("Target", "")) for node in relations}
    found = {}
    for node in book.iter("{*}sheet"):
        key = next((value for name, value in node.attrib.items() if str(name).endswith("}id")), "")
        target = targets.get(str(key), "").removeprefix("/xl/").removeprefix("./")
        found["xl/" + target] = str(node.get("name", ""))
    return found
