"""A sheet as rows a person counts and columns a machine reads: the same for workbooks and csv.

Row numbers and column letters are those of the sheet as it is seen: leading empty rows and columns count. Blank
lines do not exist here, except that they keep the numbers of the others right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

HEAD = 40
"""A header is looked for among this many rows."""

_CONTROL = (
    r"^(?:合\s*计|总\s*计|小\s*计)\s*(?:$|[(（:：])"
    r"|^(?:注|备注|附注|说明|填表说明|数据来源|资料来源|单位负责人|统计负责人|企业负责人|负责人|填表人|填报人|制表人|审核人"
    r"|联系人|联系电话|报出日期|报送日期|导出时间|打印时间)\s*(?:$|[:：])"
)
"""First words of lines that are no firm's: totals and footers."""
_PERSONAL = r"人\s*[:：]|电话|联系|手机|[0-9]{7,}"


@dataclass(frozen=True)
class Row:
    """One row near the top: its 1-based number and its cells."""

    number: int
    cells: list[Any]

    @cached_property
    def texts(self) -> list[str]:
        """The cells as a person reads them."""
        return [shown(cell) for cell in self.cells]


class Body(Protocol):
    """The non-blank rows below a header; columns are indexed 0…n-1."""

    rows: npt.NDArray[np.int64]
    wide: npt.NDArray[np.bool_]

    def column(self, place: int) -> pd.Series:
        """The cells as they are: objects of a workbook, ``str`` of a csv."""

    def text(self, place: int) -> pd.Series:
        """The cells as trimmed ``str``."""


class Grid:
    """A sheet of a workbook."""

    def __init__(self, sheet: str, rows: list[list[Any]]) -> None:
        self.sheet = sheet
        self._rows = rows
        self.head = [Row(at, cells) for at, cells in enumerate(rows[:HEAD], start=1)]

    @property
    def empty(self) -> bool:
        return not any(text for row in self.head for text in row.texts)

    def body(self, header: Row, keys: Sequence[int]) -> Body:
        """Rows below ``header``; ``keys`` are the columns that hardly ever are empty in a row that is not."""
        return SheetBody(self._rows, header.number, keys)


class SheetBody:
    """Rows of a workbook's sheet below its header."""

    def __init__(self, rows: list[list[Any]], start: int, keys: Sequence[int]) -> None:
        below = rows[start:]
        self._columns = list(zip(*below, strict=True))
        bare = np.ones(len(below), dtype=bool)
        for place in keys:
            bare &= numbers.blank(self._raw(place))
        for at in np.flatnonzero(bare).tolist():  # few: totals without a word, and blank rows
            bare[at] = not any(shown(cell) for cell in below[at])
        self._keep = ~bare
        self._all = bool(self._keep.all())
        self.rows = np.flatnonzero(self._keep).astype(np.int64) + start + 1
        self.wide = np.zeros(len(self.rows), dtype=bool)
        self._texts: dict[int, pd.Series] = {}

    def text(self, place: int) -> pd.Series:
        if place not in self._texts:
            self._texts[place] = numbers.as_text(self.column(place))
        return self._texts[place]

    def _raw(self, place: int) -> pd.Series:
        return pd.Series(self._columns[place] if self._columns else (), dtype=object)

    def column(self, place: int) -> pd.Series:
        raw = self._raw(place)
        return raw if self._all else raw[self._keep].reset_index(drop=True)


class CsvGrid(Grid):
    """A csv file; its records are read when first needed in full."""

    def __init__(self, text: str) -> None:
        self.sheet = csvfile.SHEET
        self._text = text
        records = csvfile.head(text, HEAD)
        top = records.cells.to_numpy(dtype=object).tolist()
        self.head = [Row(int(line), cells) for line, cells in zip(records.lines, top, strict=True)]

    def body(self, header: Row, keys: Sequence[int]) -> Body:
        return CsvBody(csvfile.read(self._text), header)


class CsvBody:
    """Records of a csv file below its header. A record with a value where no heading stands is ``wide``: shifted."""

    def __init__(self, records: csvfile.Records, header: Row) -> None:
        start = int(np.searchsorted(records.lines, header.number)) + 1
        self._cells = records.cells.iloc[start:].reset_index(drop=True)
        self.rows = records.lines[start:]
        headings = [shown(cell) for cell in header.cells]
        self.wide = records.widths[start:] > max(at + 1 for at, text in enumerate(headings) if text)

    def column(self, place: int) -> pd.Series:
        if place >= self._cells.shape[1]:
            return pd.Series("", index=self._cells.index, dtype="str")
        return self._cells[place]

    def text(self, place: int) -> pd.Series:
        return self.column(place)


