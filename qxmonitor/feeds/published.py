"""Published customs totals by place (进出口总值表, 分地区): imports, exports and both, of a month and since January.

One place a row. The header has one row or several, merged headings carried over the cells behind and below: the
flow (进出口, 进口, 出口), the span (当月, 1至10月, 累计), and whether it is the figure itself, last year's as restated
(上年同期) or the growth in per cent. Where no heading states the span the title's month does: 10月, or 1至10月. The
unit stands above the header or in the headings (亿元, 万元, 万美元 …); it is never guessed. Published levels and
published growth are facts of their own: nothing is computed from one another here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.errors import Refused
from qxmonitor.feeds import headings, numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids, no_table
from qxmonitor.feeds.platform import newest_majority

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "customs_public", "table"
TABLE = "published_trade"
COLUMNS = ["sheet", "row", "period", "place", "item", "value", "base", "growth"]

Part = Literal["value", "base", "growth"]
_Column = tuple[str, str]
"""Item (``export_rmb_ytd``) and part."""

_PLACES = frozenset(
    {"地区", "收发货人所在地", "收发货人注册地", "境内收发货人所在地", "注册地", "区域", "行政区域", "镇街", "镇(街)"}
)
_PERIODS = frozenset({"数据年月", "统计年月", "报告期"})
_OTHERS = re.compile(r"商品编码|HS编码|企业名称|信用代码|海关编码|经营单位")
_FLOWS = (("进出口", "trade"), ("出口", "export"), ("进口", "import"))
_SPANS = (
    (re.compile(r"累计|(?:年初|(?<!\d)1月?)(?:至|到|[-—–~～])(?:今|本月|\d{1,2}月)"), "ytd"),
    (re.compile(r"当月|本月|单月|(?<![\d至到~～—–-])\d{1,2}月(?!至|到|[-—–~～])"), "m"),
)
_NOT_TAKEN = re.compile(r"环比|比上月|占比|比重|差额|位次|排名|拉动")
_GROWTH = re.compile(r"同比|±|增长|增速|增幅|增减|比(?:去年|上年)|%")
_BASE = re.compile(r"(?:上年|去年)(?:同期|同月)")
_MONTH = re.compile(r"((?:19|20|21)\d\d)年(?:1月?(?:至|到|[-—–~～])+)?(\d{1,2})月(?!\d{1,2}日)")
"""A month, but not the day on which something was published."""
_WITHIN = re.compile(r"^其中:?")
_UNIT = re.compile(r"(亿|百万|万|千|)(美元|元)")
_SIZES = {"亿": 1e8, "百万": 1e6, "万": 1e4, "千": 1e3, "": 1.0}
_UNIT_LINE = re.compile(r"单位[:：]?(.*)")
_SIMULATED = "模拟数据"
_MANY = 3
"""Growths from which on their all being below 1 says something."""


@dataclass
class _Header:
    """What stands where."""

    first: Row
    last: Row
    place: int
    period: int | None = None
    columns: dict[_Column, int] = field(default_factory=dict)
    factors: dict[_Column, float] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def matches(opened: Opened) -> bool:
    """Whether a sheet's header names places and a flow of trade, and neither firms nor commodities."""
    return opened.kind in ("xlsx", "xls", "csv") and any(_rows(grid) is not None for grid in grids(opened))


def read(opened: Opened) -> Batch:
    """Read every sheet that has the header.

    Raises:
        Refused: no header, a column doubled, a unit or a month that is not stated, or two that differ.
    """
    tables, frames, notes = [], [], list[str]()
    texts: list[str] = []
    cells: dict[str, str] = {}
    for grid in grids(opened):
        rows = _rows(grid)
        if rows is None:
            continue
        header = _understood(grid, rows)
        texts += headings.above(grid, header.first)
        table, lines = _sheet(grid, header, notes)
        tables.append(table)
        frames.append(lines.frames())
        cells |= {f"{grid.sheet}|{item}.{part}": column_letter(at) for (item, part), at in header.columns.items()}
        cells |= {f"{grid.sheet}|place": column_letter(header.place)}
    if not tables:
        raise no_table([grid.sheet for grid in grids(opened)])
    table = pd.concat(tables, ignore_index=True)
    lines_of, rejects, control = zip(*frames, strict=True)
    said = gather(control, ["sheet", "row", "text"])
    simulated = any(_SIMULATED in text for text in [*texts, *said["text"].tolist()])
    return Batch(
        feed=FEED,
        form=FORM,
        period=newest_majority(table["period"]),
        tables={TABLE: table},
        lines=gather(lines_of, ["sheet", "row"]),
        rejects=gather(rejects, REJECT_COLUMNS),
        control=said,
        cells=cells,
        origin="simulated" if simulated else None,
        notes=list(dict.fromkeys(notes)),
    )


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _rows(grid: Grid) -> list[Row] | None:
    """The rows of the header: the one that names places, and those below it that have no figure and name none."""
    for at, row in enumerate(grid.head):
        plain = [_plain(text) for text in row.texts]
        place = next((number for number, text in enumerate(plain) if text in _PLACES), None)
        if place is None:
            continue
        found = [row]
        for below in grid.head[at + 1 :]:
            texts = [_plain(text) for text in below.texts]
            if (place < len(texts) and texts[place] not in ("", plain[place])) or not any(texts):
                break
            if np.isfinite(numbers.parse_numbers(pd.Series(texts, dtype="str")).values).any():
                break
            found.append(below)
        words = [_plain(text) for line in found for text in line.texts]
        if any(flow in word for word in words for flow, _ in _FLOWS) and not any(map(_OTHERS.search, words)):
            return found
        return None
    return None


