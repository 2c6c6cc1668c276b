"""Delimited text into columns of text, with each record's true line in the file.

Fast where the file is well formed (Arrow, half a million lines in about a second) and exact where it is not:
blank lines, quoted line breaks, stray quotes and lines with too many or too few columns keep their line
numbers and never shift a neighbour. Delimiters are the comma, or the tab of a spreadsheet's "Unicode 文本".
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from qxmonitor.errors import Refused

SHEET = ""
"""What stands for the sheet of a file that has none."""

MAX_COLUMNS = 256
_LONG, _EDGE = 1 << 20, 40
"""From how many characters on a file's first and last lines are looked at apart, and how many of them."""
_LF, _QUOTE = 10, 34


@dataclass(frozen=True)
class Records:
    """The non-blank records of a file.

    Attributes:
        lines: line of each record's beginning, 1-based as an editor shows it.
        widths: columns of each record, trailing empty ones not counted.
        cells: one ``str`` column per position 0…; stripped; empty text where nothing stands.
    """

    lines: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    cells: pd.DataFrame

    def __len__(self) -> int:
        return len(self.lines)


def read(text: str) -> Records:
    """Split a text into records.

    Raises:
        Refused: a quote that never closes, or more columns than any form has.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = text[:20_000]
    delimiter = "\t" if head.count("\t") > head.count(",") else ","
    lines, table = _banded(text, delimiter) or _small(text, delimiter)
    trimmed = [column if _bare(column) else pc.utf8_trim_whitespace(column) for column in table.columns]
    widths = np.zeros(len(table), dtype=np.int64)
    rest = np.arange(len(table))  # rows of which no filled cell was seen yet, from the last column on
    for place in range(len(trimmed), 0, -1):
        if not len(rest):
            break
        column = trimmed[place - 1]
        cells_ = column if len(rest) == len(table) else pc.filter(column, pa.array(widths == 0))
        filled = pc.not_equal(cells_, "").to_numpy()
        widths[rest[filled]] = place
        rest = rest[~filled]
    cells = pa.table(trimmed, names=table.column_names).to_pandas()
    cells.columns = pd.RangeIndex(cells.shape[1])
    keep = widths > 0
    if not keep.all():
        cells, lines, widths = cells[keep].reset_index(drop=True), lines[keep], widths[keep]
    used = int(widths.max(initial=0))
    return Records(lines, widths, cells.iloc[:, :used])


def head(text: str, count: int) -> Records:
    """The records of the first lines, for a look at what a file is; none when they are no table."""
    top = text[:100_000].replace("\r\n", "\n").replace("\r", "\n")
    return _head("\n".join(top.split("\n", count)[:count]))


@lru_cache(maxsize=8)
def _head(text: str) -> Records:
    """Kept, since every reader of csv looks at the same lines in turn."""
    try:
        return read(text)
    except Refused:
        return read("")


def _small(text: str, delimiter: str) -> tuple[npt.NDArray[np.int64], pa.Table]:
    """A file of any shape."""
    return _uniform(text, delimiter) or _fast(text, delimiter) or _exact(text, delimiter)


def _banded(text: str, delimiter: str) -> tuple[npt.NDArray[np.int64], pa.Table] | None:
    """A long file whose lines are all of one shape but for the first and last few: titles, totals, footers."""
    if len(text) < _LONG:
        return None
    data = text.encode("utf-8")
    start, end = 0, len(data)
    for _ in range(_EDGE):
        start = data.find(b"\n", start) + 1
        end = data.rfind(b"\n", 0, end)
    end += 1
    if not 0 < start < end or data.find(b'"', start, end) >= 0:
        return None
    top, bottom = data[:start].decode("utf-8"), data[end:].decode("utf-8")
    columns = data.count(delimiter.encode("ascii"), start, data.find(b"\n", start)) + 1
    if top.count('"') % 2 or bottom.count('"') % 2 or not 1 < columns <= MAX_COLUMNS:
        return None
    count = data.count(b"\n", start, end)
    try:
        body = _arrow(memoryview(data)[start:end], columns, columns, delimiter, breaks=False)
    except pa.ArrowInvalid:
        return None
    if len(body) != count:
        return None
    parts = [_small(top, delimiter), (np.arange(1, count + 1), body), _small(bottom, delimiter)]
    width = max(table.num_columns for _, table in parts)
    begins = (0, _EDGE, _EDGE + count)
    lines = np.concatenate([lines + begin for (lines, _), begin in zip(parts, begins, strict=True)])
    return lines, pa.concat_tables([_widened(table, width) for _, table in parts])


def _widened(table: pa.Table, width: int) -> pa.Table:
    """The table with empty columns behind its own."""
    table = table.rename_columns([str(place) for place in range(table.num_columns)])
    columns = [column.cast(pa.large_string()) for column in table.columns]
    columns += [pa.chunked_array([pa.array([""] * len(table), pa.large_string())])] * (width - len(columns))
    return pa.table(columns, names=[str(place) for place in range(width)])


def _bare(column: pa.ChunkedArray) -> bool:
    """Whether the cells are of visible ASCII characters alone, so that there is nothing to trim."""
    return all(_bare_bytes(chunk.buffers()[2]) for chunk in column.chunks)


def _bare_bytes(buffer: pa.Buffer | None) -> bool:
    return buffer is None or bool((np.frombuffer(buffer, np.uint8) - np.uint8(33) < 94).all())


def _uniform(text: str, delimiter: str) -> tuple[npt.NDArray[np.int64], pa.Table] | None:
    """A file whose every line is one record of the same columns: straight through Arrow; else None."""
    columns = len(next(csv.reader([text[: text.find("\n")] if "\n" in text else text], delimiter=delimiter), []))
    if not 1 < columns <= MAX_COLUMNS:
        return None
    data = (text if text.endswith("\n") else text + "\n").encode("utf-8")
    try:
        table = _arrow(data, columns, columns, delimiter, breaks=False)
    except pa.ArrowInvalid:
        return None
    # A quoted line break would have made fewer records than lines.
    count = data.count(b"\n")
    return (np.arange(1, count + 1), table) if len(table) == count else None


def _fast(text: str, delimiter: str) -> tuple[npt.NDArray[np.int64], pa.Table] | None:
    """By Arrow; None when quotes are not regular, since Arrow and people then disagree about them."""
    data = np.frombuffer((text if text.endswith("\n") else text + "\n").encode("utf-8"), np.uint8)
    comma = ord(delimiter)
    quotes = data == _QUOTE
    breaks = data == _LF
    if quotes.any():
        inside = np.bitwise_xor.accumulate(quotes)
        if inside[-1] or not _regular(data, quotes, inside, comma):
            return None
        ends = np.flatnonzero(breaks & ~inside)
        commas = np.flatnonzero((data == comma) & ~inside)
    else:
        ends = np.flatnonzero(breaks)
        commas = np.flatnonzero(data == comma)
    starts = np.concatenate(([0], ends[:-1] + 1))
    # A record's line: one more than the line breaks before it, quoted ones included.
    lines = np.searchsorted(np.flatnonzero(breaks), starts) + 1
    counts = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    filled = ends > starts
    starts, ends, lines, counts = starts[filled], ends[filled], lines[filled], counts[filled]
    if not len(starts):
        return lines, pa.table({"0": pa.array([], pa.string())})
    width = int(counts.max())
    if width > MAX_COLUMNS or len(shapes := np.unique(counts)) > 64:
        raise Refused(f"第 {lines[counts.argmax()]} 行的列数过多或各行列数杂乱，不是规整的表格文本")
    # One call of Arrow for each number of columns that occurs (nearly always one or two).
    parts = []
    for columns in shapes:
        mine = np.flatnonzero(counts == columns)
        chosen = data if len(mine) == len(counts) else _pick(data, starts[mine], ends[mine])
        parts.append((mine, _arrow(chosen, int(columns), width, delimiter)))
    table = pa.concat_tables([part for _, part in parts])
    if len(table) != len(starts):
        return None
    order = np.argsort(np.concatenate([mine for mine, _ in parts]), kind="stable")
    return lines, table.take(pa.array(order)) if len(parts) > 1 else table


def _pick(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The bytes of some records, line breaks included."""
    if len(starts) < 1000:
        return np.concatenate([data[start : end + 1] for start, end in zip(starts, ends, strict=True)])
    edges = np.stack([starts, ends + 1], axis=1).ravel()
    wanted = np.tile([False, True], len(starts))
    lengths = np.diff(edges, prepend=0)
    mask = np.repeat(wanted, lengths)
    picked: npt.NDArray[np.uint8] = data[: len(mask)][mask]
    return picked


