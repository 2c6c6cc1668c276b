"""INV101 messages of the bonded centre: owner, dates, case, living, and each way a message can be wrong."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from qxmonitor import identity
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file
from tests.feeds import messages


def code(serial: int) -> str:
    body = f"91000000MA{serial:06d}1"
    return body + identity.uscc_check_char(body)


OWNER, WAREHOUSE = code(1), code(2)
HEAD = {
    "bondInvtNo": "QD000021I000000001",
    "bizopEtpsSccd": WAREHOUSE,
    "bizopEtpsno": "0000W60001",
    "bizopEtpsNm": "某某仓储",
    "invtDclTime": "2021-08-05T10:00:00",
    "prevdTime": "20210806",
    "formalVrfdedTime": "2021/8/7",
    "rltEntryBizopEtpsSccd": OWNER,
    "rltEntryBizopEtpsno": "0000912345",
    "impexpMarkcd": "I",
    "supvModecd": "6033",
    "dclcusFlag": "1",
    "invtStucd": "0",
    "bondInvtTypecd": "1",
    "rmk": "联系人张某 13900000000",
}
GOODS = {
    "gdsSeqno": "1",
    "gdecd": "9503008390",
    "dclQty": "1200.5",
    "usdStatTotalAmt": "12345.67",
    "grossWt": "0",
    "dclCurrcd": "502",
}


def message(
    head: dict[str, str],
    goods: list[dict[str, str]],
    *,
    kind: str = "INV101",
    pockets: str = "1",
    encoding: str = "UTF-8",
) -> bytes:
    def block(name: str, fields: dict[str, str]) -> str:
        return f"<{name}>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + f"</{name}>"

    lines = "".join(block("BondInvtDt", line) for line in goods)
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><Object>'
        f"<Package><EnvelopInfo><message_type>{kind}</message_type></EnvelopInfo><DataInfo><PocketInfo>"
        f"<total_pocket_qty>{pockets}</total_pocket_qty><cur_pocket_no>1</cur_pocket_no></PocketInfo>"
        f"<BussinessData><INV101>{block('BondInvtBsc', head)}{lines}</INV101></BussinessData>"
        "</DataInfo></Package></Object></Signature>"
    ).encode(encoding)


def read(data: bytes) -> Batch:
    opened = open_file(data, "x.xml")
    assert bonded.matches(opened)
    batch = bonded.read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def test_a_message_by_hand() -> None:
    batch = read(message(HEAD, [GOODS, GOODS | {"gdsSeqno": "2", "dclQty": "", "usdStatTotalAmt": "8"}]))
    table = batch.tables["bonded_line"]
    first = table.iloc[0]
    assert first.notna().to_dict() == {name: name not in ("transport", "inner_no") for name in table.columns}
    assert first.dropna().to_dict() == {
        "sheet": "",
        "row": 1,
        "subject": OWNER,
        "period": "2021-08",
        "document": "QD000021I000000001",
        "declared_on": date(2021, 8, 5),
        "flow": "I",
        "living": True,
        "mode": "6033",
        "list_type": "1",
        "customs_declared": True,
        "hs": "9503008390",
        "quantity": 1200.5,
        "usd": 12345.67,
        "gross_kg": 0.0,
        "change": 0,
    }
    assert table["row"].tolist() == [1, 2] and pd.isna(table["quantity"].iloc[1])
    assert (batch.rows_read, batch.rejected, batch.period, batch.origin) == (2, 0, "2021-08", "simulated")
    assert "张某" not in table.to_string() and "139" not in str(batch.notes)
    states = batch.tables["bonded_status"]
    assert states[["kind", "document", "status", "on_day", "change"]].to_numpy().tolist() == [
        ["inventory", "QD000021I000000001", "approved", date(2021, 8, 7), 0]
    ]
    assert "bonded_pocket" not in batch.tables


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK", "utf-16"])
def test_case_of_names_and_encoding_do_not_matter(encoding: str) -> None:
    head = {key[0].upper() + key[1:]: value for key, value in HEAD.items()}
    goods = {key.replace("cd", "Cd"): value for key, value in GOODS.items()}
    plain, varied = read(message(HEAD, [GOODS])), read(message(head, [goods], encoding=encoding))
    assert plain.tables["bonded_line"].equals(varied.tables["bonded_line"])


@pytest.mark.parametrize(
    "text", ["20210805", "2021-08-05", "2021-08-05T23:59:59", "2021-08-05 10:00:00", "2021/8/5", "20210805103000"]
)
def test_date_styles(text: str) -> None:
    assert read(message(HEAD | {"invtDclTime": text}, [GOODS])).tables["bonded_line"]["declared_on"].item() == date(
        2021, 8, 5
    )


def without(*names: str) -> dict[str, str]:
    return {key: value for key, value in HEAD.items() if key not in names}


@pytest.mark.parametrize(
    ("head", "subject"),
    [
        (HEAD, OWNER),
        (without("rltEntryBizopEtpsSccd"), "customs:0000912345"),
        (HEAD | {"rltEntryBizopEtpsSccd": "", "rltEntryBizopEtpsno": ""}, WAREHOUSE),
        (without("rltEntryBizopEtpsSccd", "rltEntryBizopEtpsno", "bizopEtpsSccd"), "customs:0000W60001"),
    ],
)
def test_the_cargos_owner_is_the_subject(head: dict[str, str], subject: str) -> None:
    batch = read(message(head, [GOODS]))
    assert batch.tables["bonded_line"]["subject"].tolist() == [subject]
    assert any("没有填报货主" in note for note in batch.notes) == (subject in (WAREHOUSE, "customs:0000W60001"))


@pytest.mark.parametrize(("status", "living"), [("0", True), ("1", True), ("2", False), ("3", False)])
def test_returned_and_deleted_documents_do_not_live(status: str, living: bool) -> None:
    batch = read(message(HEAD | {"invtStucd": status}, [GOODS]))
    assert batch.tables["bonded_line"]["living"].tolist() == [living]
    assert bool(batch.notes) is not living


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"invtDclTime": ""}, "bonded.head"),
        ({"invtDclTime": "2021-02-30"}, "bonded.head"),
        ({"bondInvtNo": ""}, "bonded.head"),
        ({"impexpMarkcd": "X"}, "bonded.flow"),
        ({"supvModecd": "8888"}, "bonded.mode"),
        ({"supvModecd": ""}, "bonded.mode"),
        ({"invtStucd": "9"}, "bonded.status"),
        ({"rltEntryBizopEtpsSccd": OWNER[:-1] + ("A" if OWNER[-1] != "A" else "B")}, "identity.uscc"),
    ],
)
def test_a_head_that_lacks_something_rejects_every_line(changed: dict[str, str], rule: str) -> None:
    batch = read(message(HEAD | changed, [GOODS, GOODS | {"gdsSeqno": "2"}]))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[1, rule], [2, rule]]
    assert batch.rows_read == batch.rejected == 2 and batch.tables["bonded_line"].empty


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"gdecd": "950300839"}, "bonded.hs"),
        ({"usdStatTotalAmt": "待核"}, "number.unreadable"),
        ({"usdStatTotalAmt": "1,234"}, "number.unreadable"),
        ({"dclQty": "nan"}, "number.unreadable"),
        ({"grossWt": "1e5"}, "number.unreadable"),
    ],
)
def test_a_wrong_goods_line_is_rejected_alone(changed: dict[str, str], rule: str) -> None:
    batch = read(message(HEAD, [GOODS, GOODS | {"gdsSeqno": "2"} | changed, GOODS | {"gdsSeqno": "3"}]))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[2, rule]]
    assert batch.tables["bonded_line"]["row"].tolist() == [1, 3]


def test_sequence_numbers_missing_or_twice() -> None:
    goods = [GOODS, GOODS, GOODS | {"gdsSeqno": ""}, GOODS | {"gdsSeqno": "7"}]
    batch = read(message(HEAD, goods))
    assert batch.lines["row"].tolist() == [1, 8, 9, 7]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[8, "bonded.sequence"], [9, "bonded.sequence"]]


def test_dollars_from_the_declared_amount_only_when_it_is_in_dollars() -> None:
    blank = GOODS | {"usdStatTotalAmt": "", "dclTotalAmt": "99"}
    usd = [
        read(message(HEAD, [blank | {"dclCurrcd": currency}])).tables["bonded_line"]["usd"].item()
        for currency in ("502", "USD", "142")
    ]
    assert usd[:2] == [99.0, 99.0] and pd.isna(usd[2])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (message(HEAD, [GOODS], kind="SAS231"), "SAS231"),
        (message(HEAD, [GOODS], pockets="3"), "没有报文编号"),
        (message(HEAD, []), "没有商品明细"),
        (message({}, [GOODS]), "没有核注清单表头"),
        (message(HEAD, [GOODS]).replace(b"<INV101>", b"<INV101><x><invtDclTime>1</invtDclTime></x>"), "多张"),
    ],
)
def test_messages_that_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(data)


def test_other_xml_is_not_ours() -> None:
    assert not bonded.matches(open_file(b"<a><b>1</b></a>", "x.xml"))


def test_an_entity_in_a_mandatory_field_is_refused() -> None:
    data = message(HEAD | {"invtDclTime": "&when;"}, [GOODS])
    with pytest.raises(Refused):
        bonded.matches(open_file(data, "x.xml"))
    subset = b'<!DOCTYPE Signature [<!ENTITY when "20210805">]>\n<Signature'
    with pytest.raises(Refused, match="实体"):
        bonded.matches(open_file(data.replace(b"<Signature", subset, 1), "x.xml"))


def test_a_client_upload_is_an_inventory_under_its_number_of_before() -> None:
    head = {k: v for k, v in HEAD.items() if k not in ("bondInvtNo", "invtStucd")} | {"seqNo": "S1", "dclTypecd": "1"}
    blocks = [("InvtHeadType", head | {"etpsInnerInvtNo": "IN1", "trspModecd": "w"}), ("InvtListType", GOODS)]
    stored, sent = (messages.read(messages.client("InvtMessage", *blocks, flag=flag)) for flag in ("0", "1"))
    line = sent.tables["bonded_line"].iloc[0]
    assert (line["document"], line["inner_no"], line["transport"], line["living"]) == ("S1", "IN1", "W", True)
    assert (sent.feed, sent.tables["bonded_status"]["status"].tolist()) == ("bonded_inv101", ["declared"])
    assert stored.tables["bonded_status"]["status"].tolist() == ["staged"]
    assert not stored.tables["bonded_line"]["living"].item()


def test_a_receipt_that_brings_the_copy_along() -> None:
    blocks = [messages.answer("QD000021I000000001", "1", kind="3"), ("BondInvtBsc", HEAD), ("BondInvtDt", GOODS)]
    batch = messages.read(messages.official("INV201", *blocks, root="Package"))
    assert (batch.feed, batch.form, len(batch.tables["bonded_line"])) == ("bonded_inv101", "inv201", 1)
    assert batch.tables["bonded_status"]["status"].tolist() == ["deleted", "approved"]


def test_pockets_with_and_without_a_head_or_goods() -> None:
    whole = messages.official("INV101", ("BondInvtBsc", HEAD), ("BondInvtDt", GOODS), pocket=(1, 3))
    later = messages.official("INV101", ("BondInvtDt", GOODS | {"gdsSeqno": "2"}), pocket=(2, 3))
    alone = messages.official("INV101", ("BondInvtBsc", HEAD), pocket=(3, 3))
    first, second, third = (messages.read(data) for data in (whole, later, alone))
    assert first.tables["bonded_pocket"][["document", "subject", "mode"]].to_numpy().tolist() == [
        ["QD000021I000000001", OWNER, "6033"]
    ]
    assert second.period is None and second.tables["bonded_line"][["document", "subject", "period"]].isna().all(
        axis=None
    )
    assert second.tables["bonded_line"]["usd"].tolist() == [12345.67] and "bonded_status" not in second.tables
    assert (third.rows_read, len(third.tables["bonded_status"])) == (0, 1)
    assert second.notes == ["分包报文，第 2/3 包，各包到齐后才计数"]


def test_a_pocket_whose_head_is_wrong_and_has_no_line_to_say_it_at_is_refused() -> None:
    with pytest.raises(Refused, match="进出口标记"):
        messages.read(messages.official("INV101", ("BondInvtBsc", HEAD | {"impexpMarkcd": "X"}), pocket=(1, 2)))


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_message_cut_anywhere_is_refused(cut: int) -> None:
    data = messages.official("INV101", ("BondInvtBsc", HEAD), ("BondInvtDt", GOODS), pocket=(1, 2))
    with pytest.raises(Refused):
        messages.read(data[: len(data) * cut // 100])


def test_what_no_message_can_mean_is_rejected_line_by_line() -> None:
    batch = read(message(HEAD | {"invtDclTime": "1899-12-30"}, [GOODS]))
    assert batch.rejects[["field", "raw"]].to_numpy().tolist() == [["清单申报日期", "1899-12-30"]]
    batch = read(message(HEAD, [GOODS | {"grossWt": "1" + "0" * 320}]))
    assert batch.rejects["rule"].tolist() == ["number.unreadable"]
