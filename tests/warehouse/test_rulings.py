"""Decisions on units and headings: as known then, as recorded then, in any order, killed and taken back."""

from __future__ import annotations

import hashlib
import itertools
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import pytest

from qxmonitor import look, pipeline, quarantine
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.trace import trace
from qxmonitor.warehouse import asof, decided, store
from qxmonitor.warehouse.load import load
from tests.feeds.books import export, uscc, workbook
from tests.pipeline.conftest import environment

BY = {"who": "王某", "why": "来函"}
FIRMS = [uscc(1), uscc(2)]
HEADER = [
    "统一社会信用代码",
    "单位详细名称",
    "报告期",
    "本月;工业总产值",
    "1-本月;工业总产值",
    "本月;工业总产出",
    "1-本月;本年;出口额",
]
ROWS = [[firm, "甲公司", "2026-03", 10 + n, 30 + n, 5, 7] for n, firm in enumerate(FIRMS)]


@pytest.fixture
def town(warehouse, make):
    load(warehouse, [make.item("reg", 0, make.register({firm: {} for firm in FIRMS}))])
    return warehouse


@pytest.fixture
def put(town, make, tmp_path):
    """Lay a workbook down and take it in, known from a day on; returns its sha256."""

    def put(day=1, unit="计量单位：千元", header=HEADER, rows=ROWS, name="a.xlsx", title="B204-1表", book=None):
        content = book if book else workbook({"表": export(header, rows, unit=unit, title=title)})
        path = tmp_path / f"{day}" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        put.receipts = pipeline.ingest(town, [path], known_at=make.day(day))
        return hashlib.sha256(content).hexdigest()

    return put


def figures(wh, column="output_m", **when):
    frame = asof.read(wh, "output_return", **when)
    return dict(zip(frame["entity"], frame[column], strict=True))


def test_a_unit_counts_from_its_day_on_and_frozen_reads_keep_what_they_said(town, put, make):
    sha256 = put()
    frozen = town.newest_recorded()
    [before] = store.stamps(town, [Period("2026-03")], known_at=make.day(4))
    assert figures(town) == {FIRMS[0]: 10, FIRMS[1]: 11}
    done = quarantine.fix_unit(town, "a.xlsx", "工业总产值", "万元", known_at=make.day(5), **BY)
    assert (done["target"], done["files"]) == (f"{sha256} 工业总产值", 1)
    assert figures(town) == {FIRMS[0]: 100, FIRMS[1]: 110}
    assert figures(town, known_at=make.day(4)) == figures(town, recorded_at=frozen) == {FIRMS[0]: 10, FIRMS[1]: 11}
    [after] = store.stamps(town, [Period("2026-03")])
    assert after.fingerprint != before.fingerprint and after.known_at == make.day(5)

    (cell,) = trace(town, f"output_m:firm:{FIRMS[0]}:2026-03")
    assert (cell["cell"], cell["value"]) == ("D4", 100)
    assert cell["read_by"] == "按决定读取：“工业总产值”的计量单位为万元"
    again = quarantine.fix_unit(town, sha256, "output", "万元", **BY)  # the same once more
    assert again["fix_id"] == done["fix_id"] and len(decided.decisions(town)) == 1
    with pytest.raises(QxError, match="同一时点"):
        quarantine.fix_unit(town, sha256, "工业总产值", "亿元", known_at=make.day(5), **BY)
    quarantine.fix_unit(town, sha256, "工业总产值", "", known_at=make.day(8), **BY)
    assert figures(town) == {FIRMS[0]: 10, FIRMS[1]: 11} and figures(town, known_at=make.day(7))[FIRMS[0]] == 100
    [revoked] = store.stamps(town, [Period("2026-03")], known_at=make.day(4))
    assert revoked.fingerprint == before.fingerprint


