"""Customs declarations (报关单): ``DecMessage/{DecHead, DecLists/DecList}``, one or many messages a file.

Element names differ in case between programs (``EntryId``, ``entryId``), and ``GrossWet`` is spelled so, so names are
compared without case, namespace and underscores. ``TradeCode`` is the firm that trades (境内收发货人) and the row's
subject; ``OwnerCode`` the one that uses or made the goods. Contact persons, phone numbers and the agent are never read.

A goods line is told by the declaration's number, which stands as its sheet, and its own number (``GNo``) as its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.catalog.rates import rate_column
from qxmonitor.errors import Refused
from qxmonitor.feeds import numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.grid import gather
from qxmonitor.feeds.trade import Rejects, countries, translate
from qxmonitor.period import Period

if TYPE_CHECKING:
    from lxml import etree

    from qxmonitor.feeds.opening import Opened

FEED = FORM = "customs_declaration"

HEAD = {
    "entryid": "entry_id", "ieflag": "flow", "tradecoscc": "uscc", "tradecode": "customs", "tradeco": "customs",
    "tradename": "name", "ownercodescc": "owner_uscc", "ownercode": "owner_customs", "ownername": "owner_name",
    "trademode": "mode", "tradecountry": "country", "cutmode": "levy", "transmode": "transaction_mode",
    "grosswet": "gross_kg", "grosswt": "gross_kg", "netwt": "net_kg", "iedate": "entered_on", "ddate": "declared_on",
}  # fmt: skip
"""Element of the head → what it is here; whatever is not named is not read."""
GOODS = {
    "gno": "number", "codets": "hs", "gqty": "quantity", "gunit": "unit", "declprice": "price", "decltotal": "amount",
    "tradecurr": "currency", "origincountry": "origin", "destinationcountry": "destination", "dutymode": "duty_mode",
}  # fmt: skip
"""Element of a goods line → what it is here. The goods' name (GName) is free text and not kept."""

LABELS = {
    "entry_id": "报关单号", "flow": "进出口标志", "mode": "监管方式", "entered_on": "进出口日期",
    "declared_on": "申报日期", "gross_kg": "毛重", "net_kg": "净重", "number": "商品序号", "hs": "商品编码",
    "quantity": "申报数量", "price": "申报单价", "amount": "申报总价", "currency": "币制",
}  # fmt: skip
_FIGURES = ("quantity", "price", "amount", "gross_kg", "net_kg")
_ENTRY = r"[0-9]{8}[01][0-9]{9}"
_DAY = (
    r"^((?:19|20|21)[0-9]{2})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
    r"(?:[T\s].*|[0-9]{6}|[0-9]{4})?$"
)
MAX_MESSAGES = 50_000
"""A firm files some hundred declarations a day."""
_LAYERS = "报关单报文的层次不对：一份报文（DecMessage）里只能有一个表头和它自己的商品明细"
_CONTRADICTION = ("duplicate.conflict", "本文件内同一报关单号出现多次且内容不同，均不采用")
_REPEAT = ("duplicate.repeated", "与本文件前面同一报关单完全相同，只保留第一份")


def matches(opened: Opened) -> bool:
    """Whether a file is a declaration message, or a file of several."""
    return opened.kind == "xml" and _name(opened.root) != "signature" and next(_messages(opened.root), None) is not None


def read(opened: Opened) -> Batch:
    """Read all declarations of a file.

    Raises:
        Refused: no declaration in it or too many, messages within one another, or simulated and real firms mixed.
    """
    heads, goods = _split(opened.root)
    heads = _flow_and_days(heads)
    lines = goods.merge(heads, left_on="message", right_index=True, how="left", validate="m:1")
    lines["sheet"], lines["row"] = _numbered(lines)
    lines = lines.reset_index(drop=True)
    rejects = Rejects(lines["sheet"], lines["row"].to_numpy(dtype=np.int64), LABELS)
    table = _table(lines, rejects)
    subjects = pd.concat([table["subject"], table["owner"]], ignore_index=True)
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(table["period"].mode().max()) if len(table) else None,
        tables={"declaration_line": table},
        lines=lines[["sheet", "row"]].copy(),
        rejects=_whose(gather(rejects.parts, REJECT_COLUMNS), lines),
        control=gather([], ["sheet", "row", "text"]),
        origin=identity.origin(subjects),
        notes=_notes(table, lines, rejects.rows),
    )


