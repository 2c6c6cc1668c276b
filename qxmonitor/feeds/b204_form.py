"""Form 3: the B204-1 form of one firm, one workbook each: items down the rows, a block of particulars on top.

The particulars (credit code, name, month, unit, and persons, which are never read) stand in cells of their own as
``名称：内容`` or with the content in the next cell. The header has two merged rows. Output by class and by product
follows the items, under headings of its own or under none (:mod:`qxmonitor.feeds.detail`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.items import Item, items, plain
from qxmonitor.errors import Refused
from qxmonitor.feeds import detail, headings, numbers
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, grids
from qxmonitor.feeds.platform import origin
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened
    from qxmonitor.feeds.rulings import Rulings

FEED, FORM = "b204_1", "firm"

_CODE = re.compile(r"^(?:统一)?社会信用代码\s*[:：]?\s*(.*)$")
_NAME = re.compile(r"^(?:单位详细名称|单位名称|企业名称)\s*[:：]?\s*(.*)$")


def matches(opened: Opened) -> bool:
    """Whether a sheet is the form: 指标名称, 代码 and 本年 in one row, an item of B204-1 below."""
    return opened.kind in ("xlsx", "xls") and any(_header(grid) is not None for grid in grids(opened))


def read(opened: Opened) -> Batch:
    """Read the form.

    Raises:
        Refused: more than one form in the workbook, no month, no 本年 columns, an item twice, an unknown unit.
    """
    found = [(grid, header) for grid in grids(opened) if (header := _header(grid)) is not None]
    if len(found) != 1:
        raise Refused("一个工作簿应当只有一张 B204-1 表" if found else "找不到 B204-1 表的表头")
    grid, header = found[0]
    columns, below = _columns(grid, header)
    texts = headings.above(grid, header)
    period = headings.stated_period(texts)
    if period is None:
        raise Refused("表上没有注明报告期")
    unit = headings.stated_unit(grid, header)

    label, code, unit_place = _place(header, "label"), _place(header, "line_code"), _place(header, "unit")
    assert label is not None and code is not None
    body = grid.body(below, [label])
    lines = Lines(grid.sheet, body)
    lines.totals_and_footers(body, [0, label], header)
    who = identity.resolve_one(_particular(grid, header, _CODE), "", _particular(grid, header, _NAME))
    nobody = not who["subject"]
    whose = {"subject": who["subject"] or None, "period": period}
    lines.whose = {name: pd.Series([text] * len(body.rows), dtype="str") for name, text in whose.items()}
    if nobody:
        raw = pd.Series(who["raw"], index=range(len(body.rows)), dtype="str")
        lines.reject(np.ones(len(body.rows), dtype=bool), who["field"], who["rule"], who["reason"], raw)

    names = grid.rulings.labels(body.text(label))
    lines.set_aside(((names == "") & (body.text(label) != "")).to_numpy(bool), body.text(label))
    row_of = _items(names, body.text(code), lines)
    factors, silent = _factors(grid, body, row_of, names, unit_place, unit)
    figures, cells = _figures(grid, body, lines, row_of, columns, factors)
    other = any(items().by_id[key].kind == "money" and factor != 1 for key, factor in factors.items())
    prescribed = "" if unit is None and other else headings.FORM_UNITS["money"]
    below_totals = _details(body, lines, row_of, columns, names, (code, unit_place), unit or prescribed, grid.rulings)
    cells |= (
        {f"{grid.sheet}|{span}": column_letter(place) for span, place in columns.items()} if len(below_totals) else {}
    )
    used = [int(body.rows[at]) for at in row_of.values() if not lines.rejected[at]]
    notes = ["未注明计量单位，按制度规定的千元处理"] if silent else []
    missing = [item.name for item in items().items_of(FEED) if item.id not in row_of]
    notes += ["缺少指标行，此前报过的数照旧：" + "、".join(missing)] if missing else []
    head = {"sheet": grid.sheet, "row": min(used, default=0), "subject": who["subject"], "period": period}
    table = pd.DataFrame([head | figures])
    if nobody or not used:
        table = table.iloc[:0]
    texts_of = {"sheet": "str", "subject": "str", "period": "str"}
    below_totals = below_totals.assign(sheet=grid.sheet, subject=who["subject"], period=period)[detail.COLUMNS]
    lines_frame, rejects, control = lines.frames()
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(period),
        tables={
            items().form(FEED).table: table.astype(texts_of),
            detail.TABLE: below_totals.astype(texts_of).reset_index(drop=True),
        },
        lines=lines_frame,
        rejects=rejects,
        control=control,
        cells=cells,
        factors={
            f"{grid.sheet}|{key}_{span}": factor for key, factor in factors.items() if factor != 1 for span in columns
        },
        origin=origin(table["subject"], texts),
        notes=notes,
    )


def _header(grid: Grid) -> Row | None:
    names = items().names_of(FEED)
    for at, row in enumerate(grid.head):
        words = [plain(text) for text in row.texts]
        columns = (_place(row, "label"), _place(row, "line_code"))
        if None not in columns and any(items().year_and_span(w) for w in words):
            below = {plain(text) for later in grid.head[at + 1 :] for text in later.texts}
            return row if any(headings.item_of(word, names) for word in below) else None
    return None


def _place(header: Row, key: str) -> int | None:
    """The first column headed by one of the words of ``items.yml``'s detail entry, None where there is none."""
    words = items().detail.words(key)
    return next((place for place, text in enumerate(header.texts) if plain(text) in words), None)


