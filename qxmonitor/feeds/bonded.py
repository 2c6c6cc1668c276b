"""Form 7, inventories (核注清单, INV101) of the bonded logistics centre, official dialect, one message a file.

``Signature/Object/Package/{EnvelopInfo, DataInfo/{PocketInfo, BussinessData}}``, spelt so. Element names change
their case between versions and one message writes dates in three styles, so names are compared without case and
dates read in each style. ``bizop*`` is often the warehouse; the cargo's owner then stands in ``rltEntryBizop*``. A
returned or deleted document is kept but not living. Quantities may be empty. ``row`` is the goods' sequence number.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.grid import gather
from qxmonitor.period import Period

if TYPE_CHECKING:
    from lxml import etree

    from qxmonitor.feeds.opening import Opened

FEED = FORM = "bonded_inv101"

_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|[-/.年](\d{1,2})[-/.月](\d{1,2})日?)(?:$|[T\s\d])")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_OWNERS = (
    ("rltentrybizopetpssccd", "rltentrybizopetpsno", "rltentrybizopetpsnm"),
    ("bizopetpssccd", "bizopetpsno", "bizopetpsnm"),
)
_DOLLARS = {"502", "USD"}

Fault = tuple[str, str, str, str]
"""field, rule, reason, raw"""


def matches(opened: Opened) -> bool:
    """Whether a file is a message of the bonded centre in the official dialect (of whatever type)."""
    return (
        opened.kind == "xml" and _name(opened.root) == "signature" and _first(opened.root, "bussinessdata") is not None
    )


def read(opened: Opened) -> Batch:
    """Read one message.

    Raises:
        Refused: not an INV101, in several pockets, holding several inventories, or without goods.
    """
    data = _first(opened.root, "bussinessdata")
    if data is None:
        raise Refused("报文里没有业务数据（BussinessData）")
    kind = _text_of(opened.root, "messagetype").upper()
    if kind and kind != "INV101":
        raise Refused(f"暂不支持 {kind[:12]} 报文，目前只收 INV101 核注清单")
    pockets = _text_of(opened.root, "totalpocketqty")
    if pockets not in {"", "1"}:
        raise Refused("报文分多个数据包传输，目前只收单包（1/1）的报文")
    head, goods = _split(data)

    fields, faults = _head(head)
    subject = str(fields["subject"] or "")
    lines = _lines(goods)
    rows = [(row, *_goods(line)) for row, line in lines]
    rejects = [(SHEET, row, *fault) for row, _, own in rows for fault in [*faults, *own]]
    rejects += [
        (SHEET, row, "商品序号", "bonded.sequence", "商品序号缺失、不是整数或重复", line.get("gdsseqno", ""))
        for row, line in lines
        if str(row) != line.get("gdsseqno", "").lstrip("0")
    ]
    rejected = {reject[1] for reject in rejects}
    good = [(row, figures) for row, figures, _ in rows if row not in rejected]

    table = pd.DataFrame(
        {
            "sheet": [SHEET] * len(good),
            "row": [row for row, _ in good],
            **{name: [value] * len(good) for name, value in fields.items()},
            **{name: [figures[name] for _, figures in good] for name in ("hs", "quantity", "usd", "gross_kg")},
        }
    )
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(str(fields["period"])) if fields["period"] else None,
        tables={"bonded_line": table if len(good) else table.astype(_DTYPES)},
        lines=_numbered(tuple(row for row, *_ in rows)).copy(),
        rejects=_rejects(rejects, fields),
        control=gather([], ["sheet", "row", "text"]),
        origin=_origin(subject),
        notes=_notes(fields),
    )


def _rejects(rejects: list[tuple[Any, ...]], fields: dict[str, Any]) -> pd.DataFrame:
    if not rejects:
        return gather([], [*REJECT_COLUMNS, *WHOSE])
    whose = {name: str(fields[name]) if fields[name] else None for name in WHOSE}
    return pd.DataFrame(rejects, columns=REJECT_COLUMNS).assign(**whose)


_DTYPES = {"sheet": "str", "row": "int64", "quantity": "float64", "usd": "float64", "gross_kg": "float64"}


def _name(element: etree._Element) -> str:
    """Local name, without case and underscores (``total_pocket_qty``, ``passportUsedTypeCd``)."""
    return str(element.tag).rpartition("}")[2].replace("_", "").lower()


def _first(root: etree._Element, name: str) -> etree._Element | None:
    return next((element for element in root.iter() if _name(element) == name), None)


def _text_of(root: etree._Element, name: str) -> str:
    element = _first(root, name)
    return (element.text or "").strip() if element is not None else ""


def _values(element: etree._Element) -> dict[str, str]:
    """Leaf children: name → stripped text."""
    return {_name(child): (child.text or "").strip() for child in element if not len(child)}


def _split(data: etree._Element) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The head and the goods lines, told by what they hold and not by their own names, which vary."""
    heads, goods = [], []
    for element in data.iter():
        if not len(element):
            continue
        values = _values(element)
        if "gdsseqno" in values or "gdecd" in values:
            goods.append(values)
        elif "impexpmarkcd" in values or "invtdcltime" in values or "bizopetpssccd" in values:
            heads.append(values)
    if len(heads) != 1:
        raise Refused("报文里没有核注清单表头" if not heads else "一份报文里有多张核注清单，目前只收一份一张")
    if not goods:
        raise Refused("核注清单没有商品明细")
    return heads[0], goods


