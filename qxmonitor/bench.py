"""``qxmonitor bench``: times the work users run, each figure beside something on the same machine in the same run.

Everything happens in a temporary home with an embedded server of its own, removed afterwards. What users start as a
command is started as one here, in a process of its own, so imports, the connection and Great Expectations' loading are
in the figure. Two things are made beforehand and not counted: the simulated files, and the text that raw ``COPY``
feeds to the server.
"""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import xlsxwriter
from python_calamine import CalamineWorkbook

from qxmonitor import feeds, pipeline, quality
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period, months
from qxmonitor.settings import ROOT, Settings
from qxmonitor.simulate.codes import uscc_codes
from qxmonitor.warehouse import Warehouse, sql
from qxmonitor.warehouse.load import load

log = logging.getLogger(__name__)

Row = dict[str, Any]

_TABLE = "output_return"
_REPEATS = 5
_LAST = Period("2026-10")
"""Newest month of what is simulated; fixed, so that every run of the benchmark does the same work."""

_ITEMS = ("工业总产值(当年价格)", "工业销售产值(当年价格)", "其中:出口交货值", "企业用电量(万千瓦时)")
REGISTER = {
    "行业代码": "3922", "产业链": "", "链节点": "", "经济类型": "170", "规上": "是", "高新技术企业": "否",
    "先进制造业": "否", "高技术制造业": "否", "专精特新": "否", "倍增企业": "否", "境内上市": "否", "研发机构": "否",
    "重点企业": "否",
}  # fmt: skip
_COLUMNS = ("本年;本月", "本年;1-本月", "上年同期;本月", "上年同期;1-本月")


@dataclass(frozen=True)
class Scale:
    """How much: firms × months of the one large export, and of the simulated town."""

    export_firms: int
    firms: int
    months: int
    book_firms: int = 14_000


_SCALES = {"town": Scale(800, 800, 36), "city": Scale(14_000, 800, 36)}


