import random

import numpy as np
import pandas as pd
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from tests.feeds.books import B204, csv, export, letter, uscc, workbook

FULL = {
    "output": "工业总产值(当年价格)", "sales": "工业销售产值(当年价格)", "export": "其中:出口交货值",
    "power": "企业用电量(万千瓦时)",
}  # fmt: skip
PARTS = {
    "m": ["本年", "本月"],
    "ytd": ["本年", "1-本月"],
    "ly_m": ["上年同期", "本月"],
    "ly_ytd": ["上年同期", "1—本月"],
}
COLUMNS = [f"{item}_{span}" for item in FULL for span in PARTS]
KEYS = ["统一社会信用代码", "单位详细名称", "报告期"]
PERSONAL = ["单位负责人", "填表人", "联系电话"]


def read(data: bytes) -> Batch:
    opened = open_file(data)
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    assert list(batch.rejects.columns)[: len(REJECT_COLUMNS)] == REJECT_COLUMNS
    return batch


def row(number: int, *figures: object, period: object = "2026 00 10") -> list[object]:
    return [uscc(number), f"甲{number}公司", period, *figures]


def table(batch: Batch) -> pd.DataFrame:
    return batch.tables["output_return"].set_index("row")


def test_a_whole_export_with_shuffled_labels_lands_where_it_belongs() -> None:
    rng = random.Random(5)
    header = []
    for item in FULL:
        for span in PARTS:
            parts = [FULL[item], *PARTS[span]]
            rng.shuffle(parts)
            header.append(";".join(parts))
    figures = [float(n) for n in range(1, 17)]
    rows = [
        [*row(1, *figures), "张某", "李某", "13800000000"],
        [*row(2, *(10 * f for f in figures)), "王某", "赵某", ""],
    ]
    total = ["合计", None, None, *(11 * f for f in figures)]
    batch = read(workbook({"表": export([*KEYS, *header, *PERSONAL, "", ""], [*rows, total])}))
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("b204_1", "export", "2026-10", "simulated")
    assert (batch.rows_read, batch.rejected) == (3, 0)
    facts = table(batch)
    assert facts.index.tolist() == [4, 5]
    assert facts["subject"].tolist() == [uscc(1), uscc(2)]
    assert facts.loc[4, COLUMNS].tolist() == figures
    assert facts.loc[5, COLUMNS].tolist() == [10 * f for f in figures]
    assert batch.control.to_dict("records") == [{"sheet": "表", "row": 6, "text": "合计"}]
    assert batch.cells["表|output_m"] == "D"
    assert batch.cells["表|power_ly_ytd"] == letter(18)
    everything = " ".join(map(str, [batch.tables, batch.rejects, batch.control, batch.cells, batch.notes]))
    assert "张某" not in everything
    assert "13800000000" not in everything


def test_rows_and_columns_are_those_a_person_sees() -> None:
    rows = export(B204, [row(1, 5, 50), [None] * 5, row(2, "x", 60), row(3, 7, 70)])
    batch = read(workbook({"说明": [["不是表"]], "表": rows}, at=(4, 3)))
    assert table(batch).index.tolist() == [7, 10]
    assert batch.rejects[["sheet", "row"]].to_numpy().tolist() == [["表", 9]]
    assert batch.cells["表|output_m"] == "F"
    assert "工作表“说明”没有可识别的表头，未读取" in batch.notes


@pytest.mark.parametrize(
    ("line", "factor"),
    [
        ("计量单位：千元", 1), ("单位:万元", 10), ("（单位：元）", 0.001), ("计量单位：亿元", 100000),
        ("计量单位：万元、万千瓦时", 10), ("2026年10月    金额单位：万元", 10), ("计量单位：", 10), (None, 1),
    ],
)  # fmt: skip
def test_the_unit_line_scales_money(line: str | None, factor: float) -> None:
    rows = export([*B204, "企业用电量;本年;本月"], [[*row(1, 1234, 5678), 9]], unit=line)
    if line == "计量单位：":
        rows[1] = [line, None, "万元"]
    batch = read(workbook({"表": rows}))
    assert table(batch).loc[4, ["output_m", "output_ytd", "power_m"]].tolist() == [1234 * factor, 5678 * factor, 9]
    assert ("未注明计量单位，按制度规定的千元处理" in batch.notes) == (line is None)


def test_a_unit_in_a_label_wins_over_the_unit_line() -> None:
    header = [*KEYS, "万元;本月;工业总产值(当年价格)", "1-本月;工业总产值(元)", "企业用电量;本月;千瓦时"]
    batch = read(workbook({"表": export(header, [row(1, 12, 34567, 20000)])}))
    assert table(batch).loc[4, ["output_m", "output_ytd", "power_m"]].tolist() == [120, 34.567, 2]


