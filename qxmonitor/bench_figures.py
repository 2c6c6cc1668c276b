"""``qxmonitor bench --scale figures``: the whole catalogue for a city, from facts read to values written.

Beside it, in the same run, the four measures of B204-1 with their growth and three-month means: as dense arrays, as a
window query of DuckDB and as a pandas groupby. What is computed of the catalogue is far more than that; the three are
there to say what the same machine does with the same panel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xlsxwriter

from qxmonitor import pipeline, runs
from qxmonitor.bench import REGISTER, Row, command, home, row, write_export
from qxmonitor.errors import QxError
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months
from qxmonitor.scene import HISTORY
from qxmonitor.settings import Settings
from qxmonitor.simulate.codes import uscc_codes
from qxmonitor.warehouse import Warehouse, sql
from qxmonitor.warehouse.panel import read_panel

_LAST = Period("2026-10")
_MEASURES = ("output", "sales", "export", "power")
_STOCKS = ("应收账款", "存货", "流动资产合计", "资产总计", "负债合计")
_FLOWS = ("营业收入", "营业成本", "利润总额")
_PARTS = {
    "应收账款": 0.2, "存货": 0.15, "流动资产合计": 0.5, "资产总计": 1.0, "负债合计": 0.55, "营业收入": 1.0,
    "营业成本": 0.84, "利润总额": 0.05,
}  # fmt: skip
_CHAINS = [f"C{number:02d}" for number in range(1, 13)]


def measure(firms: int = 14_000, length: int = 36, nation: int = 0) -> list[Row]:
    """Run it.

    Args:
        firms: how many.
        length: months of returns; the last one is what arrives next, and one more after it.
        nation: firms of a further single month, in warehouses of ``firms`` each (decision 10); 0: not measured.

    Returns:
        Rows of ``what``, ``figure`` and ``unit``.

    Raises:
        QxError: a command failed.
    """
    rows: list[Row] = []
    with home() as settings:
        rows += _city(settings, firms, length)
    return rows + (_nation(nation, firms) if nation else [])


def _city(settings: Settings, firms: int, length: int) -> list[Row]:
    rng = np.random.default_rng(5)
    axis = months(_LAST - length, _LAST)
    codes = uscc_codes(rng, firms)
    before = _ingested(settings, codes, axis[:-2], rng)
    everything = command(settings, "run", str(before))
    with Warehouse(settings) as wh:
        values = _values(wh)
        _ingest(wh, settings.home / "next", codes, axis[-2:-1], rng)
    one = command(settings, "run", str(axis[-2]))
    with Warehouse(settings) as wh:
        _ingest(wh, settings.home / "last", codes, axis[-1:], rng)
        within = _timed(lambda: runs.compute(wh, axis[-1:], None))
        panel = read_panel(wh, _LAST, months=HISTORY)
    return [
        row("figures: firms", firms, "firms"),
        row("figures: months", len(axis) - 2, "months"),
        row("figures: values written", values, "values"),
        row("figures: run, facts read to values written", everything.wall, "s"),
        row("figures: run, processor time", everything.cpu, "s"),
        row("figures: run, peak memory", everything.peak, "MiB"),
        row("figures: one more month, run", one.wall, "s"),
        row("figures: one more month, processor time", one.cpu, "s"),
        row("figures: one more month, peak memory", one.peak, "MiB"),
        row("figures: one more month, facts read to figures and verdicts written", within, "s"),
        *_beside(panel),
    ]


def _nation(firms: int, town: int) -> list[Row]:
    """A first month of many towns, one after the other, each in a warehouse and a server of its own."""
    costs, values, taken = [], 0, 0.0
    for number, begin in enumerate(range(0, firms, town)):
        rng = np.random.default_rng(100 + number)
        codes = uscc_codes(rng, min(town, firms - begin))
        with home() as settings:
            taken += _timed(lambda: _ingested(settings, codes, (_LAST,), rng))  # noqa: B023  (called at once)
            costs.append(command(settings, "run", str(_LAST)))
            with Warehouse(settings) as wh:
                values += _values(wh)
    return [
        row("nation: firms", firms, "firms"),
        row("nation: towns of a warehouse each", len(costs), "towns"),
        row("nation: values written", values, "values"),
        row("nation: a month taken in, files written with it", taken, "s"),
        row("nation: a month run, town after town", sum(cost.wall for cost in costs), "s"),
        row("nation: a month run, processor time", sum(cost.cpu for cost in costs), "s"),
        row("nation: a month run, peak memory of a town", max(cost.peak for cost in costs), "MiB"),
    ]


def _ingested(settings: Settings, codes: Sequence[str], axis: Sequence[Period], rng: np.random.Generator) -> Period:
    """Let the warehouse hold a register and two returns of every firm and month; returns the last month."""
    with Warehouse(settings) as wh:
        wh.init()
        register = settings.home / "register.xlsx"
        _write_register(register, codes)
        pipeline.ingest(wh, [register])
        _ingest(wh, settings.home / "first", codes, axis, rng)
    return axis[-1]


def _ingest(
    wh: Warehouse, folder: Path, codes: Sequence[str], axis: Sequence[Period], rng: np.random.Generator
) -> None:
    """Take in an export of each form a month, as they come."""
    folder.mkdir()
    size = rng.integers(20_000, 900_000, len(codes))
    paths = [write_export(folder / f"b204-{period}.csv", codes, [period], rng) for period in axis]
    paths += [
        _write_finance(folder / f"b203-{period}.csv", codes, period, size) for period in axis if period.month != 1
    ]
    for receipt in pipeline.ingest(wh, paths):
        if receipt["rejected"] or receipt["state"] != "accepted":
            raise QxError(f"基准测试的文件未全部入库：{receipt['reasons']}")


def _write_register(path: Path, codes: Sequence[str]) -> None:
    """Firms of twelve chains of five nodes each; every tenth one of a group of two."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("企业名录")
        sheet.write_row(0, 0, ["重点企业名录（模拟数据）"])
        sheet.write_row(2, 0, ["统一社会信用代码", "企业名称", "所属集团", "纳入年月", *REGISTER])
        for number, code in enumerate(codes):
            chain = _CHAINS[number % len(_CHAINS)]
            words = REGISTER | {"产业链": chain, "链节点": f"{chain}-N{number % 5 + 1}"}
            group = f"模拟集团{number // 20}" if number % 20 < 2 else ""
            sheet.write_row(3 + number, 0, [code, f"模拟企业{number}", group, "2020-01", *words.values()])


