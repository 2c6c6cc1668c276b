"""A sheet as rows a person counts and columns a machine reads: the same for workbooks and csv.

Row numbers and column letters are those of the sheet as it is seen: leading empty rows and columns count. Blank
lines do not exist here, except that they keep the numbers of the others right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, marks, numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE
from qxmonitor.feeds.rulings import Rulings

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

HEAD = 40
"""A header is looked for among this many rows."""

_PERSONAL = rf"人\s*[:：]|电话|联系|手机|QQ|邮箱|微信|传真|[0-9]{{7,}}|{personal.FOOTER}"
_CONTROL = (
    r"^(?:合\s*计|总\s*计|小\s*计)\s*(?:$|[(（:：])"
    r"|^(?:注|备注|附注|说明|填表说明|数据来源|资料来源|单位负责人|统计负责人|企业负责人|负责人|填表人|填报人|制表人|审核人"
    r"|联系人|联系电话|报出日期|报送日期|导出时间|打印时间)\s*(?:$|[:：])"
)
"""First words of lines that are no firm's: totals and footers."""
_TOTAL = r"^(?:合\s*计|总\s*计)"
_LABELLED = r"人\s*[:：]|电话|联系|手机"
_NOT_KEPT = "（经办人信息，不保留）"


_NOTHING_RULED = Rulings()


@dataclass(frozen=True)
class Row:
    """One row near the top: its 1-based number and its cells."""

    number: int
    cells: list[Any]
    rulings: Rulings = _NOTHING_RULED

    @cached_property
    def texts(self) -> list[str]:
        """The cells as a person reads them, and as the office decided that headings are to be read."""
        return [self.rulings.read(shown(cell)) for cell in self.cells]


class Body(Protocol):
    """The non-blank rows below a header; columns are indexed 0…n-1."""

    rows: npt.NDArray[np.int64]
    wide: npt.NDArray[np.bool_]
    width: int
    uncached: dict[int, npt.NDArray[np.bool_]]
    """Of the columns asked for: where a formula stands without its result; the cell is given as empty."""

    def column(self, place: int) -> pd.Series:
        """The cells as they are: objects of a workbook, ``str`` of a csv."""

    def text(self, place: int) -> pd.Series:
        """The cells as trimmed ``str``."""


class Grid:
    """A sheet of a workbook."""

    def __init__(
        self, sheet: str, rows: list[list[Any]], uncached: Collection[int] = (), rulings: Rulings = _NOTHING_RULED
    ) -> None:
        self.sheet = sheet
        self.rulings = rulings
        self._rows = rows
        self._uncached = uncached
        self.head = [Row(at, cells, rulings) for at, cells in enumerate(rows[:HEAD], start=1)]

    @property
    def empty(self) -> bool:
        return not any(text for row in self.head for text in row.texts)

    def body(self, header: Row, keys: Sequence[int]) -> Body:
        """Rows below ``header``; ``keys`` are the columns that hardly ever are empty in a row that is not."""
        return SheetBody(self._rows, header.number, keys, self._uncached)


class SheetBody:
    """Rows of a workbook's sheet below its header."""

    def __init__(self, rows: list[list[Any]], start: int, keys: Sequence[int], uncached: Collection[int] = ()) -> None:
        below = rows[start:]
        self._below = below
        self.width = len(below[0]) if below else 0
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
        self._doubtful = uncached
        self.uncached: dict[int, npt.NDArray[np.bool_]] = {}

    def text(self, place: int) -> pd.Series:
        if place not in self._texts:
            self._texts[place] = numbers.as_text(self.column(place))
        return self._texts[place]

    def _raw(self, place: int) -> pd.Series:
        return pd.Series(list(map(itemgetter(place), self._below)), dtype=object)

    def column(self, place: int) -> pd.Series:
        raw = self._raw(place)
        raw = raw if self._all else raw[self._keep].reset_index(drop=True)
        if place in self._doubtful:
            found = (raw == marks.UNCACHED).to_numpy(dtype=bool)
            self.uncached[place], raw = found, raw.mask(found, "")
        return raw


class CsvGrid(Grid):
    """A csv file; its records are read when first needed in full."""

    def __init__(self, text: str, rulings: Rulings = _NOTHING_RULED) -> None:
        self.sheet = csvfile.SHEET
        self.rulings = rulings
        self._text = text
        records = csvfile.head(text, HEAD)
        top = records.cells.to_numpy(dtype=object).tolist()
        self.head = [Row(int(line), cells, rulings) for line, cells in zip(records.lines, top, strict=True)]

    def body(self, header: Row, keys: Sequence[int]) -> Body:
        return CsvBody(csvfile.read(self._text), header)


