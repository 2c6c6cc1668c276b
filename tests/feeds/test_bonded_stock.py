"""Stock ledgers of the bonded centre: figures, the month they show, empty quantities, pockets."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from qxmonitor.errors import Refused
from tests.feeds.messages import PERSONAL, WAREHOUSE, official, read

HEAD = {"bwsNo": "T0001", "bwlTypecd": "B", "bizopEtpsSccd": WAREHOUSE, "houseNo": "H1", **PERSONAL}
LINE = {"bwsNo": "T0001", "gdsSeqno": "1", "inDate": "20210705", "gdecd": "9503008390", "dclUnitcd": "035",
        "avgPrice": "2", "totalAmt": "120.5", "actlIncQty": "100", "actlRedcQty": "30", "prevdRedcQty": "10",
        "limitDate": "2021/8/30", "invtNo": "QD1\\QD2"}  # fmt: skip


def ledger(*lines: dict[str, str], head: dict[str, str] | None = HEAD, **more: object) -> bytes:
    blocks = [("BwsBsc", head)] if head else []
    return official("INV211", *blocks, *(("BwsDt", line) for line in lines), **more)  # type: ignore[arg-type]


def test_a_ledger_by_hand() -> None:
    batch = read(ledger(LINE))
    assert (batch.feed, batch.form, batch.period, batch.rows_read) == ("bonded_stock", "inv211", "2021-08", 1)
    assert batch.tables["bonded_stock"].iloc[0].to_dict() == {
        "sheet": "", "row": 1, "subject": WAREHOUSE, "period": "2021-08", "account": "T0001",
        "ledger": "T0001 2021-08",
        "document": "QD1、QD2", "hs": "9503008390", "unit": "035",
        "increased": 100.0, "reduced": 30.0, "reserved": 10.0,
        "usd": 120.5, "price_usd": 2.0, "in_on": date(2021, 7, 5), "limit_on": date(2021, 8, 30),
        "operator": False,
    }  # fmt: skip
    assert list(batch.tables) == ["bonded_stock"]


@pytest.mark.parametrize(
    ("sent", "period"),
    [
        ("2021-08-31T23:00:00", "2021-08"),
        ("2021-08-30", "2021-07"),
        ("20210901080000", "2021-08"),
        ("2022/1/1", "2021-12"),
    ],
)  # fmt: skip
def test_the_month_is_the_newest_that_had_ended(sent: str, period: str) -> None:
    assert read(ledger(LINE, sent=sent)).period == period


def test_the_centres_operator_is_told_by_its_customs_code() -> None:
    batch = read(ledger(LINE, head=HEAD | {"bizopEtpsno": "0000W60001"}))
    assert batch.tables["bonded_stock"]["operator"].tolist() == [True]


def test_empty_quantities_are_kept_as_unknown() -> None:
    empty = LINE | dict.fromkeys(("actlIncQty", "actlRedcQty", "prevdRedcQty", "totalAmt", "limitDate", "invtNo"), "")
    row = read(ledger(empty)).tables["bonded_stock"].iloc[0]
    assert row[["increased", "reduced", "reserved", "usd", "limit_on", "document"]].isna().all()


def test_a_limit_in_the_year_9999_is_none() -> None:
    assert pd.isna(read(ledger(LINE | {"limitDate": "9999-12-31"})).tables["bonded_stock"]["limit_on"].item())
    assert read(ledger(LINE | {"inDate": "9999-12-31"})).rejects["rule"].tolist() == ["bonded.date"]


def test_pockets_of_a_ledger() -> None:
    first = read(ledger(LINE, pocket=(1, 2)))
    second = read(ledger(LINE | {"gdsSeqno": "2"}, head=None, pocket=(2, 2)))
    for batch, number, subject in ((first, 1, WAREHOUSE), (second, 2, None)):
        pocket = batch.tables["bonded_pocket"].iloc[0]
        assert (pocket["message"], pocket["pocket"], pocket["pockets"]) == ("INV211 MSG1", number, 2)
        assert (pocket["subject"] if subject else pd.isna(pocket["subject"])) == (subject or True)
        assert batch.notes == [f"分包报文，第 {number}/2 包，各包到齐后才计数"]
    assert second.tables["bonded_stock"]["account"].tolist() == ["T0001"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"gdecd": "12"}, "bonded.hs"), ({"limitDate": "2021-02-30"}, "bonded.date"),
        ({"gdsSeqno": "x"}, "bonded.sequence"),
        ({"totalAmt": "约 100"}, "number.unreadable"), ({"actlIncQty": "１００"}, "number.unreadable"),
        ({"actlIncQty": "9" * 400}, "number.unreadable"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_rejected_alone(change: dict[str, str], rule: str) -> None:
    batch = read(ledger(LINE | {"gdsSeqno": "7"}, LINE | change))
    assert batch.rejects["rule"].tolist() == [rule] and batch.tables["bonded_stock"]["row"].tolist() == [7]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (ledger(LINE, sent=""), "没有发送时间"), (ledger(LINE, sent="9月6日"), "没有发送时间"),
        (ledger(), "没有库存明细"), (ledger(LINE, head=None), "没有账册表头"),
        (official("INV211", ("BwsBsc", HEAD), ("BwsBsc", HEAD), ("BwsDt", LINE)), "多张库存账册"),
    ],
)  # fmt: skip
def test_ledgers_that_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(data)


def test_a_head_that_names_a_wrong_firm_rejects_its_lines() -> None:
    batch = read(ledger(LINE, LINE | {"gdsSeqno": "2"}, head=HEAD | {"bizopEtpsSccd": WAREHOUSE[:17] + "Z"}))
    assert batch.rejects["rule"].tolist() == ["identity.uscc"] * 2
    assert pd.DataFrame(batch.tables["bonded_stock"]).empty
