"""企业自报: what authorised key firms file with a department, on the 8th, beside their returns.

The figures are the firm's own; one firm in eight rounds to ten thousand yuan. One firm whose authorisation has run out
goes on filing for two months: its rows must not open any door.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.period import Period
from qxmonitor.simulate import tables
from qxmonitor.simulate.filing import World, dirt_plan
from qxmonitor.simulate.truth import Document
from qxmonitor.simulate.vocabulary import ITEMS
from qxmonitor.simulate.workbooks import Book

FEED = "self_report"
SHEET = "企业自报"
MEASURES = [f"{m}_{s}" for m in ("output", "export") for s in ("m", "ytd", "ly_m", "ly_ytd")] + ["employees"]
HEADER = [
    f"{item}_{part}"
    for item in ("工业总产值", "出口交货值")
    for part in ("本月", "累计", "上年同期本月", "上年同期累计")
] + ["期末从业人数"]
KINDS = ("unregistered", "repeated", "future_period")
"""Rejected dirt of this form: none that would lose a key firm's figures."""
_STREAM = 62
_FIRST = 4


def write_all(world: World) -> None:
    """Land the monthly sheet of every month with at least one authorised firm."""
    plan = dirt_plan(world, FEED, float(world.town.authorised(world.last).sum()), _STREAM, KINDS)
    for period in world.months:
        if world.returns_in(FEED, period):
            _write(world, period, plan[period])


def _write(world: World, period: Period, kinds: list[str]) -> None:
    rng = world.rng(_STREAM, period)
    town, economy, at = world.town, world.economy, world.economy.at(period)
    lingering = town.authorised(period - 2) & (town.firms["authorisation"] == "expired").to_numpy()
    lingering &= np.cumsum(lingering) == 1
    which = (town.authorised(period) | lingering) & world.filing(period)
    if not which.any():
        return
    rounded = world.rng(_STREAM + 1).random(len(town)) < 0.12
    years = np.array([p.year for p in economy.axis])
    span = slice(int(np.argmax(years == period.year)), at + 1)
    values = np.full((len(town), len(MEASURES)), np.nan)
    for place, measure in enumerate(("output", "export")):
        month, before = (
            np.where(rounded[:, None], np.round(source[measure][:, span], -1), source[measure][:, span]).astype(float)
            for source in (economy.month, economy.last_year)
        )
        block = (month[:, -1], month.sum(axis=1), before[:, -1], before.sum(axis=1))
        values[:, 4 * place : 4 * place + 4] = np.stack(block, axis=1)
    values[:, 8] = economy.month["employees"][:, at]
    if not world.month_column_in(FEED, period):
        values[:, [i for i, m in enumerate(MEASURES) if m.endswith("_m")]] = np.nan
    for item, cells in ((ITEMS[1], slice(4, 8)), (ITEMS[2], slice(8, 9))):
        holds = town.authorised(period, item) | town.authorised(period - 2, item)
        values[~holds, cells] = np.nan
    printed = period if period.month % 2 else period.label
    identity = np.stack([town.column("uscc"), town.column("name"), np.full(len(town), printed, dtype=object)], axis=1)[
        which
    ]
    table = tables.Table.of(identity, values[which], period)
    tables.roughen(table, rng, rate=0.01)
    future = Period(f"2099-{period.month:02d}")
    tables.soil(
        table,
        kinds,
        rng,
        eligible=world.quiet[which, at],
        labels=HEADER,
        measures=[1],
        future_period=future if period.month % 2 else future.label,
        stranger=world.stranger(rng),
    )
    world.landing.put(world.day(period, 8), _document(table, period, world, footer=period.month % 3 == 0))


def _document(table: tables.Table, period: Period, world: World, *, footer: bool) -> Document:
    book = Book(SHEET, world.day(period, 8))
    page = book.sheet(SHEET)
    width = 3 + len(HEADER)
    page.set_column(0, 0, 22)
    page.set_column(1, 1, 34)
    page.set_column(2, width - 1, 14)
    page.merge_range(0, 0, 0, width - 1, f"重点企业自报主要指标（{period.label}）", book.title)
    page.write_string(1, 0, "计量单位：千元", book.note)
    page.set_row(2, 32)
    for place, text in enumerate(("统一社会信用代码", "企业名称", "报告期", *HEADER)):
        page.write_string(2, place, text, book.header)
    for i, (head, values, texts) in enumerate(
        zip(table.identity.tolist(), table.values.tolist(), table.texts.tolist(), strict=True)
    ):
        row = _FIRST - 1 + i
        for place, text in enumerate(head):
            page.write_string(row, place, text, book.text)
        for place, value in enumerate(values, start=3):
            text = texts[place - 3]
            if text is not None:
                if text:
                    page.write_string(row, place, text, book.text)
            else:
                page.write_number(row, place, value, book.whole)
    if footer:
        page.write_string(len(table) + 3, 0, "注：本表由企业自愿填报，授权范围见企业名录。", book.note)
    return Document(
        name=f"企业自报_{period.replace('-', '')}.xlsx",
        feed=FEED,
        form="sheet",
        period=period,
        content=book.content(),
        rows_read=len(table) + footer,
        figures=[tables.figures_of(table, sheet=SHEET, unit="千元", columns=MEASURES, first_row=_FIRST)],
        blemishes=tables.blemishes_of(table, sheet=SHEET, first_row=_FIRST),
    )