def _columns(grid: Grid, header: Row) -> tuple[dict[str, int], Row]:
    """``m``, ``ytd``, ``ly_m``, ``ly_ytd`` → place, and the last row of the header."""
    second = next((row for row in grid.head if row.number == header.number + 1), None)
    columns: dict[str, int] = {}
    year, deep = None, False
    for place, text in enumerate(header.texts):
        upper = items().year_and_span(plain(text))
        year = upper[0] if upper else (None if text else year)  # a merged heading stands in its first cell
        span = upper[1] if upper else None
        if span is None and second is not None:
            lower = items().year_and_span(plain(second.texts[place]))
            if lower:
                span, deep = lower[1], True
        if year and span:
            name = span if year == "ty" else f"ly_{span}"
            if name in columns:
                raise Refused(f"{column_letter(columns[name])} 列与 {column_letter(place)} 列是同一项")
            columns[name] = place
    if not columns.keys() & {"m", "ytd"}:
        raise Refused("表头里没有本年的本月或 1—本月列")
    last = second if deep and second is not None else header
    numbered = next((row for row in grid.head if row.number == last.number + 1), None)
    if numbered is not None and "甲" in numbered.texts:  # the line 甲 乙 1 2 3 4 under the header
        last = numbered
    return columns, last


def _particular(grid: Grid, header: Row, pattern: re.Pattern[str]) -> str:
    """What a labelled cell above the header says, or the next filled cell of its row."""
    for row in grid.head:
        if row.number >= header.number:
            break
        for at, text in enumerate(row.texts):
            found = pattern.match(text)
            if found:
                rest = next((other for other in row.texts[at + 1 :] if other), "")
                return found[1].strip() or ("" if re.search("[:：]", rest) else rest)
    return ""


def _items(labels: pd.Series, hints: pd.Series, lines: Lines) -> dict[str, int]:
    """Item → position among the rows. A name decides; a code only where there is no name."""
    names, codes = items().names_of(FEED), items().codes_of(FEED)
    found: dict[str, int] = {}
    for at, (name, hint) in enumerate(zip(labels, hints, strict=True)):  # a form has a dozen rows
        known = headings.item_of(plain(name), names)
        item: Item | None = known[0] if known else (codes.get(hint.zfill(2)) if not name else None)
        if item is None or lines.control[at]:
            continue
        if item.id in found:
            raise Refused(f"指标“{item.name}”出现两次")
        found[item.id] = at
    return found


