"""Messages of the bonded centre, damaged in every way: refused with a reason, or every line accounted for."""

from __future__ import annotations

import copy
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qxmonitor.errors import Refused
from tests.feeds.messages import PERSONAL, WAREHOUSE, answer, client, official, read
from tests.feeds.test_bonded import GOODS, HEAD
from tests.feeds.test_bonded_receipt import DECLARATION, NOTE, NOTE_LINE, PASS
from tests.feeds.test_bonded_stock import HEAD as LEDGER
from tests.feeds.test_bonded_stock import LINE

WHOLE = [
    official(
        "INV101", ("BondInvtBsc", HEAD | PERSONAL), ("BondInvtDt", GOODS), ("BondInvtDt", GOODS | {"gdsSeqno": "2"})
    ),
    official("INV101", ("BondInvtDt", GOODS), pocket=(2, 3)),
    official("INV201", answer("QD1", "1"), ("BondInvtBsc", HEAD), ("BondInvtDt", GOODS), root="Package"),
    official("INV211", ("BwsBsc", LEDGER), ("BwsDt", LINE), ("BwsDt", LINE | {"gdsSeqno": "2"}), pocket=(1, 2)),
    official("SAS101", ("SasDclBsc", DECLARATION)),
    official("SAS111", ("SasStockBsc", NOTE), ("SasStockDt", NOTE_LINE)),
    official("SAS223", answer("ZP1", "1"), ("SasPassportBsc", PASS), root="Package", namespace=False),
    client("InvtMessage", ("InvtHeadType", HEAD), ("InvtListType", GOODS)),
    client("PassPortMessage", ("PassportHead", PASS), flag="0"),
]
TEXTS = [
    "", "0", "-1", "1", "2", "3", "9" * 30, "1e309", "NaN", "0x10", "１２", "²", "9999-12-31", "0001-01-01",
    "2021-02-30", "20211301", "2021年8月5日", "\\", "QD1\\\\QD2\\", WAREHOUSE, "I", "E", "3" * 5000, "\u200b", "INV101",
    "SAS999", "W", "表头",
]  # fmt: skip


def damaged(data: bytes, seed: int) -> bytes:
    """A few elements dropped, doubled, moved or filled with something else."""
    dice = random.Random(seed)
    root = etree.fromstring(data)
    for _ in range(dice.randrange(1, 5)):
        elements = [element for element in root.iter() if element is not root]
        if not elements:
            break
        chosen = dice.choice(elements)
        parent = chosen.getparent()
        match dice.randrange(5):
            case 0:
                parent.remove(chosen)
            case 1:
                parent.append(copy.deepcopy(chosen))
            case 2:
                dice.choice(elements).getparent().append(copy.deepcopy(chosen))
            case 3:
                chosen.text = dice.choice(TEXTS)
            case _ if chosen.text not in PERSONAL.values():
                chosen.tag = dice.choice(elements).tag
    return etree.tostring(root, encoding="utf-8")


@pytest.mark.parametrize("whole", WHOLE)
def test_the_whole_ones_can_be_read(whole: bytes) -> None:
    assert read(whole).rejected == 0


@settings(max_examples=250, deadline=None)
@given(which=st.integers(0, len(WHOLE) - 1), seed=st.integers(0, 10**9))
def test_damaged_messages_never_crash_and_lose_nothing(which: int, seed: int) -> None:
    try:
        batch = read(damaged(WHOLE[which], seed))
    except Refused as refusal:
        assert "\n" not in str(refusal) and not any(value in str(refusal) for value in PERSONAL.values())
        return
    keys = list(zip(batch.lines["sheet"], batch.lines["row"], strict=True))
    assert len(set(keys)) == len(keys) == batch.rows_read
    assert all(0 < row < 2**31 for _, row in keys)
    assert set(zip(batch.rejects["sheet"], batch.rejects["row"], strict=True)) <= set(keys)
    counted = [frame for name, frame in batch.tables.items() if name not in ("bonded_status", "bonded_pocket")]
    assert sum(map(len, counted)) <= batch.accepted
    assert all(not frame.duplicated(["sheet", "row"]).any() for frame in batch.tables.values())


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE Signature [<!ENTITY a "b">]>' + WHOLE[0].split(b"\n", 1)[1].replace(b"6033", b"&a;"),
        WHOLE[0]
        .replace(b"<INV101>", b"<INV101>" + b"<x>" * 400, 1)
        .replace(b"</INV101>", b"</x>" * 400 + b"</INV101>"),
        WHOLE[0].replace(b"</INV101>", b"</INV101><INV101>", 1),
        WHOLE[5].replace(b"<SasStockBsc>", b"<SasStockBsc><x xmlns:y='z'><y:rltNo>1</y:rltNo>"),
    ],
)
def test_hostile_xml_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        read(data)