def _head(head: dict[str, str]) -> tuple[dict[str, str | bool | date | None], list[Fault]]:
    """The fields that all goods lines share, and what is wrong with them."""
    faults: list[Fault] = []

    def need(name: str, label: str, found: object, reason: str, rule: str = "bonded.head") -> None:
        if found is None:
            raw = head.get(name, "")
            faults.append((label, rule, f"表头{label}{'缺失' if not raw else reason}", raw))

    document = head.get("bondinvtno") or head.get("invtpreentno") or None
    need("bondinvtno", "清单编号", document, "")
    declared = _date(head.get("invtdcltime", ""))
    need("invtdcltime", "清单申报日期", declared, "不是有效日期")
    flow = {"I": "I", "E": "E"}.get(head.get("impexpmarkcd", "").upper())
    need("impexpmarkcd", "进出口标记", flow, "不是 I 或 E", "bonded.flow")
    mode = codes().mode(head["supvmodecd"]) if head.get("supvmodecd") else None
    need("supvmodecd", "监管方式", mode, "不在代码表中", "bonded.mode")
    living = codes().living(head.get("invtstucd", ""))
    need("invtstucd", "清单状态", living, "不认识", "bonded.status")
    group = next((names for names in _OWNERS if any(head.get(name) for name in names)), _OWNERS[1])
    subject, fault = _owner(*(head.get(name, "") for name in group))
    if fault:
        faults.append(fault)
    fields: dict[str, str | bool | date | None] = {
        "subject": subject,
        "period": Period.of(declared) if declared else None,
        "document": document,
        "declared_on": declared,
        "flow": flow,
        "living": living,
        "mode": mode,
        "list_type": head.get("bondinvttypecd") or None,
        "customs_declared": codes().customs_declared.get(head.get("dclcusflag", "")),
    }
    return fields, faults


def _owner(uscc: str, customs: str, name: str) -> tuple[str | None, Fault | None]:
    """One firm; the same few come back in hundreds of messages."""
    row = identity.resolve_one(uscc, customs, name)
    return row["subject"] or None, (row["field"], row["rule"], row["reason"], row["raw"]) if row["rule"] else None


@lru_cache(maxsize=65536)
def _origin(subject: str) -> str | None:
    return identity.origin(pd.Series([subject], dtype="str")) if subject else None


@lru_cache(maxsize=1024)
def _numbered(rows: tuple[int, ...]) -> pd.DataFrame:
    """The lines of a message; most messages number theirs 1, 2, 3."""
    return pd.DataFrame({"sheet": pd.Series([SHEET] * len(rows), dtype="str"), "row": list(rows)})


def _date(text: str) -> date | None:
    """A day written ``20210805…``, ``2021-08-05T…``, ``2021-08-05 …`` or ``2021/8/5``."""
    found = _DATE.match(text)
    if not found:
        return None
    year, *parts = (int(part) for part in found.groups() if part)
    try:
        return date(year, parts[0], parts[1])
    except ValueError:
        return None


def _lines(goods: list[dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    """Each goods line under its sequence number; a line without a usable one comes after the last number."""
    written = [line.get("gdsseqno", "") for line in goods]
    numbers = [int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 2**31 else 0 for text in written]
    seen: Counter[int] = Counter()
    spare = max(numbers)
    lines = []
    for number, line in zip(numbers, goods, strict=True):
        seen[number] += 1
        if number == 0 or seen[number] > 1:
            spare += 1
            number = spare
        lines.append((number, line))
    return lines


def _goods(line: dict[str, str]) -> tuple[dict[str, str | float | None], list[Fault]]:
    """Figures of one goods line, and its faults."""
    faults: list[Fault] = []
    hs = commodity(line.get("gdecd", ""))
    if hs is None:
        faults.append(("商品编码", "bonded.hs", "商品编码不是 8 位或 10 位，或章号不存在", line.get("gdecd", "")))

    def figure(name: str, label: str) -> float:
        text = line.get(name, "")
        if text and not _DECIMAL.fullmatch(text):
            faults.append((label, "number.unreadable", "数字无法识别", text))
            return math.nan
        return float(text) if text else math.nan

    usd = figure("usdstattotalamt", "美元统计总金额")
    if not line.get("usdstattotalamt") and line.get("dclcurrcd", "").upper() in _DOLLARS:
        usd = figure("dcltotalamt", "申报总金额")
    figures: dict[str, str | float | None] = {
        "hs": hs,
        "quantity": figure("dclqty", "申报数量"),
        "usd": usd,
        "gross_kg": figure("grosswt", "毛重量"),
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
