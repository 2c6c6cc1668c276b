"""The words a ruling may use: what a form knows, what it does not, and which units measure what.

A ruling that could not be understood, or that would give a word another meaning than the catalogue's, is refused when
it is made, with one line for the person who makes it.
"""

from __future__ import annotations

import unicodedata

from qxmonitor.catalog.approved import approved
from qxmonitor.catalog.items import items, plain
from qxmonitor.catalog.sheets import BASE_UNITS, sheets, words_of
from qxmonitor.errors import QxError, one_line
from qxmonitor.feeds import approved as approved_feed
from qxmonitor.feeds import customs, detail, headings, personal
from qxmonitor.feeds.rulings import IGNORE, WHOLE

_NO_UNIT = {
    "customs_declaration": "海关格式规定的（按元、美元和法定单位）",
    "customs_public": "海关格式规定的（查询下载按元、美元和法定单位），或公布表上注明的",
    **dict.fromkeys(
        ("bonded_inv101", "bonded_stock", "bonded_receipt"), "金关二期报文规定的（按报文所载币制和法定单位）"
    ),
    "reference": "数据终端给的标注，序列按原单位保存，不作换算",
    "register": "没有的：名录和产业链图不含金额和数量",
}
"""Feeds whose units are never read from the sheet, and what they are instead."""


def has_units(feed: str | None) -> None:
    """Refuse to rule a unit where none is read.

    Raises:
        QxError: the unit is part of the form.
    """
    if feed in _NO_UNIT:
        raise QxError(f"这类文件的计量单位是{_NO_UNIT[feed]}，不由决定；数值有误的须重新报送")


def forms() -> list[str]:
    """The feeds whose headings can be ruled: the statistics returns, the declared sheets, the approved figures."""
    return [*(form.id for form in items().forms), *sheets(), approved_feed.FEED]


def form(feed: str) -> str:
    """A feed whose headings can be ruled.

    Raises:
        QxError: it is none.
    """
    if feed not in forms():
        raise QxError(f"没有这种表，或其表头不能认定：{one_line(feed)[:40]}（可选：{'、'.join(forms())}）")
    return feed


def taken_for(feed: str) -> list[str]:
    """The feeds whose files may turn out to be of this one once its headings are told.

    A sheet of a declared form without the headings that tell it may have been taken for a return that knows its other
    words; any other file is of its feed whatever is decided.
    """
    return [feed, *sorted(_returns())] if feed in sheets() else [feed]


def unknown(feed: str, heading: str) -> str:
    """A heading, or a part of one, as it is ruled: plain, and not known to the form.

    Raises:
        QxError: empty, of a person, or known already.
    """
    word = plain(one_line(heading))
    if not word or len(word) > 80:
        raise QxError("表头或指标名称不能为空，也不能超过 80 字")
    if personal.heading(headings.parts(word)):
        raise QxError("这是个人信息的表头，不读取，也不能认定")
    if _knows(feed, word):
        raise QxError(f"“{word}”是目录中已有的名称，含义不能改")
    return word


def meaning(feed: str, said: str) -> str:
    """What a heading is to be read as: ``ignore``, an item or column by id or name, or a heading the form knows.

    Raises:
        QxError: the form does not know it.
    """
    text = "".join(unicodedata.normalize("NFKC", one_line(said)).split())
    if text in ("", "-"):
        return ""
    if text in (IGNORE, "忽略", "不采用"):
        return IGNORE
    by_id = {item.id: item.name for item in items().items_of(feed)} if feed in _returns() else {}
    by_id |= {column.id: column.name for column in sheets()[feed].columns} if feed in sheets() else {}
    by_id |= {key: entry.name for key, entry in approved().by_id.items()} if feed == approved_feed.FEED else {}
    text = by_id.get(text, text)
    if not _knows(feed, plain(text)):
        raise QxError(f"目录中没有“{text[:40]}”（见 catalog/items.yml、forms/）；不采用的写 ignore")
    return text


def item(feed: str | None, said: str) -> tuple[str, str | None]:
    """Whose unit is ruled: the plain word readers ask by, and what it measures where that is known.

    Args:
        feed: of the file, where known.
        said: ``*`` for the whole sheet (not the customs', where each column of money has its unit); an item's or
            column's name or id; a product's or an indicator's name.

    Raises:
        QxError: empty, or a column of a customs sheet that is not money.
    """
    word = plain(one_line(said))
    if feed == customs.FEED:
        field = customs.money_field(word)
        if field is None:
            raise QxError("海关月度表只有“美元值”和“人民币值”两列可以定单位")
        return customs.LABELS[field], field
    if word in (WHOLE, "全表") or said.strip() == WHOLE:
        return WHOLE, None
    if not word or len(word) > 80:
        raise QxError("指标不能为空，也不能超过 80 字；全表写 *")
    if feed == approved_feed.FEED:
        return word, None
    known = items().all_names.get(word) or items().by_id.get(word)
    if known is not None:
        return plain(known.name), known.kind
    for name, declared in sheets().items():
        if feed in (None, name):
            for column in declared.columns:
                if column.kind in BASE_UNITS and (word == column.id or words_of(word) in column.headings):
                    return plain(column.name), column.kind
    return word, None


def unit(said: str, kind: str | None, word: str) -> str:
    """A unit as it is ruled; '' revokes.

    Raises:
        QxError: unknown, or it measures something else.
    """
    text = plain(one_line(said))
    if text in ("", "-"):
        return ""
    if kind in ("usd", "rmb"):
        if customs.money_scale(kind, text) is None:
            raise QxError(f"计量单位“{text[:20]}”不认识，或与指标不符")
        return text
    measured = items().units.kind(text)
    if kind is not None or word == WHOLE:
        if measured is None or kind not in (None, measured):
            raise QxError(f"计量单位“{text[:20]}”不认识，或与指标不符")
    elif measured is None and not detail.is_unit(text) and approved().kind(text) is None:
        raise QxError(f"计量单位“{text[:20]}”不认识")
    return text


def _returns() -> set[str]:
    return {form.id for form in items().forms}


def _knows(feed: str, word: str) -> bool:
    """Whether a form knows a plain heading to the last of its words."""
    if feed in sheets():
        return words_of(word) in sheets()[feed].by_heading
    if feed == approved_feed.FEED:
        return word in approved().by_name or word in approved().heads
    if word in items().key_words:
        return True
    names = items().names_of(feed)
    parts = headings.parts(word)
    said = [headings.item_of(part, names) for part in parts]
    rest = (part for part, known in zip(parts, said, strict=True) if known is None)
    return any(said) and all(items().year_and_span(part) or items().units.kind(part) for part in rest)
