"""How readers take decisions on units and headings: the bytes stay, the words they are read by change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qxmonitor.catalog.items import items
from qxmonitor.catalog.sheets import sheets
from qxmonitor.errors import QxError
from qxmonitor.feeds import FEEDS, read_file, vocabulary
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.rulings import Book, Ruling, Rulings, book_at, looking_for, rulings_of
from tests.feeds.books import csv, export, uscc, workbook
from tests.feeds.test_approved import HEAD as APPROVED
from tests.feeds.test_b204_form import HEAD, TOP
from tests.feeds.test_customs import HEADER as CUSTOMS
from tests.feeds.test_customs import line as customs_line

DAY = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 10)]
FILE = "a" * 64


def unit(word: str, meaning: str, day: int = 0) -> Ruling:
    return Ruling("unit", FILE, word, meaning, DAY[day], day)


def heading(feed: str, word: str, meaning: str, day: int = 0) -> Ruling:
    return Ruling("mapping", feed, word, meaning, DAY[day], day)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(data: bytes, *rulings: Ruling) -> tuple[Batch, list[str]]:
        path = tmp_path / "file"
        path.write_bytes(data)
        book = Book(rulings)
        batch = read_file(path, book)
        assert batch.accepted + batch.rejected == batch.rows_read
        return batch, [ruling.word for ruling in book.used(batch.feed)]

    return read


def test_a_form_of_one_firm_with_items_down_its_rows(read: Any) -> None:
    items = [["工业总产出", "01", 100, 1000, 90, 900], ["出口交货值（千元）", "04", 5, 10, 4, 8],
             ["某种余额", "77", 1, 1, 1, 1], ["玩具", "10", 3, 30, 2, 20]]  # fmt: skip
    data = workbook({"B204-1": [*TOP, *HEAD, *items]})
    plain, met = read(data)
    assert met == [] and plain.tables["output_return"]["output_m"].isna().all() and plain.rejected == 3
    batch, met = read(
        data, heading("b204_1", "工业总产出", "工业总产值"), heading("b204_1", "某种余额", "ignore"),
        unit("出口交货值", "万元"), unit("玩具", "万个"), unit("利润总额", "万元"),
        heading("b203", "工业总产出", "利润总额"),
    )  # fmt: skip
    assert sorted(met) == ["出口交货值", "工业总产出", "某种余额", "玩具"]
    fact = batch.tables["output_return"].iloc[0]
    assert fact[["output_m", "output_ly_ytd", "export_m"]].tolist() == [100, 900, 50]
    assert batch.tables["output_detail"][["name", "unit", "m"]].to_numpy().tolist() == [["玩具", "万个", 3]]
    assert batch.rejected == 0 and "某种余额" in batch.control["text"].tolist()


def test_a_table_whose_every_figure_has_an_unknown_name_is_told_by_decisions(read: Any) -> None:
    header = ["统一社会信用代码", "单位名称", "报告期", "本年_本月_总产出(万元)"]
    data = csv(export(header, [[uscc(1), "甲公司", "2026-03", 7]], unit=""), "utf-8")
    with pytest.raises(QxError):
        read(data)
    batch, met = read(data, heading("b204_1", "总产出", "工业总产值"))
    assert met == ["总产出"] and batch.tables["output_return"]["output_m"].tolist() == [70]


def test_a_declared_sheet_and_approved_figures(read: Any) -> None:
    header = ["统一社会信用代码", "用户名称", "年月", "本月用电量（千瓦时）", "累计电费量"]
    data = workbook({"电": [header, [uscc(1), "甲公司", "2026-10", 20000, 50000]]})
    batch, met = read(
        data, heading("power", "累计电费量", "累计用电量"), unit("本月用电量", "万千瓦时"), unit("*", "千瓦时")
    )
    assert sorted(met) == ["*", "本月用电量", "累计电费量"]
    assert batch.tables["power_use"][["power_m", "power_ytd"]].to_numpy().tolist() == [[20000, 5]]

    rows = [["规上增加额", "亿元", "2026年10月", None, None, 9, 1, None, "最终"],
            ["全社会用电量", None, "2026年10月", None, None, 30000, 2, None, "最终"]]  # fmt: skip
    data = workbook({"反馈": [["主要经济指标反馈数"], APPROVED, *rows]})
    plain, _ = read(data)
    assert sorted(plain.rejects["rule"]) == ["approved.unit_missing", "approved.unknown"]
    batch, _ = read(data, heading("approved", "规上增加额", "规上工业增加值"), unit("全社会用电量", "万千瓦时"))
    assert batch.tables["approved_figure"]["value"].tolist() == [9, 3]


def test_the_newest_by_its_own_time_counts_and_an_empty_one_revokes() -> None:
    said = [unit("*", "万元", 5), unit("*", "千元", 1), unit("*", "", 7), unit("存货", "元", 2)]
    assert [sorted(r.meaning for r in book_at(said, DAY[day]).in_force) for day in (0, 1, 2, 5, 6, 7)] == [
        [], ["千元"], ["元", "千元"], ["万元", "元"], ["万元", "元"], ["元"],
    ]  # fmt: skip
    assert all(ruling.meaning == "" for ruling in looking_for(said).in_force)
    [kept] = rulings_of(heading("b203", "某数", "本月;营业收入").words)
    assert (kept.kind, kept.scope, kept.word, kept.meaning) == ("mapping", "b203", "某数", "本月;营业收入")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("总产出", "工业总产值"), ("总产出（千元）", "工业总产值(千元)"), ("本月；总产出", "本月；工业总产值"),
        ("1-本月_总产出(万元)", "1-本月_工业总产值(万元)"), ("其中：总产出", "工业总产值"), ("总产出率", "总产出率"),
        ("本月;废数", ""), ("废数", ""), ("", ""), ("两段;名称", "出口交货值"),
    ],
)  # fmt: skip
def test_headings_are_read_word_by_word(text: str, read: str) -> None:
    assert Rulings({"总产出": "工业总产值", "废数": "ignore", "两段;名称": "出口交货值"}).read(text) == read


def test_the_money_of_a_customs_sheet(read: Any) -> None:
    sheet = CUSTOMS.replace("美元值", "美元值(千美元)") + customs_line(usd="2", rmb="14")
    data = (sheet + '合计,,,,,,,,,,"2","14",\n').encode("gb18030")
    assert read(data)[0].tables["trade_line"][["usd", "rmb"]].to_numpy().tolist() == [[2000, 14]]
    batch, met = read(data, unit("美元值", "万美元"), unit("人民币值", "千元"), unit("工业总产值", "元"))
    assert sorted(met) == ["人民币值", "美元值"]
    assert batch.tables["trade_line"][["usd", "rmb"]].to_numpy().tolist() == [[20_000, 14_000]]
    assert batch.totals[["printed", "summed"]].to_numpy().tolist() == [[20_000, 20_000], [14_000, 14_000]]
    assert read(data, unit("美元值", "万千瓦时"))[0].tables["trade_line"]["usd"].tolist() == [2000]  # measures nothing


@pytest.mark.parametrize(
    "feed", ["customs_declaration", "customs_public", "bonded_inv101", "bonded_stock", "bonded_receipt", "reference",
             "register"],
)  # fmt: skip
def test_a_unit_that_is_part_of_the_format_is_not_ruled(feed: str) -> None:
    with pytest.raises(QxError, match="不由决定"):
        vocabulary.has_units(feed)


def test_every_feed_either_reads_a_unit_or_says_why_not() -> None:
    asked = {form.id for form in items().forms} | {"b204_detail", "approved", "customs_monthly", *sheets()}
    assert {feed.FEED for feed in FEEDS} == asked | set(vocabulary._NO_UNIT)
    for feed in asked:
        vocabulary.has_units(feed)


def test_what_may_be_ruled() -> None:
    assert vocabulary.meaning("b204_1", " 本月；工业总产值 ") == "本月;工业总产值"
    assert vocabulary.meaning("power", "power_m") == "本月用电量" and vocabulary.meaning("b203", "忽略") == "ignore"
    assert vocabulary.meaning("approved", "value_added") == "规上工业增加值"
    assert vocabulary.item(None, "现价工业总产值") == ("工业总产值", "money")
    assert vocabulary.item("power", "当月用电量") == ("本月用电量", "power")
    assert vocabulary.item("b204_detail", "玩具") == ("玩具", None)
    assert vocabulary.item("customs_monthly", "金额(美元)") == ("美元值", "usd")
    assert (
        vocabulary.unit("万美元", "usd", "美元值") == "万美元" and vocabulary.unit("千元", "rmb", "人民币值") == "千元"
    )
    for said, kind in (("千元", "usd"), ("万", "rmb"), ("万美元", "rmb")):
        with pytest.raises(QxError, match="不认识"):
            vocabulary.unit(said, kind, "")
    for said in ("*", "全表", "数量"):
        with pytest.raises(QxError, match="美元值"):
            vocabulary.item("customs_monthly", said)
    assert vocabulary.unit("万 元", "money", "工业总产值") == "万元" and vocabulary.unit("-", None, "*") == ""
    for feed, said in [
        ("b204_1", "单位负责人"),
        ("b204_1", "本月;工业总产值(千元)"),
        ("power", "当月用电量"),
        ("b203", " "),
    ]:
        with pytest.raises(QxError):
            vocabulary.unknown(feed, said)
