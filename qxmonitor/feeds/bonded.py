"""Form 7, inventories (核注清单) of the bonded centre: INV101 and the copies in INV201, one file a message or pocket.

One message writes dates in three styles. ``bizop*`` is often the warehouse; the cargo's owner then stands in
``rltEntryBizop*``. A returned or deleted document is kept; whether it counts is decided at reading. Quantities may be
empty. ``row`` is the goods' sequence number. A big message comes in several pockets, of which later ones may have no
head: their rows are completed at reading, once all pockets are there.
"""

from __future__ import annotations

import math
import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded_message, bonded_status
from qxmonitor.feeds.base import WHOSE, Batch
from qxmonitor.feeds.bonded_message import Values
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.numbers import LARGEST
from qxmonitor.feeds.taken import Layout, Taken, batches
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.bonded_status import Fault
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "bonded_inv101"

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_OWNERS = (
    ("rltentrybizopetpssccd", "rltentrybizopetpsno", "rltentrybizopetpsnm"),
    ("bizopetpssccd", "bizopetpsno", "bizopetpsnm"),
)
_DOLLARS = {"502", "USD"}
_HEAD = {
    "subject": "str", "period": "str", "document": "str", "declared_on": "object", "flow": "str", "living": "object",
    "mode": "str", "list_type": "str", "customs_declared": "object", "transport": "str", "inner_no": "str",
    "change": "Int64",
}  # fmt: skip
LAYOUT: Layout = {
    "bonded_line": {
        "sheet": "str", "row": "int64", **_HEAD, "hs": "str", "quantity": "float64", "usd": "float64",
        "gross_kg": "float64",
    },
    **bonded_status.LAYOUT,
    "bonded_pocket": bonded_status.LAYOUT["bonded_pocket"] | _HEAD,
}  # fmt: skip
_DEAD = {"staged", "returned", "deleted", "voided"}


def matches(opened: Opened) -> bool:
    """Whether a file is an inventory message in either dialect; messages of no known kind are told so here."""
    return bonded_message.unknown(opened) or (
        bonded_message.speaks_of(opened, "inventory") and not bonded_message.bare(opened)
    )


def read(opened: Opened) -> Batch:
    """Read one message or one pocket of it; raises as :func:`take`."""
    return batches([take(opened)], LAYOUT)[0]


def take(opened: Opened) -> Taken:
    """Take one message or one pocket of it apart.

    Raises:
        Refused: of another kind, holding several inventories, or, come whole, without head or goods.
    """
    message = bonded_message.take_apart(opened)
    if message.head is None and message.pocket is None:
        raise Refused("报文里没有核注清单表头")
    if not message.lines and message.pocket is None:
        raise Refused("核注清单没有商品明细")
    fields: dict[str, Any] = dict.fromkeys(_HEAD)
    faults: list[Fault] = []
    events: list[dict[str, Any]] = []
    if message.head is not None:
        fields, faults = _head(message.head)
        events, more = bonded_status.events(message)
        faults += [fault for fault in more if fault[1] != "bonded.head"]
        fields["living"] = not any(event["status"] in _DEAD for event in events)
    if faults and not message.lines:
        raise Refused(faults[0][2])
    lines = bonded_message.sequenced(message.lines, "gdsseqno")
    rows = [(row, *_goods(line)) for row, line in lines]
    rejects = [(row, *fault) for row, _, own in rows for fault in [*faults, *own]]
    rejects += [
        (row, "商品序号", "bonded.sequence", "商品序号缺失、不是整数或重复", line.get("gdsseqno", ""))
        for row, line in lines
        if str(row) != line.get("gdsseqno", "").lstrip("0")
    ]
    rejected = {reject[0] for reject in rejects}
    good = [{"sheet": SHEET, "row": row, **fields, **figures} for row, figures, _ in rows if row not in rejected]
    tables = {"bonded_line": good}
    if events and not faults:
        tables["bonded_status"] = bonded_status.status_rows(events)
    if message.pocket is not None:
        usable = fields if not faults else dict.fromkeys(_HEAD)
        tables["bonded_pocket"] = bonded_status.pocket_rows(message, usable)
    return Taken(
        feed=FEED,
        form=FORM if message.code == "INV101" else message.code.lower(),
        period=Period(str(fields["period"])) if fields["period"] else None,
        tables=tables,
        lines=[row for row, *_ in rows],
        rejects=rejects,
        whose={name: str(fields[name]) if fields[name] else None for name in WHOSE},
        origin=origin_of(str(fields["subject"] or "")),
        notes=[*bonded_status.pocket_note(message), *_notes(fields), *_owner_note(message.head)],
    )


