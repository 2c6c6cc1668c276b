"""Looks through an .xlsx before anything parses it: what would it cost, and is it whole?

The Excel reader is fast because it believes what it reads. A few hundred bytes can make it ask for 80 GB (two
cells at opposite corners), a few kilobytes unpack to gigabytes, one long shared string be copied into a million
cells; an allocation that fails ends the whole process. So every part is inflated here in pieces, whatever its
name and whatever sizes the directory claims, and counted: bytes, checksums, cells, the rectangle they span, the
text they stand for. The usual writers' plain ``<c r="A1"`` is counted by substring, at several hundred MB/s;
anything else legal but unusual is walked tag by tag.

Error values (``#REF!``) and formulas saved without a result are found here as well, since the reader shows both as
empty cells.
"""

from __future__ import annotations

import io
import re
import string
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import Refused
from qxmonitor.feeds.marks import MAX_MARKS, UNCACHED, Mark, too_many

MAX_UNPACKED = 512 * 2**20
MAX_PARTS = 4096
MAX_SHEETS = 256
MAX_CELLS = 6_000_000
"""Cells of the rectangles all sheets of one workbook span (a million rows of six columns, or 200,000 of thirty)."""
MAX_STRINGS = 2_000_000
MAX_TEXT = 256 * 2**20
"""Bytes of text all cells stand for, shared strings counted as often as they are used."""
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384

DAMAGED = "文件不完整或已损坏，无法读取"
_PIECE = 1 << 18
_DIRECTORY_END = b"PK\x05\x06"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".bin")

