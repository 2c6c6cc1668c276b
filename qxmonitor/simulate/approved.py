"""市局反馈数: a small csv a month of approved town totals, of preliminary vintage.

Levels are the filing firms' true sums with a little of what the bureau adds; growth is on the restated base.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.period import Period
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document, Figures

FEED, FORM = "approved", "sheet"
_STREAM = 202
_DAY = 17
_TITLE = "主要经济指标反馈数（模拟数据）"
_HEAD = ("指标", "计量单位", "报告期", "本月", "同比增速(%)", "1—本月", "同比增速(%)", "口径说明", "版本")
_ITEMS = (
    ("output", "规模以上工业总产值", "亿元", "output", 1e5, "现价"),
    ("sales", "规模以上工业销售产值", "亿元", "sales", 1e5, "现价"),
    ("export_delivery", "规上工业出口交货值", "亿元", "export", 1e5, "现价"),
    ("value_added", "规上工业增加值", "亿元", "output", 4.2e5, "可比价"),
    ("industrial_power", "工业用电量", "亿千瓦时", "power", 1e6, ""),
)
"""Indicator, printed name and unit, measure of the economy, how many of its units make one printed, scope."""


def write_all(world: World) -> None:
    """Land the figures of every month with a return of output."""
    for period in world.months:
        if world.returns_in("b204_1", period):
            world.landing.put(world.day(period, _DAY), _sheet(world, period))


def _sheet(world: World, period: Period) -> Document:
    rng, at, economy = world.rng(_STREAM, period), world.economy.at(period), world.economy
    filing = world.town.reporting(period)
    single = world.month_column_in("b204_1", period)
    lines, figures = [_TITLE, ",".join(_HEAD)], []
    for place, (key, name, unit, measure, size, scope) in enumerate(_ITEMS, start=3):
        pairs = ((economy.month, economy.last_year), (economy.cumulative, economy.last_year_cumulative))
        now, before = (
            np.array([pair[side][measure][filing, at].sum() for pair in pairs], dtype=float) for side in (0, 1)
        )
        growth = np.round(100 * (now / np.where(before > 0, before, np.nan) - 1) + rng.normal(0, 0.2, 2), 1)
        level = np.round(now * 1.01 / size, 2)
        said = [(f"{v:.2f}", f"{g:.1f}" if g == g else "—") for v, g in zip(level, growth, strict=True)]
        if not single:
            said[0] = ("—", "—")
        lines.append(",".join((name, unit, f"{period.year}年{period.month}月", *said[0], *said[1], scope, "初步")))
        figures += [
            [
                place,
                key,
                str(period),
                ("m", "ytd")[i],
                float(level[i]),
                float(growth[i]) if growth[i] == growth[i] else None,
            ]
            for i in (0, 1)
            if said[i][0] != "—"
        ]
    lines.append("数据来源：模拟数据")
    return Document(
        name=f"反馈数_{period.replace('-', '')}.csv",
        feed=FEED,
        form=FORM,
        period=period,
        content="".join(f"{line}\r\n" for line in lines).encode("gb18030"),
        rows_read=len(_ITEMS) + 1,
        figures=[Figures("", ["row", "entity", "period", "measure", "value", "growth"], "亿元", figures)],
    )
