"""What a message of the bonded centre says of a document's life, and which pocket of what it is.

Every message tells some state in a code of its own; ``codes.yml`` translates them into one set of words. A message adds
events, it never decides: what counts is decided at reading, from all events known (``sql/views/20_bonded.sql``).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from qxmonitor.catalog.codes import codes
from qxmonitor.feeds.bonded_message import Message, Values, day, number_of, numbers
from qxmonitor.feeds.taken import Layout, Row

HEAD_SHEET = "表头"
"""Where events and pockets stand: they are said by a message's head, not by one of its counted lines."""

Fault = tuple[str, str, str, str]
"""field, rule, reason, raw"""

LAYOUT: Layout = {
    "bonded_status": {
        "sheet": "str", "row": "int64", "kind": "str", "document": "str", "before": "str", "status": "str",
        "on_day": "object", "change": "Int64",
    },
    "bonded_pocket": {
        "sheet": "str", "row": "int64", "message": "str", "pocket": "int64", "pockets": "int64", "kind": "str",
        "document": "str",
    },
}  # fmt: skip

_GATE = "SAS223"
_DECIDED = ("dcltime", "invtdcltime")
_ENDS = {"inventory": "deleted", "pass": "voided", "note": "voided", "declaration": "voided", "ledger": "voided"}


def events(message: Message) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The status events of a message, and what is wrong with it as a statement on states.

    Returns:
        Events: kind, document, before (its number before it had this one), status, on_day, change; and the faults,
        for which the whole message cannot be taken.
    """
    kind, head, result = message.kind, message.head, message.result
    if kind is None or kind.subject == "ledger":
        return [], []
    document, before = number_of(kind, *_named(message))
    faults: list[Fault] = []
    if document is None:
        faults.append((f"{kind.title}编号", "bonded.head", f"{kind.title}编号缺失", ""))
    said: list[tuple[str, date | None, int]] = []
    if result is not None:
        word = _decision(message, faults)
        decided = day(result.get("managedate", ""))
        if decided is None:
            faults.append(("处理日期", "bonded.date", "处理日期缺失或不是有效日期", result.get("managedate", "")))
        elif word:
            said.append((word, decided, _change(result.get("tmscnt", ""))))
    if head is not None:
        said += _said(message, head, faults)
    if not said and not faults:
        faults.append(("单证状态", "bonded.status", "看不出单证状态", ""))
    if faults:
        return [], faults
    found = [
        {"kind": kind.subject, "document": document, "before": before, "status": word, "on_day": on, "change": change}
        for word, on, change in said
    ]
    passed = next((on for word, on, _ in said if word == "passed"), None)
    if kind.subject == "pass" and any(word == "passed" for word, _, _ in said):
        found += [
            {"kind": "inventory", "document": one, "before": None, "status": "passed", "on_day": passed, "change": None}
            for one in related_inventories(message)
        ]
    return found, faults


def related_inventories(message: Message) -> list[str]:
    """The inventories a gate pass or stock note goes with; a pass may go with stock notes or bills instead."""
    blocks = [block for block in (message.head, *message.related) if block]
    named = [block.get("rltno", "") for block in blocks if block.get("rlttbtypecd", "1") in ("", "1")]
    return numbers(*named, *(block.get("rltbondinvtno", "") for block in blocks))


def status_rows(found: list[dict[str, Any]]) -> list[Row]:
    """Events as rows of ``bonded_status``."""
    return [{"sheet": HEAD_SHEET, "row": row, **event} for row, event in enumerate(found, start=1)]


def pocket_rows(message: Message, fields: dict[str, Any]) -> list[Row]:
    """The one row of ``bonded_pocket``: which part of a message the file is, and what its head says, if it has one."""
    pocket = message.pocket
    assert pocket is not None and message.kind is not None
    mine = {
        "sheet": HEAD_SHEET, "row": 1, "message": pocket.message, "pocket": pocket.number, "pockets": pocket.total,
        "kind": message.kind.subject, **fields,
    }  # fmt: skip
    return [mine]


def pocket_note(message: Message) -> list[str]:
    """The remark on the receipt of a part of a message."""
    pocket = message.pocket
    if pocket is None:
        return []
    return [f"分包报文，第 {pocket.number}/{pocket.total} 包，各包到齐后才计数"]


def _named(message: Message) -> list[Values | None]:
    """The blocks that bear the document's number; of a bare receipt its result, which has names of its own."""
    if message.result is None or message.kind is None:
        return [message.head]
    names = message.kind.numbers
    answered = {
        names[0]: message.result.get("businessid", ""),
        names[1]: message.result.get("etpspreentno", ""),
    }
    return [message.head, answered]


def _decision(message: Message, faults: list[Fault]) -> str:
    """What the customs' answer says."""
    assert message.result is not None and message.kind is not None
    written = message.result.get("manageresult", "")
    word = codes().document_status.result.get(written.upper())
    if word is None:
        faults.append(("审批结果", "bonded.status", "审批结果代码不认识", written))
        return ""
    if message.result.get("typecd") == codes().withdrawal:
        return {"approved": _ENDS[message.kind.subject], "returned": "kept"}.get(word, "asked")
    return "passed" if message.code == _GATE and word == "approved" else word


def _said(message: Message, head: Values, faults: list[Fault]) -> list[tuple[str, date | None, int]]:
    """What a document's own copy says: that it was declared (or only stored), and the state written in it."""
    assert message.kind is not None
    tables = codes().document_status
    declared = next((found for name in _DECIDED if (found := day(head.get(name, "")))), None)
    change = _change(head.get("chgtmscnt", ""))
    told: list[tuple[str, date | None, int]] = []
    by_code: tuple[tuple[str, str, dict[str, Any]], ...] = {
        "inventory": (("invtstucd", "清单状态", tables.inventory),),
        "pass": (("stucd", "核放单状态", tables.pass_), ("emapvmarkcd", "审批标志", tables.approval)),
        "note": (("emapvmarkcd", "审批标志", tables.approval),),
        "declaration": (("emapvmarkcd", "审批标志", tables.approval),),
    }.get(message.kind.subject, ())
    written = next(((name, label, table) for name, label, table in by_code if head.get(name)), None)
    if message.declare_flag == "0" and written is None:
        return [("staged", declared or message.sent, change)]
    asked_as = head.get("dcltypecd", "")
    if asked_as and not message.receipt:
        word = tables.declared_as.get(asked_as)
        if word is None:
            faults.append(("申报类型", "bonded.status", "申报类型代码不认识", asked_as))
        else:
            told.append((word, declared or message.sent, change))
    if written is not None:
        name, label, table = written
        word = table.get(head[name])
        if word is None:
            faults.append((label, "bonded.status", f"表头{label}不认识", head[name]))
        else:
            at = (
                ("secdpasstime", "passtime")
                if word == "passed"
                else ("formalvrfdedtime",)
                if word == "approved"
                else ()
            )
            on = next((found for field in at if (found := day(head.get(field, "")))), declared)
            told.append((word, on or message.sent, change))
    elif message.kind.subject == "inventory" and not message.receipt and not message.declare_flag:
        faults.append(("清单状态", "bonded.status", "表头清单状态缺失", ""))
    elif not message.receipt and not told:
        told.append(("declared", declared or message.sent, change))
    return told


def _change(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
