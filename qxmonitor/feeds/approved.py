"""市局反馈数: approved totals of the town as the upper bureau hands them down (xlsx, xls or csv), monthly.

One indicator a row: its name, unit, month, the figures of 本月 and 1—本月 and their 同比增速(%), notes on scope and
vintage (初步, 最终, 修订). The header has one row, or two with the spans above. A growth column without a span
belongs to the figure on its left. An indicator is taken only under a name of ``catalog/approved.yml``. A level, its
growth, its scope and its vintage are facts of their own: nothing is computed from one another here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.approved import approved
from qxmonitor.catalog.items import items, plain
from qxmonitor.errors import Refused
from qxmonitor.feeds import headings, numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids, no_table
from qxmonitor.feeds.platform import newest_majority

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "approved", "sheet"
TABLE = "approved_figure"

MEASURES = {"m": "本月", "ytd": "1—本月"}
COLUMNS = ["sheet", "row", "indicator", "name", "unit", "period", "measure", "value", "growth", "scope", "vintage"]
_SIMULATED = "模拟数据"
_PER_CENT = re.compile(r"\(?(?:%|％|百分点)\)?$")


@dataclass
class _Header:
    """What stands where: ``heads`` by key, figures by measure; ``last`` is the header's last row."""

    last: Row
    first: Row
    heads: dict[str, int] = field(default_factory=dict)
    value: dict[str, int] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def matches(opened: Opened) -> bool:
    """Whether a sheet's header names indicators, a span and a growth, and no firms."""
    return opened.kind in ("xlsx", "xls", "csv") and any(_header(grid) is not None for grid in grids(opened))


def read(opened: Opened) -> Batch:
    """Read every sheet that has the header.

    Raises:
        Refused: no header, a column doubled, or no month stated.
    """
    tables, frames, notes, texts = [], [], [], []
    cells: dict[str, str] = {}
    for grid in grids(opened):
        header = _header(grid)
        if header is None:
            if any(text for row in grid.head for text in row.texts):
                notes.append(f"工作表“{personal.hide_words(grid.sheet[:30])}”没有可识别的表头，未读取")
            continue
        texts += headings.above(grid, header.first)
        table, lines = _sheet(grid, header, notes)
        tables.append(table)
        frames.append(lines.frames())
        cells |= {f"{grid.sheet}|{key}": column_letter(at) for key, at in header.heads.items()}
        cells |= {f"{grid.sheet}|{measure}": column_letter(at) for measure, at in header.value.items()}
        cells |= {f"{grid.sheet}|growth_{measure}": column_letter(at) for measure, at in header.growth.items()}
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
        origin="simulated" if simulated else "real",
        notes=list(dict.fromkeys(notes)),
    )


def _header(grid: Grid) -> _Header | None:
    """The header in one row, or in two of which the upper one is merged over its columns."""
    for at, row in enumerate(grid.head):
        if "indicator" not in {approved().heads.get(plain(text)) for text in row.texts if text}:
            continue
        following = grid.head[at + 1] if at + 1 < len(grid.head) else None
        for last in (row, *([_joined(row, following)] if following else ())):
            found = _Header(last, row)
            _understand(found, last.texts)
            if found.growth and "indicator" in found.heads:
                return found
    return None


def _joined(upper: Row, lower: Row) -> Row:
    """Two header rows as one, a merged heading carried over the empty cells behind it."""
    texts, carried = [], ""
    for above, below in zip_longest(upper.texts, lower.texts, fillvalue=""):
        carried = above or (carried if below else "")
        texts.append(";".join(part for part in (carried, below) if part))
    return Row(lower.number, texts)


def _understand(found: _Header, texts: list[str]) -> None:
    """Say what each column is.

    Raises:
        Refused: two columns claim to be one.
    """
    left: str | None = None
    for place, text in enumerate(texts):
        words = headings.parts(text)
        if not words or personal.heading(words):
            continue
        if any(word in items().key_words and items().key_words[word] != "period" for word in words):
            found.heads.clear()  # somebody's return, not the town's totals
            return
        key = next((approved().heads[word] for word in words if word in approved().heads), None)
        span, growth, rest = _label(words)
        if key is not None and span is None and not growth:
            if key in found.heads:
                raise headings.twice(found.heads[key], place, text)
            found.heads[key] = place
            continue
        if rest or (span is None and (not growth or left is None)):
            found.unknown.append(text)
            continue
        into = found.growth if growth else found.value
        measure = span or str(left)
        if measure in into:
            raise headings.twice(into[measure], place, text)
        into[measure] = place
        left = measure


