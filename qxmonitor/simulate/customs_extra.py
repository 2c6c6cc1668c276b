"""What else customs hands out: declarations (XML), published statistics (csv), other vintages of the monthly sheet.

All are drawn from the same true lines as the monthly sheet. The declarations of a few firms a month add up to their
lines; the published figures add up to the town. Twice a year a month is told by a flash estimate first, rounded to
thousands (快讯, a workbook with a title), and by a corrected sheet last (修正, a csv with a column 数据版本).
"""

from __future__ import annotations

import csv
from io import StringIO
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from qxmonitor.period import Period
from qxmonitor.simulate import customs, published
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.customs import Lanes
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Blemish, Document, Figures
from qxmonitor.simulate.workbooks import Book, rows_of

DECLARATION, PUBLIC = "customs_declaration", "customs_public"
FIRMS_A_MONTH = 4
PUBLIC_HEADER = (
    "数据年月", "进出口类型", "商品编码", "商品名称", "贸易伙伴编码", "贸易伙伴名称", "贸易方式编码", "贸易方式名称",
    "注册地编码", "注册地名称", "第一数量", "第一计量单位", "第二数量", "第二计量单位",
)  # fmt: skip
_DECLARED = ["row", "entity", "period", "entry_id", "flow", "mode", "hs", "partner", "quantity", "currency", "amount"]
_PUBLISHED = ["row", "entity", "period", "flow", "hs", "partner", "mode", "quantity", "usd", "rmb"]
_STREAM = 112


def write_all(world: World) -> None:
    """Land one file of declarations, one download and one published table a month, and the vintages of some months."""
    lanes = Lanes.of(world)
    told: published.Totals = {}
    for number, period in enumerate(world.months):
        lines = customs.month_lines(world, lanes, period, world.rng(customs.STREAM, period))
        if lines.empty:
            continue
        rng = world.rng(_STREAM, period)
        world.landing.put(world.day(period, 6), _declarations(world, period, lines, rng, number))
        world.landing.put(world.day(period, 20), _download(period, lines, number))
        told[period] = published.totals(lines)
        published.write(world, period, told)
        if number % 6 == 3:
            world.landing.put(world.day(period, 8), _flash(world, period, lines))
            world.landing.put(world.day(period + 1, 20), _corrected(world, period, lines, rng))


# -- declarations --------------------------------------------------------------------------------------------------


def _declarations(world: World, period: Period, lines: pd.DataFrame, rng: np.random.Generator, number: int) -> Document:
    """All declarations of a few firms, one for each direction, mode and partner; every third month one line is bad."""
    firms = rng.choice(lines["firm"].unique(), size=min(FIRMS_A_MONTH, lines["firm"].nunique()), replace=False)
    chosen = lines[lines["firm"].isin(firms)].sort_values(["firm", "flow", "mode", "partner", "hs"])
    messages: list[str] = []
    figures: list[Figures] = []
    blemishes: list[Blemish] = []
    spoil = number % 3 == 1
    for serial, (_, group) in enumerate(chosen.groupby(["firm", "flow", "mode", "partner"]), start=1):
        goods = group.reset_index(drop=True)
        first = goods.iloc[0]
        entry = f"0000{period.year:04d}{'1' if first['flow'] == 'I' else '0'}{period.month:02d}{serial:07d}"
        yuan = serial % 6 == 5
        bad = spoil and bool(world.soilable(period)[int(first["firm"])])
        spoil = spoil and not bad
        messages.append(_message(world, period, goods, entry, yuan=yuan, bad=bad, rng=rng))
        amounts = goods["rmb" if yuan else "usd"]
        rows = [
            [at + 1, world.town.column("uscc")[int(first["firm"])], str(period), entry, first["flow"], first["mode"],
             f"{hs}00", first["partner"], int(quantity), "CNY" if yuan else "USD", int(amount)]
            for at, (hs, quantity, amount) in enumerate(zip(goods["hs"], goods["quantity"], amounts, strict=True))
        ]  # fmt: skip
        last = [len(goods)] if bad else []
        figures.append(Figures(entry, _DECLARED, "元", rows, last))
        blemishes += [Blemish(entry, row, "商品编码", "hs_length") for row in last]
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<DecMessages>\n' + "".join(messages) + "</DecMessages>\n"
    name = f"报关单_{period.replace('-', '')}.xml"
    return Document(
        name, DECLARATION, DECLARATION, period, text.encode("utf-8"), len(chosen), figures, blemishes
    )  # fmt: skip


