"""Reference series of province and nation, as data terminals export them (csv, xlsx or xls).

Some lines of particulars (国家, 指标名称, 频率, 单位, 指标ID, 时间区间, 来源, 更新时间) in any number and order, then
one line a date, dated by the period's last day, then a footer ``数据来源：…``; several series may stand side by side, a
column each. Or the other way round: particulars and dates in one heading line, a series a row. ``#N/A`` and blank are
gaps: read, and no fact. Only monthly, quarterly and yearly series are taken. The series belong to no town, unless their
source says 模拟数据.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, marks, numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.grid import HEAD

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "reference"

PARTICULARS = {
    **dict.fromkeys(("国家", "国家地区", "国家/地区", "地区", "区域"), "country"),
    **dict.fromkeys(("指标名称", "指标", "名称"), "name"),
    **dict.fromkeys(("频率", "更新频率", "数据频率"), "frequency"),
    **dict.fromkeys(("单位", "计量单位"), "unit"),
    **dict.fromkeys(("指标ID", "指标代码", "指标编码", "指标编号", "ID"), "series"),
    **dict.fromkeys(("时间区间", "起止时间", "起始时间", "开始时间", "截止时间", "结束时间"), "span"),
    **dict.fromkeys(("来源", "数据来源"), "source"),
    **dict.fromkeys(("更新时间", "最近更新时间", "最后更新时间"), "updated"),
    **dict.fromkeys(("日期", "时间", "数据类型", "统计口径", "指标类型", "指标描述", "描述", "状态"), "other"),
}
_LABELS = {"name": "指标名称", "frequency": "频率", "unit": "单位", "series": "指标ID", "source": "来源"}
UNNAMED = "有数据而没有指标名称，未读取"
"""Ends the note on a column that is no series, since nothing names it."""
_TOP = HEAD
"""Particulars stand among this many lines."""

FREQUENCIES = ("月", "季", "年")
_OTHER_FREQUENCIES = ("日", "周", "旬", "半月", "半年", "小时", "分钟")
_FREQUENCY = re.compile(r"(半月|半年|小时|分钟|[日周旬月季年])[度报频]?")
_GAPS = {"", "N/A", "NA", "NAN", "NULL", "NONE", "无"}
_FOOTER = re.compile(r"\s*(?:数据来源|资料来源|来源|备?注|说明|更新时间|导出时间|免责声明)\s*[:：]")
_PERSONAL = re.compile(r"人\s*[:：]|电话|联系|手机|账号|用户")
_SERIAL = re.compile(r"[1-7]\d{4}(?:\.0+)?")
_EPOCH = date(1899, 12, 30)
"""Day 0 of a spreadsheet's serial dates (of 1900; the other system is not told apart, and not used in China)."""

_YEAR = re.compile(r"((?:19|20|21)\d\d)年?")
_QUARTER = re.compile(r"((?:19|20|21)\d\d)\s*[-年]?\s*(?:Q|第?(?=.\s*季))([1-4一二三四])\s*(?:季度?)?", re.IGNORECASE)
_DAY = re.compile(r"((?:19|20|21)\d\d)\s*[-/.年]\s*(\d{1,2})\s*(?:[-/.月]\s*(?:(\d{1,2})\s*日?)?)?(?: 00:00(?::00)?)?")
_DIGITS_ONLY = re.compile(r"((?:19|20|21)\d\d)(\d\d)(\d\d)?")
_CHINESE_DIGITS = str.maketrans("一二三四", "1234")

Rows = list[list[Any]]
Page = tuple[str, list[int], Rows]
"""Sheet, line numbers, non-blank rows of cells."""


def matches(opened: Opened) -> bool:
    """Whether a file is a terminal's export: 指标名称 and 频率 stand among its first lines."""
    return any(_is_export(page) or _along(page) is not None for page in _pages(opened, _TOP))