def grids(opened: Opened) -> list[Grid]:
    """All sheets of a workbook, or the one table of a csv; made once for each opened file.

    Raises:
        Refused: as the opened file's own views.
    """
    made: list[Grid] | None = opened.__dict__.get("_grids")
    if made is None:
        if opened.kind == "csv":
            made = [CsvGrid(opened.text)]
        else:
            made = [Grid(sheet, rows) for sheet, rows in opened.sheets.items()]
        opened.__dict__["_grids"] = made
    return made


def shown(cell: Any) -> str:
    """A cell as trimmed text."""
    if isinstance(cell, str):
        return cell.strip()
    return numbers.shown(cell).strip()


class Lines:
    """The lines below a header, and where each of them ends: rejected, control, or a row of a table."""

    def __init__(self, sheet: str, body: Body) -> None:
        self.sheet = sheet
        self.rows = body.rows
        self.rejected = np.zeros(len(self.rows), dtype=bool)
        self.control = np.zeros(len(self.rows), dtype=bool)
        self.whose: dict[str, pd.Series] = {}
        """``subject`` and ``period`` of each line, once they are known; rejects are given theirs."""
        self._rejects: list[pd.DataFrame] = []
        self._control: list[pd.DataFrame] = []

    def totals_and_footers(self, body: Body, places: Sequence[int], header: Row) -> None:
        """Mark 合计 lines, footers and repeated headers, told by the words in a few columns."""
        for place in dict.fromkeys(places):
            text = body.text(place)
            heading = header.texts[place] if place < len(header.cells) else ""
            found = _says(text, _CONTROL)
            if len(heading) > 2:
                found |= (text == heading).to_numpy(dtype=bool)
            new = found & ~self.control
            if not new.any():
                continue
            self.control |= new
            said = text[new].str.slice(0, 80)
            said = said.mask(_says(said, _PERSONAL), "（经办人信息，不保留）")
            self._control.append(pd.DataFrame({"sheet": self.sheet, "row": self.rows[new], "text": said.to_numpy()}))

    def reject(
        self,
        mask: npt.NDArray[np.bool_],
        field: str | pd.Series,
        rule: str | pd.Series,
        reason: str | pd.Series,
        raw: pd.Series | None = None,
    ) -> None:
        """Reject the lines of ``mask`` that are no control lines; ``raw`` holds the offending cells."""
        mask = mask & ~self.control
        if not mask.any():
            return
        self.rejected |= mask
        given: dict[str, Any] = {"field": field, "rule": rule, "reason": reason}
        chosen = {
            key: value[mask].to_numpy() if isinstance(value, pd.Series) else value for key, value in given.items()
        }
        chosen["raw"] = "" if raw is None else numbers.as_text(raw[mask]).str.slice(0, 100).to_numpy()
        self._rejects.append(pd.DataFrame({"sheet": self.sheet, "row": self.rows[mask], **chosen}))

    @property
    def data(self) -> npt.NDArray[np.bool_]:
        """Lines that become rows of a table."""
        return ~self.control & ~self.rejected

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """``lines``, ``rejects`` and ``control`` as a batch carries them."""
        lines = pd.DataFrame(
            {"sheet": pd.Series(self.sheet, index=range(len(self.rows)), dtype="str"), "row": self.rows}
        )
        rejects = gather(self._rejects, REJECT_COLUMNS)
        if len(rejects) and self.whose:
            at = np.searchsorted(self.rows, rejects["row"].to_numpy())
            rejects = rejects.assign(**{name: column.to_numpy(object)[at] for name, column in self.whose.items()})
        return lines, gather([rejects], [*REJECT_COLUMNS, *WHOSE]), gather(self._control, ["sheet", "row", "text"])


def gather(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The frames one below the other, with these columns even when there are none."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return _nothing(tuple(columns)).copy()
    return pd.concat(filled, ignore_index=True).reindex(columns=list(columns))


def _says(texts: pd.Series, pattern: str) -> npt.NDArray[np.bool_]:
    """Where a pattern is found, by Arrow's own expressions: pandas walks cell by cell for some of them."""
    found = pc.match_substring_regex(pa.array(texts.array, type=pa.large_string(), from_pandas=True), pattern)
    marks: npt.NDArray[np.bool_] = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return marks


@lru_cache
def _nothing(columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([], dtype="int64" if name == "row" else "str") for name in columns})


def no_table(names: Sequence[str]) -> Refused:
    """The line for a file whose sheets have no header a feed knows."""
    shown_names = "、".join(name[:20] for name in names[:5])
    return Refused(f"找不到表头：{shown_names}" if shown_names else "找不到表头")
