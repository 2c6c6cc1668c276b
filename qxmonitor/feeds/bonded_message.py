"""What all messages of the bonded centre share: envelope, pockets, and blocks told by what they hold.

Two dialects. Official: ``Signature/Object/Package/{EnvelopInfo, DataInfo/{PocketInfo, BussinessData}}``, xmldsig
namespace, lowerCamel. Client: UpperCamel uploads with a ``DelcareFlag``; lowerCamel receipts, bare or in a
``CommonResponeMessage``, with a namespace (INV) or without (SAS). All spelt so. Element names change their case and
their wrappers between versions, so they are compared without case, underscores and namespaces, and a block is told by
the fields it holds. Only fields that a reader asks for by name go on: drivers, plates, contacts and remarks end here.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qxmonitor.errors import Refused
from qxmonitor.period import Period

if TYPE_CHECKING:
    from lxml import etree

    from qxmonitor.feeds.opening import Opened

Values = dict[str, str]
"""Leaf fields of a block: folded name → stripped text."""

Subject = Literal["inventory", "ledger", "declaration", "note", "pass"]
"""What a message speaks of."""


@dataclass(frozen=True)
class Kind:
    """How the messages about one thing are read.

    Attributes:
        subject: what they speak of.
        title: its Chinese name.
        codes: message types, uploads and receipts alike.
        wrappers: names of client blocks that stand for it where no message type is given.
        line: fields of which a goods line has any.
        head: fields of which the head has any, and a line none of ``line``.
        numbers: the document's own number, strongest first; a later one is its number before it had one.
    """

    subject: Subject
    title: str
    codes: tuple[str, ...]
    wrappers: tuple[str, ...]
    line: frozenset[str]
    head: frozenset[str]
    numbers: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind(
        "inventory", "核注清单", ("INV101", "INV201"), ("invtmessage",),
        frozenset({"gdsseqno", "gdecd"}), frozenset({"impexpmarkcd", "invtdcltime", "bizopetpssccd"}),
        ("bondinvtno", "invtpreentno", "seqno"),
    ),
    Kind(
        "ledger", "库存账册", ("INV211", "BWS201"), ("bwlmessage",),
        frozenset({"gdsseqno", "gdecd", "actlincqty"}), frozenset({"bwltypecd", "houseno", "housenm", "bizopetpsno"}),
        ("bwsno", "etpspreentno", "seqno"),
    ),
    Kind(
        "declaration", "业务申报表", ("SAS101", "SAS201", "SAS203"), ("sasappmessage", "sasdclmessage"),
        frozenset({"sasdclseqno", "gdecd"}), frozenset({"directiontypecd", "areainetpsno", "areaoutetpsno"}),
        ("sasdclno", "sasdclpreentno", "seqno"),
    ),
    Kind(
        "note", "出入库单", ("SAS111", "SAS211", "SAS212", "SAS213"), ("sasstockmessage", "stockmessage"),
        frozenset({"sasstockseqno", "gdecd"}), frozenset({"stocktypecd", "centralizeddcltypecd"}),
        ("sasstockno", "sasstockpreentno", "seqno"),
    ),
    Kind(
        "pass", "核放单", ("SAS121", "SAS221", "SAS222", "SAS223"), ("passportmessage",),
        frozenset({"passportseqno", "gdecd", "gdsmtno"}), frozenset({"passporttypecd", "iotypecd"}),
        ("passportno", "saspassportpreentno", "seqno"),
    ),
)  # fmt: skip

_BY_CODE = {code: kind for kind in KINDS for code in kind.codes}
_BY_WRAPPER = {name: kind for kind in KINDS for name in kind.wrappers}
_CODE = re.compile(r"[A-Z]{3}\d{3}")
_ROOTS = {"signature", "package", "commonresponemessage"}
_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|[-/.年](\d{1,2})[-/.月](\d{1,2})日?)(?:$|[T\s\d])")
_NUMBERS = re.compile(r"[\\、,，;；\s]+")
_MAX_POCKETS = 9999
_YEARS = (1949, 2099)
_MAX_NUMBER = 2**30
"""Of a line; leaves room for the lines after it that bear none."""


@dataclass(frozen=True)
class Pocket:
    """Which part of a message a file is; ``message`` is told apart from those of other kinds."""

    message: str
    number: int
    total: int


@dataclass
class Message:
    """One file, taken apart.

    Attributes:
        code: message type, such as ``SAS221``; empty for a client's bare acknowledgement.
        kind: how it is read; None for an acknowledgement.
        head: the head's fields; None when it has none (a later pocket, a bare receipt).
        lines: goods or ledger lines.
        related: further blocks that name related documents (of a gate pass).
        result: the customs' answer (``HdeApprResult``); None in an upload.
        pocket: None for a message that came whole.
        sent: day of sending.
        declare_flag: of a client's upload: 0 it only stored it, 1 it declared it; empty in the official dialect.
    """

    code: str
    kind: Kind | None
    head: Values | None = None
    lines: list[Values] = field(default_factory=list)
    related: list[Values] = field(default_factory=list)
    result: Values | None = None
    pocket: Pocket | None = None
    sent: date | None = None
    declare_flag: str = ""

    @property
    def receipt(self) -> bool:
        """Whether customs sent it."""
        return self.code[3:4] == "2"


def is_message(opened: Opened) -> bool:
    """Whether a file is a message of the centre, of whatever kind and dialect."""
    if opened.kind != "xml":
        return False
    name = fold(opened.root)
    return (name in _ROOTS and (name == "commonresponemessage" or first(opened.root, "bussinessdata") is not None)) or (
        name.upper() in _BY_CODE or name in _BY_WRAPPER
    )


def code_of(opened: Opened) -> str:
    """The message type as written, or as the blocks tell; empty when nothing tells."""
    written = text_of(opened.root, "messagetype").upper()
    if written:
        return written
    for element in opened.root.iter():
        name = fold(element)
        if name.upper() in _BY_CODE:
            return name.upper()
        if name in _BY_WRAPPER:
            return _BY_WRAPPER[name].codes[0]
        if _CODE.fullmatch(name.upper()):
            return name.upper()
    return ""


def speaks_of(opened: Opened, *subjects: Subject) -> bool:
    """Whether a file is a message about one of these."""
    kind = _BY_CODE.get(code_of(opened)) if is_message(opened) else None
    return kind is not None and kind.subject in subjects


def unknown(opened: Opened) -> bool:
    """Whether a file is a message of the centre of no known kind."""
    return is_message(opened) and code_of(opened) not in {"", *_BY_CODE}


def take_apart(opened: Opened) -> Message:
    """The blocks of a message.

    Raises:
        Refused: an unknown kind, several documents in one file, a field that contradicts itself, or a pocket that
            does not say which one it is.
    """
    root, code = opened.root, code_of(opened)
    kind = _BY_CODE.get(code)
    if kind is None:
        if code:
            raise Refused(f"暂不支持 {code[:12]} 报文")
        if fold(root) != "commonresponemessage":
            raise Refused("报文没有写明类型，也看不出是哪种单证")
        return Message("", None)
    data = first(root, "bussinessdata")
    message = Message(code, kind, pocket=_pocket(root, code), sent=day(text_of(root, "sendtime")))
    message.declare_flag = text_of(root, "delcareflag")
    heads = []
    for element in (root if data is None else data).iter():
        if not len(element):
            continue
        values = _values(element)
        if "manageresult" in values:
            if message.result is not None:
                raise Refused("一份回执里有多个审批结果，目前只收一份一个")
            message.result = values
        elif not kind.line.isdisjoint(values):
            message.lines.append(values)
        elif not kind.head.isdisjoint(values):
            heads.append(values)
        elif "rltno" in values:
            message.related.append(values)
    if len(heads) > 1:
        raise Refused(f"一份报文里有多张{kind.title}，目前只收一份一张")
    message.head = heads[0] if heads else None
    return message


def fold(element: etree._Element) -> str:
    """Local name, without case and underscores (``total_pocket_qty``, ``passportUsedTypeCd``)."""
    return _folded(str(element.tag))


@lru_cache(maxsize=4096)
def _folded(tag: str) -> str:
    return tag.rpartition("}")[2].replace("_", "").lower()


def first(root: etree._Element, name: str) -> etree._Element | None:
    """The first element of a folded name."""
    return next((element for element in root.iter() if fold(element) == name), None)


def text_of(root: etree._Element, name: str) -> str:
    """The text of the first element of a folded name; empty when there is none."""
    element = first(root, name)
    return (element.text or "").strip() if element is not None else ""


def day(text: str) -> date | None:
    """A day written ``20210805…``, ``2021-08-05T…``, ``2021-08-05 …`` or ``2021/8/5``."""
    found = _any_day(text)
    return found if found is not None and _YEARS[0] <= found.year <= _YEARS[1] else None


def unlimited(text: str) -> bool:
    """Whether a limit is a day that stands for none, such as 9999-12-31."""
    found = _any_day(text)
    return found is not None and found.year > _YEARS[1]


def _any_day(text: str) -> date | None:
    found = _DATE.match(text)
    if not found:
        return None
    year, *parts = (int(part) for part in found.groups() if part)
    try:
        return date(year, parts[0], parts[1])
    except ValueError:
        return None


def month_ended(sent: date) -> Period:
    """The newest month that had ended by the close of a day: what a ledger sent that day shows the end of.

    >>> month_ended(date(2021, 10, 31)), month_ended(date(2021, 11, 6))
    ('2021-10', '2021-10')
    """
    last = monthrange(sent.year, sent.month)[1]
    return Period.of(sent) - (sent.day < last)


def numbers(*texts: str) -> list[str]:
    r"""Document numbers in one or more fields, several of which may stand joined by ``\``; each once, in order.

    >>> numbers("QD1\\QD2", "QD2", "")
    ['QD1', 'QD2']
    """
    return list(dict.fromkeys(part for text in texts for part in _NUMBERS.split(text) if part))


def number_of(kind: Kind, *blocks: Values | None) -> tuple[str | None, str | None]:
    """The document's number, and the one it bore before where that is another."""
    found = [block[name] for name in kind.numbers for block in blocks if block and block.get(name)]
    return (found[0], next((other for other in found if other != found[0]), None)) if found else (None, None)


