"""B204-1 工业产销总值及主要产品产量: the platform export, its late and corrected extras, and about ten firm forms.

January has no return and February's has only the cumulative columns (the release calendar says so). A re-filed row
arrives with the next month's folder; the cumulative figures printed from then on contain the corrected month.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period
from qxmonitor.simulate import platform, tables
from qxmonitor.simulate.b204_form import firm_form
from qxmonitor.simulate.filing import World, dirt_plan
from qxmonitor.simulate.model import OUTPUT_MEASURES
from qxmonitor.simulate.platform import Column, Style
from qxmonitor.simulate.truth import Blemish

FEED = "b204_1"
SHEET = "B204-1"
TITLE = "B204-1表 工业产销总值及主要产品产量"
ITEMS = {
    "output": "工业总产值(当年价格)",
    "sales": "工业销售产值(当年价格)",
    "export": "其中:出口交货值",
    "power": "企业用电量(万千瓦时)",
}
COLUMNS = [
    Column(f"{measure}_{suffix}", ITEMS[measure], year, span, "power" if measure == "power" else "money")
    for measure in OUTPUT_MEASURES
    for suffix, year, span in (
        ("m", "本年", "本月"),
        ("ytd", "本年", "1-本月"),
        ("ly_m", "上年同期", "本月"),
        ("ly_ytd", "上年同期", "1-本月"),
    )
]
_STREAM = 42


class Revision(NamedTuple):
    """A month first filed with another figure: firm and the factor of the first figure."""

    firm: int
    factor: float


def write_all(world: World) -> None:
    """Land every B204-1 file of the run."""
    revisions = _revisions(world)
    rows = float(world.town.reporting(world.first).sum())
    plan = dirt_plan(world, FEED, rows, _STREAM)
    held = [p for p in world.months if world.returns_in(FEED, p)]
    for number, period in enumerate(held):
        _write_month(world, period, plan[period], revisions.get(period, []), wan=number % 9 == 4, resend=number == 2)


def figures(world: World, period: Period, revised: list[Revision] | None = None) -> npt.NDArray[np.float64]:
    """Figures of all firms for a month, thousand yuan and 万千瓦时, NaN where the return leaves the cell empty.

    Args:
        world: the town.
        period: a month with a return.
        revised: firms that print a first, later corrected, figure for this month.
    """
    economy, at = world.economy, world.economy.at(period)
    out = np.empty((len(world.town), len(COLUMNS)))
    factor = np.ones(len(world.town))
    for revision in revised or []:
        factor[revision.firm] = revision.factor
    for place, measure in enumerate(OUTPUT_MEASURES):
        final = economy.month[measure][:, at]
        first = np.rint(final * factor).astype(np.int64)
        block = (
            first,
            economy.cumulative[measure][:, at] - final + first,
            economy.last_year[measure][:, at],
            economy.last_year_cumulative[measure][:, at],
        )
        out[:, 4 * place : 4 * place + 4] = np.stack(block, axis=1) / (100 if measure == "power" else 1)
    if not world.month_column_in(FEED, period):
        out[:, [i for i, column in enumerate(COLUMNS) if column.span == "本月"]] = np.nan
    blank_export = (world.town.firms["export_share"] == 0).to_numpy() & (np.arange(len(world.town)) % 2 == 0)
    out[np.ix_(blank_export, [i for i, c in enumerate(COLUMNS) if c.measure.startswith("export")])] = np.nan
    return out


def _field(column: Column) -> str:
    """What a person calls a cell of this column: the item and, in full-width parentheses, which figure of it."""
    last_year = column.year if column.year == "上年同期" else ""
    return f"{column.item.split('(')[0]}（{last_year}{column.span.replace('-', '—')}）"


def _revisions(world: World) -> dict[Period, list[Revision]]:
    """A few first figures in each half-year that are corrected a month later."""
    rng = world.rng(_STREAM + 1)
    key = world.town.firms["key"].to_numpy(dtype=bool)
    plan: dict[Period, list[Revision]] = {}
    held = [p for p in world.months if world.returns_in(FEED, p)]
    number = 1 + len(world.town) // 100
    for start in range(0, len(held), 6):
        for _ in range(number):
            period = held[min(len(held) - 1, start + int(rng.integers(0, 6)))]
            fit = np.flatnonzero(
                world.filing(period)
                & world.quiet[:, world.economy.at(period)]
                & ~world.town.firms["form_firm"].to_numpy(dtype=bool)
            )
            firm = int(rng.choice(fit))
            size = float(rng.uniform(0.01, 0.03) if key[firm] else rng.uniform(0.02, 0.09))
            if all(r.firm != firm for r in plan.get(period, [])):
                plan.setdefault(period, []).append(Revision(firm, 1 + size * float(rng.choice([-1, 1]))))
    return plan


def _write_month(
    world: World, period: Period, kinds: list[str], revised: list[Revision], *, wan: bool, resend: bool
) -> None:
    rng = world.rng(_STREAM, period)
    firms = world.town.firms
    key = firms["key"].to_numpy(dtype=bool)
    code = world.town.column("uscc")
    filing = world.filing(period)
    on_form = filing & firms["form_firm"].to_numpy(dtype=bool)
    in_revision = np.isin(np.arange(len(firms)), [r.firm for r in revised])
    late = filing & ~on_form & ~in_revision & world.quiet[:, world.economy.at(period)]
    late &= rng.random(len(firms)) < 0.008
    main = filing & ~on_form & ~late
    printed = figures(world, period, revised)

    lost = _export(world, period, main, printed, rng, kinds=kinds, wan=wan, tail="", day=world.export_day(period).day,
                   soilable=world.soilable(period) & ~in_revision, resend=resend)  # fmt: skip
    for firm in np.flatnonzero(on_form):
        names = world.printed_names(world.rng(_STREAM + 2))
        document = firm_form(world, period, int(firm), names[firm], figures(world, period)[firm], rng)
        world.landing.put(world.day(period, 8 + int(rng.integers(0, 5))), document)
    soon = late & (key | (rng.random(len(firms)) < 0.6))
    for group, day, tail in ((soon, 15 + int(rng.integers(0, 3)), "_补报"), (late & ~soon, 22, "_补报2")):
        if group.any():
            _export(world, period, group, printed, rng, wan=False, tail=tail, day=day)
    mended = np.isin(code, [entity for entity in lost if rng.random() < 0.75]) | in_revision
    if mended.any():
        day = world.export_day(period + 1).day
        _export(world, period, mended, figures(world, period), rng, wan=False, tail="_更正", day=day, month_later=True)


def _export(
    world: World,
    period: Period,
    which: npt.NDArray[np.bool_],
    printed: npt.NDArray[np.float64],
    rng: np.random.Generator,
    *,
    wan: bool,
    tail: str,
    day: int,
    kinds: list[str] | None = None,
    soilable: npt.NDArray[np.bool_] | None = None,
    resend: bool = False,
    month_later: bool = False,
) -> list[str]:
    """Land one export of some firms; returns the USCCs whose figures are lost to dirt in it."""
    style = Style.draw(rng, wan=wan)
    order = np.arange(len(COLUMNS))
    if rng.random() < 0.3:  # items in another order, their four columns kept together
        order = order.reshape(-1, 4)[rng.permutation(len(OUTPUT_MEASURES))].ravel()
    columns = [COLUMNS[i] for i in order]
    names = world.printed_names(world.rng(_STREAM + 2))
    code = world.town.column("uscc")
    identity = np.stack([code, names, np.full(len(code), style.period(period), dtype=object)], axis=1)
    values = platform.scaled(printed[:, order], columns, style)[which]
    table = tables.Table.of(identity[which], values, period)
    total = np.where(np.isnan(values).all(axis=0), np.nan, np.round(np.nansum(values, axis=0), 2)) if not tail else None
    tables.roughen(table, rng, rate=0.004)
    header = platform.labels(columns, style)
    arrival = world.day(period + 1 if month_later else period, day)
    lost: list[str] = []
    if kinds and soilable is not None:
        lost = tables.soil(
            table,
            kinds,
            rng,
            eligible=soilable[which],
            labels=[_field(column) for column in columns],
            measures=[i for i, c in enumerate(columns) if c.measure.startswith(("output", "sales"))],
            future_period=style.period_of(2099, period.month),
            stranger=world.stranger(rng),
        )
    document = platform.export(
        table,
        columns,
        style,
        title=TITLE,
        sheet=SHEET,
        name=f"B204-1_{period.replace('-', '')}{tail}.xlsx",
        feed=FEED,
        period=period,
        day=arrival,
        header=header,
        extra=[Blemish(SHEET, 2, "计量单位", "unit_wan", rejected=False)] if wan else [],
        total=total,
        contacts=world.contacts(),
    )
    landed = world.landing.put(arrival, document)
    if landed and resend:
        world.landing.put_again(world.export_day(period + 1), document, f"B204-1_{period.replace('-', '')}(1).xlsx")
    return lost