def _label(words: Sequence[str]) -> tuple[str | None, bool, list[str]]:
    """Span, whether it is a growth, and what else stands in a heading; last year's figures are not taken."""
    span, growth, rest = None, False, []
    for word in words:
        bare = _PER_CENT.sub("", word)
        when = items().year_and_span(bare)
        if when is not None and when[0] != "ly":
            span = when[1] or span
        elif bare in approved().growth_words:
            growth = True
        elif bare and bare not in approved().value_words:
            inside = next((w for w in sorted(approved().growth_words, key=len, reverse=True) if bare.endswith(w)), "")
            before = items().year_and_span(bare.removesuffix(inside)) if inside else None  # 本月同比增速
            if before is None or before[0] == "ly":
                rest.append(word)
            else:
                span, growth = before[1] or span, True
    return span, growth, rest


def _sheet(grid: Grid, header: _Header, notes: list[str]) -> tuple[pd.DataFrame, Lines]:
    body = grid.body(header.last, [header.heads["indicator"]])
    lines = Lines(grid.sheet, body)
    lines.totals_and_footers(body, [0, header.heads["indicator"]], header.first)
    lines.reject(body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")
    if header.unknown:
        notes.append(headings.not_taken(header.unknown))

    def text(key: str) -> pd.Series:
        return body.text(header.heads[key]) if key in header.heads else pd.Series("", index=index, dtype="str")

    index = pd.RangeIndex(len(body.rows))
    name = grid.rulings.labels(text("indicator"))
    lines.set_aside(((name == "") & (text("indicator") != "")).to_numpy(bool), text("indicator"))
    known = {word: approved().by_name.get(plain(word)) for word in name.unique()}
    indicator = pd.Series([entry.id if (entry := known[word]) else None for word in name], index=index, dtype="str")
    lines.reject((name == "").to_numpy(bool), "指标", "approved.nameless", "没有指标名称")
    unknown = indicator.isna().to_numpy(bool) & (name != "").to_numpy(bool)
    lines.reject(unknown, "指标", "approved.unknown", "指标名称不在反馈数目录中，补入目录后重新导入", name)
    period = _periods(grid, header, body, lines, index)
    vintage, scope = _vintages(grid, header, text("vintage"), text("scope"))
    factor, unit = _units(lines, indicator, grid.rulings.units_of(name, text("unit")))
    figures = {
        measure: (
            _figures(body, lines, header.value.get(measure), f"{words}", factor),
            _figures(body, lines, header.growth.get(measure), f"同比增速（{words}）", None),
        )
        for measure, words in MEASURES.items()
    }
    nothing = np.logical_and.reduce([np.isnan(column) for pair in figures.values() for column in pair])
    lines.reject(nothing & ~lines.rejected, "整行", "number.missing", "数值和增速都没有")
    parts = [
        pd.DataFrame(
            {"sheet": grid.sheet, "row": lines.rows, "indicator": indicator, "name": name, "unit": unit,
             "period": period, "measure": measure, "value": value, "growth": growth, "scope": scope,
             "vintage": vintage}
        )[lines.data & ~(np.isnan(value) & np.isnan(growth))]
        for measure, (value, growth) in figures.items()
    ]  # fmt: skip
    table = pd.concat(parts).sort_values(["row", "measure"], ignore_index=True)[COLUMNS]
    growths = table["growth"].dropna().abs()
    if len(growths) >= 3 and growths.max() < 1 and growths.max() > 0:
        notes.append("同比增速全部小于 1，可能按小数而不是百分数填写，按表头所写的 % 收下")
    texts = dict.fromkeys(("sheet", "indicator", "name", "unit", "period", "measure", "scope", "vintage"), "str")
    return table.astype(texts), lines


def _periods(grid: Grid, header: _Header, body: Body, lines: Lines, index: pd.RangeIndex) -> pd.Series:
    stated = headings.stated_period([_month_in(text) for text in headings.above(grid, header.first)])
    if "period" not in header.heads:
        if stated is None:
            raise Refused("缺少报告期列，表头上也没有注明报告期")
        return pd.Series(stated, index=index, dtype="str")
    cells = body.column(header.heads["period"])
    months = numbers.parse_months(cells)
    period = pd.Series(months.values, index=index, dtype="str")
    lines.reject(months.unreadable, "报告期", "period.unreadable", "报告期不是有效的年月", cells)
    empty = period.isna().to_numpy(bool) & ~months.unreadable
    if stated is not None:
        return period.mask(empty, stated)
    lines.reject(empty, "报告期", "period.missing", "报告期为空")
    return period


_TITLE_MONTH = re.compile(r"((?:19|20|21)\d\d\s*年\s*(?:1\s*(?:月\s*)?[-—–－~～至]+\s*)?\d{1,2}\s*月)")


def _month_in(text: str) -> str:
    """The month inside a title: ``2026年1—10月主要指标反馈数``; the text itself where there is none or several."""
    found = set(_TITLE_MONTH.findall(text))
    return found.pop() if len(found) == 1 else text


def _vintages(grid: Grid, header: _Header, vintage: pd.Series, scope: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Each line's vintage, from its own column, else from the note on scope, else from above the header."""
    words = approved().vintage_words
    title = " ".join(headings.above(grid, header.first))
    above = {kind for word, kind in words.items() if word in title}
    whole = above.pop() if len(above) == 1 else ""
    own = {text: words.get(plain(text), _said_in(text)) for text in pd.concat([vintage, scope]).unique()}
    stated = vintage.map(own).fillna("")
    return stated.where(stated != "", scope.map(own).fillna("")).mask(lambda said: said == "", whole), scope


def _said_in(text: str) -> str:
    """The one vintage a note speaks of; '' for none or several."""
    found = {kind for word, kind in approved().vintage_words.items() if word in plain(text)}
    return found.pop() if len(found) == 1 else ""


def _units(lines: Lines, indicator: pd.Series, unit: pd.Series) -> tuple[npt.NDArray[np.float64], pd.Series]:
    """Factor of each line's figures to the indicator's unit; a unit that measures something else is a reject."""
    pairs = pd.DataFrame({"id": indicator.fillna(""), "unit": unit})
    factors = {
        (key, said): _factor(key, plain(said)) for key, said in pairs.drop_duplicates().to_numpy(dtype=object).tolist()
    }  # a sheet has a dozen
    factor = np.array([factors[pair] for pair in zip(pairs["id"], pairs["unit"], strict=True)], dtype=np.float64)
    known = indicator.notna().to_numpy(bool)
    lines.reject(known & (unit == "").to_numpy(bool), "计量单位", "approved.unit_missing", "没有注明计量单位")
    lines.reject(known & (unit != "").to_numpy(bool) & np.isnan(factor), "计量单位", "approved.unit",
                 "计量单位与指标不符或不认识", unit)  # fmt: skip
    return factor, indicator.map({key: entry.unit for key, entry in approved().by_id.items()})


def _factor(key: str, unit: str) -> float:
    entry = approved().by_id.get(key)
    factor = approved().factor(unit, entry.unit) if entry else None
    return float("nan") if factor is None else factor


def _figures(
    body: Body, lines: Lines, place: int | None, label: str, factor: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """The figures of one column; a growth may bear its per cent sign, which its heading says anyway."""
    if place is None:
        return np.full(len(lines.rows), np.nan)
    cells = body.column(place)
    if factor is None:
        text = numbers.as_text(cells)
        percent = text.str.fullmatch(r"[^%％]+[%％]").to_numpy(bool)
        cells = cells.astype(object).mask(percent, text.str.slice(0, -1))
    parsed = numbers.parse_numbers(cells)
    lines.reject(parsed.errors, label, "number.error", "单元格是 Excel 错误值", cells)
    lines.reject(parsed.unreadable & ~parsed.errors, label, "number.unreadable", "数字无法识别", cells)
    return parsed.values if factor is None else numbers.scaled(parsed.values, factor)
