"""Declarations, stock notes, gate passes and answers of the bonded centre, in both dialects."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from qxmonitor.errors import Refused
from tests.feeds.messages import OWNER, PERSONAL, WAREHOUSE, answer, client, official, read

NOTE = {"sasStockNo": "ST1", "dclTypecd": "1", "sasDclNo": "SD1", "stockTypecd": "E", "rltBondInvtNo": "QD1\\QD2",
        "centralizedDclTypecd": "1", "dclTime": "20210805", "emapvMarkcd": "1", **PERSONAL}  # fmt: skip
NOTE_LINE = {"sasStockSeqno": "1", "gdecd": "9503008390", "dclQty": "", "usdStatTotalAmt": "12.5", "grossWt": "0"}
PASS = {"passportNo": "ZP1", "passportTypecd": "3", "dclTypecd": "1", "ioTypecd": "E", "rltTbTypecd": "1",
        "rltNo": "QD1\\QD2", "areainEtpsSccd": WAREHOUSE, "totalWt": "18000", "passCollectWt": "17950",
        "totalGrossWt": "9000", "dclTime": "2021/8/5", "passTime": "2021-08-06 10:00:00", "stucd": "2",
        **PERSONAL}  # fmt: skip
DECLARATION = {"sasDclNo": "SD1", "dclTypecd": "1", "directionTypecd": "E", "areainEtpsSccd": WAREHOUSE,
               "areaoutEtpsSccd": OWNER, "dclTime": "2021-08-01", "emapvMarkcd": "1", **PERSONAL}  # fmt: skip


def events(data: bytes) -> list[list[Any]]:
    table = read(data).tables["bonded_status"]
    frame = table[["kind", "document", "status", "on_day", "change"]].astype(object)
    return frame.where(table[["kind", "document", "status", "on_day", "change"]].notna(), None).to_numpy().tolist()


def test_a_stock_note_by_hand() -> None:
    batch = read(official("SAS111", ("SasStockBsc", NOTE), ("SasStockDt", NOTE_LINE)))
    assert (batch.feed, batch.form, batch.period, batch.rows_read) == ("bonded_receipt", "sas111", None, 1)
    row = batch.tables["bonded_note"].iloc[0].to_dict()
    assert pd.isna(row.pop("quantity"))
    assert row == {
        "sheet": "", "row": 1, "document": "ST1", "period": "2021-08", "declared_on": date(2021, 8, 5), "flow": "E",
        "declaration": "SD1", "inventories": "QD1、QD2", "hs": "9503008390", "usd": 12.5, "gross_kg": 0.0,
    }  # fmt: skip
    states = batch.tables["bonded_status"]
    assert states[["kind", "document", "status"]].to_numpy().tolist() == [
        ["note", "ST1", "declared"], ["note", "ST1", "approved"],
    ]  # fmt: skip


def test_a_gate_pass_by_hand_and_what_it_says_of_its_inventories() -> None:
    data = official("SAS221", ("SasPassportBsc", PASS), ("SasPassportRlt", {"rltNo": "QD3", "rltTbTypecd": "1"}))
    batch = read(data)
    assert batch.tables["bonded_pass"].iloc[0].to_dict() == {
        "sheet": "", "row": 1, "subject": WAREHOUSE, "document": "ZP1", "period": "2021-08",
        "declared_on": date(2021, 8, 5), "flow": "E", "pass_type": "3", "inventories": "QD1、QD2、QD3",
        "total_kg": 18000.0, "gross_kg": 9000.0, "read_kg": 17950.0, "passed_on": date(2021, 8, 6),
    }  # fmt: skip
    assert (batch.rows_read, batch.rejected, batch.origin) == (1, 0, "simulated")
    passed = date(2021, 8, 6)
    assert events(data) == [["pass", "ZP1", "passed", passed, 0]] + [
        ["inventory", number, "passed", passed, None] for number in ("QD1", "QD2", "QD3")
    ]


@pytest.mark.parametrize("weight", ["0", "0.00000", ""])
def test_a_weighbridge_that_did_not_read_is_no_error(weight: str) -> None:
    batch = read(official("SAS223", ("SasPassportBsc", PASS | {"passCollectWt": weight, "wtError": "18000"})))
    assert batch.rejected == 0 and pd.isna(batch.tables["bonded_pass"]["read_kg"].item())


def test_a_pass_for_other_papers_names_no_inventory() -> None:
    batch = read(official("SAS121", ("SasPassportBsc", PASS | {"rltTbTypecd": "2", "stucd": "0"})))
    assert batch.tables["bonded_pass"]["inventories"].isna().all()
    assert set(batch.tables["bonded_status"]["kind"]) == {"pass"}


def test_a_declaration_by_hand() -> None:
    batch = read(official("SAS101", ("SasDclBsc", DECLARATION)))
    assert batch.tables["bonded_declaration"].iloc[0].to_dict() == {
        "sheet": "", "row": 1, "subject": WAREHOUSE, "outside": OWNER, "document": "SD1", "period": "2021-08",
        "declared_on": date(2021, 8, 1), "flow": "E",
    }  # fmt: skip


def test_the_client_dialect_says_the_same() -> None:
    plain = read(official("SAS121", ("SasPassportBsc", PASS))).tables
    upload = read(client("PassPortMessage", ("PassportHead", PASS))).tables
    bare = read(official("SAS221", ("SasPassportBsc", PASS), root="Package", namespace=False)).tables
    assert plain["bonded_pass"].equals(upload["bonded_pass"]) and plain["bonded_pass"].equals(bare["bonded_pass"])
    assert plain["bonded_status"].equals(upload["bonded_status"])


def test_a_client_upload_that_was_only_stored_is_staged() -> None:
    head = {key: value for key, value in PASS.items() if key != "stucd"}
    assert events(client("PassPortMessage", ("PassportHead", head), flag="0")) == [
        ["pass", "ZP1", "staged", date(2021, 8, 5), 0]
    ]
    assert events(client("PassPortMessage", ("PassportHead", head), flag="1"))[0][2] == "declared"


@pytest.mark.parametrize(
    ("kind", "result", "typecd", "status"),
    [
        ("SAS201", "1", "1", "approved"), ("SAS211", "3", "1", "returned"), ("SAS221", "Y", "1", "declared"),
        ("SAS221", "Z", "1", "returned"), ("SAS221", "2", "1", "declared"), ("SAS223", "1", "", "passed"),
        ("INV201", "1", "1", "approved"), ("INV201", "1", "3", "deleted"), ("INV201", "3", "3", "kept"),
        ("INV201", "Y", "3", "asked"), ("SAS221", "1", "3", "voided"), ("SAS211", "1", "3", "voided"),
    ],
)  # fmt: skip
def test_bare_answers(kind: str, result: str, typecd: str, status: str) -> None:
    data = official(kind, answer("N1", result, kind=typecd), root="Package", namespace=kind.startswith("INV"))
    assert [(event[1], event[2], event[3]) for event in events(data)] == [("N1", status, date(2021, 8, 9))]
    wrapped = data.split(b"\n", 1)[1].replace(b"<Package", b"<CommonResponeMessage><Package")
    assert events(wrapped + b"</CommonResponeMessage>") == events(data)


def test_an_answer_knows_the_number_of_before() -> None:
    table = read(official("INV201", answer("QD1", "1", before="PRE1"))).tables["bonded_status"]
    assert table[["document", "before"]].to_numpy().tolist() == [["QD1", "PRE1"]]


def test_an_application_to_void_is_no_voiding() -> None:
    head = {key: value for key, value in PASS.items() if key != "stucd"}
    assert [event[2] for event in events(official("SAS121", ("SasPassportBsc", head | {"dclTypecd": "3"})))] == [
        "asked"
    ]


def test_an_acknowledgement_is_a_control_line() -> None:
    batch = read(
        b"<CommonResponeMessage><SeqNo>1</SeqNo><EtpsPreentNo>IN1</EtpsPreentNo><CheckInfo>x</CheckInfo>"
        b"<DealFlag>0</DealFlag></CommonResponeMessage>"
    )
    assert (batch.rows_read, batch.accepted, len(batch.control)) == (1, 1, 1) and not batch.tables


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (official("SAS221", answer("N1", "9")), "bonded.status"),
        (official("SAS221", answer("N1", "1", on="2021-13-40")), "bonded.date"),
        (official("SAS221", answer("", "1")), "bonded.head"),
        (official("SAS121", ("SasPassportBsc", PASS | {"stucd": "9"})), "bonded.status"),
        (official("SAS121", ("SasPassportBsc", PASS | {"ioTypecd": "X"})), "bonded.flow"),
        (official("SAS121", ("SasPassportBsc", PASS | {"totalWt": "十吨"})), "number.unreadable"),
        (official("SAS121", ("SasPassportBsc", PASS | {"areainEtpsSccd": WAREHOUSE[:17] + "Z"})), "identity.uscc"),
        (official("SAS111", ("SasStockBsc", NOTE), ("SasStockDt", NOTE_LINE | {"gdecd": "1"})), "bonded.hs"),
        (
            official("SAS111", ("SasStockBsc", NOTE), ("SasStockDt", NOTE_LINE | {"sasStockSeqno": ""})),
            "bonded.sequence",
        ),
    ],
)
def test_what_cannot_be_taken_is_rejected_with_a_reason(data: bytes, rule: str) -> None:
    batch = read(data)
    assert batch.rejects["rule"].tolist() == [rule] and batch.rejected == batch.rows_read == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (official("SAS221"), "没有核放单表头"),
        (official("SAS111", ("SasStockBsc", NOTE)), "没有商品明细"),
        (official("SAS121", ("SasPassportBsc", PASS), ("SasPassportBsc", PASS)), "多张核放单"),
        (official("SAS221", answer("N1", "1"), answer("N2", "1")), "多个审批结果"),
        (official("SAS231", ("SasVehicleBsc", {"vehicleNo": "x"})), "SAS231"),
        (official("SAS121", ("SasPassportBsc", PASS)).replace(b"<stucd>", b"<PassportNO>Z9</PassportNO><stucd>"),
         "同一字段出现两次"),
        (official("SAS121", ("SasPassportBsc", PASS), pocket=(3, 2)), "序号或总数不对"),
        (official("SAS121", ("SasPassportBsc", PASS), pocket=(0, 2)), "序号或总数不对"),
    ],
)  # fmt: skip
def test_messages_that_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(data)
