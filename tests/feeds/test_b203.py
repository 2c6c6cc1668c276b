import numpy as np

from qxmonitor.feeds import open_file, sniff
from tests.feeds.books import export, uscc, workbook

HEADER = [
    "统一社会信用代码", "单位详细名称", "报告期", "1-本月;资产总计", "负债合计;上年同期",
    "上年同期;1-本月;应收账款", "社会保险和住房公积金;应付职工薪酬;1-本月", "平均用工人数;千元;本年;1-本月",
    "1-本月;营业收入;千元", "营业收入;本月", "其他收益;1-本月", "填表人",
]  # fmt: skip


def test_stocks_flows_nested_labels_and_head_counts() -> None:
    rows = [[uscc(1), "甲公司", "20260010", 100, 40, 7, 12, 55, 900, 90, 3, "某人"]]
    opened = open_file(workbook({"表": export(HEADER, rows, unit="计量单位：万元", title="财务状况")}))
    batch = sniff(opened).read(opened)
    assert (batch.feed, batch.form, batch.period) == ("b203", "export", "2026-10")
    fact = batch.tables["finance_return"].iloc[0]
    assert fact["assets"] == 1000
    assert fact["liabilities_ly"] == 400
    assert fact["receivables_ly"] == 70
    assert fact["payroll"] == 120
    assert fact["employees"] == 55
    assert fact["revenue"] == 900
    assert np.isnan(fact["liabilities"])
    assert batch.cells["表|employees"] == "H"
    assert any("营业收入;本月" in note and "其他收益" in note for note in batch.notes)
    assert not any("某人" in note for note in batch.notes)