def _details(
    body: Body,
    lines: Lines,
    row_of: dict[str, int],
    columns: dict[str, int],
    name: pd.Series,
    places: tuple[int, int | None],
    unit: str,
    rulings: Rulings,
) -> pd.DataFrame:
    """The lines below the totals as rows of classes and products; headings between them become control lines.

    ``unit`` is that of money without one, '' where such a line cannot be read.
    """
    code, unit_place = places
    hint = body.text(code)
    own = body.text(unit_place) if unit_place is not None else pd.Series("", index=name.index, dtype="str")
    others = ~np.isin(np.arange(len(name)), list(row_of.values()))
    empty = np.logical_and.reduce([numbers.blank(body.column(place)) for place in columns.values()])
    numbered = hint.str.contains("[0-9]").to_numpy(bool) | (own != "").to_numpy(bool)
    words, bare = items().detail, detail.bare(name)
    begins = {
        kind: bare.str.contains("|".join(map(re.escape, said)), regex=True).to_numpy(bool)
        for kind, said in ((detail.INDUSTRY, words.industry_section), (detail.PRODUCT, words.product_section))
    }
    heading = others & empty & ~hint.str.contains("[0-9]").to_numpy(bool)
    heading &= ~numbered | begins[detail.INDUSTRY] | begins[detail.PRODUCT]
    heading |= others & _header_again(body, columns, name)
    said = pd.Series(pd.NA, index=name.index, dtype="str")
    for kind, mask in begins.items():
        said[heading & mask] = kind
    lines.set_aside(heading, name)
    lines.set_aside(others & bare.isin(words.words("not_taken")).to_numpy(bool), name)
    return detail.settle(
        lines,
        others & ~lines.control & ~lines.rejected,
        said.ffill().fillna(""),
        hint,
        name,
        own,
        {span: body.column(place) for span, place in columns.items()},
        unit,
        rulings,
    )


def _header_again(body: Body, columns: dict[str, int], name: pd.Series) -> npt.NDArray[np.bool_]:
    """Lines that repeat the header above a part of the form (产品名称, 计量单位, 本月 …) or number its columns (甲)."""
    again = (name == "甲").to_numpy(bool)
    for place in columns.values():
        text = body.text(place)
        spans = [word for word in text.unique() if items().year_and_span(plain(word)) is not None]
        again = again | text.isin(spans).to_numpy(bool)
    return again


def _factors(
    grid: Grid,
    body: Body,
    row_of: dict[str, int],
    names: pd.Series,
    unit_place: int | None,
    unit: str | None,
) -> tuple[dict[str, float], bool]:
    """Item → what its figures are multiplied by, and whether some item of money is read in the prescribed unit.

    Raises:
        Refused: an unknown unit; or nothing states that of one line of money while another states one that is not
            prescribed.
    """
    factors: dict[str, float] = {}
    prescribed = items().units.factor(headings.FORM_UNITS["money"])
    bare: list[int] = []
    other: list[int] = []
    for key, at in row_of.items():  # 企业用电量(万千瓦时), or a column of units beside the names
        item = items().by_id[key]
        own = body.text(unit_place).iloc[at] if unit_place is not None else ""
        label = f"{names.iloc[at] or item.name};{own}"
        factors[key] = headings.unit_factor(label, FEED, unit, grid.rulings)
        if item.kind == "money" and unit is None:
            if not headings.split(label, FEED)[3] and not grid.rulings.unit(plain(item.name)):
                bare.append(at)
            elif factors[key] != prescribed:
                other.append(at)
    if bare and other:
        one, none = int(body.rows[min(other)]), int(body.rows[min(bare)])
        raise Refused(f"第 {one} 行注明的计量单位不是千元，第 {none} 行和表头上却没有注明计量单位")
    return factors, bool(bare)


def _figures(
    grid: Grid, body: Body, lines: Lines, row_of: dict[str, int], columns: dict[str, int], factors: dict[str, float]
) -> tuple[dict[str, float], dict[str, str]]:
    shown = items().columns_of(FEED)
    figures = dict.fromkeys(shown, float("nan"))
    places = [(key, at, span, place) for key, at in row_of.items() for span, place in columns.items()]
    by_place = {place: body.column(place) for place in columns.values()}
    parsed = numbers.parse_numbers(pd.Series([by_place[place].iloc[at] for _, at, _, place in places], dtype=object))
    values = numbers.scaled(parsed.values, np.array([factors[key] for key, *_ in places], dtype=np.float64))
    cells: dict[str, str] = {}
    for (key, at, span, place), value, bad, error in zip(places, values, parsed.unreadable, parsed.errors, strict=True):
        name = f"{key}_{span}"
        cells[f"{grid.sheet}|{name}"] = f"{column_letter(place)}{body.rows[at]}"
        figures[name] = float(value)
        if bad:
            rule, reason = ("number.error", "单元格是 Excel 错误值") if error else ("number.unreadable", "数字无法识别")
            lines.reject(np.arange(len(body.rows)) == at, shown[name], rule, reason, by_place[place])
    lines.formulas()
    for key, at in row_of.items():
        if lines.rejected[at]:  # a row is taken or left as a whole; one that is left says nothing
            for name in (f"{key}_{span}" for span in columns):
                figures[name] = float("nan")
                del cells[f"{grid.sheet}|{name}"]
    return figures, cells