def _write_finance(path: Path, codes: Sequence[str], period: Period, size: npt.NDArray[np.int64]) -> Path:
    heads = [f"{year};{item}" for item in (*_STOCKS, *_FLOWS) for year in ("1-本月", "上年同期")]
    parts = [_PARTS[item] * (period.month if item in _FLOWS else 1) for item in (*_STOCKS, *_FLOWS)]
    now = (size[:, None] * np.array(parts)).astype(np.int64)
    figures = np.stack([now, now * 19 // 20], axis=2).reshape(len(codes), -1).astype(str).tolist()
    with path.open("w", encoding="gb18030") as out:
        out.write("B203表 财务状况（模拟数据）\n计量单位：千元\n")
        out.write(",".join(["统一社会信用代码", "单位详细名称", "报告期", *heads]) + "\n")
        for number, (code, line) in enumerate(zip(codes, figures, strict=True)):
            out.write(f"{code},模拟企业{number},{period[:4]} 00 {period[5:]},{','.join(line)}\n")
    return path


def _values(wh: Warehouse) -> int:
    return int(wh.arrow(sql.query("bench_values"))["values"][0].as_py())


# -- the same panel, plainly ---------------------------------------------------------------------------------------


def _beside(panel: Panel) -> list[Row]:
    """Growth on the year, on the month and a mean of three months of four measures, three ways."""
    grids = {name: panel.values[f"returns.{name}_m"] for name in _MEASURES}
    firms, span = grids["output"].shape
    long = pd.DataFrame(
        {"firm": np.repeat(np.arange(firms), span), "month": np.tile(np.arange(span), firms)}
        | {name: grid.ravel() for name, grid in grids.items()}
    )
    rows = [
        row("figures: four measures, growth and means, dense arrays", _timed(lambda: _arrays(grids)), "s"),
        row("figures: the same, pandas groupby", _timed(lambda: _groupby(long)), "s"),
    ]
    try:
        import duckdb
    except ImportError:  # of the development group
        return rows
    with duckdb.connect() as connection:
        connection.register("long", long)
        taken = _timed(lambda: connection.execute(sql.query("bench_window")).df())
    return [*rows, row("figures: the same, DuckDB window query", taken, "s")]


def _arrays(grids: dict[str, npt.NDArray[np.float64]]) -> list[Any]:
    found: list[Any] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for grid in grids.values():
            found += [grid[:, 12:] / grid[:, :-12] - 1, grid[:, 1:] / grid[:, :-1] - 1]
            found.append((grid[:, 2:] + grid[:, 1:-1] + grid[:, :-2]) / 3)
    return found


def _groupby(long: pd.DataFrame) -> pd.DataFrame:
    by = long.groupby("firm")
    found = {}
    for name in _MEASURES:
        found[f"{name}_yoy"] = long[name] / by[name].shift(12) - 1
        found[f"{name}_mom"] = long[name] / by[name].shift() - 1
        found[f"{name}_mean"] = by[name].rolling(3).mean().reset_index(level=0, drop=True)
    return pd.DataFrame(found)


def _timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
