"""海关企业月度数据 (GB18030 csv): several lines a firm and month, one for each flow, mode, commodity and partner.

Kept as customs hands it over: thousands commas inside quotes, a trailing empty column, a 合计 line, supervision modes
as codes, as codes whose leading zero a spreadsheet ate, or as names; some lines lack the credit code, a few every code.
A corrected sheet repeats all lines of the firms it corrects.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period
from qxmonitor.simulate import codes
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.filing import World, dirt_plan
from qxmonitor.simulate.truth import Blemish, Document, Figures

FEED = "customs_monthly"
HEADER = (
    "数据年月", "海关编码", "社会信用代码", "企业名称", "进出口标志", "贸易方式", "商品编码", "国别(地区)",
    "数量", "单位", "美元值", "人民币值", "",
)  # fmt: skip
KINDS = (
    "hs_length", "unknown_mode", "unknown_flow", "unreadable", "uscc_check_digit", "unregistered", "blank_identity",
    "repeated", "future_period",
)  # fmt: skip
_FIELD = {
    "hs_length": "商品编码", "unknown_mode": "贸易方式", "unknown_flow": "进出口标志", "unreadable": "美元值",
    "uscc_check_digit": "统一社会信用代码", "unregistered": "统一社会信用代码", "blank_identity": "统一社会信用代码",
    "repeated": "统一社会信用代码", "future_period": "数据年月",
}  # fmt: skip
COLUMNS = ["row", "entity", "period", "flow", "mode", "hs", "partner", "quantity", "unit", "usd", "rmb"]
STREAM = 72


@dataclass(frozen=True)
class Lanes:
    """The fixed trade lanes of the town: one row a firm × flow × mode × commodity × partner, with its share."""

    frame: pd.DataFrame

    @classmethod
    def of(cls, world: World) -> Lanes:
        """Draw one to four lanes a firm and flow; firms that sell only at home have none, traders always some."""
        rng = world.rng(STREAM + 1)
        firms = world.town.firms
        trader = firms["trader"].to_numpy(dtype=bool)
        exporting = (firms["export_share"].to_numpy(dtype=float) > 0.03) | trader
        importing = (rng.random(len(firms)) < 0.45) | trader
        parts = []
        for flow, having, goods in (("E", exporting, words.EXPORT_GOODS), ("I", importing, words.IMPORT_GOODS)):
            number = rng.integers(1, 5, len(firms)) * having
            firm = np.repeat(np.arange(len(firms)), number)
            choice = rng.random((len(firm), 4))
            chain = firms["chain"].to_numpy(dtype=object)[firm]
            parts.append(
                pd.DataFrame(
                    {
                        "firm": firm,
                        "flow": flow,
                        "mode": rng.choice(list(words.MODES), size=len(firm), p=words.MODE_WEIGHTS),
                        "hs": [goods[c][int(u * len(goods[c]))] for c, u in zip(chain, choice[:, 0], strict=True)],
                        "partner": rng.choice(list(words.PARTNERS), size=len(firm)),
                        "unit": rng.choice(words.UNITS, size=len(firm)),
                        "weight": 0.3 + choice[:, 1],
                        "price": np.exp(1.0 + 4.0 * choice[:, 2]),
                        "import_share": 0.05 + 0.3 * choice[:, 3],
                    }
                )
            )
        frame = pd.concat(parts, ignore_index=True)
        frame = frame.drop_duplicates(["firm", "flow", "mode", "hs", "partner"])
        frame["weight"] /= frame.groupby(["firm", "flow"])["weight"].transform("sum")
        return cls(frame.sort_values(["firm", "flow", "hs", "mode", "partner"], ignore_index=True))


def write_all(world: World) -> None:
    """Land every monthly sheet, and the corrected ones."""
    lanes = Lanes.of(world)
    plan = dirt_plan(world, FEED, len(lanes.frame) * 0.8, STREAM, KINDS)
    for number, period in enumerate(world.months):
        rng = world.rng(STREAM, period)
        lines = month_lines(world, lanes, period, rng)
        document, lost = _sheet(world, period, lines, rng, plan[period], tail="")
        if world.landing.put(world.day(period, 14), document) and number == 4:
            world.landing.put_again(world.day(period + 1, 14), document, document.name.replace(".csv", "_副本.csv"))
        traded = lines["firm"].unique()
        corrected = [firm for firm in lost if rng.random() < 0.75]
        if number % 4 == 1 and len(traded):
            corrected += [int(firm) for firm in rng.choice(traded, size=min(len(traded), 2), replace=False)]
        if corrected:
            mended = lines[lines["firm"].isin(corrected)].copy()
            up = (number % 4 == 1) * (rng.random(len(mended)) < 0.5) * 0.04
            mended["usd"] = np.rint(mended["usd"] * (1 + up))
            mended["rmb"] = np.rint(mended["usd"] * world.economy.rate[world.economy.at(period)])
            document, _ = _sheet(world, period, mended, rng, [], tail="_更正")
            world.landing.put(world.day(period + 1, 14), document)


def month_lines(world: World, lanes: Lanes, period: Period, rng: np.random.Generator) -> pd.DataFrame:
    """The true lines of a month: lanes with their dollars, yuan and quantities; empty lanes are left out."""
    economy, at = world.economy, world.economy.at(period)
    frame = lanes.frame.copy()
    firm = frame["firm"].to_numpy()
    rate = economy.rate[at]
    trader = world.town.firms["trader"].to_numpy(dtype=bool)[firm]
    turnover = economy.month["output"][firm, at] * 1000.0
    exported = np.where(trader, 0.6 * turnover, economy.month["export"][firm, at] * 1000.0)
    imported = economy.parts[firm, at] * 1000.0 * frame["import_share"].to_numpy() * np.where(trader, 2.0, 1.0)
    yuan = np.where(frame["flow"] == "E", exported, imported) * frame["weight"].to_numpy()
    frame["usd"] = np.rint(yuan / rate * np.exp(rng.normal(-0.02, 0.06, len(frame))))
    frame["rmb"] = np.rint(frame["usd"] * rate)
    frame["quantity"] = np.maximum(1, np.rint(frame["usd"] / frame["price"]))
    present = rng.random(len(frame)) < 0.93
    known = world.town.listed_at(period + 1)[firm]
    kept = (frame["usd"] >= 100).to_numpy() & present & known
    lines: pd.DataFrame = frame.loc[kept].reset_index(drop=True)
    return lines


def _sheet(
    world: World, period: Period, lines: pd.DataFrame, rng: np.random.Generator, kinds: list[str], *, tail: str
) -> tuple[Document, list[int]]:
    """One csv; also the firms that lose a line to rejected dirt in it."""
    cells, style = _printed(world, period, lines, rng)
    entity = world.town.column("uscc")[lines["firm"].to_numpy()]
    values = lines[["flow", "mode", "hs", "partner", "quantity", "unit", "usd", "rmb"]].to_numpy(dtype=object)
    marks = np.full(len(lines), None, dtype=object)
    cells, entity, values, marks, lost = _soil(world, period, lines, rng, kinds, (cells, entity, values, marks))
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(cells.tolist())
    writer.writerow(["合计", *[""] * 9, f"{int(lines['usd'].sum()):,}", f"{int(lines['rmb'].sum()):,}", ""])
    name = f"海关企业月度数据_{period.replace('-', '')}{tail}.csv"
    blemishes = [Blemish("", i + 2, _FIELD[kind], kind) for i, kind in enumerate(marks.tolist()) if kind]
    if style == "bare" and len(lines):
        blemishes.append(Blemish("", 2, "贸易方式", "leading_zero_lost", rejected=False))
    rows = [
        [i + 2, who, str(period), *(None if v != v else int(v) if isinstance(v, float) else v for v in line)]
        for i, (who, line) in enumerate(zip(entity.tolist(), values.tolist(), strict=True))
    ]
    figures = Figures("", COLUMNS, "元", rows, [i + 2 for i, kind in enumerate(marks.tolist()) if kind])
    document = Document(
        name, FEED, FEED, period, stream.getvalue().encode("gb18030"), len(cells) + 1, [figures], blemishes
    )
    return document, lost


def _printed(
    world: World, period: Period, lines: pd.DataFrame, rng: np.random.Generator
) -> tuple[npt.NDArray[np.object_], str]:
    """Cells as customs prints them, and how the modes are written."""
    firm = lines["firm"].to_numpy()
    draw = world.rng(STREAM + 2).random(len(world.town))[firm]
    uscc = np.where(draw < 0.05, "", world.town.column("uscc")[firm])
    code = np.where(draw < 0.01, "", world.town.column("customs")[firm])
    former = world.town.column("former")[firm]
    name = np.where((former != "") & (draw < 0.005), former, world.town.column("name")[firm])
    style = ("code", "bare", "code", "name")[int(rng.integers(0, 4))]
    spelt = {
        mode: {"code": mode, "bare": mode.lstrip("0"), "name": title}[style] for mode, title in words.MODES.items()
    }
    columns = (
        np.full(len(lines), period.replace("-", ""), dtype=object),
        code,
        uscc,
        name,
        np.where(lines["flow"] == "E", "出口", "进口"),
        lines["mode"].map(spelt),
        lines["hs"],
        lines["partner"],
        [f"{value:,.0f}" for value in lines["quantity"]],
        lines["unit"],
        [f"{value:,.0f}" for value in lines["usd"]],
        [f"{value:,.0f}" for value in lines["rmb"]],
        np.full(len(lines), "", dtype=object),
    )
    return np.stack([np.asarray(column, dtype=object) for column in columns], axis=1), style


Parts = tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.object_]]


def _soil(
    world: World, period: Period, lines: pd.DataFrame, rng: np.random.Generator, kinds: list[str], parts: Parts
) -> tuple[
    npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.object_], list[int]
]:
    """Plant rejected dirt, one line a kind; the firms whose own line is lost are returned last."""
    cells, entity, values, marks = parts
    soilable = world.soilable(period)[lines["firm"].to_numpy()]
    coded = (cells[:, 1] != "") & (cells[:, 2] != "")
    fit = [int(i) for i in rng.permutation(np.flatnonzero(soilable & coded))]
    lost: list[int] = []
    copies: list[tuple[str, int]] = []
    for kind in kinds:
        if not fit:
            break
        row = fit.pop()
        if kind in ("unregistered", "repeated", "future_period"):
            copies.append((kind, row))
            continue
        marks[row] = kind
        lost.append(int(lines["firm"].iloc[row]))
        if kind == "hs_length":
            cells[row, 6] = cells[row, 6][:7]
        elif kind == "unknown_mode":
            cells[row, 5] = "8888"
        elif kind == "unknown_flow":
            cells[row, 4] = "转关"
        elif kind == "unreadable":
            cells[row, 10] = "待核"
            values[row, 6] = float("nan")
        elif kind == "uscc_check_digit":
            cells[row, 2] = codes.spoil(cells[row, 2])
        else:
            cells[row, 1:4] = ""
    for kind, row in sorted(copies, key=lambda copy: -copy[1]):  # from below, so that rows above keep their place
        at = row + 1
        cells, entity, values, marks = (
            np.insert(array, at, array[row], axis=0) for array in (cells, entity, values, marks)
        )
        marks[at] = kind
        if kind == "unregistered":
            code, name = world.stranger(rng)
            cells[at, 1:4] = ("", code, name)
            entity[at] = ""
        elif kind == "future_period":
            cells[at, 0] = f"2099{period.month:02d}"
    return cells, entity, values, marks, lost
