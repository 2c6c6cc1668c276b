"""Form 2b: output by class or by product as the reporting platform exports it, one firm × class (product) a row.

The same flattened headings as in the export of totals, in any order: ``本年;本月;工业总产值(当年价格)``,
``产量;1-本月;上年同期``. A list is told by its columns 行业代码 or 产品名称. Lists of classes and of products come in
files of their own or together; then a line with a product is a product's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from qxmonitor.catalog.items import items, plain
from qxmonitor.errors import Refused
from qxmonitor.feeds import detail, headings, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids, no_table
from qxmonitor.feeds.platform import matches as matches_totals
from qxmonitor.feeds.platform import newest_majority, origin, periods, subjects

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened
    from qxmonitor.feeds.rulings import Rulings

FEED, FORM = "b204_detail", "list"

_WORDS = ("class_code", "class_name", "product_code", "product_name", "unit")


@dataclass
class _Columns:
    """What the columns of a list are: ``heads`` for words, ``value`` and ``quantity`` by span for figures."""

    keys: headings.Headings = field(default_factory=headings.Headings)
    heads: dict[str, int] = field(default_factory=dict)
    figures: dict[str, dict[str, int]] = field(default_factory=lambda: {"value": {}, "quantity": {}, "": {}})
    unit: str = ""


_OUTPUT = ("产值", "产量", "产品", "产销", "B204")


def matches(opened: Opened) -> bool:
    """Whether the file is nothing but lists: with a sheet of totals beside it, it is an export of B204-1."""
    return has_list(opened) and not matches_totals(opened, "b204_1")


def has_list(opened: Opened) -> bool:
    """Whether a sheet's header names firms, classes or products, and a span of time."""
    return opened.kind in ("xlsx", "xls", "csv") and any(
        (header := _header(grid)) is not None and _of_output(grid, header) for grid in grids(opened)
    )


def _of_output(grid: Grid, header: Row) -> bool:
    """Whether the sheet speaks of output: other forms list firms, classes and months as well (projects, power)."""
    said = " ".join([*headings.above(grid, header), *header.texts])
    return any(word in said for word in _OUTPUT)


def read(opened: Opened) -> Batch:
    """Read every sheet that has the list's header.

    Raises:
        Refused: no header, a column doubled, no figures, an unknown unit, simulated and real firms mixed.
    """
    tables, frames, notes, head = [], [], [], []
    cells: dict[str, str] = {}
    for grid in grids(opened):
        header = _header(grid)
        if header is None:
            if any(text for row in grid.head for text in row.texts):
                notes.append(f"工作表“{personal.hide_words(grid.sheet[:30])}”没有可识别的表头，未读取")
            continue
        head += headings.above(grid, header)
        columns = _columns(grid, header)
        table, lines = _sheet(grid, header, columns)
        tables.append(table)
        frames.append(lines.frames())
        notes += columns.keys.notes
        taken = {span: at for group in columns.figures.values() for span, at in group.items()}
        taken |= {key.partition("_")[2] or key: at for key, at in columns.heads.items()}  # code, name, unit
        cells |= {f"{grid.sheet}|{name}": column_letter(at) for name, at in (columns.keys.keys | taken).items()}
    if not tables:
        raise no_table([grid.sheet for grid in grids(opened)])
    table = pd.concat(tables, ignore_index=True)
    lines_of, rejects, control = zip(*frames, strict=True)
    return Batch(
        feed=FEED,
        form=FORM,
        period=newest_majority(table["period"]),
        tables={detail.TABLE: table},
        lines=gather(lines_of, ["sheet", "row"]),
        rejects=gather(rejects, REJECT_COLUMNS),
        control=gather(control, ["sheet", "row", "text"]),
        cells=cells,
        origin=origin(table["subject"], head),
        notes=list(dict.fromkeys(notes)),
    )


def _header(grid: Grid) -> Row | None:
    keys = items().key_words
    for row in grid.head:
        words = [headings.parts(text) for text in row.texts if text]
        somebody = any(len(w) == 1 and keys.get(w[0]) in ("uscc", "org", "name") for w in words)
        if somebody and detail.is_list(row) and any((items().year_and_span(p) or (0, 0))[1] for w in words for p in w):
            return row
    return None


