"""Form 9, stock ledgers (账册回执, INV211) of the bonded centre: what lies in the warehouse, line by line.

A ledger says nothing of the day it was struck: it shows the end of the newest month that had ended when it was sent.
The stock of a line is 实增 − 实减 − 预减; quantities may be empty, then the stock is unknown, not zero. The ledger is
the warehouse's; the owner of a line's cargo is found at reading, by the inventory that booked it in, and the centre's
operator (W in its customs code) is never taken for it. Ledgers may come in several pockets.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from qxmonitor.catalog.codes import commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded_message, bonded_status
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.bonded import figure, firm_of, is_operator, origin_of
from qxmonitor.feeds.bonded_message import Values
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.taken import Layout, Row, Taken, batches

if TYPE_CHECKING:
    from qxmonitor.feeds.bonded_status import Fault
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "bonded_stock"

_FIGURES = {
    "increased": ("actlincqty", "实增数量"),
    "reduced": ("actlredcqty", "实减数量"),
    "reserved": ("prevdredcqty", "预减数量"),
    "usd": ("totalamt", "库存美元总价"),
    "price_usd": ("avgprice", "平均美元单价"),
}
_DAYS = {"in_on": ("indate", "最近入仓日期"), "limit_on": ("limitdate", "存储期限")}
_TEXTS = ("subject", "period", "account", "ledger", "document", "hs", "unit")
LAYOUT: Layout = {
    "bonded_stock": {
        "sheet": "str", "row": "int64", **dict.fromkeys(_TEXTS, "str"), **dict.fromkeys(_FIGURES, "float64"),
        **dict.fromkeys(_DAYS, "object"), "operator": "object",
    },
    "bonded_pocket": bonded_status.LAYOUT["bonded_pocket"] | {"subject": "str", "period": "str"},
}  # fmt: skip


def matches(opened: Opened) -> bool:
    """Whether a file is a ledger message in either dialect."""
    return bonded_message.speaks_of(opened, "ledger")


def read(opened: Opened) -> Batch:
    """Read one ledger or one pocket of it; raises as :func:`take`."""
    return batches([take(opened)], LAYOUT)[0]


def take(opened: Opened) -> Taken:
    """Take one ledger or one pocket of it apart.

    Raises:
        Refused: no day of sending, several ledgers, or, come whole, without head or lines.
    """
    message = bonded_message.take_apart(opened)
    if message.sent is None:
        raise Refused("账册报文没有发送时间，无法判断是哪个月末的库存")
    if message.head is None and message.pocket is None:
        raise Refused("报文里没有账册表头")
    if not message.lines and message.pocket is None:
        raise Refused("账册没有库存明细")
    assert message.kind is not None
    head: Values = message.head or {}
    account, _ = bonded_message.number_of(message.kind, message.head)
    subject, fault = firm_of(head, "bizopetpssccd", "bizopetpsno", "bizopetpsnm") if head else (None, None)
    period = bonded_message.month_ended(message.sent)
    lines = bonded_message.sequenced(message.lines, "gdsseqno")
    if fault and not lines:
        raise Refused(fault[2])
    operator = is_operator(head) if head else None
    rows: list[Row] = []
    rejects: list[tuple[Any, ...]] = []
    for row, line in lines:
        faults: list[Fault] = [fault] if fault else []
        if str(row) != line.get("gdsseqno", "").lstrip("0"):
            sequence = line.get("gdsseqno", "")
            faults.append(("商品序号", "bonded.sequence", "商品序号缺失、不是整数或重复", sequence))
        mine = {
            "sheet": SHEET, "row": row, "subject": subject, "period": period, "operator": operator,
            **_line(line, line.get("bwsno") or account, faults),
        }  # fmt: skip
        mine["ledger"] = f"{mine['account']} {period}"
        rejects += [(row, *one) for one in faults]
        if not faults:
            rows.append(mine)
    tables = {"bonded_stock": rows}
    if message.pocket is not None:
        fields = {"document": account, "subject": subject if fault is None else None, "period": period}
        tables["bonded_pocket"] = bonded_status.pocket_rows(message, fields)
    return Taken(
        feed=FEED,
        form=message.code.lower(),
        period=period,
        tables=tables,
        lines=[row for row, _ in lines],
        rejects=rejects,
        origin=origin_of(subject or ""),
        notes=bonded_status.pocket_note(message),
    )


def _line(line: Values, account: str | None, faults: list[Fault]) -> dict[str, Any]:
    if not account:
        faults.append(("账册编号", "bonded.head", "账册编号缺失", ""))
    hs = commodity(line.get("gdecd", ""))
    if hs is None:
        faults.append(("商品编码", "bonded.hs", "商品编码不是 8 位或 10 位，或章号不存在", line.get("gdecd", "")))
    return {
        "account": account,
        "document": "、".join(bonded_message.numbers(line.get("invtno", ""))) or None,
        "hs": hs,
        "unit": line.get("dclunitcd") or None,
        **{column: figure(line, name, label, faults) for column, (name, label) in _FIGURES.items()},
        **{column: _day(line.get(name, ""), label, faults) for column, (name, label) in _DAYS.items()},
    }


def _day(text: str, label: str, faults: list[Fault]) -> date | None:
    found = bonded_message.day(text)
    if text and found is None and not (label == _DAYS["limit_on"][1] and bonded_message.unlimited(text)):
        faults.append((label, "bonded.date", f"{label}不是有效日期", text))
    return found