def _labels(rows: list[Row]) -> list[str]:
    """Each column's words from the top down; a heading that stands over several columns is said for all of them."""
    labels: list[str] = []
    for depth, row in enumerate(rows):
        texts = [_plain(text) for text in row.texts]
        below = [[_plain(text) for text in line.texts] for line in rows[depth + 1 :]]
        carried, said = "", []
        for at, text in enumerate(texts + [""] * (max(map(len, below), default=0) - len(texts))):
            under = any(at < len(line) and line[at] for line in below)
            carried = text or (carried if under else "")
            said.append(carried)
        labels = [";".join(part for part in pair if part) for pair in zip_longest(labels, said, fillvalue="")]
    return labels


def _understood(grid: Grid, rows: list[Row]) -> _Header:
    """Say what each column is.

    Raises:
        Refused: two columns claim to be one, or a unit is not stated.
    """
    labels = _labels(rows)
    place = next(at for at, label in enumerate(labels) if label.split(";")[0] in _PLACES)
    header = _Header(rows[0], rows[-1], place)
    above = [_plain(text) for text in headings.above(grid, rows[0])]
    stated, whole = _stated_unit(above), _stated_span(above)
    left: str | None = None
    for at, label in enumerate(labels):
        if at == place or not label or personal.heading(headings.parts(label)):
            continue
        if label.split(";")[-1] in _PERIODS:
            header.period = at
            continue
        column = _column(label, whole, left)
        if column is None:
            header.unknown.append(label)
            continue
        (stem, span), part = column
        currency, factor = _unit(label, part, stated, stem)
        key: _Column = (f"{stem.partition('_')[0]}_{currency}_{span}", part)
        if key in header.columns:
            raise headings.twice(header.columns[key], at, label)
        header.columns[key], header.factors[key] = at, factor
        left = f"{stem.partition('_')[0]}_{currency}_{span}"
    if not header.columns:
        raise Refused("找不到进口、出口或进出口的数值列")
    return header


def _column(label: str, whole: str | None, left: str | None) -> tuple[tuple[str, str], Part] | None:
    """Flow (with the currency of the column on the left, where it stands on it), span, and part of a heading."""
    if _NOT_TAKEN.search(label):
        return None
    flow = next((name for part in reversed(label.split(";")) for word, name in _FLOWS if word in part), None)
    growth = bool(_GROWTH.search(_BASE.sub("", label) if "比" not in label else label))
    base = not growth and bool(_BASE.search(label))
    timed = _BASE.sub("", label)
    span = next((name for pattern, name in _SPANS if pattern.search(timed)), None)
    part: Part = "growth" if growth else "base" if base else "value"
    if left is not None and part != "value":  # it belongs to the figure on its left unless it says otherwise
        stem, _, its_span = left.rpartition("_")
        if flow is None or stem.startswith(f"{flow}_"):
            return (stem, span or its_span), part
    if flow is None or (span or whole) is None:
        return None
    return (flow, str(span or whole)), part


def _unit(label: str, part: Part, stated: tuple[str, float] | None, stem: str) -> tuple[str, float]:
    """Currency and what a column's figures are multiplied by; of a growth 1."""
    said = _money(label)
    if part == "growth":
        currency = stem.partition("_")[2] or (said or stated or ("rmb", 1.0))[0]
        return currency, 1.0
    found = said or stated
    if found is None:
        raise Refused("没有写明计量单位：请在表头上方注明，如“单位：亿元”“单位：万美元”")
    return found


def _money(text: str) -> tuple[str, float] | None:
    """The one unit of money a text names."""
    found = {("usd" if money == "美元" else "rmb", _SIZES[size]) for size, money in _UNIT.findall(text)}
    return found.pop() if len(found) == 1 else None


def _stated_unit(above: list[str]) -> tuple[str, float] | None:
    """The unit above the header; a unit after 单位 comes before one in a title."""
    said: set[tuple[str, float]] = set()
    for at, text in enumerate(above):
        line = _UNIT_LINE.search(text)
        if line is not None:
            found = _money(line[1] or (above[at + 1] if at + 1 < len(above) else ""))
            said |= {found} if found is not None else set()
    if len(said) > 1:
        raise Refused("表头上方注明的计量单位不一致")
    if said:
        return said.pop()
    named = {found for text in above if (found := _money(text)) is not None}
    return named.pop() if len(named) == 1 else None


