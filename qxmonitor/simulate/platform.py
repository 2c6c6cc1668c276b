"""Prints platform exports (联网直报导出): one firm a row, a two-level header flattened with ``;`` in any order.

Oddities kept: two title lines, header parts in any order, the unit now and then as a fourth part or the other unit
(万元) in the second title line, the period as ``2021 00 08`` or ``20210008``, a 合计 line, contact persons in the last
columns, empty columns after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period
from qxmonitor.simulate.tables import Table, blemishes_of, figures_of
from qxmonitor.simulate.truth import Blemish, Document
from qxmonitor.simulate.workbooks import Book

HEADS = ("统一社会信用代码", "单位详细名称", "报告期")
TAILS = ("单位负责人", "填表人", "联系电话")


@dataclass(frozen=True)
class Column:
    """One value column.

    Attributes:
        measure: its name in the truth (and in the warehouse).
        item: the Chinese item.
        year: ``本年`` or ``上年同期``.
        span: ``本月``, ``1-本月`` or '' (a stock that is labelled by its year alone).
        unit: ``money``, ``power`` or ``persons``.
        noise: a nested part that means nothing.
    """

    measure: str
    item: str
    year: str
    span: str
    unit: str = "money"
    noise: str = ""


@dataclass(frozen=True)
class Style:
    """How one file is printed."""

    wan: bool
    compact_period: bool
    unit_part: bool
    drops_this_year: bool
    shuffle: int

    @classmethod
    def draw(cls, rng: np.random.Generator, *, wan: bool) -> Style:
        return cls(wan, bool(rng.random() < 0.5), bool(rng.random() < 0.25 and not wan), bool(rng.random() < 0.5),
                   int(rng.integers(0, 2**31)))  # fmt: skip

    def period(self, period: Period) -> str:
        """The period as this file prints it."""
        return self.period_of(period.year, period.month)

    def period_of(self, year: int, month: int) -> str:
        gap = "" if self.compact_period else " "
        return f"{year:04d}{gap}00{gap}{month:02d}"

    @property
    def unit(self) -> str:
        return "万元" if self.wan else "千元"


def labels(columns: list[Column], style: Style, *, head_count_as_money: bool = False) -> list[str]:
    """Header labels, their parts in an order that changes from column to column.

    Args:
        columns: the value columns.
        style: of this file.
        head_count_as_money: label head-counts with the money unit, a defect real exports have.
    """
    rng = np.random.default_rng(style.shuffle)
    out = []
    for column in columns:
        this_year_unsaid = column.year == "本年" and style.drops_this_year and rng.random() < 0.6
        parts = [p for p in (column.item, "" if this_year_unsaid else column.year, column.span, column.noise) if p]
        parts = [parts[i] for i in rng.permutation(len(parts))]
        if column.noise:  # the nested part stands before what it is nested in
            parts.remove(column.noise)
            parts.insert(parts.index(column.item), column.noise)
        if column.unit == "persons":
            parts += ["千元"] if head_count_as_money else []
        elif style.unit_part:
            parts.append(style.unit if column.unit == "money" else "万千瓦时")
        out.append(";".join(parts))
    return out


def scaled(values: npt.NDArray[np.float64], columns: list[Column], style: Style) -> npt.NDArray[np.float64]:
    """Figures after the printed unit."""
    if not style.wan:
        return values
    money = np.array([column.unit == "money" for column in columns])
    return np.where(money, np.round(values / 10, 1), values)


def export(
    table: Table,
    columns: list[Column],
    style: Style,
    *,
    title: str,
    sheet: str,
    name: str,
    feed: str,
    period: Period,
    day: date,
    header: list[str],
    extra: list[Blemish],
    total: npt.NDArray[np.float64] | None,
    contacts: dict[str, int],
) -> Document:
    """One export as a document.

    Args:
        table: its rows, figures already after the printed unit.
        columns: what the value columns are.
        style: how it is printed.
        title: first line.
        sheet: sheet name.
        name: file name.
        feed: ``b204_1`` or ``b203``.
        period: the month it is for.
        day: written into the workbook's properties.
        header: labels of the value columns.
        extra: accepted dirt of the whole file.
        total: figures of the 合计 line, None for a file without one.
        contacts: USCC → number of the invented contact.
    """
    book = Book(title, day)
    page = book.sheet(sheet)
    width = len(HEADS) + len(columns) + len(TAILS)
    page.set_column(0, 0, 22)
    page.set_column(1, 1, 34)
    page.set_column(2, width - 1, 13)
    page.set_row(0, 26)
    page.merge_range(0, 0, 0, width - 1, title, book.title)
    page.merge_range(1, 0, 1, width - 1, f"计量单位：{style.unit}", book.note)
    page.set_row(2, 62)
    for place, text in enumerate((*HEADS, *header, *TAILS)):
        page.write_string(2, place, text, book.header)
    for place in (width, width + 1):  # empty columns that are part of the used range
        page.write_blank(2, place, None, book.header)
    money = book.decimal if style.wan else book.whole
    formats = {"money": money, "power": book.hundredth, "persons": book.whole}
    numbers = [formats[column.unit] for column in columns]
    base = len(HEADS)
    for i, (head, values, texts, entity) in enumerate(
        zip(table.identity.tolist(), table.values.tolist(), table.texts.tolist(), table.entity.tolist(), strict=True)
    ):
        row = i + 3
        for place, text in enumerate(head):
            if text:
                page.write_string(row, place, text, book.text)
        for place, value in enumerate(values):
            if texts[place] is not None:
                if texts[place]:
                    page.write_string(row, base + place, texts[place], book.text)
            elif value == value:
                page.write_number(row, base + place, value, numbers[place])
        contact = contacts.get(entity, 0)
        for place, text in enumerate((f"负责人{contact:04d}", f"填表人{contact:04d}", f"0000-{contact:07d}")):
            page.write_string(row, width - 3 + place, text, book.text)
    if total is not None:
        row = len(table) + 3
        page.write_string(row, 0, "合计", book.text)
        for place, value in enumerate(total.tolist()):
            if value == value:
                page.write_number(row, base + place, value, numbers[place])
    page.freeze_panes(3, 2)
    measures = [column.measure for column in columns]
    return Document(
        name=name,
        feed=feed,
        form="export",
        period=period,
        content=book.content(),
        rows_read=len(table) + (total is not None),
        figures=[figures_of(table, sheet=sheet, unit=style.unit, columns=measures, first_row=4)],
        blemishes=blemishes_of(table, sheet=sheet, first_row=4) + extra,
    )