_FAR = re.compile(rb'<c r="(?:[A-Za-z]{2,}(?:\d{6,})?|[A-Za-z]\d{6,})')
_PLACE = re.compile(rb'<c r="([A-Za-z]+)(\d+)"')
_TAG = re.compile(rb"""<(?:[\w.-]+:)?(row|c)((?:\s*[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/?>""")
_TAG_START = re.compile(rb"<(?:[\w.-]+:)?(?:row|c)[\s/>]")
_NAME = re.compile(rb"[\w.-]+")
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(rb"([A-Za-z]{0,3})(\d{1,20})")
_ERROR_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*?\st="e"[^>]*>(.{0,4096}?)</c>', re.DOTALL)
_ERROR_VALUE = re.compile(rb"<v>(#[^<]{1,20})</v>")
_FORMULA_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"([^>]*)>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(<v\s*/>|<v[^>]*></v>|)\s*</c>'
)
_TEXT_CELL = re.compile(rb"""\st\s*=\s*["']str["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_SPACE, _ENDS, _LETTER, _DIGIT = (
    np.isin(np.arange(256), list(letters))
    for letters in (b" \t\n\r\f\v", b" \t\n\r\f\v/>", string.ascii_letters.encode(), string.digits.encode())
)
_SHARED = re.compile(rb't="s"[^>]*><v>(\d{1,9})</v>')


@dataclass
class Part:
    """What was counted in one part of the archive."""

    cells: int = 0
    strings: int = 0
    longest: int = 0
    columns: int = 0
    rows: int = 0
    plain: bool = True
    marks: list[Mark] = field(default_factory=list)
    """Error cells and formulas without a result, as they are to be shown."""
    formulas: bool = False


def scan(data: bytes) -> dict[str, Part]:
    """Inflate and count every part of a workbook.

    Returns:
        Part name → what is in it.

    Raises:
        Refused: damaged, encrypted, or beyond any limit.
    """
    archive = _directory(data)
    budget = MAX_UNPACKED
    parts: dict[str, Part] = {}
    for info in archive:
        part = Part()
        for block in _blocks(_inflate(data, info, budget)):
            _count(block, part)
        budget -= info.file_size
        parts[info.filename] = part
    for name in _pictures(archive, data):
        parts[name] = Part()  # nothing reads it, and noise can look like a tag
    total = 0
    for info in archive:
        part = parts[info.filename]
        if part.cells > MAX_CELLS:
            raise _too_many_cells()
        if part.cells and (not part.plain or total + part.rows * part.columns > MAX_CELLS):
            _measure(data, info, part)
            if part.formulas and not part.plain:
                part.marks = _marks(data, info)
        total += part.rows * part.columns
        if total > MAX_CELLS:
            raise _too_many_cells()
    _weigh_strings(data, archive, parts)
    return parts


def _pictures(archive: list[zipfile.ZipInfo], data: bytes) -> list[str]:
    """Parts that are pictures or printer settings and that the workbook does not name as a sheet."""
    related = b"".join(
        piece for info in archive if info.filename.lower() == _RELATIONS for piece in _inflate(data, info, MAX_UNPACKED)
    ).lower()
    if b"&#" in related:
        return []
    pictures = [info.filename for info in archive if info.filename.lower().endswith(_PICTURES)]
    return [name for name in pictures if name.rpartition("/")[2].lower().encode("utf-8", "replace") not in related]


def _too_many_cells() -> Refused:
    return Refused(f"工作表的单元格范围超过 {MAX_CELLS // 10_000} 万格上限")


def _directory(data: bytes) -> list[zipfile.ZipInfo]:
    """The archive's own list, on which every reader must agree: one end record, at the very end."""
    if data[-22:-18] != _DIRECTORY_END:
        raise Refused(DAMAGED)
    count, size, offset, comment = struct.unpack("<H2LH", data[-12:])
    zip64 = data[-42:-38] == b"PK\x06\x07"
    if comment or (not zip64 and offset + size != len(data) - 22):
        raise Refused(DAMAGED)
    if count > MAX_PARTS:
        raise Refused("压缩包内部件过多，不是正常的工作簿")
    try:
        infos = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception:
        raise Refused(DAMAGED) from None
    if len(infos) > MAX_PARTS:
        raise Refused("压缩包内部件过多，不是正常的工作簿")
    if len({info.filename for info in infos}) != len(infos):
        raise Refused("压缩包内部件重名，不是正常的工作簿")
    if any(info.flag_bits & 1 for info in infos):
        raise Refused("文件已加密，请解除密码后再报")
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise Refused(f"解压后超过 {MAX_UNPACKED // 2**20} MB 上限，疑为压缩炸弹")
    return infos


def _inflate(data: bytes, info: zipfile.ZipInfo, budget: int) -> Iterator[bytes]:
    """The content of a part in pieces, read from its own deflate stream and not from its declared size."""
    at = info.header_offset
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or data[at : at + 4] != b"PK\x03\x04":
        raise Refused(DAMAGED)
    start = at + 30 + sum(struct.unpack("<2H", data[at + 26 : at + 30]))
    packed = memoryview(data)[start : start + info.compress_size]
    engine = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
    size, check = 0, 0
    for place in range(0, len(packed), _PIECE):
        rest: bytes | memoryview = packed[place : place + _PIECE]
        while rest:
            if engine is None:
                piece, rest = bytes(rest), b""
            else:
                try:
                    piece = engine.decompress(rest, 4 << 20)
                except zlib.error:
                    raise Refused(DAMAGED) from None
                rest = engine.unconsumed_tail
            size += len(piece)
            if size > budget:
                raise Refused(f"解压后超过 {MAX_UNPACKED // 2**20} MB 上限，疑为压缩炸弹")
            check = zlib.crc32(piece, check)
            yield piece
    if engine is not None and (not engine.eof or engine.unused_data):
        raise Refused(DAMAGED)
    if len(packed) != info.compress_size or size != info.file_size or check != info.CRC:
        raise Refused(DAMAGED)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces cut before a ``<``, so that no tag is in two of them, and no cell of a usual length."""
    carry = b""
    for piece in pieces:
        block = carry + piece
        cut = block.rfind(b"<c")  # best between two cells
        if cut < len(block) - (1 << 16):
            cut = block.rfind(b"<")
        if cut > 0:
            yield block[:cut]
            carry = block[cut:]
        elif len(block) > 8 << 20:  # megabytes without a tag: a picture, or text nobody types
            yield block
            carry = b""
        else:
            carry = block
    yield carry


def _count(block: bytes, part: Part) -> None:
    """Count one block, by the bytes that stand behind every ``<`` and before every ``=``."""
    if not part.cells and block[:4].lstrip(b"\xef\xbb\xbf")[:2] in (b"<\x00", b"\x00<", b"\xff\xfe", b"\xfe\xff"):
        raise Refused("工作簿内部编码不受支持")
    data = np.frombuffer(block + bytes(16), np.uint8)  # so that looking a few bytes ahead is safe
    tags = np.flatnonzero(data == ord("<"))
    first = data[tags + 1]
    cells = tags[first == ord("c")]
    cells = cells[_ENDS[data[cells + 2]]]
    rows = tags[first == ord("r")]
    rows = rows[_says(data, rows + 2, b"ow") & _ENDS[data[rows + 4]]]
    plain = cells[_says(data, cells + 2, b' r="')]
    prefixed = _prefixed(block, data, tags) and len(_TAG_START.findall(block)) != len(cells) + len(rows)
    if len(cells) or prefixed:
        equals = np.flatnonzero(data == ord("="))
        before = data[equals - 1]
        # Every cell states its place once, first of all; only then do the counts below say where cells are.
        explicit = len(plain) + int(_says(data, rows + 4, b' r="').sum())
        ahead = data[equals[before == ord("r")] - 2]
        references = int(((ahead != ord("e")) & (ahead != ord(":"))).sum())  # header=, footer=, xmlns:r= also end so
        comments = bool(((first == ord("!")) | ((first == ord("?")) & (tags > 8))).any())
        unusual = prefixed or comments or bool(_SPACE[before].any())
        if unusual or len(cells) != len(plain) or references != explicit:
            part.plain = False
        part.cells += len(cells) if not prefixed else len(tags)
        part.rows = max(part.rows, 99_999)
        part.columns = max(part.columns, 26)
        _look_far(block, data, plain, part)
        _find_marks(
            block,
            bool(_says(data, equals[before == ord("t")] + 1, b'"e"').any()),
            bool((first == ord("f")).any()),
            part,
        )
        if prefixed and b":f" in block:
            part.formulas = True
    strings = tags[first == ord("s")]
    strings = strings[data[strings + 2] == ord("i")]
    if len(strings):
        part.strings += len(strings)
        part.longest = max(part.longest, int(np.diff(strings, prepend=0, append=len(block)).max()))
        if part.strings > MAX_STRINGS:
            raise Refused("工作簿的文字条目过多，超过上限")
    elif part.strings:  # the rest of a string longer than a block
        part.longest += len(block)
    if part.rows > MAX_ROWS or part.columns > MAX_COLUMNS:
        raise Refused("单元格位置超出 Excel 的范围，不是正常的工作簿")


def _says(data: npt.NDArray[np.uint8], places: npt.NDArray[np.intp], word: bytes) -> npt.NDArray[np.bool_]:
    """Where a word stands at these places."""
    found = np.ones(len(places), dtype=bool)
    for ahead, letter in enumerate(word):
        found &= data[places + ahead] == letter
    return found


def _look_far(block: bytes, data: npt.NDArray[np.uint8], plain: npt.NDArray[np.intp], part: Part) -> None:
    """Widen a part's rectangle by the cells beyond column Z or row 99,999."""
    far = _LETTER[data[plain + 7]] | (_DIGIT[data[plain + 7]] & _DIGIT[data[plain + 12]])
    if not far.any():
        return
    letters = _LETTER[data[plain[far, None] + np.arange(6, 10)]]
    usual = letters[:, 0] & letters[:, 1] & ~letters[:, 3] & ~_DIGIT[data[plain[far] + 13]]
    if not usual.all():  # long numbers of rows, or more letters than a column has
        for name in set(_FAR.findall(block)):
            column = name[6:].rstrip(b"0123456789")
            part.columns = max(part.columns, _column(column))
            if len(name) - 6 > len(column):
                part.rows = max(part.rows, _row(name[6 + len(column) :]))
        return
    places = plain[far]
    value = (data[places + 6] & 31).astype(np.int64) * 26 + (data[places + 7] & 31)
    part.columns = max(part.columns, int(np.where(letters[:, 2], value * 26 + (data[places + 8] & 31), value).max()))


def _find_marks(block: bytes, errors: bool, formulas: bool, part: Part) -> None:
    """Error cells, and formulas without a result, of a sheet written as usual."""
    if errors:
        part.marks += [
            (int(row) - 1, _column(name) - 1, value[1].decode("ascii", "replace"))
            for name, row, body in _ERROR_CELL.findall(block)
            if (value := _ERROR_VALUE.search(body))
        ]
    if formulas and _FORMULA.search(block):
        part.formulas = True
        part.marks += [
            (int(row) - 1, _column(name) - 1, UNCACHED)
            for name, row, attributes, value in _FORMULA_CELL.findall(block)
            if not (value and _TEXT_CELL.search(attributes))  # a saved text of no letters
        ]
    if len(part.marks) > MAX_MARKS:
        raise too_many()


def _prefixed(block: bytes, data: npt.NDArray[np.uint8], tags: npt.NDArray[np.intp]) -> bool:
    """Whether an element may be called ``x:c`` or ``x:row``."""
    colons = np.flatnonzero(data == ord(":"))
    after = data[colons + 1]
    colons = colons[(after == ord("c")) | (after == ord("r"))]
    if len(colons) > 1000 or not len(tags):
        return len(colons) > 0
    starts = tags[np.maximum(np.searchsorted(tags, colons) - 1, 0)]
    return any(
        _NAME.fullmatch(block, at + 1, colon) for at, colon in zip(starts.tolist(), colons.tolist(), strict=True)
    )


def _column(letters: bytes) -> int:
    """Column number of its letters: A → 1."""
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + letter - 64
    return number


def _row(digits: bytes) -> int:
    """Row number of its digits, however many zeros stand before it."""
    return int(digits.lstrip(b"0")[:9] or b"0")


def _measure(data: bytes, info: zipfile.ZipInfo, part: Part) -> None:
    """The exact rectangle of a sheet whose bound is too coarse or whose tags are unusual."""
    rows = columns = row = column = 0
    for block in _blocks(_inflate(data, info, MAX_UNPACKED)):
        if part.plain:
            places = _PLACE.findall(block)
            columns = max(columns, *map(_column, {letters for letters, _ in places}), 0)
            rows = max(rows, *map(_row, {digits for _, digits in places}), 0)
            continue
        tags = _TAG.findall(block)
        if len(tags) != len(_TAG_START.findall(block)):
            raise Refused("工作表内容不合规，无法读取")
        for name, attributes in tags:
            given = [a[1] or a[2] for a in _ATTRIBUTE.findall(attributes) if a[0] == b"r"] if attributes else []
            if name == b"row":
                row, column = row + 1, 0
            else:
                column += 1
            for reference in given[-1:]:
                found = _REFERENCE.fullmatch(reference)
                if len(given) > 1 or not found:
                    raise Refused("工作表内容不合规，无法读取")
                row = _row(found[2])
                column = _column(found[1]) if name == b"c" else 0
            rows, columns = max(rows, row), max(columns, column)
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise Refused("单元格位置超出 Excel 的范围，不是正常的工作簿")
    part.rows, part.columns = rows, columns


def _marks(data: bytes, info: zipfile.ZipInfo) -> list[Mark]:
    """The marks of a sheet whose tags are unusual, read element by element."""
    from lxml import etree  # slow to import, and hardly ever needed

    marks: list[Mark] = []
    content = io.BytesIO(b"".join(_inflate(data, info, MAX_UNPACKED)))
    row = column = 0
    options = {"resolve_entities": False, "no_network": True, "huge_tree": False}
    try:
        for event, node in etree.iterparse(content, ("start", "end"), **options):
            kind = etree.QName(node).localname if isinstance(node.tag, str) else ""
            if event == "start" and kind in ("row", "c"):
                found = _REFERENCE.fullmatch(str(node.get("r") or "").encode("ascii", "replace"))
                if kind == "row":
                    row, column = (_row(found[2]) if found else row + 1), 0
                else:
                    row, column = (_row(found[2]), _column(found[1])) if found else (row, column + 1)
            elif event == "end" and kind == "c":
                inside = {
                    etree.QName(child).localname: child.text or "" for child in node if isinstance(child.tag, str)
                }
                value = inside.get("v", "")
                if node.get("t") == "e" and value:
                    marks.append((row - 1, column - 1, value))
                elif "f" in inside and not value and not ("v" in inside and node.get("t") == "str"):
                    marks.append((row - 1, column - 1, UNCACHED))
                if len(marks) > MAX_MARKS:
                    raise too_many()
            elif event == "end" and kind == "row":
                node.clear()
    except etree.XMLSyntaxError:
        raise Refused(DAMAGED) from None
    return [mark for mark in marks if mark[0] >= 0 and mark[1] >= 0]


def _weigh_strings(data: bytes, archive: list[zipfile.ZipInfo], parts: dict[str, Part]) -> None:
    """Refuses a workbook whose shared strings, copied into all cells that use them, would fill the memory."""
    cells = sum(part.cells for part in parts.values())
    longest = max((part.longest for part in parts.values()), default=0)
    if cells * longest <= MAX_TEXT:
        return
    # The bound is coarse: one long remark in a large sheet is innocent. Count the uses of each string.
    lengths: list[int] = []
    uses: dict[int, int] = {}
    for info in archive:
        part = parts[info.filename]
        if not part.strings and not part.cells:
            continue
        for block in _blocks(_inflate(data, info, MAX_UNPACKED)):
            first, *texts = block.split(b"<si") if part.strings else [b""]
            if lengths and first:
                lengths[-1] += len(first)
            lengths += map(len, texts)
            if part.cells:
                found = _SHARED.findall(block)
                if len(found) != block.count(b't="s"') or b"'s'" in block:
                    raise Refused("工作簿的文字过长，超过上限")
                for index in map(int, found):
                    uses[index] = uses.get(index, 0) + 1
    if sum(lengths[index] * count for index, count in uses.items() if index < len(lengths)) > MAX_TEXT:
        raise Refused("工作簿的文字过长，超过上限")