class _Cost(NamedTuple):
    """What one command took: wall clock and its own processor seconds, and its peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def measure(scale: str) -> list[Row]:
    """Run the benchmark of a scale.

    Args:
        scale: ``town`` (one export of 800 firms × 36 months, and a town of that size), or ``city`` (the export is of
            14,000 firms; the town is the same).

    Returns:
        Rows of ``what``, ``figure`` (a number) and ``unit``.

    Raises:
        QxError: a command failed.
    """
    return measure_scale(_SCALES[scale])


def measure_scale(scale: Scale, repeats: int = _REPEATS) -> list[Row]:
    """:func:`measure` for any size; ``repeats`` is how often start-up is timed."""
    with home() as settings:
        rows = _export(settings, scale)
    with home() as settings:
        rows += _workbook(settings.home, scale)
        rows += _town(settings, scale)
        rows += _startup(settings, repeats)
    return rows


# -- one large export beside COPY ----------------------------------------------------------------------------------


def _export(settings: Settings, scale: Scale) -> list[Row]:
    """A platform export of B204-1 as csv: as the command takes it in, stage by stage, and as raw COPY."""
    rng = np.random.default_rng(1)
    codes = uscc_codes(rng, scale.export_firms)
    axis = months(_LAST - (scale.months - 1), _LAST)
    folder = settings.home / "landing"
    folder.mkdir()
    first, second = (write_export(folder / f"export-{n}.csv", codes, axis, rng) for n in (1, 2))
    count = len(codes) * len(axis)
    with Warehouse(settings) as wh:
        wh.init()
        [register] = pipeline.ingest(wh, [_write_register(folder / "register.xlsx", codes)])
        if register["accepted"] != len(codes):
            raise QxError(f"基准测试的名录未全部入库：{register['reasons']}")
        begin = _processor(wh)
        whole = command(settings, "ingest", str(first))
        between = _processor(wh)
        stages = _stages(wh, second)
        commanded, worked = whole.cpu + between - begin, _processor(wh) - between
        copies, copying = {}, {}
        for kind in ("indexed", "plain"):
            copies[kind], copying[kind] = _copy(wh, kind, count)
    staged = sum(stages.values())
    share = 100 * copies["indexed"] / staged
    return [
        row("export: rows", count, "rows"),
        row("export: qxmonitor ingest, whole command", whole.wall, "s"),
        row("export: qxmonitor ingest, whole command", count / whole.wall, "rows/s"),
        row("export: qxmonitor ingest, peak memory", whole.peak, "MiB"),
        *(row(f"export: stage {name}", seconds, "s") for name, seconds in stages.items()),
        row("export: all stages, in a running process", count / staged, "rows/s"),
        row("export: raw COPY, same shape and indexes", copies["indexed"], "s"),
        row("export: raw COPY, same shape and indexes", count / copies["indexed"], "rows/s"),
        row("export: raw COPY, no index", copies["plain"], "s"),
        row("export: raw COPY, no index", count / copies["plain"], "rows/s"),
        row("export: whole command / raw COPY with indexes", whole.wall / copies["indexed"], "times"),
        row("export: all stages / raw COPY with indexes", staged / copies["indexed"], "times"),
        row("export: rows a second of all stages / of raw COPY with indexes", share, "%"),
        row("export: all stages / raw COPY, no index", staged / copies["plain"], "times"),
        row("export: processor time of all stages, ours and the server's", worked, "s"),
        row("export: processor time of raw COPY with indexes, likewise", copying["indexed"], "s"),
        row("export: processor time of the whole command, likewise", commanded, "s"),
        row("export: processor time, raw COPY with indexes / all stages", 100 * copying["indexed"] / worked, "%"),
        row("export: processor time, raw COPY with indexes / whole command", 100 * copying["indexed"] / commanded, "%"),
        row("export: stage load / raw COPY with indexes", stages["load"] / copies["indexed"], "times"),
    ]


def _stages(wh: Warehouse, path: Path) -> dict[str, float]:
    """The parts of ``pipeline.ingest`` for one file, called one by one."""
    taken: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        gc.collect()
        begin = time.perf_counter()
        found = work()
        taken[name] = time.perf_counter() - begin
        return found

    def opened() -> tuple[feeds.Opened, feeds.Feed]:
        file = feeds.open_file(path)
        return file, feeds.sniff(file)

    sha256, size = timed("keep", lambda: wh.files.put(path))
    file, feed = timed("open, decode, sniff", opened)
    batch = timed("read", lambda: feed.read(file))
    [checked] = timed("quality", lambda: quality.check([batch], wh.settings.now()))
    [receipt] = timed("load", lambda: load(wh, [(str(path), sha256, size, wh.settings.now(), checked)]))
    if receipt["rejected"] or receipt["state"] != "accepted":
        raise QxError(f"基准测试的文件未全部入库，隔离 {receipt['rejected']} 行：{receipt['reasons']}")
    return taken


def _processor(wh: Warehouse) -> float:
    """Processor seconds of this process and of the embedded server with its children (Linux).

    On a machine that does other work they say more than the clock.
    """
    tick = os.sysconf("SC_CLK_TCK")
    server = (wh.settings.server_dir / "data" / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            about = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if stat.parent.name == server:
                total += sum(map(int, about[11:15]))  # and of its children that have ended
            elif about[1] == server:
                total += sum(map(int, about[11:13]))
    return time.process_time() + total / tick


def _copy(wh: Warehouse, kind: str, count: int) -> tuple[float, float]:
    """Seconds of a raw COPY of the newest file's rows into a new table, commit included: clock, and processor."""
    name = f"bench_{kind}"
    make = sql.query("bench_indexed" if kind == "indexed" else "bench_plain", made=name, table=_TABLE)
    with psycopg.connect(wh.settings.dsn("psycopg")) as connection, connection.cursor() as cursor:
        cursor.execute(make.encode())
        connection.commit()
        with cursor.copy(sql.query("bench_out", made=_TABLE).encode()) as copy:
            text = b"".join(copy).splitlines(keepends=True)[-count:]
        chunks = [b"".join(text[at : at + 1000]) for at in range(0, len(text), 1000)]
        connection.commit()
        begin, worked = time.perf_counter(), _processor(wh)
        with cursor.copy(sql.query("bench_in", made=name).encode()) as copy:
            for chunk in chunks:
                copy.write(chunk)
        connection.commit()
        return time.perf_counter() - begin, _processor(wh) - worked