def _columns(grid: Grid, header: Row) -> _Columns:
    found = _Columns()
    heads = {word: key for key in _WORDS for word in items().detail.words(key)}
    kinds = {word: key for key in ("value", "quantity") for word in items().detail.words(key)}
    kinds |= {word: "value" for word, item in items().names_of("b204_1").items() if item.id == "output"}
    units, unknown = set(), []
    claims: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for place, text in enumerate(header.texts):
        words = headings.parts(text)
        if not words or personal.heading(words):
            continue
        alone = words[0] if len(words) == 1 else ""
        key = items().key_words.get(alone) or heads.get(alone)
        if key is not None:
            into = found.heads if alone in heads and alone not in items().key_words else found.keys.keys
            if key in into:
                raise headings.twice(into[key], place, text)
            into[key] = place
            continue
        span, kind, own, rest = _label(words, kinds)
        if span is None or (rest and not kind):
            unknown.append(text)
            continue
        claims.setdefault((kind, span), []).append((len(rest), place, text))
        units |= set(own) if kind != "quantity" else set()
    for (kind, span), candidates in claims.items():  # of 产量 and 产量;其中:出口 the one with less beside it
        candidates.sort()
        if len(candidates) > 1 and candidates[0][0] == candidates[1][0]:
            raise headings.twice(candidates[0][1], candidates[1][1], candidates[1][2])
        found.figures[kind][span] = candidates[0][1]
        unknown += [text for _, _, text in candidates[1:]]
    if unknown:
        found.keys.notes.append(headings.not_taken(unknown))
    if not found.keys.keys.keys() & {"uscc", "org", "name"}:
        raise Refused("缺少统一社会信用代码或单位名称列")
    if not any(found.figures.values()):
        raise Refused("没有可识别的产值或产量列")
    if found.heads.keys() & {"product_code", "product_name"} and not (found.figures["quantity"] or found.figures[""]):
        raise Refused("有产品名称但没有产量列")
    stated = headings.stated_unit(grid, header)
    if ruled := grid.rulings.unit(plain(items().by_id["output"].name)):
        units = {ruled}
    if len(units) > 1:
        raise Refused("产值各列注明的计量单位不一致：" + "、".join(sorted(units)))
    found.unit = units.pop() if units else stated or headings.FORM_UNITS["money"]
    if items().units.kind(found.unit) != "money":
        raise Refused(f"计量单位与指标不符：{found.unit[:20]}")
    return found


def _label(words: Sequence[str], kinds: dict[str, str]) -> tuple[str | None, str, list[str], list[str]]:
    """Span, ``value`` / ``quantity`` / '', money units and the rest of one heading."""
    year, span, kind = "ty", None, ""
    units: list[str] = []
    rest: list[str] = []
    names, detail_words = items().names_of("b204_1"), items().detail
    groups = detail_words.words("product_name") | detail_words.words("class_name")  # nested above the figures
    for word in words:
        when, item = items().year_and_span(word), headings.item_of(word, names)
        if when is not None:
            year, span = when[0] or year, when[1] or span
        elif word in kinds:
            kind = kinds[word]
        elif item is not None and item[0].id == "output" and item[1]:
            kind = "value"
            units.append(item[1])
        elif items().units.kind(word) == "money":
            units.append(word)
        elif word not in groups:
            rest.append(word)
    return (None if span is None else span if year == "ty" else f"ly_{span}"), kind, units, rest


def _sheet(grid: Grid, header: Row, columns: _Columns) -> tuple[pd.DataFrame, Lines]:
    who = [columns.keys.keys[key] for key in ("uscc", "org", "name") if key in columns.keys.keys]
    body = grid.body(header, who)
    lines = Lines(grid.sheet, body)
    lines.totals_and_footers(body, [0, *who], header)
    lines.reject(body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")
    subject = subjects(body, columns.keys, lines)
    period = periods(grid, header, body, columns.keys, lines)
    rows = _rows(body, lines, columns, grid.rulings)
    kept = rows.index
    table = rows.assign(sheet=grid.sheet, subject=subject.iloc[kept], period=period.iloc[kept])[detail.COLUMNS]
    return table.astype({"sheet": "str", "subject": "str", "period": "str"}).reset_index(drop=True), lines


def _rows(body: Body, lines: Lines, columns: _Columns, rulings: Rulings) -> pd.DataFrame:
    """Classes and products, told by the column that names them."""
    nothing = pd.Series("", index=range(len(body.rows)), dtype="str")
    text = {key: body.text(columns.heads[key]) if key in columns.heads else nothing for key in _WORDS}
    product = (text["product_code"] != "") | (text["product_name"] != "")
    industry = ~product & ((text["class_code"] != "") | (text["class_name"] != ""))
    said = nothing.where(~industry, detail.INDUSTRY).where(~product, detail.PRODUCT)
    code = text["class_code"].where(~product, text["product_code"])
    name = text["class_name"].where(~product, text["product_name"])
    unit = text["unit"].where(product | text["unit"].map(items().units.kind).notna(), "")
    cells = {}
    empty = pd.Series(None, index=nothing.index, dtype=object)
    for span in detail.SPANS:
        by_kind = {
            kind: next(
                (body.column(columns.figures[group][span]) for group in groups if span in columns.figures[group]), None
            )
            for kind, groups in ((detail.INDUSTRY, ("value", "")), (detail.PRODUCT, ("quantity", "")))
        }
        if any(column is not None for column in by_kind.values()):
            made, classes = (
                empty if column is None else column.astype(object)
                for column in (by_kind[detail.PRODUCT], by_kind[detail.INDUSTRY])
            )
            cells[span] = made.where(product, classes)
    mask = ~lines.control & ~lines.rejected
    return detail.settle(lines, mask, said, code, name, unit, cells, columns.unit, rulings)
