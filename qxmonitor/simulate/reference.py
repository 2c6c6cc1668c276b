"""Reference series as a data terminal exports them: eight lines of particulars, ``#N/A`` for gaps, a source line.

Invented monthly series, exported every January and July: an index (csv), electricity use (csv and the same as xlsx),
and cumulative growth of industry in a province and the nation (csv). The source line says 模拟数据.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time

import numpy as np

from qxmonitor.calendar import festival_share
from qxmonitor.period import Period, months
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document, Figures, number
from qxmonitor.simulate.workbooks import Book

FEED = "reference"
INDEX = ("SIM000001", "模拟:制造业景气指数", "%")
POWER = ("SIM000002", "模拟:全社会用电量:当月值", "万千瓦时")
PROVINCE = ("SIM000003", "模拟省:规模以上工业增加值:累计同比", "%")
NATION = ("SIM000004", "模拟:规模以上工业增加值:累计同比", "%")
_COLUMNS = ["row", "entity", "period", "value"]
_META_LINES = 8
_EXPORTS = ((INDEX, ("csv",)), (POWER, ("csv", "xlsx")), (PROVINCE, ("csv",)), (NATION, ("csv",)))


def write_all(world: World) -> None:
    """Land the exports of every January and July, the first before the first release."""
    start = Period(f"{world.first.year - 2:04d}-01")
    axis = months(start, world.last)
    series = _series(world, axis)
    days = {world.day(world.first, 15)}
    for year in range(world.first.year, world.last.year + 2):
        days |= {date(year, 1, 15), date(year, 7, 15)}
    for day in sorted(days):
        upto = [p for p in axis if p < Period.of(day)]
        if day < world.day(world.first, 15):
            continue
        for key, kinds in _EXPORTS:
            for kind in kinds:
                world.landing.put(day, _export(key, upto, series[key[0]], day, kind))


def _series(world: World, axis: tuple[Period, ...]) -> dict[str, list[float]]:
    rng = world.rng(92)
    step = np.arange(len(axis))
    share = np.array([festival_share(p) for p in axis])
    index = np.round(50.3 + 0.9 * np.sin(step / 6) + rng.normal(0, 0.4, len(axis)) - 1.2 * share, 1)
    season = np.array([p.month for p in axis])
    power = 52000 * 1.004**step * (1 + 0.16 * np.sin((season - 4) / 12 * 2 * np.pi) - 0.18 * share)
    power = np.round(power * np.exp(rng.normal(0, 0.015, len(axis))), 1)
    power[season <= 2] = np.nan
    found = {INDEX[0]: index.tolist(), POWER[0]: power.tolist()}
    for (code, _, _), mean in ((PROVINCE, 4.1), (NATION, 4.8)):
        growth = np.round(mean + 1.5 * np.sin(step / 9) + rng.normal(0, 0.3, len(axis)), 1)
        growth[season == 1] = np.nan
        found[code] = growth.tolist()
    return found


def _export(key: tuple[str, str, str], axis: list[Period], values: list[float], day: date, kind: str) -> Document:
    code, name, unit = key
    meta = [
        ("国家", "中国"),
        ("指标名称", name),
        ("频率", "月"),
        ("单位", unit),
        ("指标ID", code),
        ("时间区间", f"{axis[0]}:{axis[-1]}"),
        ("来源", "模拟数据"),
        ("更新时间", f"{day:%Y%m%d}"),
    ]
    points = list(zip(axis, values, strict=False))
    title = name.replace(":", "_")
    content = _csv(meta, points) if kind == "csv" else _xlsx(meta, points, title, day)
    sheet = "" if kind == "csv" else title
    rows = [[_META_LINES + 1 + i, code, str(p), number(v)] for i, (p, v) in enumerate(points)]
    return Document(
        name=f"{title}.{kind}",
        feed=FEED,
        form=FEED,
        period=None,
        content=content,
        rows_read=len(points) + 1,
        figures=[Figures(sheet, _COLUMNS, unit, rows)],
    )


def _last_day(period: Period) -> date:
    return date(period.year, period.month, monthrange(period.year, period.month)[1])


def _csv(meta: list[tuple[str, str]], points: list[tuple[Period, float]]) -> bytes:
    lines = [f"{label},{value}" for label, value in meta]
    for period, value in points:
        day = _last_day(period)
        lines.append(f"{day.year}/{day.month}/{day.day},{repr(value) if value == value else '#N/A'}")
    lines += [",", "数据来源：模拟数据,"]
    return "".join(f"{line}\n" for line in lines).encode("gb18030")


def _xlsx(meta: list[tuple[str, str]], points: list[tuple[Period, float]], title: str, day: date) -> bytes:
    book = Book(title, day)
    page = book.sheet(title)
    page.set_column(0, 1, 24)
    for row, (label, text) in enumerate(meta):
        page.write_string(row, 0, label, book.note)
        if label == "更新时间":
            page.write_number(row, 1, int(text), book.note)
        else:
            page.write_string(row, 1, text, book.note)
    for row, (period, value) in enumerate(points, start=_META_LINES):
        page.write_datetime(row, 0, datetime.combine(_last_day(period), time()), book.day)
        if value == value:
            page.write_number(row, 1, value, book.note)
        else:
            page.write_string(row, 1, "#N/A", book.note)
    page.write_string(_META_LINES + len(points) + 1, 0, "数据来源：模拟数据", book.note)
    return book.content()