def read(opened: Opened) -> Batch:
    """Read all series of an export.

    Raises:
        Refused: particulars missing, a frequency that is not taken, or simulated and real series in one file.
    """
    parts: list[_Down | _Along] = []
    for page in _pages(opened):
        if _is_export(page):
            parts.append(_Down(page))
        elif (header := _along(page)) is not None:
            parts.append(_Along(page, header))
    if not parts:
        raise Refused("不是数据终端导出的参考序列：缺少指标名称、频率等说明行")
    origins = {origin for part in parts for origin in part.origins}
    if len(origins) > 1:
        raise Refused("文件里既有模拟序列又有真实序列，整份不收")
    return Batch(
        feed=FEED,
        form=FORM,
        period=None,
        tables={"reference_point": pd.concat([part.points() for part in parts], ignore_index=True)},
        lines=pd.DataFrame([line for part in parts for line in part.lines], columns=["sheet", "row"]),
        rejects=pd.DataFrame([reject for part in parts for reject in part.rejects], columns=REJECT_COLUMNS),
        control=pd.DataFrame([line for part in parts for line in part.control], columns=["sheet", "row", "text"]),
        cells={key: letter for part in parts for key, letter in part.cells.items()},
        origin=origins.pop() if origins else None,
        notes=[note for part in parts for note in part.notes],
    )


class _Page:
    """One sheet: what both ways of laying series out share. A line is rejected whole, with all its points."""

    series: dict[int, dict[str, str]]

    def __init__(self, page: Page, split: int) -> None:
        self.sheet, lines, _ = page
        self.notes: list[str] = []
        self.lines = [(self.sheet, line) for line in lines[split:]]
        self.rejects: list[tuple[str, int, str, str, str, str]] = []
        self.rows = np.array(lines[split:], dtype=np.int64)
        self.control: list[tuple[str, int, str]] = []

    def _footers(self, lines: list[int], rows: Rows) -> list[bool]:
        """Which lines are footers: told by their words, or words alone below the last figure."""
        alone = [_filled(row[:1]) and not _filled(row[1:]) for row in rows]
        last = max((at for at, one in enumerate(alone) if not one), default=-1)
        found = [one and bool(_FOOTER.match(str(row[0])) or (at > last and _date(row[0]) is None))
                 for at, (one, row) in enumerate(zip(alone, rows, strict=True))]  # fmt: skip
        for line, row, foot in zip(lines, rows, found, strict=True):
            if foot:
                text = str(row[0]).strip()[:200]
                self.control.append((self.sheet, line, "（经办人信息，不保留）" if _PERSONAL.search(text) else text))
        self.footer = next((text for _, _, text in self.control if "来源" in text), "")
        return found

    def _source_from_footer(self) -> None:
        for key in self.series.values():
            key["source"] = key["source"] or re.split("[:：]", self.footer, maxsplit=1)[-1].strip()

    @property
    def origins(self) -> set[str | None]:
        return {"simulated" if "模拟" in key["source"] + self.footer else None for key in self.series.values()}

    @staticmethod
    def _why(cell: Any, rule: str, reason: str) -> tuple[str, str, Any]:
        return (marks.UNCACHED_RULE, marks.UNCACHED_REASON, "") if cell == marks.UNCACHED else (rule, reason, cell)

    def _reject(self, at: int, field: str, rule: str, reason: str, raw: Any) -> None:
        self.rejects.append((self.sheet, int(self.rows[at]), field, rule, reason, str(raw)[:80]))

    def _finished(self, table: pd.DataFrame) -> pd.DataFrame:
        """Points by line in the columns of the warehouse."""
        table = table.sort_values("at", kind="stable", ignore_index=True)
        table["row"], table["sheet"] = self.rows[table["at"].to_numpy()], self.sheet
        columns = ["sheet", "row", "series", "name", "frequency", "unit", "source", "period", "value"]
        texts = dict.fromkeys((name for name in columns if name not in {"row", "value"}), "str")
        points: pd.DataFrame = table[columns].astype({**texts, "value": "float64"})
        return points