def write_export(path: Path, codes: Sequence[str], axis: Sequence[Period], rng: np.random.Generator) -> Path:
    """The csv of a platform export; figures are plausible, so that few rows draw a remark."""
    heads = ["统一社会信用代码", "单位详细名称", "报告期"]
    heads += [f"{item};{column}" for item in _ITEMS for column in _COLUMNS]
    size = rng.integers(20_000, 900_000, len(codes))
    with path.open("w", encoding="gb18030") as out:
        out.write("B204-1表 工业产销总值及主要产品产量（模拟数据）\n计量单位：千元\n" + ",".join(heads) + "\n")
        for period in axis:
            month = (size * rng.uniform(0.9, 1.1, len(codes))).astype(np.int64)
            spans = np.stack([month, month * period.month, month * 19 // 20, month * period.month * 19 // 20])
            figures = np.concatenate([spans, spans * 97 // 100, spans * 2 // 5, spans // 100]).T.astype(str)
            for number, (code, line) in enumerate(zip(codes, figures.tolist(), strict=True)):
                out.write(f"{code},模拟企业{number},{period[:4]} 00 {period[5:]},{','.join(line)}\n")
    return path


def _write_register(path: Path, codes: Sequence[str]) -> Path:
    """A register of the firms, so that the rows are matched as they are in a town."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("企业名录")
        sheet.write_row(0, 0, ["重点企业名录（模拟数据）"])
        sheet.write_row(2, 0, ["统一社会信用代码", "企业名称", "纳入年月", *REGISTER])
        for number, code in enumerate(codes):
            sheet.write_row(3 + number, 0, [code, f"模拟企业{number}", "2020-01", *REGISTER.values()])
    return path


# -- one large workbook beside the bare reader ----------------------------------------------------------------------


def _workbook(folder: Path, scale: Scale, repeats: int = _REPEATS) -> list[Row]:
    """A platform export of B204-1 as xlsx, one firm a row: as our reader gives it, and as calamine's bare cells.

    The two take turns, so that whatever else the machine does is shared between them; a turn's ratio is one figure.
    """
    path = folder / "export.xlsx"
    _write_workbook(path, uscc_codes(np.random.default_rng(3), scale.book_firms))
    data = path.read_bytes()

    def bare() -> float:
        begin = time.perf_counter()
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            for name in book.sheet_names:
                book.get_sheet_by_name(name).to_python()
        return time.perf_counter() - begin

    def ours() -> tuple[float, int]:
        begin = time.perf_counter()
        file = feeds.open_file(data)
        batch = feeds.sniff(file).read(file)
        return time.perf_counter() - begin, batch.accepted

    pairs = []
    for _ in range(repeats):
        gc.collect()
        calamine = bare()
        gc.collect()
        reader, accepted = ours()
        if accepted != scale.book_firms:
            raise QxError(f"基准测试的工作簿未全部读入：{accepted} 行")
        pairs.append((calamine, reader))
    return [
        row("workbook: rows", scale.book_firms, "rows"),
        row("workbook: read, recognised and normalised", statistics.median(r for _, r in pairs), "s"),
        row("workbook: bare calamine, cells alone", statistics.median(c for c, _ in pairs), "s"),
        row("workbook: our speed / bare calamine", statistics.median(100 * c / r for c, r in pairs), "%"),
    ]


def _write_workbook(path: Path, codes: Sequence[str]) -> None:
    """The same export as a workbook, as platforms write it: figures as numbers, texts shared."""
    rng = np.random.default_rng(4)
    heads = ["统一社会信用代码", "单位详细名称", "报告期"]
    heads += [f"{item};{column}" for item in _ITEMS for column in _COLUMNS]
    figures = rng.integers(20_000, 900_000, (len(codes), len(_ITEMS) * len(_COLUMNS))).tolist()
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("B204-1")
        sheet.write_row(0, 0, ["B204-1表 工业产销总值及主要产品产量（模拟数据）"])
        sheet.write_row(1, 0, ["计量单位：千元"])
        sheet.write_row(2, 0, [*heads, "单位负责人", "联系电话"])
        for number, (code, line) in enumerate(zip(codes, figures, strict=True)):
            row = [code, f"模拟企业{number}", f"{_LAST[:4]} 00 {_LAST[5:]}", *line]
            sheet.write_row(3 + number, 0, [*row, f"负责人{number % 997:04d}", f"0000-{number:07d}"])


# -- a town, from landed files to mails ----------------------------------------------------------------------------


def _town(settings: Settings, scale: Scale) -> list[Row]:
    """A simulated town taken in as a whole, then one more month of it as it arrives."""
    before = _LAST - 1
    simulating = time.perf_counter()
    town = settings.home / "town"
    first = _LAST - scale.months
    pipeline.simulate(settings.now(), town, firms=scale.firms, first=first, last=_LAST, seed=1)
    simulating = time.perf_counter() - simulating
    folders = sorted(folder for folder in (town / "landing").iterdir() if folder.is_dir())
    split = f"{release_calendar().released_at(before):%Y-%m-%d}"
    parts = {
        before: [folder for folder in folders if folder.name <= split],
        _LAST: [folder for folder in folders if folder.name > split],
    }
    rows = [row("town: simulating the files (not part of any sum)", simulating, "s")]
    with Warehouse(settings) as wh:
        wh.init()
        for period, name in ((before, "town"), (_LAST, "one more month")):
            rows += _lived(settings, period, parts[period], name)
    return rows


def _lived(settings: Settings, period: Period, folders: Sequence[Path], name: str) -> list[Row]:
    """From landed files to rendered mails and documents of the newest month, command by command."""
    at = replace(settings, fixed_now=after(period))
    out = settings.documents_dir
    steps = {
        "ingest": [command(at, "ingest", *map(str, folders))],
        "run, mails planned": [command(at, "run", str(period))],
        "deliver": [command(at, "deliver")],
        "briefing, all editions": [
            command(at, "brief", str(period), "--for", edition.id, "--out", str(out)) for edition in office().editions
        ],
    }
    costs = [cost for step in steps.values() for cost in step]
    made = sum(1 for place in (settings.maildir.glob("*/new/*"), out.iterdir()) for path in place if path.is_file())
    return [
        row(f"{name}: files", sum(1 for folder in folders for path in folder.rglob("*") if path.is_file()), "files"),
        *(row(f"{name}: {step}", sum(c.wall for c in found), "s") for step, found in steps.items()),
        row(f"{name}: landed files to mails and briefing", sum(cost.wall for cost in costs), "s"),
        row(f"{name}: processor time of the commands", sum(cost.cpu for cost in costs), "s"),
        row(f"{name}: peak memory of a command", max(cost.peak for cost in costs), "MiB"),
        row(f"{name}: mails and documents there", made, "files"),
    ]


# -- start-up ------------------------------------------------------------------------------------------------------


def _startup(settings: Settings, repeats: int) -> list[Row]:
    """Commands that do next to nothing, and the server by itself; medians."""

    def median(*words: str) -> float:
        return statistics.median(command(settings, *words).wall for _ in range(repeats))

    version, stopped = median("--version"), median("list", "ledger")
    starts = []
    for _ in range(repeats):
        begin = time.perf_counter()
        with Warehouse(settings):
            starts.append(time.perf_counter() - begin)
    with Warehouse(settings):
        running = median("list", "ledger")
    return [
        row("start-up: qxmonitor --version", version, "s"),
        row("start-up: qxmonitor list ledger, server running", running, "s"),
        row("start-up: qxmonitor list ledger, server stopped (start and stop included)", stopped, "s"),
        row("start-up: server", statistics.median(starts), "s"),
    ]


# -- tools ---------------------------------------------------------------------------------------------------------


@contextmanager
def home() -> Iterator[Settings]:
    """A temporary home, removed with its server's data wherever that lies."""
    home = Path(tempfile.mkdtemp(prefix="qxmonitor-bench-"))
    home.chmod(0o755)  # so that root's server user can pass; figures lie in private folders below
    settings = Settings(home=home, fixed_now=after(_LAST))
    try:
        yield settings
    finally:
        shutil.rmtree(settings.server_dir.resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def command(settings: Settings, *words: str) -> _Cost:
    """Run a command of ours in a process of its own.

    Exit code 1 of ``ingest`` only says that some simulated file was refused, which is part of the work.

    Raises:
        QxError: it failed.
    """
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("QXMONITOR_")},
        "QXMONITOR_HOME": str(settings.home),
        "QXMONITOR_NOW": settings.now().isoformat(),
        "PYTHONPATH": str(ROOT),
    }
    log.info("%s", " ".join(words)[:120])
    begin = time.perf_counter()
    arguments = [sys.executable, "-m", "qxmonitor", *words, *(["--json"] if "--version" not in words else [])]
    with tempfile.TemporaryFile() as answer:
        quiet = [(os.POSIX_SPAWN_DUP2, answer.fileno(), 1)]
        pid = os.posix_spawn(sys.executable, arguments, environment, file_actions=quiet)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - begin
        answer.seek(0)
        text = answer.read()
    code = os.waitstatus_to_exitcode(status)
    if code and not (words[0] == "ingest" and code == 1 and json.loads(text or b"[]")):
        raise QxError(f"基准测试的命令失败：qxmonitor {words[0]}（返回 {code}）")
    return _Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def after(period: Period) -> datetime:
    """The day after a month's release."""
    return release_calendar().released_at(period) + timedelta(days=1)


def row(what: str, figure: float, unit: str) -> Row:
    """One figure of the benchmark."""
    return {"what": what, "figure": round(figure, 3 if figure < 100 else 0), "unit": unit}
