"""What the suites of the declared sheets say of rows that cannot be, or are odd."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.period import SHANGHAI
from qxmonitor.quality.check import check
from tests.feeds.books import csv, uscc

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 20, tzinfo=SHANGHAI)


def judged(rows: list[list[Any]]) -> Batch:
    opened = open_file(csv(rows), "x")
    (outcome,) = check([sniff(opened).read(opened)], NOW)
    assert isinstance(outcome, Batch)
    assert outcome.accepted + outcome.rejected == outcome.rows_read
    return outcome


def critical(batch: Batch) -> list[tuple[int, str]]:
    return sorted(zip(batch.rejects["row"].tolist(), batch.rejects["rule"].tolist(), strict=True))


def test_projects() -> None:
    header = [
        "表号",
        "项目名称",
        "报告期",
        "计划总投资（万元）",
        "本年累计完成投资（万元）",
        "本月（万元）",
        "行业代码",
    ]
    batch = judged([
        header, ["206-1", "甲", "2026-10", 5000, 100, 10, "3970"], ["206-1", "乙", "2026-10", 4999, 100, 10, "3970"],
        ["206-2", "丙", "2026-10", 5000, 100, 200, "甲类"], ["206-2", "丁", "2026-10", -1, 0, -5, None],
        ["206-2", "戊", "2026-10", 600, 1000, 10, None], ["206-2", "己", "2026-10", 600, 10, 1, None],
        ["206-2", "己", "2026-10", 600, 20, 1, None],
    ])  # fmt: skip
    assert critical(batch) == [(5, "investment.negative"), (7, "duplicate.conflict"), (8, "duplicate.conflict")]
    assert batch.notes[1:] and {note.partition("，共")[0] for note in batch.notes if "共" in note} == {
        "表号：计划总投资与表号不符（206-1 为 5000 万元及以上，206-2 为 500 万元至 5000 万元）",
        "本年累计完成投资：累计小于本月",
        "行业代码：行业代码不是国民经济行业分类代码",
        "本年累计完成投资：本年完成投资超过计划总投资的 1.5 倍，可能计量单位填错",
    }
    assert any("共 2 行（第 3、4 行）" in note for note in batch.notes)


def test_rd() -> None:
    header = ["统一社会信用代码", "年份", "研发费用（千元）", "研发人员折合全时当量（人年）", "是否有研发机构"]
    batch = judged(
        [header, [uscc(1), "2025", -1, 1, "是"], [uscc(2), "2025", 0, 2, "否"], [uscc(3), "2027", 5, 2, "否"]]
    )
    assert critical(batch) == [(2, "rd.negative"), (4, "period.future")]
    assert any("有研发人员而研发费用为零，共 1 行（第 3 行）" in note for note in batch.notes)


def test_power() -> None:
    header = ["统一社会信用代码", "户号", "年月", "本月用电量", "累计用电量", "上年同期累计用电量"]
    rows = [[uscc(1), "01", "2026-10", 20000, 10000, 10000], [uscc(1), "02", "2026-10", -1, 10000, 10000],
            [uscc(1), "03", "2026-10", 1, 90000000, 10000], [uscc(1), "03", "2026-10", 1, 90000000, 10000]]  # fmt: skip
    batch = judged([header, *rows])
    assert critical(batch) == [(3, "power.negative"), (5, "duplicate.repeated")]
    assert [note.partition("（第")[0] for note in batch.notes if "共" in note] == [
        "累计用电量：累计小于本月，共 1 行",
        "累计用电量：累计数与上年同期相差悬殊，可能计量单位填错，共 1 行",
    ]


def test_tasks() -> None:
    header = ["条目", "责任部门", "报告期", "进展情况", "完成进度", "状态"]
    batch = judged([
        header, [1, "工信局", "2026-10", "好", "101%", "正常推进"], [0, "工信局", "2026-10", "好", "5%", None],
        [3, "工信局", "2026-10", "好", "90%", "已完成"], [3, "人社分局", "2026-10", "好", "90%", "正常"],
    ])  # fmt: skip
    assert critical(batch) == [(2, "task.percent"), (3, "task.clause")]
    assert [note.partition("，共")[0] for note in batch.notes if "共" in note] == [
        "完成进度：状态为已完成，而完成进度不到 100%",
        "责任部门：方案没有把这一条交给这个部门",
    ]


def test_visits() -> None:
    header = ["走访日期", "统一社会信用代码", "走访部门", "诉求内容", "诉求类别", "办理状态", "办结日期"]
    batch = judged([
        header, ["2026-10-08", uscc(1), "工信局", "缺工", "用工", "已办结", "2026-10-07"],
        ["2026-10-08", uscc(2), "工信局", "缺工", "用工", "已办结", None],
        ["2026-10-08", uscc(3), "工信局", None, "用工", None, None],
    ])  # fmt: skip
    assert critical(batch) == [(2, "visit.closed_before")]
    assert [note.partition("，共")[0] for note in batch.notes if "共" in note] == [
        "办结日期：状态为已办结，而没有办结日期",
        "诉求内容：填了诉求类别或办理状态，而诉求内容为空",
    ]


def test_parameters() -> None:
    header = ["年月", "参数", "适用范围", "数值", "来源"]
    batch = judged([
        header, ["2026-10", "增加值率", "全镇", 0.225, "甲"], ["2026-10", "PPI", "全镇", -1.4, "甲"],
        ["2026-10", "汇率", "全镇", 712.3, "甲"], ["2026-10", "汇率", "39", 7.12, "甲"],
    ])  # fmt: skip
    assert critical(batch) == [(2, "parameter.rate"), (3, "parameter.price"), (4, "parameter.usd_cny")]


def test_a_file_of_the_future_is_refused() -> None:
    opened = open_file(csv([["年月", "参数", "适用范围", "数值", "来源"], ["2027-10", "汇率", "全镇", 7, "甲"]]), "x")
    (outcome,) = check([sniff(opened).read(opened)], NOW)
    assert isinstance(outcome, Refused)
