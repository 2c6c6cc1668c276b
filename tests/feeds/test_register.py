from typing import Any

import pandas as pd
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import Batch
from tests.feeds.books import uscc, workbook

FLAGS = [
    "规上",
    "高新技术企业",
    "先进制造业",
    "高技术制造业",
    "专精特新",
    "倍增企业",
    "境内上市",
    "研发机构",
    "重点企业",
]
HEADER = [
    "统一社会信用代码", "企业名称", "曾用名", "海关注册编码", "所属集团", "行业代码", "产业链", "链节点",
    "经济类型", *FLAGS, "挂点领导", "纳入年月", "退出年月", "联系人", "联系电话",
]  # fmt: skip
AUTHORISED = ["统一社会信用代码", "企业名称", "授权事项", "授权部门", "起始年月", "终止年月"]
CHAIN = ["产业链代码", "产业链名称", "节点代码", "节点名称", "上游节点"]


def firm(number: int, **changes: Any) -> list[Any]:
    given = dict(zip(HEADER, [
        uscc(number), f"甲{number}公司", "旧甲；更旧甲", "0000960001", "甲集团", 3970, "C01", "C01-N2", "外商", "是",
        *["否"] * 7, "是", "某镇长", "2020-01", "2024年3月", "张某", "13800000000",
    ], strict=True))  # fmt: skip
    return list((given | changes).values())


def register(
    firms: list[list[Any]], authorised: list[list[Any]] | None = None, chain: list[list[Any]] | None = None
) -> Batch:
    sheets: dict[str, list[list[Any]]] = {"企业名录": [["清溪镇重点企业名录（模拟数据）"], ["注"], HEADER, *firms]}
    if authorised is not None:
        sheets["自报授权"] = [["授权"], AUTHORISED, *authorised]
    if chain is not None:
        sheets["产业链图谱"] = [["图谱"], CHAIN, *chain]
    opened = open_file(workbook(sheets))
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def test_three_sheets_become_three_tables() -> None:
    batch = register(
        [
            firm(1),
            firm(
                2, 曾用名=None, 海关注册编码=None, 所属集团=None, 退出年月=None, 挂点领导=None, 产业链=None, 链节点=None
            ),
        ],
        [[uscc(1), "甲1公司", "工业总产值、期末从业人数", "工信局、商务局", "2024-01", None]],
        [["C01", "光电通讯", "C01-N1", "材料", None], ["C01", "光电通讯", "C01-N2", "模组", "C01-N1"]],
    )
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("register", "workbook", None, "simulated")
    assert (batch.rows_read, batch.rejected) == (5, 0)
    one, two = (batch.tables["register_entry"].iloc[n] for n in (0, 1))
    assert one["subject"] == uscc(1)
    assert one[["former_names", "customs_code", "group_name", "industry"]].tolist() == [
        "旧甲、更旧甲",
        "0000960001",
        "甲集团",
        "3970",
    ]
    assert one[["chain", "node", "leader", "since", "until"]].tolist() == [
        "C01",
        "C01-N2",
        "某镇长",
        "2020-01",
        "2024-03",
    ]
    assert one[["above_scale", "key_firm", "listed", "rd_institution"]].tolist() == [True, True, False, False]
    assert two[["customs_code", "group_name", "chain", "node", "leader", "until"]].isna().all()
    assert two["former_names"] == ""
    given = batch.tables["authorisation"].iloc[0]
    assert given[["subject", "items", "readers", "since"]].tolist() == [
        uscc(1),
        "output、employees",
        "gxj、swj",
        "2024-01",
    ]
    assert pd.isna(given["until"])
    assert batch.tables["chain_node"]["upstream"].isna().tolist() == [True, False]
    assert batch.tables["chain_node"]["row"].tolist() == [3, 4]
    assert batch.cells["企业名录|above_scale"] == "J"
    assert "张某" not in str([batch.tables, batch.notes])


def test_rows_of_the_register_that_cannot_be_used_are_rejected() -> None:
    batch = register(
        [firm(1), firm(2, 统一社会信用代码="91000000MA00000000"), firm(3, 企业名称=None), firm(4, 规上="不详"),
         firm(5, 纳入年月="去年"), firm(6, 纳入年月="2024-05", 退出年月="2024-04"), firm(7, 统一社会信用代码=None)],
        [[uscc(1), "甲", "利润", "工信局", "2024-01", None], [uscc(1), "甲", "工业总产值", "某局", "2024-01", None],
         [uscc(1), "甲", "工业总产值", "工信局", None, None], [uscc(1), "甲", None, "工信局", "2024-01", None]],
        [["C01", "光电通讯", None, "材料", None]],
    )  # fmt: skip
    found = {(sheet, row, rule) for sheet, row, _, rule, _, _ in batch.rejects.itertuples(index=False)}
    assert found == {
        ("企业名录", 5, "identity.uscc"), ("企业名录", 6, "text.missing"), ("企业名录", 7, "flag.unreadable"),
        ("企业名录", 8, "period.unreadable"), ("企业名录", 9, "period.order"), ("企业名录", 10, "identity.missing"),
        ("自报授权", 3, "word.unknown"), ("自报授权", 4, "word.unknown"), ("自报授权", 5, "period.missing"),
        ("自报授权", 6, "word.unknown"), ("产业链图谱", 3, "text.missing"),
    }  # fmt: skip
    assert batch.tables["register_entry"]["row"].tolist() == [4]


def test_a_wrong_customs_code_is_left_out_and_said() -> None:
    batch = register([firm(1, 海关注册编码="12AB")])
    assert batch.tables["register_entry"]["customs_code"].isna().all()
    assert "海关注册编码格式不对，未采用：第 4 行" in batch.notes
    assert "没有自报授权表" in batch.notes


def test_a_missing_column_refuses_the_register() -> None:
    header = [word for word in HEADER if word != "链节点"]
    opened = open_file(workbook({"企业名录": [header, firm(1)]}))
    with pytest.raises(Refused, match="链节点"):
        sniff(opened).read(opened)


def test_columns_that_are_not_delivered_are_named() -> None:
    left_out = ("所属集团", "退出年月")
    keep = [at for at, word in enumerate(HEADER) if word not in left_out]
    rows = [[row[at] for at in keep] for row in (HEADER, firm(1))]
    opened = open_file(workbook({"企业名录": rows}))
    batch = sniff(opened).read(opened)
    stands = "此前名录里的照旧，从未报过的按空白，没有所属集团的一家企业算一个集团"
    assert f"企业名录表没有这些列，{stands}：所属集团、退出年月" in batch.notes
    assert not [note for note in register([firm(1)]).notes if "没有这些列" in note]


def test_a_column_twice_refuses_the_register() -> None:
    opened = open_file(workbook({"企业名录": [[*HEADER, "规上"], firm(1)]}))
    with pytest.raises(Refused, match="规上"):
        sniff(opened).read(opened)