class _Down(_Page):
    """Particulars, then a line a date; a column a series."""

    def __init__(self, page: Page) -> None:
        _, lines, rows = page
        split = _below_particulars(rows)
        super().__init__(page, split)
        self.series, self.notes = _series(rows[:split])
        footers = self._footers(lines[split:], rows[split:])
        body = [(line, row) for line, row, foot in zip(lines[split:], rows[split:], footers, strict=True) if not foot]
        self.rows = np.array([line for line, _ in body], dtype=np.int64)
        self.dates = [row[0] for _, row in body]
        filled = {at for _, row in body for at, cell in enumerate(row) if at and _filled([cell])}
        self.notes += [f"第{csvfile.column_letter(at)}列{UNNAMED}" for at in sorted(filled - self.series.keys())]
        self.figures = [[row[at] if at < len(row) else "" for at in self.series] for _, row in body]
        self.cells = {f"{self.sheet}|{key['series']}": csvfile.column_letter(at) for at, key in self.series.items()}
        if len(self.series) == 1:
            self.cells[f"{self.sheet}|value"] = csvfile.column_letter(next(iter(self.series)))
        self._source_from_footer()

    def points(self) -> pd.DataFrame:
        """One row a figure; gaps are left out, and lines with a bad date or figure go to the rejects."""
        bad = np.array([_date(cell) is None for cell in self.dates], dtype=bool)
        for at in np.flatnonzero(bad).tolist():
            self._reject(at, "日期", *self._why(self.dates[at], "period.unreadable", "日期无法识别"))
        tables = []
        for place, key in enumerate(self.series.values()):
            cells = pd.Series([_no_gap(line[place]) for line in self.figures], dtype=object)
            parsed = numbers.parse_numbers(cells)
            periods = np.array([_period(_date(cell), key["frequency"]) for cell in self.dates], dtype=object)
            for at in np.flatnonzero(parsed.unreadable).tolist():
                self._reject(at, key["name"], *self._why(self.figures[at][place], "number.unreadable", "数字无法识别"))
            value = parsed.values
            off = ~bad & ~np.isnan(value) & (periods == None)  # noqa: E711
            for at in np.flatnonzero(off).tolist():
                self._reject(at, "日期", "period.frequency", f"日期不是{key['frequency']}度的日期", self.dates[at])
            bad |= parsed.unreadable | off
            tables.append(pd.DataFrame({"at": np.arange(len(cells)), "period": periods, "value": value, **key}))
        table = pd.concat(tables, ignore_index=True)
        table = self._once(table, bad)
        return self._finished(table[~bad[table["at"].to_numpy()] & table["value"].notna().to_numpy()])

    def _once(self, table: pd.DataFrame, bad: npt.NDArray[np.bool_]) -> pd.DataFrame:
        """Columns of one id as one; a line on which they contradict each other is rejected."""
        if table["series"].nunique() == len(self.series):
            return table
        known = table[table["value"].notna()]
        spread = known.groupby(["at", "series"])["value"].agg(["min", "max"])
        for at, series in spread.index[spread["min"] != spread["max"]]:
            name = table.loc[table["series"] == series, "name"].iloc[0]
            self._reject(at, name, "series.contradiction", "同一指标ID的几列数值不一致", "")
            bad[at] = True
        return known.drop_duplicates(["at", "series"])