def _stated_span(above: list[str]) -> str | None:
    """The span a title states: 2026年1至10月 or 2026年10月."""
    spans = {
        "ytd" if re.search(r"年1月?(?:至|到|[-—–~～])", found[0]) else "m"
        for text in above if (found := _MONTH.search(text))
    }  # fmt: skip
    return spans.pop() if len(spans) == 1 else None


def _stated_month(above: list[str]) -> str | None:
    months = {
        f"{found[1]}-{int(found[2]):02d}"
        for text in above for found in _MONTH.finditer(text) if 1 <= int(found[2]) <= 12
    }  # fmt: skip
    if len(months) > 1:
        raise Refused("表头上注明的报告期不一致：" + "、".join(sorted(months)))
    return months.pop() if months else None


def _sheet(grid: Grid, header: _Header, notes: list[str]) -> tuple[pd.DataFrame, Lines]:
    body = grid.body(header.last, [header.place])
    lines = Lines(grid.sheet, body)
    lines.totals_and_footers(body, [0, header.place], header.first)
    lines.reject(body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")
    if header.unknown:
        notes.append(headings.not_taken(header.unknown))
    index = pd.RangeIndex(len(body.rows))
    printed = body.text(header.place)
    place = printed.map({text: _WITHIN.sub("", _plain(text)) for text in printed.unique()}).astype("str")
    lines.reject((place == "").to_numpy(bool), "地区", "published.nameless", "没有地区名称")
    period = _periods(grid, header, body, lines, index)
    figures = {key: _figures(body, lines, header, key) for key in header.columns}
    items = list(dict.fromkeys(item for item, _ in header.columns))
    none = np.full(len(index), np.nan)
    nothing = np.logical_and.reduce([np.isnan(column) for column in figures.values()])
    lines.reject(nothing & ~lines.rejected, "整行", "number.missing", "没有一个数值")
    good = lines.data
    parts = []
    for item in items:
        values = {part: figures.get((item, part), none) for part in ("value", "base", "growth")}
        there = good & np.logical_or.reduce([np.isfinite(column) for column in values.values()])
        frame = pd.DataFrame({"sheet": grid.sheet, "row": body.rows, "period": period, "place": place, "item": item})
        parts.append(frame.assign(**values)[there])
    table = pd.concat(parts).sort_values(["row", "item"], ignore_index=True)[COLUMNS]
    growths = table["growth"].dropna().abs()
    if len(growths) >= _MANY and 0 < growths.max() < 1 and not _signed(body, header):
        notes.append("同比全部小于 1 且不带百分号，分不清是小数还是百分数，同比未采用，按公布的两年数计算")
        table["growth"] = np.nan
    return table.astype(dict.fromkeys(("sheet", "period", "place", "item"), "str")), lines


def _signed(body: Body, header: _Header) -> bool:
    """Whether a growth bears its per cent sign anywhere; a spreadsheet's percentages come as fractions without one."""
    columns = [numbers.as_text(body.column(at)) for (_, part), at in header.columns.items() if part == "growth"]
    return any(column.str.contains("[%％]").any() for column in columns)


def _periods(grid: Grid, header: _Header, body: Body, lines: Lines, index: pd.RangeIndex) -> pd.Series:
    stated = _stated_month([_plain(text) for text in headings.above(grid, header.first)])
    if header.period is None:
        if stated is None:
            raise Refused("表头上没有注明报告期，也没有报告期列")
        return pd.Series(stated, index=index, dtype="str")
    told = body.column(header.period)
    months = numbers.parse_months(told)
    period = pd.Series(months.values, index=index, dtype="str")
    lines.reject(months.unreadable, "报告期", "period.unreadable", "报告期不是有效的年月", told)
    empty = period.isna().to_numpy(bool) & ~months.unreadable
    if stated is not None:
        return period.mask(empty, stated)
    lines.reject(empty, "报告期", "period.missing", "报告期为空")
    return period


_WORDS = {"trade": "进出口", "import": "进口", "export": "出口", "m": "当月", "ytd": "累计"}
_PARTS = {"value": "", "base": "上年同期", "growth": "同比"}


def _figures(body: Body, lines: Lines, header: _Header, key: _Column) -> npt.NDArray[np.float64]:
    """The figures of one column, in yuan, dollars or per cent; a growth may bear its per cent sign."""
    item, part = key
    told = body.column(header.columns[key])
    if part == "growth":
        text = numbers.as_text(told)
        percent = text.str.fullmatch(r"[^%％]+[%％]").to_numpy(bool)
        told = told.astype(object).mask(percent, text.str.slice(0, -1))
    parsed = numbers.parse_numbers(told)
    flow, _, span = item.split("_")
    label = f"{_WORDS[flow]}{_WORDS[span]}{_PARTS[part]}"
    lines.reject(parsed.errors, label, "number.error", "单元格是 Excel 错误值", told)
    lines.reject(parsed.unreadable & ~parsed.errors, label, "number.unreadable", "数字无法识别", told)
    return parsed.values * header.factors[key]
