"""Form 10, the bonded centre's other papers: 申报表 (SAS101), 出入库单 (SAS111), 核放单 (SAS121), and customs' answers.

Each adds to what is known of a document's life. A stock note gives its goods lines; a gate pass one line with the
weighbridge's reading, which comes with the SAS22x receipts; a declaration one line with the firms inside and outside.
A weight of 0 means that the weighbridge did not read: nothing was measured, so there is no error either. A bare answer
(``HdeApprResult`` alone) is one line; a client's acknowledgement that its file was stored is a control line. Vehicles,
drivers, applicants and remarks are not among the fields that are read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qxmonitor.catalog.codes import commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded_message, bonded_status
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.bonded import figure, firm_of, origin_of
from qxmonitor.feeds.bonded_message import Message, Values
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.taken import Layout, Row, Taken, batches
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.bonded_status import Fault
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "bonded_receipt"

_TABLES = {"note": "bonded_note", "pass": "bonded_pass", "declaration": "bonded_declaration"}
_PLACE = {"sheet": "str", "row": "int64"}
_PAPER = {"document": "str", "period": "str", "declared_on": "object", "flow": "str"}
LAYOUT: Layout = {
    "bonded_note": {
        **_PLACE, **_PAPER, "declaration": "str", "inventories": "str", "hs": "str", "quantity": "float64",
        "usd": "float64", "gross_kg": "float64",
    },
    "bonded_pass": {
        **_PLACE, "subject": "str", **_PAPER, "pass_type": "str", "inventories": "str", "total_kg": "float64",
        "gross_kg": "float64", "read_kg": "float64", "passed_on": "object",
    },
    "bonded_declaration": {**_PLACE, "subject": "str", "outside": "str", **_PAPER},
    **bonded_status.LAYOUT,
}  # fmt: skip
_FLOWS = {"I": "I", "E": "E"}
_INSIDE = ("areainetpssccd", "areainetpsno", "areainetpsnm")
_OUTSIDE = ("areaoutetpssccd", "areaoutetpsno", "areaoutetpsnm")
_ACKNOWLEDGED = "客户端回执：文件已入库或未入库，不含单证状态"

Lines = list[tuple[int, dict[str, Any], list["Fault"]]]


def matches(opened: Opened) -> bool:
    """Whether a file is one of these papers, a bare answer about an inventory, or a client's acknowledgement."""
    if not bonded_message.is_message(opened):
        return False
    if bonded_message.speaks_of(opened, "inventory"):
        return bonded_message.bare(opened)
    return bonded_message.code_of(opened) == "" or bonded_message.speaks_of(opened, "declaration", "note", "pass")


def read(opened: Opened) -> Batch:
    """Read one paper; raises as :func:`take`."""
    return batches([take(opened)], LAYOUT)[0]


def take(opened: Opened) -> Taken:
    """Take one paper apart.

    Raises:
        Refused: several documents in one file, neither a head nor an answer, or a stock note without goods.
    """
    message = bonded_message.take_apart(opened)
    if message.kind is None:
        return _taken(message, {}, [(1, {}, [])], [], control={1: _ACKNOWLEDGED})
    if message.head is None and message.result is None:
        raise Refused(
            f"报文里没有{message.kind.title}表头，也没有审批结果" + ("，目前只收带表头的分包" if message.pocket else "")
        )
    found, faults = bonded_status.events(message)
    lines = _lines(message)
    tables: dict[str, list[Row]] = {}
    if not faults:
        tables["bonded_status"] = bonded_status.status_rows(found)
    rows = [{"sheet": SHEET, "row": row, **fields} for row, fields, own in lines if fields and not own and not faults]
    if rows:
        tables[_TABLES[message.kind.subject]] = rows
    if message.pocket is not None:
        document = found[0]["document"] if found else None
        tables["bonded_pocket"] = bonded_status.pocket_rows(message, {"document": document})
    return _taken(message, tables, lines, faults)


def _taken(
    message: Message,
    tables: dict[str, list[Row]],
    lines: Lines,
    faults: list[Fault],
    control: dict[int, str] | None = None,
) -> Taken:
    subjects = [fields[name] for _, fields, _ in lines for name in ("subject", "outside") if fields.get(name)]
    return Taken(
        feed=FEED,
        form=message.code.lower() or "commonresponemessage",
        period=None,  # what it says is of its document, whose month stands in another file
        tables=tables,
        lines=[row for row, *_ in lines],
        rejects=[(row, *fault) for row, _, own in lines for fault in [*faults, *own]],
        control=control or {},
        origin=next((mark for one in subjects if (mark := origin_of(one))), None),
        notes=bonded_status.pocket_note(message),
    )