def sequenced(lines: Iterable[Values], name: str) -> list[tuple[int, Values]]:
    """Each line under its sequence number; a line without a usable one comes after the last number."""
    whole = list(lines)
    written = [line.get(name, "") for line in whole]
    plain = [text.lstrip("0") if text.isascii() and text.isdigit() else "" for text in written]
    given = [int(text) if 0 < len(text) <= 10 and int(text) < _MAX_NUMBER else 0 for text in plain]
    seen: set[int] = set()
    spare = max(given, default=0)
    found = []
    for number, line in zip(given, whole, strict=True):
        if number == 0 or number in seen:
            spare += 1
            number = spare
        seen.add(number)
        found.append((number, line))
    return found


def _values(element: etree._Element) -> Values:
    values: Values = {}
    for child in element:
        if len(child):
            continue
        name, text = fold(child), (child.text or "").strip()
        if text and values.get(name, text) not in ("", text):
            raise Refused("报文里同一字段出现两次且内容不同")
        values[name] = text or values.get(name, "")
    return values


def _pocket(root: etree._Element, code: str) -> Pocket | None:
    total, number = text_of(root, "totalpocketqty"), text_of(root, "curpocketno")
    if total in {"", "1"} and number in {"", "1"}:
        return None
    whole = [int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0 for text in (total, number)]
    if not 0 < whole[1] <= whole[0] <= _MAX_POCKETS:
        raise Refused("数据包的序号或总数不对，无法与同一报文的其他包拼接")
    message = text_of(root, "messageid")
    if not message:
        raise Refused("报文分多个数据包传输，但没有报文编号，无法拼接")
    return Pocket(f"{code} {message}", whole[1], whole[0])


def bare(opened: Opened) -> bool:
    """Whether a message holds neither a head nor lines of an inventory: an answer alone."""
    return first(opened.root, "impexpmarkcd") is None and first(opened.root, "gdecd") is None