def _message(
    world: World, period: Period, goods: pd.DataFrame, entry: str, *, yuan: bool, bad: bool, rng: np.random.Generator
) -> str:
    """One DecMessage; with ``bad`` its last goods line bears a commodity code of nine digits."""
    first = goods.iloc[0]
    firm = int(first["firm"])
    day = period.first_day.replace(day=int(rng.integers(1, 29)))
    gross = float(np.round(goods["quantity"].sum() * rng.uniform(0.5, 2.0), 2))
    style = ("%Y%m%d", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")[int(rng.integers(0, 3))]
    country = words.PARTNERS[first["partner"]]
    town = world.town
    head = {
        "SeqNo": "", "EntryId": entry, "IEFlag": first["flow"], "IEDate": day.strftime(style),
        "DDate": day.strftime("%Y-%m-%d"), "TradeCode": town.column("customs")[firm],
        "TradeCoScc": town.column("uscc")[firm], "TradeName": town.column("name")[firm],
        "OwnerCode": town.column("customs")[firm], "OwnerCodeScc": town.column("uscc")[firm],
        "OwnerName": town.column("name")[firm], "AgentName": "模拟报关行", "DeclareName": "模拟报关员",
        "TradeMode": first["mode"], "TradeCountry": country, "CutMode": "", "TransMode": "3",
        "GrossWet": f"{gross:.2f}", "NetWt": f"{gross * 0.9:.2f}", "PromiseItmes": "000",
    }  # fmt: skip
    money = goods["rmb" if yuan else "usd"]
    currency = "142" if yuan else ("502", "USD")[int(rng.integers(0, 2))]
    made, bound = (country, "142") if first["flow"] == "I" else ("142", country)
    lines = []
    for at, (hs, quantity, total) in enumerate(zip(goods["hs"], goods["quantity"], money, strict=True), start=1):
        code = f"{hs}00"
        lines.append({
            "GNo": str(at), "CodeTS": code[:9] if bad and at == len(goods) else code, "GName": f"模拟货物{hs[:4]}",
            "GQty": f"{quantity:.0f}", "GUnit": "035", "DeclPrice": f"{total / quantity:.4f}",
            "DeclTotal": f"{total:.0f}", "TradeCurr": currency, "OriginCountry": made, "DestinationCountry": bound,
            "DutyMode": "1",
        })  # fmt: skip
    return (
        '<DecMessage Version="3.1" xmlns="http://www.chinaport.gov.cn/dec">\n'
        + _block("DecHead", head)
        + "<DecLists>\n"
        + "".join(_block("DecList", line) for line in lines)
        + "</DecLists>\n</DecMessage>\n"
    )


def _block(tag: str, values: dict[str, str]) -> str:
    inside = "".join(f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>" for name, text in values.items())
    return f"<{tag}>{inside}</{tag}>\n"


# -- the published download ----------------------------------------------------------------------------------------


def _download(period: Period, lines: pd.DataFrame, number: int) -> Document:
    """The town's totals as the online query prints them: in dollars one month, in yuan the next, leading zeros lost."""
    money, heading = (("usd", "美元"), ("rmb", "人民币"))[number % 2]
    keys = ["flow", "hs", "partner", "mode"]
    totals = lines.groupby(keys, as_index=False)[["quantity", "usd", "rmb"]].sum()
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["海关统计数据在线查询（模拟数据）"])
    writer.writerow([*PUBLIC_HEADER, heading, ""])
    rows = []
    for at, (flow, hs, partner, mode, quantity, usd, rmb) in enumerate(totals.to_numpy(dtype=object).tolist(), start=3):
        printed = mode.lstrip("0") if number % 3 == 2 else mode
        value = usd if money == "usd" else rmb
        direction = "出口" if flow == "E" else "进口"
        what = [
            hs,
            f"模拟货物{hs[:4]}",
            words.PARTNERS[partner],
            partner,
            printed,
            words.MODES[mode],
            "00001",
            "模拟地区",
        ]
        how_much = [f"{quantity:,.0f}", "个", "", "", f"{value:,.0f}", ""]
        writer.writerow([period.replace("-", ""), direction, *what, *how_much])
        figures = [int(usd), None] if money == "usd" else [None, int(rmb)]
        rows.append([at, "", str(period), flow, hs, partner, mode, int(quantity), *figures])
    content = stream.getvalue().encode("gb18030")
    name = f"海关统计数据_{period.replace('-', '')}.csv"
    return Document(name, PUBLIC, PUBLIC, period, content, len(rows), [Figures("", _PUBLISHED, "元", rows)])


# -- vintages of the monthly sheet ---------------------------------------------------------------------------------


def _cells(world: World, period: Period, lines: pd.DataFrame) -> list[list[str]]:
    firm = lines["firm"].to_numpy()
    town = world.town
    columns = (
        [period.replace("-", "")] * len(lines),
        town.column("customs")[firm],
        town.column("uscc")[firm],
        town.column("name")[firm],
        np.where(lines["flow"] == "E", "出口", "进口"),
        lines["mode"],
        lines["hs"],
        lines["partner"],
        [f"{value:,.0f}" for value in lines["quantity"]],
        lines["unit"],
        [f"{value:,.0f}" for value in lines["usd"]],
        [f"{value:,.0f}" for value in lines["rmb"]],
    )
    return [list(map(str, row)) for row in zip(*columns, strict=True)]


def _figures(world: World, period: Period, lines: pd.DataFrame, sheet: str, first: int) -> Figures:
    entity = world.town.column("uscc")[lines["firm"].to_numpy()]
    values = lines[["flow", "mode", "hs", "partner", "quantity", "unit", "usd", "rmb"]].to_numpy(dtype=object).tolist()
    rows = [
        [first + at, who, str(period), *(int(value) if isinstance(value, float) else value for value in line)]
        for at, (who, line) in enumerate(zip(entity.tolist(), values, strict=True))
    ]
    return Figures(sheet, customs.COLUMNS, "元", rows)


def _flash(world: World, period: Period, lines: pd.DataFrame) -> Document:
    """快讯: all firms, dollars and yuan rounded to thousands, before the monthly sheet."""
    rounded = lines.assign(**{name: np.rint(lines[name] / 1000) * 1000 for name in ("usd", "rmb")})
    title = f"{period.year}年{period.month}月进出口企业月度数据（快讯，模拟数据）"
    book = Book(title, world.day(period, 8))
    page = book.sheet("快讯")
    with rows_of(page, 0) as write:
        write([title], book.title)
        write(["单位：见表头"], book.note)
        write(list(customs.HEADER[:-1]), book.header)
        for row in _cells(world, period, rounded):
            write(row, book.text)
        totals = [f"{int(rounded[name].sum()):,}" for name in ("usd", "rmb")]
        write(["合计", *[""] * 9, *totals], book.text)
    figures = _figures(world, period, rounded, "快讯", 4)
    name = f"海关企业月度数据_{period.replace('-', '')}_快讯.xlsx"
    return Document(name, customs.FEED, customs.FEED, period, book.content(), len(rounded) + 1, [figures])


def _corrected(world: World, period: Period, lines: pd.DataFrame, rng: np.random.Generator) -> Document:
    """修正: all lines of a few firms, some of them a little higher, after all other sheets of the month."""
    firms = rng.choice(lines["firm"].unique(), size=min(3, lines["firm"].nunique()), replace=False)
    mended = lines[lines["firm"].isin(firms)].copy()
    mended["usd"] = np.rint(mended["usd"] * (1 + 0.03 * (rng.random(len(mended)) < 0.5)))
    mended["rmb"] = np.rint(mended["usd"] * world.economy.rate[world.economy.at(period)])
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([*customs.HEADER[:-1], "数据版本", ""])
    writer.writerows([*row, "修正", ""] for row in _cells(world, period, mended))
    writer.writerow(["合计", *[""] * 9, f"{int(mended['usd'].sum()):,}", f"{int(mended['rmb'].sum()):,}", "", ""])
    name = f"海关企业月度数据_{period.replace('-', '')}_修正.csv"
    content = stream.getvalue().encode("gb18030")
    figures = _figures(world, period, mended, "", 2)
    return Document(name, customs.FEED, customs.FEED, period, content, len(mended) + 1, [figures])
