"""财务状况 (B203): the platform export, cumulative from January, with no January return; corrected a month later.

Stocks are the month's end. Head-counts carry the money unit in some headers (a defect of real exports), and the payroll
column sits under a nested part that means nothing in others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period
from qxmonitor.simulate import platform, tables
from qxmonitor.simulate.filing import World, dirt_plan
from qxmonitor.simulate.model import STOCKS
from qxmonitor.simulate.platform import Column, Style
from qxmonitor.simulate.truth import Blemish

FEED = "b203"
SHEET = "财务状况"
TITLE = "B203表 财务状况"
ITEMS = {
    "receivables": "应收账款",
    "inventories": "存货",
    "finished_goods": "产成品",
    "current_assets": "流动资产合计",
    "assets": "资产总计",
    "liabilities": "负债合计",
    "revenue": "营业收入",
    "cost": "营业成本",
    "tax_surcharge": "税金及附加",
    "selling_expense": "销售费用",
    "admin_expense": "管理费用",
    "rd_expense": "研发费用",
    "financial_expense": "财务费用",
    "operating_profit": "营业利润",
    "profit": "利润总额",
    "payroll": "应付职工薪酬",
    "vat": "应交增值税",
    "employees": "平均用工人数",
}
KINDS = tuple(kind for kind in tables.KINDS if kind != "negative")
_STREAM = 52
_NOISE = "社会保险和住房公积金"


def write_all(world: World) -> None:
    """Land every B203 file of the run."""
    rows = float(world.town.reporting(world.first).sum())
    plan = dirt_plan(world, FEED, rows, _STREAM, KINDS)
    held = [p for p in world.months if world.returns_in(FEED, p)]
    for number, period in enumerate(held):
        rng = world.rng(_STREAM, period)
        filing = world.filing(period)
        lost = _export(world, period, filing, rng, plan[period], wan=number % 11 == 5, tail="", later=False)
        mended = np.isin(world.town.column("uscc"), [entity for entity in lost if rng.random() < 0.75])
        if mended.any():
            _export(world, period, mended, rng, [], wan=False, tail="_更正", later=True)


def columns(rng: np.random.Generator) -> list[Column]:
    """The value columns of one file: this year's and last year's figure of every item."""
    noise = _NOISE if rng.random() < 0.3 else ""
    out = []
    for measure, item in ITEMS.items():
        unit = "persons" if measure == "employees" else "money"
        nested = noise if measure == "payroll" else ""
        span = "" if measure in STOCKS and rng.random() < 0.4 else "1-本月"
        out.append(Column(measure, item, "本年", "1-本月", unit, nested))
        out.append(Column(f"{measure}_ly", item, "上年同期", span, unit, nested))
    return out


def figures(world: World, period: Period, measures: list[str]) -> npt.NDArray[np.float64]:
    """Figures of all firms, thousand yuan and persons: cumulative flows, end-of-month stocks."""
    economy, at = world.economy, world.economy.at(period)
    parts = []
    for measure in measures:
        name, last_year = measure.removesuffix("_ly"), measure.endswith("_ly")
        if name in STOCKS:
            source = economy.last_year if last_year else economy.month
        else:
            source = economy.last_year_cumulative if last_year else economy.cumulative
        parts.append(source[name][:, at])
    return np.stack(parts, axis=1).astype(float)


def _export(
    world: World,
    period: Period,
    which: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    kinds: list[str],
    *,
    wan: bool,
    tail: str,
    later: bool,
) -> list[str]:
    style = Style.draw(rng, wan=wan)
    cols = columns(rng)
    head_count_as_money = bool(rng.random() < 0.4)
    code = world.town.column("uscc")
    names = world.printed_names(world.rng(_STREAM + 2))
    identity = np.stack([code, names, np.full(len(code), style.period(period), dtype=object)], axis=1)
    values = platform.scaled(figures(world, period, [c.measure for c in cols]), cols, style)[which]
    table = tables.Table.of(identity[which], values, period)
    total = np.round(values.sum(axis=0), 1) if not tail else None
    tables.roughen(table, rng, rate=0.003)
    labels = platform.labels(cols, style, head_count_as_money=head_count_as_money)
    lost = tables.soil(
        table,
        kinds,
        rng,
        eligible=world.soilable(period)[which],
        labels=[ITEMS[c.measure.removesuffix("_ly")] for c in cols],
        measures=[i for i, c in enumerate(cols) if c.measure in ("revenue", "cost", "assets", "receivables")],
        future_period=style.period_of(2099, period.month),
        stranger=world.stranger(rng),
    )
    extra = [Blemish(SHEET, 2, "计量单位", "unit_wan", rejected=False)] if wan else []
    if head_count_as_money:
        extra.append(Blemish(SHEET, 3, ITEMS["employees"], "head_count_labelled_money", rejected=False))
    day = world.day(period + 1 if later else period, 16)
    document = platform.export(
        table,
        cols,
        style,
        title=TITLE,
        sheet=SHEET,
        name=f"财务状况_{period.replace('-', '')}{tail}.xlsx",
        feed=FEED,
        period=period,
        day=day,
        header=labels,
        extra=extra,
        total=total,
        contacts=world.contacts(),
    )
    world.landing.put(day, document)
    return lost
