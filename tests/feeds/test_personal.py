"""Persons never reach a table, reject, control line, cell map or note, wherever in a sheet they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, personal, read_file, sniff
from tests.feeds.books import B204, csv, uscc, workbook

NAME, PHONE, MAIL, QQ = "张三丰", "13800000000", "zsf@example.invalid", "QQ12345678"
SECRETS = (NAME, PHONE, MAIL, "12345678", "138 0000 0000", "0769-80000000")
TOP = [["B204-1表"], ["计量单位：千元"]]
GOOD = [uscc(1), "甲公司", "2026 00 10", 1, 2]

HEADINGS = [
    "联系人", "填表人", "填表人姓名", "联系人：张三丰", "联系人手机号码", "手机13800000000", "QQ", "QQ号",
    "电子邮件", "E-mail", "电子邮箱地址",
    "经办人(签字)", "审核人", "财务负责人", "姓名", "微信号", "身份证号", "单位负责人;联系电话", "传真", "统计员",
]  # fmt: skip
FOOTERS: list[list[Any]] = [
    ["填表人：张三丰"], ["填表人 张三丰  电话 13800000000"], ["填表人张三丰"], ["制表：张三丰"],
    ["审核：张三丰 "], ["经办人（签章）：张三丰"],
    ["QQ:12345678"], ["邮箱：zsf@example.invalid"], ["统计负责人：", NAME], [None, "填表人：张三丰"],
    [None, None, "联系电话", PHONE],
    ["如有疑问请致电0769-80000000"], ["138 0000 0000"], [NAME], [None, NAME, None, PHONE], [None, MAIL],
]  # fmt: skip
ROWS: list[list[Any]] = [
    [uscc(2), "乙公司", "2026 00 10", NAME, PHONE],  # shifted by a column
    [uscc(2), NAME, PHONE, 1, 2],
    [PHONE, NAME, "2026 00 10", 1, 2],
    [None, NAME, "2026 00 10", 1, 2],
    [None, PHONE, "2026 00 10", 1, 2],
    [uscc(2), "乙公司", "2026 00 10", MAIL, "44190019800101123X"],
    [uscc(2), "乙公司", "2026 00 10", "联系 " + PHONE, 1],
]


def everything(batch: Any) -> str:
    frames = [*batch.tables.values(), batch.rejects, batch.control]
    return str([frame.to_dict("records") for frame in frames] + [batch.cells, batch.notes, batch.period])


def kept(tmp_path: Path, data: bytes) -> Any:
    path = tmp_path / "file"
    path.write_bytes(data)
    batch = read_file(path)
    assert batch.rows_read == batch.accepted + batch.rejected
    return batch


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_column_of_a_person_is_dropped_by_its_heading(tmp_path: Path, heading: str) -> None:
    cells = [NAME, PHONE, MAIL, QQ]
    rows = [*TOP, [*B204, *[heading + " " * n for n in range(4)]], [*GOOD, *cells]]
    for data in (workbook({"表": rows}), csv(rows)):
        batch = kept(tmp_path, data)
        assert len(batch.tables["output_return"]) == 1
        assert not [secret for secret in SECRETS if secret in everything(batch)]


@pytest.mark.parametrize("footer", FOOTERS)
def test_lines_that_name_people_are_kept_without_their_words(tmp_path: Path, footer: list[Any]) -> None:
    for data in (workbook({"表": [*TOP, list(B204), GOOD, footer]}), csv([*TOP, list(B204), GOOD, footer])):
        batch = kept(tmp_path, data)
        assert batch.rows_read == 2
        assert len(batch.tables["output_return"]) == 1
        assert not [secret for secret in SECRETS if secret in everything(batch)]


@pytest.mark.parametrize("row", ROWS)
def test_a_person_in_a_shifted_row_is_not_quoted(tmp_path: Path, row: list[Any]) -> None:
    batch = kept(tmp_path, workbook({"表": [*TOP, list(B204), GOOD, row]}))
    assert batch.rejected == 1
    shown = everything(batch)
    assert not [secret for secret in (*SECRETS, "1980010112") if secret in shown]


def test_names_of_sheets_and_headings_in_remarks(tmp_path: Path) -> None:
    rows = [*TOP, [*B204, "找张三丰 13800000000", "备注", NAME], [*GOOD, 1, 2, 3]]
    batch = kept(tmp_path, workbook({PHONE: [["说明"]], "表": rows}))
    assert not [secret for secret in SECRETS if secret in everything(batch)]
    assert any("未采用的列" in note for note in batch.notes)


@pytest.mark.parametrize("name", [NAME, PHONE, f"填表人：{NAME}", f"表{PHONE}"])
def test_a_sheet_called_by_a_person_is_called_by_its_place(tmp_path: Path, name: str) -> None:
    name = name.replace("：", " ") if name.startswith("填表人") else name
    header = list(B204)
    rows = [*TOP, header, GOOD, [uscc(2), "乙公司", "2026 00 10", "待核", 2], ["合计", None, None, 1, 2]]
    batch = kept(tmp_path, workbook({"说明": [["说明"]], name: rows}))
    assert (batch.rows_read, batch.rejected) == (3, 1)
    assert not [secret for secret in SECRETS if secret in everything(batch)]
    frames = (batch.tables["output_return"], batch.lines, batch.rejects, batch.control)
    assert {sheet for frame in frames for sheet in frame["sheet"]} == {"第2张工作表"}
    assert batch.cells["第2张工作表|output_m"] == "D"


def test_the_sheets_of_a_file_that_nobody_knows_are_not_quoted_by_a_persons_name(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        kept(tmp_path, workbook({NAME: [["说明"]], f"表{PHONE}": [["说明"]]}))
    assert not [secret for secret in SECRETS if secret in str(refused.value)]


def test_a_firms_form_and_a_list_of_products(tmp_path: Path) -> None:
    form = [
        ["工业产销总值及主要产品产量", None, None, f"联系人：{NAME}"],
        [f"统一社会信用代码：{uscc(7)}", None, None, f"QQ：{QQ}"],
        ["2026年10月", None, None, MAIL], ["指标名称", "代码", "本年本月", "上年同期本月"], ["工业总产值",
        "01", 1, 2],
        ["玩具（万个）", "10", NAME, PHONE], ["填表人张三丰", None, None, None], ["电话单机（部）", "11", 3, 4],
    ]  # fmt: skip
    batch = kept(tmp_path, workbook({"B204-1": form}))
    assert not [secret for secret in SECRETS if secret in everything(batch)]
    assert batch.tables["output_detail"]["name"].tolist() == ["电话单机"]  # a product, though it speaks of telephones


@pytest.mark.parametrize(
    "text",
    ["待核", "约三", "12元", "停产", "1,23", "91000000MD0003997U", "13800000-0", "9144190012345678", "2099-11",
    "十月",
     "8537101", "清溪某某制造有限公司", "合计", "电话单机", "手机(万台)", "制表机有限公司", "审核通过后再报的甲公司"],
)  # fmt: skip
def test_what_is_no_person_stays_readable(text: str) -> None:
    assert personal.hide_words(text) == text
    assert not personal.is_person(pd.Series([text])).any()


def test_firms_whose_names_begin_like_a_word_for_people_are_firms(tmp_path: Path) -> None:
    rows = [[uscc(2), "电话机制造有限公司", "2026 00 10", 1, 2], [uscc(3), "制表机有限公司", "2026 00 10", 1, 2]]
    opened = open_file(workbook({"表": [*TOP, list(B204), *rows]}))
    batch = sniff(opened).read(opened)
    assert len(batch.tables["output_return"]) == 2