def _regular(
    data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], comma: int
) -> bool:
    """Whether every quote opens a cell, closes one, or is one of a doubled pair inside one."""
    places = np.flatnonzero(quotes)
    before = data[places - 1]
    before[places == 0] = _LF
    after = data[np.minimum(places + 1, len(data) - 1)]
    opens = inside[places]
    edge_before = (before == comma) | (before == _LF) | (before == _QUOTE)
    edge_after = (after == comma) | (after == _LF) | (after == _QUOTE)
    return bool(np.where(opens, edge_before, edge_after).all())


def _arrow(
    data: npt.NDArray[np.uint8] | bytes | memoryview, columns: int, width: int, delimiter: str, *, breaks: bool = True
) -> pa.Table:
    names = [str(place) for place in range(columns)]
    table = arrow_csv.read_csv(
        pa.py_buffer(data),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=8 << 20),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=breaks),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )
    return _widened(table, width)


def _exact(text: str, delimiter: str) -> tuple[npt.NDArray[np.int64], pa.Table]:
    """By Python's reader, which takes a quote inside a cell for a character."""
    lines, rows = [], []
    reader = csv.reader((line + "\n" for line in text.split("\n")), delimiter=delimiter)
    begin = 1
    try:
        for row in reader:
            if reader.line_num - begin > 50:
                raise Refused(f"第 {begin} 行的引号没有配对")
            if row:
                lines.append(begin)
                rows.append(row)
            begin = reader.line_num + 1
    except csv.Error:
        raise Refused(f"第 {begin} 行的引号没有配对或内容过长") from None
    if rows and "\n" in "".join(rows[-1]) and not text.rstrip("\n").endswith('"'):
        raise Refused(f"第 {lines[-1]} 行的引号没有配对")
    width = max(map(len, rows), default=1)
    if width > MAX_COLUMNS:
        raise Refused("有一行的列数过多，不是规整的表格文本")
    padded = [row + [""] * (width - len(row)) for row in rows]
    columns = list(zip(*padded, strict=True)) if padded else [()]
    table = pa.table({str(place): pa.array(column, pa.large_string()) for place, column in enumerate(columns)})
    return np.array(lines, dtype=np.int64), table


def column_letter(place: int) -> str:
    """Spreadsheet letters of a 0-based column: 0 → A, 26 → AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
