"""Output below the totals as the platform lists it: a few firms × their classes and one product, a list a month.

A firm's main class and a second one share its output but for a small remainder, so that the classes never exceed the
total; its product is a count per thousand yuan. January has no list and February's no single month, as in B204-1.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.period import Period
from qxmonitor.simulate.b204_form import PRODUCTS
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.platform import Column, Style, labels
from qxmonitor.simulate.truth import Document, Figures, number
from qxmonitor.simulate.vocabulary import CLASSES
from qxmonitor.simulate.workbooks import Book

FEED, FORM = "b204_detail", "list"
SHEET = "分行业分产品"
TITLE = "B204-1表 分行业产值与主要产品产量（模拟数据）"
FIRMS = 12
_STREAM = 201
_HEADS = ("统一社会信用代码", "单位详细名称", "报告期", "行业代码", "行业名称", "产品名称", "计量单位")
_SPANS = (
    ("m", "本年", "本月"),
    ("ytd", "本年", "1-本月"),
    ("ly_m", "上年同期", "本月"),
    ("ly_ytd", "上年同期", "1-本月"),
)
_VALUE = [Column(span, "工业总产值(当年价格)", year, words) for span, year, words in _SPANS]
_QUANTITY = [Column(span, "产量", year, words, unit="quantity") for span, year, words in _SPANS]
_SECOND = ("2929", CLASSES["2929"])


def write_all(world: World) -> None:
    """Land the list of every month with a return."""
    for period in world.months:
        if world.returns_in(FEED, period):
            world.landing.put(world.export_day(period), _list(world, period))


def _list(world: World, period: Period) -> Document:
    rng = world.rng(_STREAM, period)
    style = Style.draw(rng, wan=False)
    firms = world.town.firms
    industry = firms["industry"].astype("str")
    made = industry.str.slice(0, 2).between("06", "46") & (industry != _SECOND[0]) & ~firms["form_firm"].astype(bool)
    chosen = np.flatnonzero(world.filing(period) & made.to_numpy(bool))[:FIRMS].tolist()
    at, economy = world.economy.at(period), world.economy
    held = ("month", "cumulative", "last_year", "last_year_cumulative")
    output = np.stack([getattr(economy, name)["output"][:, at] for name in held], axis=1)
    if not world.month_column_in(FEED, period):
        output = np.where(np.array([True, False, True, False]), np.nan, output)
    book = Book(TITLE, world.export_day(period))
    page = book.sheet(SHEET)
    page.set_column(0, len(_HEADS) + 7, 18)
    page.write_string(0, 0, TITLE, book.title)
    page.write_string(1, 0, "计量单位：千元", book.note)
    header = [*_HEADS, *labels(_VALUE, style), *labels(_QUANTITY, style), "填表人", "联系电话"]
    for place, text in enumerate(header):
        page.write_string(2, place, text, book.header)
    code, names = world.town.column("uscc"), world.town.column("name")
    rows = []
    line = 3
    for firm in chosen:
        main = np.floor(output[firm] * 0.7)
        product = PRODUCTS[firms["chain"].iloc[firm]][0].partition("(")
        unit = product[2].rstrip(")")
        parts = (
            (str(industry.iloc[firm]), CLASSES[str(industry.iloc[firm])], "", "千元", main),
            (*_SECOND, "", "千元", np.floor(output[firm] * 0.28)),
            ("", "", product[0], unit, np.round(output[firm] / 90)),
        )
        for class_code, class_name, made_of, printed_unit, figures in parts:
            head = (code[firm], names[firm], style.period(period), class_code, class_name, made_of, printed_unit)
            for place, text in enumerate(head):
                if text:
                    page.write_string(line, place, text, book.text)
            first = len(_HEADS) + (4 if made_of else 0)
            for place, value in enumerate(figures.tolist()):
                if value == value:
                    page.write_number(line, first + place, value, book.whole)
            page.write_string(line, len(_HEADS) + 8, f"填表人{firm + 1:04d}", book.text)
            page.write_string(line, len(_HEADS) + 9, f"0000-{firm + 1:07d}", book.text)
            kind = "product" if made_of else "industry"
            rows.append([line + 1, code[firm], str(period), kind, class_code, made_of or class_name, printed_unit,
                         *map(number, figures.tolist())])  # fmt: skip
            line += 1
    columns = ["row", "entity", "period", "kind", "code", "name", "unit", *(span for span, _, _ in _SPANS)]
    return Document(
        name=f"B204-1_分行业分产品_{period.replace('-', '')}.xlsx",
        feed=FEED,
        form=FORM,
        period=period,
        content=book.content(),
        rows_read=len(rows),
        figures=[Figures(SHEET, columns, "千元", rows)],
    )
