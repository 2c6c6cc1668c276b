"""Old Excel (.xls): what its container holds, where its error values are, and reading it at arm's length.

The format's records have no total to check against, and its reader opens all sheets at once; files that are cut
or changed make it panic now and then. So it runs in a child process with a memory and a time limit. It shows
error values as empty cells; those are found here by walking the workbook's records. A formula always has a result in
this format; xlwt, which computes none, is known by its marks and writes a text of no letters.
"""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qxmonitor.errors import Refused
from qxmonitor.feeds.marks import MAX_MARKS, UNCACHED, Mark, too_many
from qxmonitor.feeds.zipguard import DAMAGED, MAX_SHEETS

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_BYTES = 128 * 2**20
_CHILD = Path(__file__).with_name("_xls_child.py")
_MEMORY, _SECONDS = 1 << 30, 50
_COLUMNS = 256
_FREE, _END = 0xFFFFFFFF, 0xFFFFFFFE
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_XLWT = bytes.fromhex("bb0dcc0700000000")
"""Build, year and history in xlwt's first record; a spreadsheet program's history is not empty or its build another."""
_NO_TEXT = bytes.fromhex("030000000000ffff")
_BOF, _EOF, _FILEPASS, _FORMULA, _BOOLERR, _SHEET = 0x0809, 0x000A, 0x002F, 0x0006, 0x0205, 0x0085


def streams(data: bytes) -> dict[str, tuple[int, int]]:
    """The streams of an OLE container: name → (first sector, size).

    Raises:
        Refused: the container is damaged.
    """
    try:
        return _streams(data)
    except (struct.error, IndexError, ValueError, OverflowError):
        raise Refused(DAMAGED) from None


def read(data: bytes) -> tuple[dict[str, list[list[Any]]], dict[str, list[Mark]]]:
    """All worksheets as rows of cells, from A1 on, and what the reader does not show of them.

    Raises:
        Refused: encrypted, damaged, or too large.
    """
    if len(data) > MAX_BYTES:
        raise Refused(f"xls 文件超过 {MAX_BYTES // 2**20} MB 上限")
    errors, count = _walk(data)
    if count > MAX_SHEETS:
        raise Refused("工作表过多，不是正常的工作簿")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD), str(_MEMORY)],
            input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Refused("工作簿读取超时，文件过大或已损坏") from None
    if done.returncode == 3:
        raise encrypted()
    if done.returncode:
        raise Refused(DAMAGED)
    sheets: dict[str, list[list[Any]]] = pickle.loads(done.stdout)  # our own child's
    names = list(sheets)
    found: dict[str, list[Mark]] = {}
    for sheet, row, column, text in errors:
        if sheet < len(names) and column < _COLUMNS:
            found.setdefault(names[sheet], []).append((row, column, text))
    return sheets, found


def encrypted() -> Refused:
    """The one line for a file with a password."""
    return Refused("文件已加密，请解除密码后再报")


def _streams(data: bytes) -> dict[str, tuple[int, int]]:
    first = struct.unpack_from("<L", data, 48)[0]
    directory = b"".join(_chain(data, first))
    found = {}
    for at in range(0, len(directory) - 127, 128):
        length = struct.unpack_from("<H", directory, at + 64)[0]
        if directory[at + 66] == 2 and 2 <= length <= 64:
            name = directory[at : at + length - 2].decode("utf-16-le", "replace")
            found[name] = struct.unpack_from("<LL", directory, at + 116)
    return found


def _chain(data: bytes, sector: int) -> Iterator[bytes]:
    """The sectors of a stream in the main allocation table."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    if size not in (512, 4096):
        raise ValueError("sector size")
    tables = list(struct.unpack_from("<109L", data, 76))
    extra, extras = struct.unpack_from("<LL", data, 68)
    for _ in range(min(extras, len(data) // size)):
        if extra >= _END:
            break
        entries = struct.unpack_from(f"<{size // 4}L", data, (extra + 1) * size)
        tables += entries[:-1]
        extra = entries[-1]
    limit = len(data) // size + 1
    for _ in range(limit):
        if sector >= _END:
            return
        yield data[(sector + 1) * size : (sector + 2) * size]
        table = tables[sector // (size // 4)]
        if table >= _END:
            raise ValueError("allocation table")
        sector = struct.unpack_from("<L", data, (table + 1) * size + sector % (size // 4) * 4)[0]
    raise ValueError("loop in allocation table")


def _walk(data: bytes) -> tuple[list[tuple[int, int, int, str]], int]:
    """Error cells as (sheet position, row, column, text), and the number of sheets."""
    entries = streams(data)
    start, size = entries.get("Workbook") or entries.get("Book") or (_FREE, 0)
    if size < 4096:  # kept in the small-sector stream; nothing that short holds figures
        return [], 0
    try:
        book = b"".join(_chain(data, start))[:size]
        return _records(book)
    except (struct.error, IndexError, ValueError, OverflowError):
        raise Refused(DAMAGED) from None


def _records(book: bytes) -> tuple[list[tuple[int, int, int, str]], int]:
    errors: list[tuple[int, int, int, str]] = []
    starts: list[int] = []
    sheet, at, depth = -1, 0, 0
    computed = book[8:16] != _XLWT
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, at)
        body = at + 4
        if kind == _FILEPASS:
            raise encrypted()
        if kind == _SHEET and book[body + 5] == 0:  # a worksheet, not a chart or macro
            starts.append(struct.unpack_from("<L", book, body)[0])
        elif kind == _BOF:
            depth += 1
            if depth == 1:
                sheet = starts.index(at) if at in starts else -1
        elif kind == _EOF:
            depth -= 1
        elif sheet >= 0 and kind == _BOOLERR and length >= 8 and book[body + 7]:
            row, column = struct.unpack_from("<HH", book, body)
            errors.append((sheet, row, column, _ERRORS.get(book[body + 6], "#ERR!")))
        elif sheet >= 0 and kind == _FORMULA and book[body + 6 : body + 14 : 6] == b"\x02\xff" and length >= 14:
            row, column = struct.unpack_from("<HH", book, body)
            errors.append((sheet, row, column, _ERRORS.get(book[body + 8], "#ERR!")))
        elif sheet >= 0 and kind == _FORMULA and book[body + 6 : body + 14] == _NO_TEXT and not computed:
            errors.append((sheet, *struct.unpack_from("<HH", book, body), UNCACHED))
        if len(errors) > MAX_MARKS:
            raise too_many()
        at = body + length
    return errors, len(starts)