class _Along(_Page):
    """Particulars and dates in one heading line, then a line a series."""

    def __init__(self, page: Page, header: int) -> None:
        _, lines, rows = page
        super().__init__(page, header + 1)
        heading = rows[header]
        keys = {at: key for at, cell in enumerate(heading) if (key := PARTICULARS.get(_label(cell)))}
        self.dates = {at: _date(cell) for at, cell in enumerate(heading) if at not in keys and _date(cell) is not None}
        self.cells: dict[str, str] = {}
        footers = self._footers(lines[header + 1 :], rows[header + 1 :])
        self.figures: dict[int, list[Any]] = {}
        self.series = {}
        for at, (row, foot) in enumerate(zip(rows[header + 1 :], footers, strict=True)):
            if foot:
                continue
            said = {name: _shown(row[place]) if place < len(row) else "" for place, name in keys.items()}
            try:
                made, remarks = _series([[label, said.get(name, "")] for name, label in _LABELS.items()])
            except Refused as problem:
                self._reject(at, "指标名称", "series.unusable", str(problem), "")
                continue
            self.series[at] = made[1]
            self.notes += [note for note in remarks if note not in self.notes]
            self.figures[at] = [row[place] if place < len(row) else "" for place in self.dates]
        self._source_from_footer()

    def points(self) -> pd.DataFrame:
        """One row a figure; a line with a bad figure, or one under a date of another frequency, is rejected."""
        tables = [self._line(at, key) for at, key in self.series.items()]
        if not tables:
            return self._finished(pd.DataFrame(columns=["at", "period", "value", *_LABELS]).astype({"at": "int64"}))
        table = pd.concat(tables, ignore_index=True)
        bad = np.isin(self.rows[table["at"].to_numpy()], [row for _, row, *_ in self.rejects])
        return self._finished(table[~bad & table["value"].notna().to_numpy()])

    def _line(self, at: int, key: dict[str, str]) -> pd.DataFrame:
        parsed = numbers.parse_numbers(pd.Series([_no_gap(cell) for cell in self.figures[at]], dtype=object))
        periods = np.array([_period(day, key["frequency"]) for day in self.dates.values()], dtype=object)
        for place in np.flatnonzero(parsed.unreadable).tolist():
            self._reject(at, key["name"], *self._why(self.figures[at][place], "number.unreadable", "数字无法识别"))
        if (~np.isnan(parsed.values) & (periods == None)).any():  # noqa: E711
            self._reject(at, "日期", "period.frequency", f"日期不是{key['frequency']}度的日期", "")
        return pd.DataFrame({"at": at, "period": periods, "value": parsed.values, **key})


def _pages(opened: Opened, count: int | None = None) -> list[Page]:
    """The sheets of a file without their blank rows, up to so many rows of each."""
    if opened.kind == "xml":
        return []
    if opened.kind == "csv":
        records = csvfile.read(opened.text) if count is None else csvfile.head(opened.text, count)
        return [_csv_page(records)]
    return [_sheet_page(name, rows[:count]) for name, rows in opened.sheets.items()]


def _csv_page(records: csvfile.Records) -> Page:
    return SHEET, records.lines.tolist(), records.cells.to_numpy(dtype=object).tolist()


def _sheet_page(name: str, rows: Rows) -> Page:
    kept = [(line, row) for line, row in enumerate(rows, start=1) if _filled(row)]
    return name, [line for line, _ in kept], [row for _, row in kept]


def _filled(row: list[Any]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row)


def _particular(row: list[Any]) -> tuple[str, list[str]] | None:
    """The key of a line of particulars and its values by column (the label's own column is empty)."""
    label, _, inside = unicodedata.normalize("NFKC", str(row[0])).strip().partition(":")
    key = PARTICULARS.get("".join(label.split()).upper())
    if key is None or (inside and _filled(row[1:])):
        return None
    values = [_shown(cell) for cell in row[1:]]
    return key, ["", *(values if _filled(row[1:]) else [inside.strip(), *values[1:]])]


def _label(cell: Any) -> str:
    return "".join(unicodedata.normalize("NFKC", _shown(cell)).split()).upper()


def _is_export(page: Page) -> bool:
    keys = {found[0] for row in page[2][:_TOP] if (found := _particular(row))}
    return {"name", "frequency"} <= keys and len(keys) >= 3


def _along(page: Page) -> int | None:
    """Where the heading line of series along the rows is: name, frequency and at least two dates beside each other."""
    for at, row in enumerate(page[2][:_TOP]):
        keys = {PARTICULARS.get(_label(cell)) for cell in row}
        if {"name", "frequency"} <= keys and sum(_date(cell) is not None for cell in row) >= 2:
            return at
    return None