def _whose(rejects: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The rejects with the firm and month of their declarations, where those could be read."""
    month = lines["entered"].dt.strftime("%Y-%m").astype("str")
    whose = lines[["sheet", "row", "subject"]].assign(period=month.where(lines["entered"].notna()))
    return rejects.merge(whose, on=["sheet", "row"], how="left", validate="m:1")


# -- the tree ------------------------------------------------------------------------------------------------------


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].replace("_", "").lower()


def _messages(root: etree._Element) -> Iterator[etree._Element]:
    """The messages, told by their name or by the head they hold: (DecMessage), or whatever wraps a DecHead."""
    for element in root.iter():
        if _name(element) == "dechead":
            above = element.getparent()
            yield element if above is None else above


def _split(root: etree._Element) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Heads, one a message, and goods lines with the position of their message; text as it stands.

    A message without goods gives one line of its own, so that it is counted and rejected.
    """
    heads: list[dict[str, str]] = []
    goods: list[dict[str, str | int]] = []
    kept = list(_messages(root))
    if not kept:
        raise Refused("文件里没有报关单（DecHead）")
    if len(kept) > MAX_MESSAGES:
        raise Refused(f"一份文件里的报关单超过 {MAX_MESSAGES:,} 份上限")
    own = {id(message) for message in kept}  # the list keeps them, so an id means one element
    if len(own) < len(kept) or any(id(above) in own for message in kept for above in message.iterancestors()):
        raise Refused(_LAYERS)
    for at, message in enumerate(kept):
        before = len(goods)
        for element in message.iter():
            name = _name(element)
            if name == "dechead":
                heads.append(_values(element, HEAD))
            elif name == "declist":
                goods.append({"message": at, "place": len(goods) - before + 1, **_values(element, GOODS)})
        if len(goods) == before:
            goods.append({"message": at, "place": 0, **dict.fromkeys(GOODS.values(), "")})
    counted = sum(line["place"] != 0 for line in goods)
    if counted != sum(_name(element) == "declist" for element in root.iter()):
        raise Refused(_LAYERS)
    table = pd.DataFrame(heads).astype("str")
    return table, pd.DataFrame(goods).astype(dict.fromkeys(GOODS.values(), "str"))


def _values(element: etree._Element, wanted: dict[str, str]) -> dict[str, str]:
    """The wanted leaf children; of two that mean the same the first that says something."""
    found = dict.fromkeys(wanted.values(), "")
    for child in element:
        key = wanted.get(_name(child))
        if key and not len(child) and not found[key]:
            found[key] = (child.text or "").strip()
    return found


def _numbered(lines: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Sheet and row of each line: the declaration's number and the goods' number.

    Where the number is unreadable, or a declaration or a goods number comes twice, lines are counted on from the
    highest number of that sheet, so that no two lines of a file are one.
    """
    whole = lines["entry_id"].str.fullmatch(_ENTRY)
    sheet = lines["entry_id"].where(whole, SHEET).astype("str")
    written = lines["number"].where(lines["number"].str.fullmatch(r"0*[1-9][0-9]{0,5}"), "0").astype("int64")
    spare = (written == 0) | lines.assign(sheet=sheet, written=written).duplicated(["sheet", "written"])
    highest = written.where(~spare, 0).groupby(sheet).transform("max")
    return sheet, written.where(~spare, highest + spare.groupby(sheet).cumsum())


# -- the figures ---------------------------------------------------------------------------------------------------


def _flow_and_days(heads: pd.DataFrame) -> pd.DataFrame:
    """The heads with flow, days and firms read; nothing is rejected here."""
    flag = translate(heads["flow"], codes().flow)
    digit = heads["entry_id"].where(heads["entry_id"].str.fullmatch(_ENTRY), "").str.slice(8, 9)
    by_number = digit.map({"1": "I", "0": "E"})
    who = identity.resolve(heads["uscc"], heads["customs"], None, heads["name"])
    owner = identity.resolve(heads["owner_uscc"], heads["owner_customs"], None, heads["owner_name"])
    return heads.assign(
        flag=flag,
        by_number=by_number.astype("str"),
        subject=who["subject"],
        **{f"who_{key}": who[key] for key in ("field", "rule", "reason", "raw")},
        owner=owner["subject"],
        owner_wrong=(owner["rule"] != "") & (owner["rule"] != "identity.missing"),
        entered=_days(heads["entered_on"]),
        declared=_days(heads["declared_on"]),
    )


def _days(column: pd.Series) -> pd.Series:
    """Days written ``20210805``, ``2021-08-05``, ``2021/8/5``, ``2021年8月5日``, with or without a time of day."""
    parts = column.str.normalize("NFKC").str.extract(_DAY)
    month, day = parts[1].fillna(parts[3]), parts[2].fillna(parts[4])
    text = parts[0] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")


def _table(lines: pd.DataFrame, rejects: Rejects) -> pd.DataFrame:
    """The table's rows; all that is wrong goes to ``rejects``."""
    everything = np.ones(len(lines), dtype=bool)
    blank = pd.Series("", index=lines.index, dtype="str")

    def head(mask: pd.Series, field: str, rule: str, reason: str, raw: pd.Series | None = None) -> None:
        rejects.add(mask.to_numpy(dtype=bool), LABELS[field], rule, reason, lines[field] if raw is None else raw)

    head(lines["place"] == 0, "number", "declaration.no_goods", "报关单没有商品明细", blank)
    whole = lines["entry_id"].str.fullmatch(_ENTRY)
    head(~whole, "entry_id", "declaration.entry_id", "报关单号不是 18 位数字，或第 9 位不是 0（出口）、1（进口）")
    head(lines["flag"].isna(), "flow", "customs.flow", "进出口标志不认识")
    crossed = whole & lines["flag"].notna() & (lines["flag"] != lines["by_number"])
    head(crossed, "flow", "declaration.flow", "进出口标志与报关单号第 9 位不一致，无法判断是进口还是出口")
    head(lines["entered"].isna(), "entered_on", "period.unreadable", "进出口日期缺失或不是有效日期")
    rejects.add(
        lines["subject"].isna().to_numpy(dtype=bool), lines["who_field"], lines["who_rule"], lines["who_reason"],
        lines["who_raw"],
    )  # fmt: skip
    mode = rejects.decode(lines["mode"], everything, "mode", "customs.mode", "监管方式不在代码表中", codes().mode)

    own = lines["place"] != 0
    goods = own.to_numpy(dtype=bool)
    lost = own & whole & (lines["number"].str.lstrip("0") != lines["row"].astype("str")) & ~_twice(lines)
    head(lost, "number", "declaration.sequence", "商品序号缺失、不是整数或重复")
    hs = rejects.decode(lines["hs"], goods, "hs", "customs.hs", "商品编码不是 8 位或 10 位，或章号不存在", commodity)
    currency = rejects.decode(
        lines["currency"], goods, "currency", "declaration.currency", "币制不在代码表中", codes().currency
    )
    figures: dict[str, npt.NDArray[np.float64]] = {}
    for field in _FIGURES:
        parsed = numbers.parse_numbers(lines[field])
        rejects.add(parsed.unreadable, LABELS[field], "number.unreadable", "数字无法识别", lines[field])
        figures[field] = parsed.values
        if field == "amount":
            nothing = goods & np.isnan(parsed.values) & ~parsed.unreadable
            rejects.add(nothing, LABELS[field], "number.missing", "没有申报总价", blank)
    for mask, (rule, reason) in zip(_doubles(lines), (_REPEAT, _CONTRADICTION), strict=True):
        head(mask, "entry_id", rule, reason)

    flow = lines["flag"]
    beyond = lines["destination"].where(lines["destination"] != "", lines["country"])
    within = lines["origin"].where(lines["origin"] != "", lines["country"])
    partner, _ = countries(within.where(flow == "I", beyond))
    period = lines["entered"].dt.strftime("%Y-%m").astype("str")
    usd, rmb = _converted(figures["amount"], currency, period)
    good = ~rejects.rows
    return pd.DataFrame(
        {
            "sheet": lines["sheet"],
            "row": lines["row"].astype("int64"),
            "subject": lines["subject"],
            "period": period,
            "entry_id": lines["entry_id"],
            "entered_on": lines["entered"],
            "declared_on": lines["declared"],
            "flow": flow,
            "mode": mode,
            "owner": lines["owner"],
            "hs": hs,
            "partner": partner,
            "quantity": figures["quantity"],
            "unit": _filled(lines["unit"]),
            "currency": currency,
            "price": figures["price"],
            "amount": figures["amount"],
            "usd": usd,
            "rmb": rmb,
            "transaction_mode": _filled(lines["transaction_mode"]),
            "levy": _filled(lines["levy"]),
            "duty_mode": _filled(lines["duty_mode"]),
            "gross_kg": figures["gross_kg"],
            "net_kg": figures["net_kg"],
        }
    )[good].reset_index(drop=True)


def _filled(column: pd.Series) -> pd.Series:
    return column.mask(column == "")


def _converted(
    amount: npt.NDArray[np.float64], currency: pd.Series, period: pd.Series
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Dollars and yuan: as declared, or by the month's rate; NaN for other currencies and where no rate is known."""
    rate = rate_column(period)
    dollars, yuan = (currency == "USD").to_numpy(dtype=bool), (currency == "CNY").to_numpy(dtype=bool)
    usd = np.where(dollars, amount, np.where(yuan, amount / rate, np.nan))
    rmb = np.where(yuan, amount, np.where(dollars, amount * rate, np.nan))
    return usd, rmb


def _twice(lines: pd.DataFrame) -> pd.Series:
    """Lines of declarations whose readable number stands in several messages of the file."""
    messages = lines.groupby("entry_id")["message"].transform("nunique")
    return (messages > 1) & lines["entry_id"].str.fullmatch(_ENTRY)


def _doubles(lines: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Lines of a declaration that comes again word for word, and those of declarations that contradict themselves."""
    twice = _twice(lines)
    if not twice.any():
        return twice, twice
    said = [*dict.fromkeys([*HEAD.values(), *GOODS.values()]), "place"]
    first_of, *others = (lines.loc[twice, name].astype("str") for name in said)
    content = first_of.str.cat(others, sep="\x1f")
    whole = content.groupby(lines.loc[twice, "message"]).agg("\x1e".join)
    mine = lines["message"].map(whole)
    variants = mine.groupby(lines["entry_id"]).transform("nunique")
    first = lines["message"] == lines.groupby("entry_id")["message"].transform("min")
    return twice & (variants == 1) & ~first, twice & (variants > 1)


def _notes(table: pd.DataFrame, lines: pd.DataFrame, rejected: npt.NDArray[np.bool_]) -> list[str]:
    notes = []
    unverified = sorted(codes().unverified_modes.intersection(table["mode"].unique()))
    if unverified:
        notes.append(f"监管方式 {'、'.join(unverified)} 的含义尚未核实")
    if (months := table["period"].nunique()) > 1:
        notes.append(f"一份文件里有 {months} 个月的数据")
    _, unknown = countries(table["partner"])
    if strange := int(unknown.sum()):
        notes.append(f"国别（地区）不在代码表中，照原文收下，共 {strange} 行")
    wrong = lines["owner_wrong"].to_numpy(dtype=bool) & ~rejected
    if wrong.any():
        notes.append(f"消费使用（生产销售）单位的代码有误，该项留空，共 {int(wrong.sum())} 行")
    converted = table["usd"].isna() | table["rmb"].isna()
    if converted.any():
        notes.append(f"没有可用汇率，只保留原币金额，未折算的共 {int(converted.sum())} 行")
    return notes