def _lines(message: Message) -> Lines:
    """The lines that count as read, each with its fields (none for a bare answer) and faults of its own."""
    assert message.kind is not None
    head = message.head
    if head is None:
        return [(1, {}, [])]
    if message.kind.subject == "pass":
        faults: list[Fault] = []
        return [(1, _pass(message, head, faults), faults)]
    if message.kind.subject == "declaration":
        faults = []
        return [(1, _declaration(message, head, faults), faults)]
    if not message.lines:
        raise Refused("出入库单没有商品明细")
    return [_note(message, head, row, line) for row, line in bonded_message.sequenced(message.lines, "sasstockseqno")]


def _note(message: Message, head: Values, row: int, line: Values) -> tuple[int, dict[str, Any], list[Fault]]:
    faults: list[Fault] = []
    hs = commodity(line.get("gdecd", ""))
    if hs is None:
        faults.append(("商品编码", "bonded.hs", "商品编码不是 8 位或 10 位，或章号不存在", line.get("gdecd", "")))
    if str(row) != line.get("sasstockseqno", "").lstrip("0"):
        sequence = line.get("sasstockseqno", "")
        faults.append(("商品序号", "bonded.sequence", "商品序号缺失、不是整数或重复", sequence))
    return (
        row,
        {
            **_document(message, head, "stocktypecd", "出入库标记", faults),
            "declaration": head.get("sasdclno") or None,
            "inventories": "、".join(bonded_status.related_inventories(message)) or None,
            "hs": hs,
            "quantity": figure(line, "dclqty", "申报数量", faults),
            "usd": figure(line, "usdstattotalamt", "美元统计总金额", faults),
            "gross_kg": figure(line, "grosswt", "毛重量", faults),
        },
        faults,
    )


def _pass(message: Message, head: Values, faults: list[Fault]) -> dict[str, Any]:
    total = figure(head, "totalwt", "总重量", faults)
    read_kg = figure(head, "passcollectwt", "地磅采集重量", faults)
    read_kg = math.nan if read_kg == 0 else read_kg
    subject, fault = firm_of(head, *_INSIDE) if any(head.get(name) for name in _INSIDE) else (None, None)
    faults += [fault] if fault else []
    passed = next(
        (found for name in ("secdpasstime", "passtime") if (found := bonded_message.day(head.get(name, "")))), None
    )
    return {
        "subject": subject,
        **_document(message, head, "iotypecd", "进出标志", faults),
        "pass_type": head.get("passporttypecd") or None,
        "inventories": "、".join(bonded_status.related_inventories(message)) or None,
        "total_kg": total if total else np.nan,
        "gross_kg": figure(head, "totalgrosswt", "货物总毛重", faults),
        "read_kg": read_kg,
        "passed_on": passed,
    }


def _declaration(message: Message, head: Values, faults: list[Fault]) -> dict[str, Any]:
    inside, outside = (
        firm_of(head, *names) if any(head.get(name) for name in names) else (None, None)
        for names in (_INSIDE, _OUTSIDE)
    )
    faults += [fault for _, fault in (inside, outside) if fault]
    return {
        "subject": inside[0],
        "outside": outside[0],
        **_document(message, head, "directiontypecd", "货物流向", faults),
    }


def _document(message: Message, head: Values, flow: str, label: str, faults: list[Fault]) -> dict[str, Any]:
    """What every paper has: its number, its day and month, and its direction."""
    assert message.kind is not None
    document, _ = bonded_message.number_of(message.kind, head)
    if document is None and message.result is not None:
        document = message.result.get("businessid") or None
    declared = bonded_message.day(head.get("dcltime", "")) or message.sent
    if declared is None:
        faults.append(("申报日期", "bonded.date", "申报日期缺失或不是有效日期", head.get("dcltime", "")))
    direction = _FLOWS.get(head.get(flow, "").upper())
    if direction is None:
        faults.append((label, "bonded.flow", f"{label}不是 I 或 E", head.get(flow, "")))
    return {
        "document": document,
        "period": Period.of(declared) if declared else None,
        "declared_on": declared,
        "flow": direction,
    }