def _below_particulars(rows: Rows) -> int:
    """Where the figures begin: below the last particular that stands above the first date."""
    first_date = next((at for at, row in enumerate(rows) if _date(row[0]) is not None), len(rows))
    return (
        max(
            (at for at in range(first_date) if _particular(rows[at]) and not _FOOTER.match(str(rows[at][0]))),
            default=-1,
        )
        + 1
    )


def _series(rows: Rows) -> tuple[dict[int, dict[str, str]], list[str]]:
    """Column → particulars of its series.

    Raises:
        Refused: no name or frequency, a frequency that is not taken, or an id twice.
    """
    said = dict(found for row in rows if (found := _particular(row)))
    if not {"name", "frequency"} <= said.keys():
        raise Refused("缺少指标名称或频率的说明行，或者它们不在数据之上")
    width = max(len(values) for values in said.values())
    notes = []
    series: dict[int, dict[str, str]] = {}
    for at in range(1, width):
        key = {name: values[at] if at < len(values) else "" for name, values in said.items()}
        if not key["name"] and not key.get("series"):
            continue
        if not key["name"]:
            raise Refused("有一列没有指标名称")
        if not key.get("series"):
            notes.append("没有指标ID，以指标名称代替")
        series[at] = {
            "series": key.get("series") or key["name"],
            "name": key["name"],
            "frequency": _frequency(key["frequency"]),
            "unit": key.get("unit", ""),
            "source": key.get("source", ""),
        }
    if not series:
        raise Refused("没有指标名称")
    ids = {key["series"]: key for key in series.values()}
    alike = ("name", "frequency", "unit")
    if any(ids[key["series"]][word] != key[word] for key in series.values() for word in alike):
        raise Refused("同一个指标ID出现在多列，而名称、频率或单位不同")
    return series, notes


def _frequency(text: str) -> str:
    found = _FREQUENCY.fullmatch(text)
    if found and found[1] in FREQUENCIES:
        return found[1]
    if found and found[1] in _OTHER_FREQUENCIES:
        raise Refused(f"频率为“{found[1]}”的序列暂不接收，只收月、季、年")
    raise Refused("频率缺失或不认识，只收月、季、年")


def _date(cell: Any) -> tuple[int, int | None, int | None] | None:
    """Year, month and quarter of a date cell, as far as it says them; None when it is no date."""
    if isinstance(cell, datetime | date):
        return cell.year, cell.month, None
    text = unicodedata.normalize("NFKC", _shown(cell)).strip()
    if _SERIAL.fullmatch(text):
        serial = _EPOCH + timedelta(days=int(float(text)))
        return serial.year, serial.month, None
    if found := _YEAR.fullmatch(text):
        return int(found[1]), None, None
    if found := _QUARTER.fullmatch(text):
        return int(found[1]), None, int(found[2].translate(_CHINESE_DIGITS))
    if found := _DAY.fullmatch(text) or _DIGITS_ONLY.fullmatch(text):
        year, month, day = (int(part) if part else 1 for part in (found[1], found[2], found[3]))
        try:
            return date(year, month, day).year, month, None
        except ValueError:
            return None
    return None


def _period(day: tuple[int, int | None, int | None] | None, frequency: str) -> str | None:
    """The period of a date under a frequency: a quarter is dated by its last month, a year by December or alone."""
    if day is None or not 1900 <= day[0] < 2200:
        return None
    year, month, quarter = day
    if frequency == "月":
        return f"{year}-{month:02d}" if month else None
    if frequency == "季":
        if month and month % 3 == 0:
            quarter = month // 3
        return f"{year}-Q{quarter}" if quarter else None
    return str(year) if month in {None, 12} and not quarter else None


def _no_gap(cell: Any) -> Any:
    text = cell.strip().upper() if isinstance(cell, str) else None
    return "" if cell is None or (text is not None and (text in _GAPS or text.startswith("#N/A"))) else cell


def _shown(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