def test_a_refused_file_is_read_by_a_decision_but_stays_as_old_as_its_arrival(town, put, make):
    sha256 = put(unit="计量单位：仟圆")
    assert put.receipts[0]["state"] == "refused" and figures(town) == {}
    put(day=3, rows=[[FIRMS[0], "甲", "2026-03", 99, 99, 1, 1]], name="b.xlsx")
    frozen = town.newest_recorded()
    done = quarantine.fix_unit(town, sha256, "*", "千元", known_at=make.day(6), **BY)
    assert (done["files"], done["released"], done["rejected"]) == (1, 2, 0)
    assert figures(town) == {FIRMS[0]: 99, FIRMS[1]: 11}  # the later filing of the first firm still counts
    assert figures(town, known_at=make.day(5)) == figures(town, recorded_at=frozen) == {FIRMS[0]: 99}
    receipt = look.listing(town, "receipts", file_name="a.xlsx")[0]
    assert (receipt["state"], receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == ("accepted", 2, 2, 0)
    assert receipt["reasons"][0] == "按决定读取：全表的计量单位为千元"
    first = store.first_known(town, "b204_1")  # no earlier than it could be read
    assert first["2026-03"] == make.day(3)
    assert pipeline.ingest(town, [], known_at=None) == []

    quarantine.fix_unit(town, sha256, "*", "-", known_at=make.day(9), **BY)
    assert figures(town) == {FIRMS[0]: 99} and figures(town, known_at=make.day(8))[FIRMS[1]] == 11
    receipt = look.listing(town, "receipts", file_name="a.xlsx")[0]
    assert (receipt["state"], receipt["accepted"]) == ("refused", 0) and "未识别的计量单位" in receipt["reasons"][0]
    assert decided.content(town, "a.xlsx", refused=True)["sha256"] == sha256


def test_a_heading_is_read_in_all_files_of_the_form_and_no_other_figure_changes(town, put, make):
    put()
    put(day=2, name="b.xlsx", rows=[[FIRMS[0], "甲", "2026-04", 1, 2, 3, 4]])
    assert any("出口额" in note for note in put.receipts[0]["reasons"])
    done = quarantine.fix_mapping(town, "b204_1", "出口额", "出口交货值", known_at=make.day(5), **BY)
    assert done["files"] == 2
    assert figures(town, "export_ytd", last=Period("2026-03")) == {FIRMS[0]: 7, FIRMS[1]: 7}
    assert figures(town, last=Period("2026-03")) == {FIRMS[0]: 10, FIRMS[1]: 11}
    put(day=7, name="c.xlsx", rows=[[FIRMS[0], "甲", "2026-05", 1, 2, 3, 40]])
    assert figures(town, "export_ytd", first=Period("2026-05")) == {FIRMS[0]: 40}
    assert "按决定读取：“出口额”即“出口交货值”" in put.receipts[0]["reasons"]
    quarantine.fix_mapping(town, "b204_1", "工业总产出", "ignore", known_at=make.day(6), **BY)
    assert not any("工业总产出" in n for r in look.listing(town, "receipts") for n in r["reasons"] if "未采用" in n)
    for feed, word, meaning in [
        ("b204_1", "出口交货值", "output"), ("b204_1", "联系电话", "output"), ("b204_1", "某数", "没有的"),
        ("customs_monthly", "某数", "output"), ("b204_1", "没决定过", ""), ("b204_1", "工业总产出", "工业总产值"),
    ]:  # fmt: skip
        with pytest.raises(QxError):
            quarantine.fix_mapping(town, feed, word, meaning, known_at=make.day(6), **BY)


def test_what_would_make_a_whole_file_unreadable_is_not_decided(town, put):
    put()
    with pytest.raises(QxError, match="整份无法读取"):
        quarantine.fix_mapping(town, "b204_1", "工业总产出", "工业总产值", **BY)
    with pytest.raises(QxError, match="文件里没有"):
        quarantine.fix_unit(town, "a.xlsx", "利润总额", "万元", **BY)
    for item, unit in [("工业总产值", "人"), ("*", "吨"), ("工业总产值", "两")]:
        with pytest.raises(QxError, match="计量单位"):
            quarantine.fix_unit(town, "a.xlsx", item, unit, **BY)
    assert decided.decisions(town).empty


DETAIL = ["统一社会信用代码", "单位详细名称", "报告期", "产品名称", "计量单位", "产量;本月", "产量;1-本月"]


def test_released_rows_keep_their_history_and_the_rest_stays_in_quarantine(town, put):
    rows = [[FIRMS[0], "甲", "2026-03", "玩具", "", 3, 9], [FIRMS[0], "甲", "2026-03", "灯具", "", 4, 8],
            [FIRMS[1], "乙", "2026-03", "玩具", "个", 3, 9]]  # fmt: skip
    put(unit=None, header=DETAIL, rows=rows, title="主要产品产量")
    assert [(r["field"], r["fixable"]) for r in look.listing(town, "quarantine")] == [
        ("计量单位", "单位：fix unit")
    ] * 2
    done = quarantine.fix_unit(town, "a.xlsx", "玩具", "个", **BY)
    assert (done["released"], done["rejected"]) == (1, 1)
    [receipt] = look.listing(town, "receipts", file_name="a.xlsx")
    assert (receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == (3, 2, 1)
    assert [row["row"] for row in look.listing(town, "quarantine")] == [5]
    [released] = look.listing(town, "released")
    assert (released["row"], released["rule"], released["decision"], released["who"]) == (
        4, "detail.unit_missing", done["fix_id"], "王某",
    )  # fmt: skip
    detail = asof.read(town, "output_detail")
    assert sorted(zip(detail["name"], detail["unit"], detail["row"], strict=True)) == [
        ("玩具", "个", 4), ("玩具", "个", 6),
    ]  # fmt: skip


def test_a_withdrawn_file_is_in_no_quarantine_and_its_counts_stay(town, put):
    put(rows=[*ROWS, [uscc(9), "无名", "2026-03", 1, 2, 3, 4], [FIRMS[0], "甲", "2026-02", "甲乙", 2, 3, 4]])
    rules = {row["rule"] for row in look.listing(town, "quarantine")}
    assert rules == {"identity.unmatched", "number.unreadable"}
    before = look.listing(town, "receipts", file_name="a.xlsx")[0]
    quarantine.flag(town, "a.xlsx", "withdraw", **BY)
    assert look.listing(town, "quarantine") == [] and town.frame("select * from reads.withheld").empty
    after = look.listing(town, "receipts", file_name="a.xlsx")[0]
    assert after == before | {"state": "withdrawn"}
    assert (after["accepted"], after["rejected"]) == (2, 2)


STEPS = ("arrive", "unit", "mapping", "revoke")


ORDERS = [order for order in itertools.permutations(STEPS) if order.index("unit") < order.index("revoke")]
USUAL = [("arrive", "unit", "mapping", "revoke"), ("mapping", "unit", "revoke", "arrive")]


@pytest.mark.parametrize("order", [o if o in USUAL else pytest.param(o, marks=pytest.mark.long) for o in ORDERS])
def test_decisions_and_the_arrival_commute(town, put, make, order):
    book = workbook({"表": export(HEADER, ROWS)})
    content = hashlib.sha256(book).hexdigest()
    steps = {
        "arrive": lambda: put(book=book),
        "unit": lambda: quarantine.fix_unit(town, content, "工业总产值", "万元", known_at=make.day(4), **BY),
        "mapping": lambda: quarantine.fix_mapping(town, "b204_1", "出口额", "export", known_at=make.day(6), **BY),
        "revoke": lambda: quarantine.fix_unit(town, content, "工业总产值", "", known_at=make.day(8), **BY),
    }
    for step in order:
        steps[step]()
    found = {}
    for day in (1, 4, 5, 6, 7, 8, 9):
        facts = asof.read(town, "output_return", known_at=make.day(day)).set_index("entity").loc[FIRMS[0]]
        found[day] = (facts["output_m"], facts["export_ytd"])
    none = pytest.approx(float("nan"), nan_ok=True)
    assert found == {1: (10, none), 4: (100, none), 5: (100, none), 6: (100, 7), 7: (100, 7), 8: (10, 7), 9: (10, 7)}
    stamps = [store.stamps(town, [Period("2026-03")], known_at=make.day(d))[0].known_at for d in (2, 5, 7, 9)]
    assert stamps == [make.day(d) for d in (1, 4, 6, 8)]


def test_months_that_a_decision_changes_are_run_again_and_no_others(town, put, make):
    town.settings = replace(town.settings, fixed_now=datetime(2026, 5, 25, tzinfo=SHANGHAI))
    march = [[*row[:2], "2026-03", *row[3:]] for row in ROWS]
    put(day=1, rows=march, name="march.xlsx")
    put(day=2, rows=[[*row[:2], "2026-04", *row[3:]] for row in ROWS], name="april.xlsx")
    for month in ("2026-03", "2026-04"):
        pipeline.run(town, Period(month))
    assert pipeline.land(town) == []
    quarantine.fix_unit(town, "march.xlsx", "工业总产值", "万元", **BY)
    assert pipeline.land(town) == ["2026-03", "2026-04"]
    assert pipeline.run(town, Period("2026-03"))["also"] == "2026-04"
    assert pipeline.land(town) == []
    quarantine.fix_unit(town, "april.xlsx", "工业总产值", "万元", **BY)
    assert pipeline.land(town) == ["2026-04"]
    pipeline.run(town, Period("2026-04"))
    assert pipeline.land(town) == []


KILLED = """
import os, signal, sys
from qxmonitor import quarantine
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, load

append = load._append
def killed(*words):
    append(*words)
    os.kill(os.getpid(), signal.SIGKILL)
load._append = killed
with Warehouse(Settings.from_env()) as wh:
    quarantine.fix_unit(wh, "a.xlsx", "工业总产值", "万元", who="甲", why="乙")
"""


@pytest.mark.long
def test_a_decision_that_is_killed_was_not_made(town, put):
    put()
    tables = ("file", "reading", "fix_decision", "output_return")
    before = {table: town.frame(f"select count(*) from {table}").iloc[0, 0] for table in tables}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment(town.settings), capture_output=True, timeout=120, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {table: town.frame(f"select count(*) from {table}").iloc[0, 0] for table in tables} == before
    assert figures(town)[FIRMS[0]] == 10
    quarantine.fix_unit(town, "a.xlsx", "工业总产值", "万元", **BY)
    assert figures(town)[FIRMS[0]] == 100
