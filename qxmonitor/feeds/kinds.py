"""What the cells of a declared column say, by the column's kind: a whole column at a time, and never a guess.

Each reader gives the column as the table stores it, and marks what it could not read. Words, dates and flags are read
once for each distinct cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.items import plain
from qxmonitor.catalog.sheets import Column
from qxmonitor.feeds import numbers

MAX_TEXT = 2000
YES = frozenset({"是", "有", "√", "✓", "1", "y", "yes", "true"})
NO = frozenset({"否", "无", "×", "0", "n", "no", "false"})

_NOTHING = re.compile(r"[-‐‑‒–—―─−/\\ 　]*|…+|\.{3,}")
_YEAR = re.compile(r"((?:19|20|21)\d\d)(?:\.0)?\s*年?度?")
_DAY = re.compile(
    r"((?:19|20|21)\d\d)(?:\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})|\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?"
    r"|(\d\d)(\d\d))(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?"
)
_PERCENT = re.compile(r"\s*[%％]\s*$")
_NUMBERS_OF_PEOPLE = (
    r"(?<![0-9A-Za-z])(?:[+＋]?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?![0-9])"
    r"|(?<![0-9A-Za-z])0[0-9]{2,3}[-—－ ]?[0-9]{7,8}(?![0-9])"
    r"|(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])"
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
_HALF_DIGITS = str.maketrans("０１２３４５６７８９＠．－", "0123456789@.-")
_PERSON = r"(?:联系人|经办人|负责人|联系方式|联系电话|手机|电话|微信)\s*(?:[:：]|为|是)\s*[^\s，。；、,;（）()]{1,20}"


@dataclass(frozen=True)
class Cells:
    """One column as read.

    Attributes:
        values: as the table stores it; null where the cell is empty or wrong.
        wrong: (n,) something stands there that cannot be read.
        rule: of what is wrong.
        reason: one Chinese line about it.
    """

    values: pd.Series
    wrong: npt.NDArray[np.bool_]
    rule: str = ""
    reason: str = ""


def read(column: Column, cells: pd.Series, factor: float = 1.0) -> Cells:
    """Read a column of any kind but the two that tell a firm.

    Args:
        column: its declaration.
        cells: objects of a workbook or texts of a csv.
        factor: of the printed unit to the stored one.
    """
    return _READERS[column.kind](column, cells, factor)


def masked(texts: pd.Series) -> pd.Series:
    """Free text without telephone numbers, identity numbers, addresses of mail, and names after 联系人."""
    hidden = texts.str.translate(_HALF_DIGITS).str.replace(_NUMBERS_OF_PEOPLE, "（号码略）", regex=True)
    return hidden.str.replace(_PERSON, "（联系人略）", regex=True)


def empty(texts: pd.Series) -> npt.NDArray[np.bool_]:
    """Cells without anything in them, dashes included."""
    return texts.str.fullmatch(_NOTHING.pattern).to_numpy(dtype=bool)


def _text(_: Column, cells: pd.Series, __: float) -> Cells:
    text = numbers.as_text(cells)
    long = (text.str.len() > MAX_TEXT).to_numpy(dtype=bool)
    error = text.str.fullmatch(numbers.ERROR_VALUE.strip("^$")).to_numpy(dtype=bool)
    values = masked(text.mask(error | empty(text)))
    reason = "单元格是 Excel 错误值" if error.any() else f"文字超过 {MAX_TEXT} 字"
    return Cells(values, long | error, "text.error" if error.any() else "text.long", reason)


def _code(_: Column, cells: pd.Series, __: float) -> Cells:
    text = numbers.as_text(cells).str.normalize("NFKC").str.replace(r"[\s'’]+", "", regex=True)
    wrong = ~empty(text) & ~text.str.fullmatch(r"[\w.()\-]{1,64}").to_numpy(dtype=bool)
    return Cells(text.mask(wrong | empty(text)), wrong, "code.unreadable", "代码里有不能识别的字符")


def _number(_: Column, cells: pd.Series, factor: float) -> Cells:
    parsed = numbers.parse_numbers(cells)
    return Cells(
        pd.Series(numbers.scaled(parsed.values, factor)), parsed.unreadable, "number.unreadable", "数字无法识别"
    )


def _integer(_: Column, cells: pd.Series, __: float) -> Cells:
    text = numbers.as_text(cells).str.replace(r"^第\s*(\d+)\s*条$", r"\1", regex=True)
    parsed = numbers.parse_numbers(text)
    with np.errstate(invalid="ignore"):
        broken = ~np.isnan(parsed.values) & ((parsed.values % 1 != 0) | (np.abs(parsed.values) > 1e9))
    values = pd.Series(np.where(broken, np.nan, parsed.values)).astype("Int64")
    return Cells(values, parsed.unreadable | broken, "number.integer", "应为整数")


def _percent(_: Column, cells: pd.Series, __: float) -> Cells:
    """85 and 85% are eighty-five; 0.85, and 1 as a number, might be either and are neither."""
    text = numbers.as_text(cells)
    signed = text.str.contains(_PERCENT).to_numpy(dtype=bool)
    parsed = numbers.parse_numbers(text.str.replace(_PERCENT, "", regex=True))
    typed = np.array([isinstance(cell, int | float) for cell in cells.tolist()], dtype=bool)
    size = np.abs(np.nan_to_num(parsed.values))
    doubtful = ~signed & (size > 0) & ((size < 1) | (typed & (size == 1)))
    reason = "看不出是小数还是百分数，请写成 85 或 85%" if doubtful.any() else "数字无法识别"
    rule = "percent.doubtful" if doubtful.any() else "number.unreadable"
    return Cells(pd.Series(parsed.values), parsed.unreadable | doubtful, rule, reason)


def _month(column: Column, cells: pd.Series, _: float) -> Cells:
    found = numbers.parse_months(_without_dashes(cells))
    return Cells(
        pd.Series(found.values, dtype="str"), found.unreadable, "period.unreadable", f"{column.name}不是有效的年月"
    )


def _year(column: Column, cells: pd.Series, _: float) -> Cells:
    def year(cell: Any) -> str | None:
        found = _YEAR.fullmatch(_half(numbers.shown(cell)))
        return found[1] if found else None

    return _each(cells, year, "period.unreadable", f"{column.name}不是有效的年份")


def _date(column: Column, cells: pd.Series, _: float) -> Cells:
    found = _each(cells, day_of, "date.unreadable", f"{column.name}不是有效的日期")
    return Cells(found.values, found.wrong, found.rule, found.reason)


def day_of(cell: Any) -> str | None:
    """The day of a cell as ISO text; None when it says no whole day."""
    if isinstance(cell, datetime | date):
        return f"{cell:%Y-%m-%d}" if 1900 <= cell.year < 2200 else None
    found = _DAY.fullmatch(_half(numbers.shown(cell)))
    if not found:
        return None
    year, *parts = (int(part) for part in found.groups() if part)
    try:
        return date(year, *parts).isoformat()
    except ValueError:
        return None


def _flag(column: Column, cells: pd.Series, _: float) -> Cells:
    words = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
    found = _each(cells, lambda cell: words.get(_half(numbers.shown(cell)).lower()), "flag.unreadable",
                  f"{column.name}应填是或否")  # fmt: skip
    return Cells(found.values.astype("boolean"), found.wrong, found.rule, found.reason)


def _choice(column: Column, cells: pd.Series, _: float) -> Cells:
    shown = "、".join(words[0] for words in column.choices.values())
    return _each(cells, lambda cell: column.words.get(plain(numbers.shown(cell))), "word.unknown",
                 f"{column.name}只能填：{shown}", dtype="str")  # fmt: skip


def _each(cells: pd.Series, read_one: Callable[[Any], Any], rule: str, reason: str, dtype: str = "object") -> Cells:
    """Read each distinct cell once."""
    keyed = cells if isinstance(cells.dtype, pd.StringDtype) else cells.map(lambda cell: (type(cell).__name__, cell))
    positions, distinct = pd.factorize(keyed)
    made, wrong = [], []
    for key in distinct:
        cell = key[1] if isinstance(key, tuple) else key
        blank = not numbers.shown(cell) or _NOTHING.fullmatch(numbers.shown(cell)) is not None
        value = None if blank else read_one(cell)
        made.append(value)
        wrong.append(not blank and value is None)
    values = np.array([*made, None], dtype=object)[positions]
    marks = np.array([*wrong, False], dtype=bool)[positions]
    return Cells(pd.Series(values, dtype="str" if dtype == "str" else object), marks, rule, reason)


def _without_dashes(cells: pd.Series) -> pd.Series:
    return cells.mask(empty(numbers.as_text(cells)), "")


def _half(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


_READERS: dict[str, Callable[[Column, pd.Series, float], Cells]] = {
    "text": _text, "code": _code, "money": _number, "power": _number, "number": _number, "integer": _integer,
    "percent": _percent, "month": _month, "year": _year, "date": _date, "flag": _flag, "choice": _choice,
}  # fmt: skip
