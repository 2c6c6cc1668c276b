import numpy as np
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from tests.feeds.books import export, uscc, workbook

HEADER = [
    "统一社会信用代码", "企业名称", "报告期", "工业总产值_本月", "工业总产值_累计",
    "工业总产值_上年同期本月", "工业总产值_上年同期累计", "出口交货值_本月",
    "出口交货值_累计", "出口交货值_上年同期本月", "出口交货值_上年同期累计", "期末从业人数",
]  # fmt: skip


def test_a_sheet_with_units_of_its_own() -> None:
    rows = [
        [uscc(1), "甲公司", "2026-02", "—", 200, None, 180, None, 20, "…", 10, 350],
        [uscc(2), "乙公司", "2026年2月", 1, 2, 3, 4, 5, 6, 7, 8, "约300"],
        ["注：自愿填报"],
    ]
    opened = open_file(workbook({"企业自报": export(HEADER, rows, unit="计量单位：万元", title="企业自报")}))
    batch = sniff(opened).read(opened)
    assert (batch.feed, batch.form, batch.period, batch.rows_read, batch.accepted) == (
        "self_report",
        "sheet",
        "2026-02",
        3,
        2,
    )
    fact = batch.tables["self_report"].iloc[0]
    assert (fact["output_ytd"], fact["output_ly_ytd"], fact["export_ly_ytd"], fact["employees"]) == (
        2000,
        1800,
        100,
        350,
    )
    assert np.isnan(fact[["output_m", "output_ly_m", "export_m", "export_ly_m"]].astype(float)).all()
    assert batch.rejects[["row", "field", "raw"]].to_numpy().tolist() == [[5, "期末从业人数", "约300"]]


def test_items_that_are_no_part_of_it_are_left_aside() -> None:
    header = [*HEADER[:4], "企业用电量_本月"]
    opened = open_file(workbook({"企业自报": export(header, [[uscc(1), "甲公司", "2026-02", 1, 2]], title="x")}))
    batch = sniff(opened).read(opened)
    assert any("企业用电量_本月" in note for note in batch.notes)


def test_a_sheet_without_a_period_is_refused() -> None:
    header = [HEADER[0], *HEADER[3:]]
    opened = open_file(workbook({"企业自报": export(header, [[uscc(1), 1]], title="x")}))
    with pytest.raises(Refused, match="报告期"):
        sniff(opened).read(opened)
