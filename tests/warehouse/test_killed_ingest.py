"""An ingest killed at every step, beside a decision and a withdrawal: no row is lost, no frozen answer moves."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys

import pytest

from qxmonitor import look, pipeline, quarantine
from qxmonitor.warehouse import asof
from qxmonitor.warehouse.load import load
from tests.feeds.books import export, uscc, workbook
from tests.pipeline.conftest import environment

pytestmark = pytest.mark.long

BY = {"who": "王某", "why": "来函"}
FIRMS = [uscc(number) for number in range(1, 4)]
HEADER = ["统一社会信用代码", "单位详细名称", "报告期", "本月;工业总产值"]
TABLES = ("file", "file_month", "receipt", "output_return", "quarantine", "reading", "fix_decision", "withdrawal")

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from qxmonitor import pipeline
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, files, load

point, when, *paths = sys.argv[1:]
left = [int(point.partition(":")[2] or 1)]
def dying(work, before=False):
    def wrapped(*words, **more):
        left[0] -= 1
        mine = left[0] == 0
        if mine and before:
            os.kill(os.getpid(), signal.SIGKILL)
        found = work(*words, **more)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return wrapped
kind = point.partition(":")[0]
if kind == "kept":
    files.FileStore.put = dying(files.FileStore.put)
elif kind == "appended":
    load.append = dying(load.append)
elif kind == "before-commit":
    load._late_rejects = dying(load._late_rejects)
else:
    load._answers = dying(load._answers, before=True)
with Warehouse(Settings.from_env()) as wh:
    pipeline.ingest(wh, [Path(path) for path in paths], known_at=datetime.fromisoformat(when))
"""
POINTS = ["kept:1", "kept:2", *(f"appended:{number}" for number in range(1, 7)), "before-commit", "committed"]


def book(unit: str, *figures: object) -> bytes:
    rows = [[firm, "甲公司", "2026-03", figure] for firm, figure in zip(FIRMS, figures, strict=False)]
    return workbook({"表": export(HEADER, rows, unit=unit, title="B204-1表")})


def test_every_step(warehouse, make, tmp_path):
    wh = warehouse
    load(wh, [make.item("reg", 0, make.register({firm: {} for firm in FIRMS}))])
    contents = {
        "first": book("计量单位：千元", 1, 2, 3),
        "ruled": book("计量单位：仟圆", 10, 20),
        "plain": book("", 7, "坏"),
    }
    paths = {name: tmp_path / f"{name}.xlsx" for name in contents}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    sha = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    pipeline.ingest(wh, [paths["first"]], known_at=make.day(1))
    quarantine.fix_unit(wh, sha["ruled"], "*", "万元", known_at=make.day(3), **BY)  # of a file still to come
    quarantine.flag(wh, sha["first"], "withdraw", known_at=make.day(4), **BY)

    def output(**when):
        frame = asof.read(wh, "output_return", **when)
        return dict(zip(frame["entity"], frame["output_m"], strict=True))

    def counts():
        return {table: int(wh.frame(f"select count(*) from {table}").iloc[0, 0]) for table in TABLES}

    frozen, before = wh.newest_recorded(), counts()
    then = {day: output(known_at=make.day(day), recorded_at=frozen) for day in range(6)}
    assert then[2] == dict(zip(FIRMS, (1, 2, 3), strict=True)) and then[5] == {}
    done = None
    for point in POINTS:
        words = [point, make.day(2).isoformat(), str(paths["ruled"]), str(paths["plain"])]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, *words], env=environment(wh.settings), capture_output=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL, (point, killed.stderr[-500:])
        assert {day: output(known_at=make.day(day), recorded_at=frozen) for day in range(6)} == then, point
        if point != "committed":
            assert counts() == before, point
    done = counts()
    assert done != before
    receipts = pipeline.ingest(wh, [paths["ruled"], paths["plain"]], known_at=make.day(2))
    assert [receipt["state"] for receipt in receipts] == ["duplicate", "duplicate"]
    assert counts() == done | {"receipt": done["receipt"] + 2}
    assert output(known_at=make.day(2)) == {FIRMS[0]: 7, FIRMS[1]: 2, FIRMS[2]: 3}
    # Read in 万元 from the decision on; of two files that came at one moment the greater content counts.
    assert output() == {FIRMS[0]: 7 if sha["plain"] > sha["ruled"] else 100, FIRMS[1]: 200}
    rejected = look.listing(wh, "quarantine", file_name="plain.xlsx")
    assert [(row["row"], row["rule"]) for row in rejected] == [(5, "number.unreadable")]
    assert {day: output(known_at=make.day(day), recorded_at=frozen) for day in range(6)} == then
