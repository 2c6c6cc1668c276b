"""The published tables of imports and exports by place, monthly from February on: town, city, province and nation.

One in yuan and one in dollars.

The town's figures are its firms' true lines and a little of what no register knows; those of the others are
invented. In even months in 亿元, in odd ones in 万元; every third month growth bears its per cent sign. The city's
growth stands on a year ago restated half a per cent down, so that it differs from what two years' levels give.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import numpy as np
import pandas as pd

from qxmonitor.period import Period, months
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document, Figures

FEED, FORM = "customs_public", "table"
DAY = 16
_STREAM = 113
_UNREGISTERED = 1.03
_RESTATED = 0.995
_FLOWS = {"进出口": "trade", "出口": "export", "进口": "import"}
_PLACES = {"清溪镇": None, "模拟市": (620e8, 480e8), "模拟省": (3900e8, 2600e8), "模拟全国": (19000e8, 14000e8)}
"""Place and its monthly exports and imports in yuan at the beginning; the town's are its own."""
_COLUMNS = ["row", "entity", "period", "item", "value", "growth"]

Totals = dict[Period, dict[str, float]]
"""Month → exports and imports of the town in yuan and dollars."""


def totals(lines: pd.DataFrame) -> dict[str, float]:
    """What the tables say of the town's month, before rounding."""
    sums = lines.groupby("flow")[["rmb", "usd"]].sum() * _UNREGISTERED
    told = sums.reindex(["E", "I"], fill_value=0.0).to_numpy(dtype=np.float64)
    return {
        f"{flow}_{money}": float(told[row, column])
        for row, flow in enumerate(("export", "import")) for column, money in enumerate(("rmb", "usd"))
    }  # fmt: skip


def write(world: World, period: Period, town: Totals) -> None:
    """Land the tables of one month; none in January, which is published with February."""
    if world.returns_in(FEED, period):
        for money in ("rmb", "usd"):
            world.landing.put(world.day(period, DAY), _table(world, period, town, money))


def _table(world: World, period: Period, town: Totals, money: str) -> Document:
    word = {"rmb": "元", "usd": "美元"}[money]
    size, unit = (1e8, f"亿{word}") if period.month % 2 == 0 else (1e4, f"万{word}")
    decimals, sign = (2 if size == 1e8 else 0), ("%" if period.month % 3 == 0 else "")
    month = period.month
    year = months(Period(f"{period.year}-01"), period)
    figures = Figures("", _COLUMNS, unit)
    out = StringIO()
    out.write(f"{period.year}年{month}月进出口总值表（分地区，模拟数据）\r\n单位：{unit}\r\n")
    out.write("地区" + "".join(f",{flow},,," for flow in _FLOWS) + "\r\n")
    out.write("" + f",当月,当月同比±%,1至{month}月,累计同比±%" * len(_FLOWS) + "\r\n")
    for row, (place, size_of) in enumerate(_PLACES.items(), start=5):
        known = {p: town.get(p) if size_of is None else _of(world, p, place) for p in (*year, *(p - 12 for p in year))}
        cells = [place]
        for flow in _FLOWS.values():
            for span, over in (("m", year[-1:]), ("ytd", year)):
                now, then = (_sum(known, [p - back for p in over], flow, money) for back in (0, 12))
                if now is None or (month == 2 and span == "m"):
                    cells += ["—", "—"]
                    continue
                base = None if then is None else then * (_RESTATED if place == "模拟市" else 1.0)
                growth = None if not base else round(100 * (now / base - 1), 1)
                value = round(now / size, decimals)
                cells += [f"{value:.{decimals}f}", "—" if growth is None else f"{growth:.1f}{sign}"]
                figures.rows.append([row, place, str(period), f"{flow}_{money}_{span}", value, growth])
        out.write(",".join(cells) + "\r\n")
    out.write("数据来源：模拟数据\r\n")
    name = f"进出口总值表_分地区_{period.replace('-', '')}{'' if money == 'rmb' else '_美元'}.csv"
    content = out.getvalue().encode("gb18030")
    return Document(name, FEED, FORM, period, content, len(_PLACES) + 1, [figures])


def _of(world: World, period: Period, place: str) -> dict[str, float]:
    """Invented exports and imports of a place above the town."""
    rng = world.rng(_STREAM + list(_PLACES).index(place), period)
    step = period.ordinal - world.first.ordinal
    season = 1 + 0.06 * np.sin(2 * np.pi * (period.month - 4) / 12) - (0.15 if period.month <= 2 else 0.0)
    noise = np.exp(rng.normal(0, 0.02, 2))
    exports, imports = _PLACES[place] or (0.0, 0.0)
    rate = world.economy.rate[max(world.economy.at(period), 0)]
    found = {}
    for at, (flow, level) in enumerate((("export", exports), ("import", imports))):
        found[f"{flow}_rmb"] = float(level * 1.005**step * season * noise[at])
        found[f"{flow}_usd"] = found[f"{flow}_rmb"] / float(rate)
    return found


def _sum(known: dict[Period, dict[str, float] | None], over: Sequence[Period], flow: str, money: str) -> float | None:
    """A flow over some months; None where one of them is not known."""
    told = [known[p] for p in over]
    sides = ("export", "import") if flow == "trade" else (flow,)
    if any(month is None for month in told):
        return None
    return sum(month[f"{side}_{money}"] for month in told if month is not None for side in sides)