def test_a_column_without_a_unit_beside_columns_of_another_unit_is_not_guessed() -> None:
    said = ["工业总产值(万元);本月", "工业总产值(万元);1-本月"]
    batch = read(workbook({"表": export([*KEYS, *said], [row(1, 12, 34)], unit=None)}))
    assert table(batch).loc[4, ["output_m", "output_ytd"]].tolist() == [120, 340]
    assert not any("未注明计量单位" in note for note in batch.notes)
    mixed = export([*KEYS, *said, "其中:出口交货值;本月"], [row(1, 12, 34, 5)], unit=None)
    with pytest.raises(Refused, match="D 列注明的计量单位不是千元，F 列"):
        read(workbook({"表": mixed}))
    mixed = export([*KEYS, "工业总产值(千元);本月", "其中:出口交货值;本月"], [row(1, 12, 5)], unit=None)
    assert "未注明计量单位，按制度规定的千元处理" in read(workbook({"表": mixed})).notes


@pytest.mark.parametrize(
    ("header", "unit", "reason"),
    [
        (["统一社会信用代码", "报告期", "工业总产值;本月", "本月;现价工业总产值"], "计量单位：千元", "C 列与 D 列"),
        (["统一社会信用代码", "社会信用代码", "报告期", "工业总产值;本月"], "计量单位：千元", "A 列与 B 列"),
        (["统一社会信用代码", "单位详细名称", "工业总产值;本月", "x"], "计量单位：千元", "缺少报告期"),
        (["统一社会信用代码", "报告期", "工业总产值;本月", "x"], "计量单位：吨", "未识别的计量单位"),
        (["统一社会信用代码", "报告期", "工业总产值;本月;港元", "x"], "计量单位：千元", "未识别的计量单位"),
        (["统一社会信用代码", "报告期", "工业总产值;本月;人", "x"], "计量单位：千元", "计量单位与指标不符"),
        (["统一社会信用代码", "报告期", "工业总产值", "x"], "计量单位：千元", "没有可识别的指标列"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_trusted_refuses_the_file(header: list[str], unit: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read(workbook({"表": export(header, [[uscc(1), "a", "b", 1]], unit=unit)}))


def test_two_unit_lines_that_differ_refuse_the_file() -> None:
    rows = [["计量单位：千元"], ["单位：万元"], list(B204), row(1, 1, 2)]
    with pytest.raises(Refused, match="不一致"):
        read(workbook({"表": rows}))


def test_a_reporting_unit_is_no_unit_of_measure() -> None:
    rows = [["填报单位：某某统计所", "单位：某某镇经济发展办公室"], ["计量单位：万元"], list(B204), row(1, 1, 2)]
    assert table(read(workbook({"表": rows}))).loc[4, "output_m"] == 10


def test_every_kind_of_unusable_row_is_rejected_with_its_reason() -> None:
    bad = uscc(2)[:-1] + ("0" if uscc(2)[-1] != "0" else "1")
    rows = [
        row(1, 1, 2),
        [bad, "乙公司", "2026 00 10", 1, 2],
        [None, None, "2026 00 10", 1, 2],
        row(4, "待核", "#REF!"),
        row(5, 1, 2, period="十月"),
        row(6, 1, 2, period=None),
        [None, "只有名称（东莞）有限公司", "20260010", "（1，234）", "－"],
        ["9144190012345678", "短码公司", "2026 00 10", 1, 2],
        row(9, "12元", 2),
    ]
    batch = read(workbook({"表": export(B204, rows)}))
    assert batch.rows_read == 9
    found = {
        (r, rule): (field, raw) for _, r, field, rule, _, raw in batch.rejects[REJECT_COLUMNS].itertuples(index=False)
    }
    assert found == {
        (5, "identity.uscc"): ("统一社会信用代码", bad),
        (6, "identity.missing"): ("统一社会信用代码", ""),
        (7, "number.unreadable"): ("工业总产值（本月）", "待核"),
        (7, "number.error"): ("工业总产值（1—本月）", "#REF!"),
        (8, "period.unreadable"): ("报告期", "十月"),
        (9, "period.missing"): ("报告期", ""),
        (11, "identity.uscc"): ("统一社会信用代码", "9144190012345678"),
        (12, "number.unreadable"): ("工业总产值（本月）", "12元"),
    }
    assert all(any("\u4e00" <= c <= "\u9fff" for c in reason) for reason in batch.rejects["reason"])
    facts = table(batch)
    assert facts.index.tolist() == [4, 10]
    assert facts.loc[10, "subject"] == "name:只有名称(东莞)有限公司"
    assert facts.loc[10, "output_m"] == -1234
    assert np.isnan(facts.loc[10, "output_ytd"])


def test_rows_keep_their_own_period_and_the_file_has_the_majoritys() -> None:
    rows = [row(1, 1, 2), row(2, 1, 2), row(3, 1, 2, period="20260009"), row(4, 1, 2, period="2099-01")]
    batch = read(workbook({"表": export(B204, rows)}))
    assert batch.period == "2026-10"
    assert table(batch)["period"].tolist() == ["2026-10", "2026-10", "2026-09", "2099-01"]
    assert any("3 个报告期" in note for note in batch.notes)
    tie = read(workbook({"表": export(B204, [row(1, 1, 2), row(3, 1, 2, period="20260009")])}))
    assert tie.period == "2026-10"


def test_without_a_period_column_the_one_above_the_header_counts() -> None:
    header = ["统一社会信用代码", "单位详细名称", "工业总产值;本月"]
    rows = [["报告期：2026年9月"], ["计量单位：千元"], ["2026-11-20"], header, [uscc(1), "甲公司", 5]]
    assert read(workbook({"表": rows})).period == "2026-09"
    with pytest.raises(Refused, match="不一致"):
        read(workbook({"表": [["2026年8月"], *rows]}))


def test_totals_footers_and_repeated_headers_are_control_lines() -> None:
    rows = [
        row(1, 1, 2), list(B204), row(2, 1, 2), [None, "小计", None, 2, 4], ["合 计", None, None, 2, 4],
        ["注：本表由平台导出"], ["单位负责人：张某   填表人：李某   联系电话：13800000000"],
        [uscc(3), "注塑制品有限公司", "2026 00 10", 5, 6], [uscc(4), "合计数控有限公司", "2026 00 10", 5, 6],
    ]  # fmt: skip
    batch = read(workbook({"表": export(B204, rows)}))
    assert (batch.rows_read, batch.rejected) == (9, 0)
    assert table(batch).index.tolist() == [4, 6, 11, 12]
    assert batch.control["row"].sort_values().tolist() == [5, 7, 8, 9, 10]
    assert not batch.control["text"].str.contains("张某|138").any()


def test_a_csv_export_reads_as_the_workbook_does() -> None:
    rows = export([*B204, "联系电话"], [[*row(1, "1,234", "５"), "138"], row(2, "-", "(7)"), ["合计", "", "", 1, 2]])
    book, text = read(workbook({"表": rows})), read(csv(rows))
    pd.testing.assert_frame_equal(table(book).drop(columns="sheet"), table(text).drop(columns="sheet"))
    assert text.rows_read == book.rows_read == 3
    assert text.cells["|output_m"] == "D"


def test_a_csv_row_shifted_by_an_unquoted_comma_is_rejected() -> None:
    data = csv(export(B204, [row(1, 5, 50)])) + f"{uscc(2)},乙公司,2026 00 10,1,234,567\r\n".encode("gb18030")
    batch = read(data)
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[5, "row.columns"]]


def test_a_missing_item_is_noted_and_never_a_zero() -> None:
    batch = read(workbook({"表": export(B204, [row(1, 1, 2)])}))
    assert "缺少指标列，此前报过的数照旧：工业销售产值、出口交货值、企业用电量" in batch.notes
    assert table(batch)["sales_m"].isna().all()


def test_simulated_and_real_firms_in_one_file_are_refused() -> None:
    rows = [row(1, 1, 2), ["91999999MA0000T1X2", "真公司", "2026 00 10", 1, 2]]
    with pytest.raises(Refused, match="模拟"):
        read(workbook({"表": export(B204, rows)}))


def test_an_export_without_rows_is_read_and_empty() -> None:
    batch = read(workbook({"表": export(B204, [])}))
    assert (batch.rows_read, batch.period, len(batch.tables["output_return"])) == (0, None, 0)


def test_nested_labels_take_second_place_to_plain_ones() -> None:
    header = [*KEYS, "某大类;工业总产值;本月", "工业总产值;本月"]
    batch = read(workbook({"表": export(header, [row(1, 1, 2)])}))
    assert table(batch).loc[4, "output_m"] == 2
    assert any("下级列" in note for note in batch.notes)
    only = read(workbook({"表": export(header[:-1], [row(1, 1)])}))
    assert table(only).loc[4, "output_m"] == 1


def test_a_note_or_refusal_that_quotes_a_heading_is_one_line() -> None:
    batch = read(workbook({"表": export([*B204, "某新\n指标（个）"], [row(1, 1, 2, 3)])}))
    assert "未采用的列：某新 指标（个）" in batch.notes
    twice = [*B204, "工业总产值(当年价格)\n;本年;本月"]
    with pytest.raises(Refused) as refused:
        read(workbook({"表": export(twice, [row(1, 1, 2, 3)])}))
    assert str(refused.value).isprintable()


def test_nothing_is_quoted_from_a_line_whose_cells_are_shifted() -> None:
    """The telephone number of a line with one comma too many stands under a figure's heading."""
    header = ["统一社会信用代码", "单位详细名称", "填表人", "报告期", "工业总产值(当年价格);本年;本月"]
    text = csv(
        export(header, [[uscc(1), "甲公司", "张某", "2026 00 10", 5], [uscc(2), "乙", "公司", "2026", "李某", 7]])
    )
    batch = read(text)
    assert batch.rejects[["row", "rule", "raw"]].to_numpy().tolist() == [[5, "row.columns", ""]]