class CsvBody:
    """Records of a csv file below its header. A record with a value where no heading stands is ``wide``: shifted."""

    def __init__(self, records: csvfile.Records, header: Row) -> None:
        start = int(np.searchsorted(records.lines, header.number)) + 1
        self._cells = records.cells.iloc[start:].reset_index(drop=True)
        self.width = self._cells.shape[1]
        self.rows = records.lines[start:]
        headings = [shown(cell) for cell in header.cells]
        self.uncached: dict[int, npt.NDArray[np.bool_]] = {}  # a text has no formulas
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
            made = [CsvGrid(opened.text, opened.rulings)]
        else:
            made = [
                Grid(sheet, rows, opened.uncached.get(sheet, ()), opened.rulings)
                for sheet, rows in opened.sheets.items()
            ]
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
        self._body = body
        self._header: Row | None = None
        self.rejected = np.zeros(len(self.rows), dtype=bool)
        self.control = np.zeros(len(self.rows), dtype=bool)
        self.totals = np.zeros(len(self.rows), dtype=bool)
        self._shifted = np.zeros(len(self.rows), dtype=bool)
        self.whose: dict[str, pd.Series] = {}
        """``subject`` and ``period`` of each line, once they are known; rejects are given theirs."""
        self._rejects: list[pd.DataFrame] = []
        self._control: list[pd.DataFrame] = []

    def totals_and_footers(self, body: Body, places: Sequence[int], header: Row) -> None:
        """Mark 合计 lines, footers and repeated headers, told by the words in a few columns."""
        self._header = header
        for place in dict.fromkeys(places):
            text = body.text(place)
            heading = header.texts[place] if place < len(header.cells) else ""
            found = _says(text, _CONTROL) | _says(text, personal.FOOTER)
            if len(heading) > 2:
                found |= (text == heading).to_numpy(dtype=bool)
            new = found & ~self.control
            if not new.any():
                continue
            self.totals |= new & _says(text, _TOTAL)
            self.set_aside(new, text)

    def set_aside(self, mask: npt.NDArray[np.bool_], text: pd.Series | str) -> None:
        """Make lines control lines, with what they say; what they say of a person is not kept."""
        mask = mask & ~self.control & ~self.rejected
        if not mask.any():
            return
        self.control |= mask
        said = pd.Series(text, index=range(len(mask)), dtype="str")[mask] if isinstance(text, str) else text[mask]
        said = said.str.slice(0, 80)
        said = personal.hide(said.mask(_says(said, _PERSONAL), _NOT_KEPT))
        self._control.append(pd.DataFrame({"sheet": self.sheet, "row": self.rows[mask], "text": said.to_numpy()}))

    def reject(
        self,
        mask: npt.NDArray[np.bool_],
        field: str | pd.Series,
        rule: str | pd.Series,
        reason: str | pd.Series,
        raw: pd.Series | None = None,
    ) -> None:
        """Reject the lines of ``mask`` that are no control lines; ``raw`` holds the offending cells.

        Nothing more is said of a line whose cells are shifted (rule ``row.columns``): under any heading may stand what
        belongs under another, a person's name as well.
        """
        mask = mask & ~self.control & ~self._shifted
        if not mask.any():
            return
        self.rejected |= mask
        if isinstance(rule, str) and rule == "row.columns":
            self._shifted |= mask
        given: dict[str, Any] = {"field": field, "rule": rule, "reason": reason}
        chosen = {
            key: value[mask].to_numpy() if isinstance(value, pd.Series) else value for key, value in given.items()
        }
        chosen["raw"] = "" if raw is None else quotable(raw[mask]).to_numpy()
        self._rejects.append(pd.DataFrame({"sheet": self.sheet, "row": self.rows[mask], **chosen}))

    def formulas(self) -> None:
        """Reject lines that have a formula without its result in a column that was asked for."""
        for place in list(self._body.uncached):
            texts = self._header.texts if self._header else []
            label = texts[place] if place < len(texts) and texts[place] else f"{csvfile.column_letter(place)} 列"
            self.reject(self._body.uncached.pop(place), label, marks.UNCACHED_RULE, marks.UNCACHED_REASON)

    @property
    def data(self) -> npt.NDArray[np.bool_]:
        """Lines that become rows of a table; to be asked for when all columns were."""
        self.formulas()
        return ~self.control & ~self.rejected

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """``lines``, ``rejects`` and ``control`` as a batch carries them."""
        self.formulas()
        lines = pd.DataFrame(
            {"sheet": pd.Series(self.sheet, index=range(len(self.rows)), dtype="str"), "row": self.rows}
        )
        rejects = gather(self._rejects, REJECT_COLUMNS)
        if len(rejects) and self.whose:
            at = np.searchsorted(self.rows, rejects["row"].to_numpy())
            rejects = rejects.assign(**{name: column.to_numpy(object)[at] for name, column in self.whose.items()})
        return lines, gather([rejects], [*REJECT_COLUMNS, *WHOSE]), gather(self._control, ["sheet", "row", "text"])


def quotable(cells: pd.Series) -> pd.Series:
    """Offending cells as a reject keeps them: short, and nothing of one that names its person by a label."""
    texts = numbers.as_text(cells).str.slice(0, 100)
    return personal.hide(texts.mask(_says(texts, _LABELLED), _NOT_KEPT))


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
    shown_names = "、".join(personal.hide_words(name)[:20] for name in names[:5])
    return Refused(f"找不到表头：{shown_names}" if shown_names else "找不到表头")
