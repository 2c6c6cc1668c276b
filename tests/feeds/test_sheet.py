"""Declared sheets: each form's good file, and the ways in which files of offices are not good."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.identity import uscc_check_char
from tests.feeds.books import csv, uscc, workbook

PROJECTS = [
    "项目代码", "项目名称", "统一社会信用代码", "建设单位", "计划总投资", "本年累计完成投资", "上年同期", "本月",
    "是否技改", "行业代码", "开工年月", "建设状态",
]  # fmt: skip
PROJECT: list[Any] = [
    "0001-440000", "新厂房", uscc(1), "甲公司", 8000, 1200.5, 900, "100", "是", "0397", "2025年3月", "在建",
]  # fmt: skip
TOP = [["206-1 固定资产投资项目情况（2026年1—10月）"], ["计量单位：万元"]]


def read(data: bytes) -> Batch:
    opened = open_file(data, "x")
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def rows(batch: Batch) -> list[dict[str, Any]]:
    (table,) = batch.tables.values()
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")]


def faults(batch: Batch) -> list[tuple[int, str, str]]:
    return sorted((row, field, rule) for _, row, field, rule, _, _ in batch.rejects.itertuples(index=False))


def project(**changes: Any) -> list[Any]:
    return list((dict(zip(PROJECTS, PROJECT, strict=True)) | changes).values())


def test_projects_by_hand() -> None:
    batch = read(workbook({"206-1": [*TOP, PROJECTS, PROJECT, ["合计", None, None, None, 8000, 1200.5, 900, 100]]}))
    (row,) = rows(batch)
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("investment", "sheet", "2026-10", "simulated")
    assert row == {
        "sheet": "206-1", "row": 4, "thing": "0001-440000", "subject": uscc(1), "period": "2026-10",
        "project_code": "0001-440000", "project_name": "新厂房", "scale": "206-1", "plan": 80000.0, "ytd": 12005.0,
        "ytd_ly": 9000.0, "month": 1000.0, "tech_upgrade": True, "industry": "0397", "started": "2025-03",
        "building": "在建",
    }  # fmt: skip
    assert (batch.rows_read, batch.rejected, batch.notes) == (2, 0, [])
    assert batch.control.to_numpy().tolist() == [["206-1", 5, "合计"]]
    assert batch.cells["206-1|plan"] == "E" and batch.cells["206-1|subject"] == "C"


def test_two_sheets_of_two_forms_in_one_file() -> None:
    small: list[list[Any]] = [["206-2 固定资产投资项目情况"], ["报告期：2026年10月", None, None, "单位：元"], PROJECTS,
             project(项目代码=None, 计划总投资=7_000_000)]  # fmt: skip
    first, second = rows(read(workbook({"a": [*TOP, PROJECTS, PROJECT], "b": small})))
    assert (first["scale"], second["scale"]) == ("206-1", "206-2")
    assert (second["plan"], second["thing"]) == (7000.0, "新厂房"), "the name tells where there is no code"


def test_a_unit_in_the_heading_counts_before_the_one_above() -> None:
    header = [name if name != "计划总投资" else "计划总投资(亿元)" for name in PROJECTS]
    (row,) = rows(read(workbook({"x": [*TOP, header, project(计划总投资=0.8)]})))
    assert (row["plan"], row["ytd"]) == (80000.0, 12005.0)


def test_no_unit_is_taken_as_the_form_has_it_and_said() -> None:
    batch = read(workbook({"x": [["2026年10月"], PROJECTS, PROJECT]}))
    assert rows(batch)[0]["plan"] == 80000.0
    assert "未注明计量单位，按万元处理" in batch.notes


@pytest.mark.parametrize("unit", ["计划总投资（万美元）", "计划总投资（千瓦时）"])
def test_a_unit_of_another_kind_refuses(unit: str) -> None:
    header = [name if name != "计划总投资" else unit for name in PROJECTS]
    with pytest.raises(Refused, match="未识别的计量单位"):
        read(workbook({"x": [*TOP, header, PROJECT]}))


def test_headings_in_two_lines_and_merged() -> None:
    upper = ["项目代码", "项目名称", "建设单位", "计划总投资（万元）", "完成投资", None, None, "备注"]
    lower = [None, None, None, None, "1-本月", "本月", "上年同期", None]
    body = [["P1", "新厂房", "甲公司", 8000, 1200, 100, 900, "无"]]
    batch = read(workbook({"x": [["2026年10月 项目"], [], upper, lower, *body]}))
    (row,) = rows(batch)
    assert (row["ytd"], row["month"], row["ytd_ly"], row["row"]) == (12000.0, 1000.0, 9000.0, 5)
    assert row["subject"] == "name:甲公司"
    assert "未采用的列：备注" in batch.notes


def test_a_csv_and_a_workbook_give_the_same() -> None:
    cells = [*TOP, PROJECTS, PROJECT]
    from_csv, from_book = rows(read(csv(cells))), rows(read(workbook({"x": cells})))
    assert [{**row, "sheet": ""} for row in from_book] == from_csv


@pytest.mark.parametrize("gone", ["项目名称", "计划总投资"])
def test_without_what_tells_it_no_form_is_known(gone: str) -> None:
    header = [name for name in PROJECTS if name != gone]
    with pytest.raises(Refused, match="未识别的报表"):
        read(workbook({"x": [*TOP, header]}))


def test_a_missing_mandatory_column_refuses_once() -> None:
    with pytest.raises(Refused, match=r"^表头缺少必需的列：统一社会信用代码或用户名称、年月$"):
        read(workbook({"x": [["本月用电量", "累计用电量"], [1, 2]]}))


def test_a_column_twice_refuses() -> None:
    with pytest.raises(Refused, match=r"^E 列与 M 列是同一项：计划总投资$"):
        read(workbook({"x": [*TOP, [*PROJECTS, "项目计划总投资"], [*PROJECT, 1]]}))


def test_two_months_above_refuse() -> None:
    with pytest.raises(Refused, match="不一致"):
        read(workbook({"x": [["2026年10月"], ["报告期：2026年9月"], PROJECTS, PROJECT]}))


def test_the_day_of_printing_is_no_month() -> None:
    batch = read(workbook({"x": [["2026年10月项目"], ["制表日期：2026年11月5日"], PROJECTS, PROJECT]}))
    assert batch.period == "2026-10"


def test_wrong_cells_reject_their_lines() -> None:
    wrong: dict[str, Any] = {
        "统一社会信用代码": "91000000MA00000000", "计划总投资": "约8000", "本年累计完成投资": None, "是否技改": "部分",
        "开工年月": "去年", "项目名称": "—", "行业代码": "39/70",
    }  # fmt: skip
    batch = read(workbook({"x": [*TOP, PROJECTS, *(project(**{key: cell}) for key, cell in wrong.items()), PROJECT]}))
    assert faults(batch) == [
        (4, "统一社会信用代码", "identity.uscc"), (5, "计划总投资", "number.unreadable"),
        (6, "本年累计完成投资", "cell.missing"), (7, "技术改造", "flag.unreadable"),
        (8, "开工年月", "period.unreadable"), (9, "项目名称", "cell.missing"), (10, "行业代码", "code.unreadable"),
    ]  # fmt: skip
    assert [row["row"] for row in rows(batch)] == [11]


def test_a_total_that_disagrees_is_said() -> None:
    batch = read(workbook({"x": [*TOP, PROJECTS, PROJECT, ["合计", None, None, None, 9000, 1200.5]]}))
    assert batch.notes == ["合计行的计划总投资与各行之和不符"]


def test_a_shifted_csv_line_is_rejected() -> None:
    head = "206-1,2026年10月\r\n计量单位：万元\r\n"
    data = head + ",".join(PROJECTS) + "\r\n" + ",".join(map(str, [*PROJECT[:4], "8", *PROJECT[4:]])) + "\r\n"
    assert faults(read(data.encode("gb18030"))) == [(4, "整行", "row.columns")]


# -- the other forms -----------------------------------------------------------------------------------------------


def test_rd_is_yearly_and_is_not_taken_for_a_finance_return() -> None:
    header = ["统一社会信用代码", "单位详细名称", "R&D经费支出（万元）", "研发人员折合全时工作量(人年)", "有无研发机构"]
    batch = read(workbook({"x": [["2025年度企业研发活动情况"], header, [uscc(1), "甲", "1,234.5", 12.5, "有"]]}))
    (row,) = rows(batch)
    assert (batch.feed, batch.period, row["period"]) == ("rd_yearly", None, "2025")
    assert (row["rd_expense"], row["rd_staff"], row["rd_institution"]) == (12345.0, 12.5, True)


def test_power_in_kilowatt_hours_and_no_contact() -> None:
    upper: list[Any] = ["用户编号", "用户名称", "信用代码", "用电量（千瓦时）", None, None, "联系人", "联系电话"]
    lower: list[Any] = [None, None, None, "本月", "上年同期", "累计", None, None]
    body: list[Any] = ["0007", "甲公司", uscc(2), 123456, 100000, 1234567, "张某", "13800000000"]
    batch = read(workbook({"x": [["2026年10月企业用电"], upper, lower, body]}))
    (row,) = rows(batch)
    assert (row["account"], row["power_m"], row["power_ytd"]) == ("0007", 12.3456, 123.4567)
    assert "张某" not in str([batch.tables, batch.notes, batch.cells, batch.rejects])


def test_tasks_with_the_department_above() -> None:
    header = ["条目", "进展情况", "完成进度（%）", "状态", "存在问题", "责任人"]
    top = [["行动方案任务进展（填报单位：工信局）"], ["报告期：2026-10"]]
    body = [["第1条", "已摸底", "85%", "正常推进", "请找联系人：张某 13800000000", "李某"],
            [19, "已完成", 100, "已完成", None, None]]  # fmt: skip
    batch = read(workbook({"x": [*top, header, *body]}))
    first, last = rows(batch)
    assert (batch.feed, first["clause"], first["percent"]) == ("tasks", 1, 85.0)
    assert (last["thing"], last["percent"], last["state"]) == ("19/gxj", 100.0, "done")
    assert first["problem"] == "请找（联系人略） （号码略）"
    assert "李某" not in str([batch.tables, batch.notes])


@pytest.mark.parametrize("cell", [0.85, 1, "0.85"])
def test_a_share_that_might_be_a_fraction_is_not_guessed(cell: Any) -> None:
    header = ["条目", "责任部门", "报告期", "进展情况", "完成进度"]
    batch = read(
        workbook({"x": [header, [1, "商务局", "2026-10", "在办", cell], [2, "商务局", "2026-10", "在办", "1%"]]})
    )
    assert faults(batch) == [(2, "完成进度", "percent.doubtful")]
    assert rows(batch)[0]["percent"] == 1.0


def test_visits_bear_no_person() -> None:
    header = [
        "序号",
        "走访日期",
        "企业名称",
        "统一社会信用代码",
        "走访部门",
        "走访人员",
        "诉求内容",
        "类别",
        "状态",
        "答复",
        "办结日期",
        "联系电话",
    ]
    body = [
        [1, date(2026, 10, 8), "甲公司", uscc(1), "投资服务中心", "李某", "招工难，电话0769-12345678，a.b@c.cn", "用工",
         "已办结", "已对接", "2026年10月20日", "13800000000"],
        [2, "20261009", "乙公司", uscc(2), "工信局", "李某", None, None, None, None, None, None],
        [3, "10月", "丙公司", uscc(3), "工信局", "李某", "缺地", "用地", "在办", None, date(2026, 10, 9), None],
    ]  # fmt: skip
    batch = read(workbook({"台账": [["走访诉求台账"], header, *body]}))
    first, second = rows(batch)
    assert batch.feed == "visits"
    assert (first["visited"], first["period"], first["closed"], first["state"]) == (
        "2026-10-08", "2026-10", "2026-10-20", "closed",
    )  # fmt: skip
    assert first["appeal"] == "招工难，电话（号码略），（号码略）"
    assert (first["thing"], second["visited"]) == (f"{uscc(1)}/2026-10-08", "2026-10-09")
    assert faults(batch) == [(5, "走访日期", "date.unreadable")]
    assert not any(word in str([batch.tables, batch.notes, batch.rejects]) for word in ("李某", "13800000000"))
    assert not any("序号" in note for note in batch.notes)


def test_parameters_are_one_a_row() -> None:
    header = ["年月", "参数名称", "适用范围", "数值", "来源"]
    body = [["2026-10", "工业增加值率", "全镇", 22.5, "市统计局"], ["2026-10", "PPI", 39, "98.6", "市统计局"],
            ["2026-10", "利率", "全镇", 3, "市统计局"]]  # fmt: skip
    batch = read(csv([header, *body]))
    assert (batch.feed, batch.origin) == ("parameters", "real")
    assert [(r["thing"], r["value"]) for r in rows(batch)] == [
        ("value_added_rate/全镇", 22.5),
        ("producer_price/39", 98.6),
    ]
    assert faults(batch) == [(4, "参数", "word.unknown")]


def test_real_and_simulated_firms_do_not_mix() -> None:
    header = ["统一社会信用代码", "年月", "本月用电量", "累计用电量"]
    other = "91999999MA0000001" + uscc_check_char("91999999MA0000001")
    with pytest.raises(Refused, match="模拟"):
        read(csv([header, [uscc(1), "2026-10", 1, 1], [other, "2026-10", 1, 1]]))


def test_a_person_is_no_firm() -> None:
    header = ["户名", "年月", "本月用电量", "累计用电量"]
    batch = read(
        csv([header, ["张某某", "2026-10", 1, 1], ["甲工艺厂", "2026-10", 1, 1], ["13800000000", "2026-10", 1, 1]])
    )
    assert [row["subject"] for row in rows(batch)] == ["name:甲工艺厂"]
    assert faults(batch) == [(2, "单位名称", "identity.person"), (4, "单位名称", "identity.person")]
    assert "张某某" not in str([batch.rejects.to_dict(), batch.tables]) and "138" not in str(batch.rejects.to_dict())


def test_an_identity_number_in_a_wrong_column_is_not_shown() -> None:
    header = ["统一社会信用代码", "年月", "本月用电量", "累计用电量"]
    batch = read(csv([header, ["110101190001010012", "2026-10", 1, 1], [uscc(1), "联系人：张某", 1, 1]]))
    assert sorted(batch.rejects["raw"]) == ["（号码略）", "（经办人信息，不保留）"]


@pytest.mark.parametrize(
    "text", ["13800000000", "138 0000 0000", "138-0000-0000", "＋８６１３８００００００００", "0769-12345678", "a@b.cn"]
)
def test_numbers_of_people_are_blanked_out(text: str) -> None:
    header = ["条目", "责任部门", "报告期", "进展情况"]
    (row,) = rows(read(csv([header, [1, "工信局", "2026-10", f"请打{text}问"]])))
    assert "（号码略）" in row["progress"] and not any(digit in row["progress"] for digit in "138")


@pytest.mark.parametrize("text", ["投资 13800 万元", "2026年10月31日", "编号 0001-440000", "产值 138000000000 元"])
def test_other_numbers_stay(text: str) -> None:
    header = ["条目", "责任部门", "报告期", "进展情况"]
    (row,) = rows(read(csv([header, [1, "工信局", "2026-10", text]])))
    assert row["progress"] == text


def test_a_sheet_without_rows_is_read_as_nothing() -> None:
    batch = read(csv([["统一社会信用代码", "年月", "本月用电量", "累计用电量"]]))
    assert (batch.rows_read, len(batch.tables["power_use"]), batch.period) == (0, 0, None)


def test_blank_lines_and_columns_and_a_repeated_header() -> None:
    header = [None, "统一社会信用代码", "年月", None, "本月用电量", "累计用电量", None]
    body = [None, uscc(1), "2026-10", None, 10000, 20000, None]
    batch = read(workbook({"x": [[], header, [], body, [None] * 7, header, body]}, at=(3, 2)))
    assert [(row["row"], row["power_m"]) for row in rows(batch)] == [(6, 1.0), (9, 1.0)]
    assert batch.control["row"].tolist() == [8]
    assert batch.cells["x|power_m"] == "F"


def test_units_in_a_line_of_their_own_below_the_headings() -> None:
    header = ["项目名称", "计划总投资", "本年累计完成投资", "报告期"]
    units = [None, "（亿元）", "万元", None]
    (row,) = rows(read(workbook({"x": [["项目"], header, units, ["新厂房", 0.8, 1200, "2026-10"]]})))
    assert (row["plan"], row["ytd"], row["row"]) == (80000.0, 12000.0, 4)


@pytest.mark.parametrize(
    "line", [["甲", "乙", 1, 2], [1, 2, 3, 4], ["（1）", "（2）", "（3）", "（4）"], ["甲", "—", "1", "2"]]
)
def test_the_line_that_numbers_the_columns_is_no_project(line: list[Any]) -> None:
    header = ["项目代码", "项目名称", "计划总投资（万元）", "本年累计完成投资（万元）"]
    batch = read(workbook({"x": [["2026年10月"], header, line, ["P1", "新厂房", 8000, 1200], ["1", "2", 3, 4]]}))
    assert [row["row"] for row in rows(batch)] == [4, 5], "further down it is a project"
    assert batch.control.to_numpy().tolist() == [["x", 3, "栏次行"]]


ODD = [
    None, "", "—", "合计", "注：某", True, 0, 1, -1, 0.5, 85, "85%", "是", 1e300, float("inf"), 10**30, "１２", "(5)",
    "\0", "2026-10", 202610, date(2026, 10, 9), "工信局", "正常推进", "第3条", 3, "#REF!", "=1+1", "x" * 3000,
    "13800000000",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(ODD), min_size=6, max_size=6), max_size=6))
def test_every_line_ends_somewhere(cells: list[list[Any]]) -> None:
    header = ["条目", "责任部门", "报告期", "进展情况", "完成进度", "状态"]
    opened = open_file(csv([["a"]]), "x")
    opened.kind, opened.__dict__["sheets"] = "xlsx", {"x": [header, *([c or "" for c in row] for row in cells)]}
    batch = sniff(opened).read(opened)
    (table,) = batch.tables.values()
    ends = [*table["row"], *set(batch.rejects["row"]), *batch.control["row"]]
    assert sorted(ends) == sorted(batch.lines["row"])
    assert table[["clause", "department", "period", "progress"]].notna().all(axis=None)
    assert "13800000000" not in str([table.to_dict(), batch.rejects.to_dict(), batch.control.to_dict()])
