"""Form 8, reference series exported from a data terminal (csv or xlsx): the province and the nation beside the town.

Above the figures stand about eight lines of particulars (国家, 指标名称, 频率, 单位, 指标ID, 时间区间, 来源, 更新时间),
in any order; then one line a date, dated by the period's last day; then a footer ``数据来源：…``. One export may
hold several series side by side, a column each. ``#N/A`` and blank are gaps: read, and no fact. Only monthly,
quarterly and yearly series are taken. The series belong to no town, unless their source says 模拟数据.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
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
    "国家": "country",
    "国家地区": "country",
    "地区": "country",
    "指标名称": "name",
    "指标": "name",
    "频率": "frequency",
    "单位": "unit",
    "指标ID": "series",
    "指标代码": "series",
    "指标编码": "series",
    "时间区间": "span",
    "起止时间": "span",
    "来源": "source",
    "数据来源": "source",
    "更新时间": "updated",
}
FREQUENCIES = ("月", "季", "年")
_OTHER_FREQUENCIES = ("日", "周", "旬", "半月", "半年", "小时", "分钟")
_FREQUENCY = re.compile(r"(半月|半年|小时|分钟|[日周旬月季年])[度报频]?")
_GAPS = {"", "#N/A", "#N/A N/A", "N/A", "NA", "NULL"}
_FOOTER = re.compile(r"\s*(?:数据来源|资料来源|来源|备?注|说明)\s*[:：]")

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
    if opened.kind == "xml":
        return False
    if opened.kind == "csv":
        return _is_export(_csv_page(csvfile.head(opened.text, HEAD)))
    return any(_is_export(_sheet_page(name, rows[:30])) for name, rows in opened.sheets.items())


def read(opened: Opened) -> Batch:
    """Read all series of an export.

    Raises:
        Refused: particulars missing, a frequency that is not taken, or simulated and real series in one file.
    """
    if opened.kind == "csv":
        pages = [_csv_page(csvfile.read(opened.text))]
    else:
        pages = [_sheet_page(name, rows) for name, rows in opened.sheets.items()]
        pages = [page for page in pages if _is_export(page)]
    if not pages or not _is_export(pages[0]):
        raise Refused("不是数据终端导出的参考序列：缺少指标名称、频率等说明行")
    parts = [_Export(page) for page in pages]
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


class _Export:
    """One sheet: its particulars, then its dates and figures. A line is rejected whole, with all its columns."""

    def __init__(self, page: Page) -> None:
        self.sheet, lines, rows = page
        split = _below_particulars(rows)
        self.series, self.notes = _series(rows[:split])
        self.lines = [(self.sheet, line) for line in lines[split:]]
        self.rejects: list[tuple[str, int, str, str, str, str]] = []
        footers = [_FOOTER.match(str(row[0])) and not _filled(row[1:]) for row in rows[split:]]
        body = [(line, row) for line, row, foot in zip(lines[split:], rows[split:], footers, strict=True) if not foot]
        self.rows = np.array([line for line, _ in body], dtype=np.int64)
        self.dates = [row[0] for _, row in body]
        self.figures = [[row[at] if at < len(row) else "" for at in self.series] for _, row in body]
        self.control = [
            (self.sheet, line, str(row[0]).strip()[:200])
            for line, row, foot in zip(lines[split:], rows[split:], footers, strict=True)
            if foot
        ]
        self.cells = {f"{self.sheet}|{key['series']}": csvfile.column_letter(at) for at, key in self.series.items()}
        if len(self.series) == 1:
            self.cells[f"{self.sheet}|value"] = csvfile.column_letter(next(iter(self.series)))
        self._source_from_footer()

    def _source_from_footer(self) -> None:
        self.footer = next((text for _, _, text in self.control if "来源" in text), "")
        for key in self.series.values():
            key["source"] = key["source"] or re.split("[:：]", self.footer, maxsplit=1)[-1].strip()

    @property
    def origins(self) -> set[str | None]:
        return {"simulated" if "模拟" in key["source"] + self.footer else None for key in self.series.values()}

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
        table = table[~bad[table["at"].to_numpy()] & table["value"].notna().to_numpy()]
        table = table.sort_values("at", kind="stable", ignore_index=True)
        table["row"], table["sheet"] = self.rows[table["at"].to_numpy()], self.sheet
        columns = ["sheet", "row", "series", "name", "frequency", "unit", "source", "period", "value"]
        texts = dict.fromkeys((name for name in columns if name not in {"row", "value"}), "str")
        points: pd.DataFrame = table[columns].astype({**texts, "value": "float64"})
        return points

    @staticmethod
    def _why(cell: Any, rule: str, reason: str) -> tuple[str, str, Any]:
        return (marks.UNCACHED_RULE, marks.UNCACHED_REASON, "") if cell == marks.UNCACHED else (rule, reason, cell)

    def _reject(self, at: int, field: str, rule: str, reason: str, raw: Any) -> None:
        self.rejects.append((self.sheet, int(self.rows[at]), field, rule, reason, str(raw)[:80]))


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
    key = PARTICULARS.get("".join(label.split()))
    if key is None or (inside and _filled(row[1:])):
        return None
    values = [_shown(cell) for cell in row[1:]]
    return key, ["", *(values if _filled(row[1:]) else [inside.strip(), *values[1:]])]


def _is_export(page: Page) -> bool:
    keys = {found[0] for row in page[2][:30] if (found := _particular(row))}
    return {"name", "frequency"} <= keys and len(keys) >= 4


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
    if len({key["series"] for key in series.values()}) < len(series):
        raise Refused("同一个指标ID出现在多列")
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
    return "" if cell is None or (isinstance(cell, str) and cell.strip().upper() in _GAPS) else cell


def _shown(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