def _head(head: Values) -> tuple[dict[str, Any], list[Fault]]:
    """The fields that all goods lines share, and what is wrong with them."""
    faults: list[Fault] = []

    def need(name: str, label: str, found: object, reason: str, rule: str = "bonded.head") -> None:
        if found is None:
            raw = head.get(name, "")
            faults.append((label, rule, f"表头{label}{'缺失' if not raw else reason}", raw))

    document = head.get("bondinvtno") or head.get("invtpreentno") or head.get("seqno") or None
    need("bondinvtno", "清单编号", document, "")
    declared = bonded_message.day(head.get("invtdcltime", ""))
    need("invtdcltime", "清单申报日期", declared, "不是有效日期")
    flow = {"I": "I", "E": "E"}.get(head.get("impexpmarkcd", "").upper())
    need("impexpmarkcd", "进出口标记", flow, "不是 I 或 E", "bonded.flow")
    mode = codes().mode(head["supvmodecd"]) if head.get("supvmodecd") else None
    need("supvmodecd", "监管方式", mode, "不在代码表中", "bonded.mode")
    subject, fault = owner_of(head)
    if fault:
        faults.append(fault)
    return {
        "subject": subject,
        "period": Period.of(declared) if declared else None,
        "document": document,
        "declared_on": declared,
        "flow": flow,
        "living": None,
        "mode": mode,
        "list_type": head.get("bondinvttypecd") or None,
        "customs_declared": codes().customs_declared.get(head.get("dclcusflag", "")),
        "transport": head.get("trspmodecd", "").upper() or None,
        "inner_no": head.get("etpsinnerinvtno") or None,
        "change": change_of(head.get("chgtmscnt", "")),
    }, faults


def owner_of(head: Values) -> tuple[str | None, Fault | None]:
    """The cargo's owner: behind the warehouse if somebody stands there, else the one who does business."""
    group = next((names for names in _OWNERS if any(head.get(name) for name in names)), _OWNERS[1])
    return firm_of(head, *group)


def is_operator(head: Values) -> bool:
    """Whether the firm that does business is the centre's own operator: W in the fifth place of its customs code."""
    return head.get("bizopetpsno", "")[4:5].upper() == "W"


def _owner_note(head: Values | None) -> list[str]:
    if head is None or not is_operator(head) or any(head.get(name) for name in _OWNERS[0]):
        return []
    return ["清单没有填报货主，经营单位是物流中心自身（海关编码第 5 位为 W），按经营单位计"]


def firm_of(head: Values, *names: str) -> tuple[str | None, Fault | None]:
    """One firm by its credit code, customs code and name; the same few come back in hundreds of messages."""
    row = identity.resolve_one(*(head.get(name, "") for name in names))
    return row["subject"] or None, (row["field"], row["rule"], row["reason"], row["raw"]) if row["rule"] else None


def change_of(text: str) -> int:
    """The count of changes (变更次数); what is no number is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def figure(line: Values, name: str, label: str, faults: list[Fault]) -> float:
    """A number of a line; NaN where it is empty, and a fault where it cannot be read."""
    text = line.get(name, "")
    if text and not (_DECIMAL.fullmatch(text) and text.isascii() and len(text) <= 40 and abs(float(text)) <= LARGEST):
        faults.append((label, "number.unreadable", "数字无法识别", text))
        return math.nan
    return float(text) if text else math.nan


@lru_cache(maxsize=65536)
def origin_of(subject: str) -> str | None:
    """Whether a subject is a simulated or a real firm's; None where it does not tell."""
    return identity.origin(pd.Series([subject], dtype="str")) if subject else None


def _goods(line: Values) -> tuple[dict[str, str | float | None], list[Fault]]:
    """Figures of one goods line, and its faults."""
    faults: list[Fault] = []
    hs = commodity(line.get("gdecd", ""))
    if hs is None:
        faults.append(("商品编码", "bonded.hs", "商品编码不是 8 位或 10 位，或章号不存在", line.get("gdecd", "")))
    usd = figure(line, "usdstattotalamt", "美元统计总金额", faults)
    if not line.get("usdstattotalamt") and line.get("dclcurrcd", "").upper() in _DOLLARS:
        usd = figure(line, "dcltotalamt", "申报总金额", faults)
    figures: dict[str, str | float | None] = {
        "hs": hs,
        "quantity": figure(line, "dclqty", "申报数量", faults),
        "usd": usd,
        "gross_kg": figure(line, "grosswt", "毛重量", faults),
    }
    return figures, faults


def _notes(fields: dict[str, str | bool | date | None]) -> list[str]:
    notes = []
    if fields["mode"] in codes().unverified_modes:
        notes.append(f"监管方式 {fields['mode']} 的含义尚未核实")
    if fields["list_type"] and fields["list_type"] not in {entry.code for entry in codes().inventory_types}:
        notes.append("清单类型不在代码表中")
    if fields["living"] is False:
        notes.append("清单已退单或删单，不计入统计")
    return notes
