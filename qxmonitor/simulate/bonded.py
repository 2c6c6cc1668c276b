"""INV101 核注清单 of the bonded logistics centre: one XML message a file, official dialect.

The traps are the real ones: ``bizop`` is often the warehouse and the cargo's owner stands in ``rltEntryBizop`` (with
its credit code, or only its customs code), three date styles in one message, empty elements, returned and deleted
documents, a deletion that arrives a month after the document, movements without a customs declaration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.codes import CENTRE_CUSTOMS, CENTRE_USCC
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Blemish, Document, Figures

FEED = FORM = "bonded_inv101"
CENTRE_NAME = "清溪模拟保税仓储服务有限公司"
HEAD = [
    "bondInvtNo", "chgTmsCnt", "invtPreentNo", "putrecNo", "etpsInnerInvtNo", "bizopEtpsSccd", "bizopEtpsno",
    "bizopEtpsNm", "rvsngdEtpsSccd", "rcvgdEtpsno", "rcvgdEtpsNm", "dclEtpsSccd", "dclEtpsno", "dclEtpsNm",
    "invtDclTime", "entryDclTime", "entryNo", "rltInvtNo", "rltPutrecNo", "rltEntryNo", "rltEntryBizopEtpsSccd",
    "rltEntryBizopEtpsno", "rltEntryBizopEtpsNm", "impexpPortcd", "dclPlcCuscd", "impexpMarkcd", "mtpckEndprdMarkcd",
    "supvModecd", "trspModecd", "stshipTrsarvNatcd", "applyNo", "dclcusFlag", "dclcusTypecd", "prevdTime",
    "formalVrfdedTime", "invtIochkptStucd", "vrfdedMarkcd", "invtStucd", "vrfdedModecd", "duCode", "rmk",
    "bondInvtTypecd", "entryStucd", "passportUsedTypecd", "param1", "param2", "param3", "param4",
]  # fmt: skip
GOODS = [
    "bondInvtNo", "chgTmsCnt", "gdsSeqno", "putrecSeqno", "gdsMtno", "gdecd", "gdsNm", "gdsSpcfModelDesc",
    "dclUnitcd", "lawfUnitcd", "secdLawfUnitcd", "natcd", "dclUprcAmt", "dclTotalAmt", "usdStatTotalAmt", "dclCurrcd",
    "lawfQty", "secdLawfQty", "wtSfVal", "fstSfVal", "secdSfVal", "dclQty", "grossWt", "netWt", "useCd",
    "lvyrlfModecd", "ucnsVerno", "entryGdsSeqno", "applyTbSeqno", "clyMarkcd", "rmk", "actlPassQty",
    "passportUsedQty", "param1", "param2", "param3", "param4",
]  # fmt: skip
_COLUMNS = [
    "row", "entity", "period", "document", "declared_on", "flow", "living", "mode", "list_type", "customs_declared",
    "hs", "quantity", "usd", "gross_kg",
]  # fmt: skip
_STREAM = 82


@dataclass(frozen=True)
class Inventory:
    """One document; ``owner`` is a row number of the population, ``status`` the invtStucd."""

    number: str
    owner: int
    how: str
    flow: str
    mode: str
    list_type: str
    declared: bool
    status: str
    day: date
    serial: int
    goods: tuple[tuple[str, str, float, float, float], ...]
    """HS (10 digits), partner's country code, quantity, dollars, gross kilograms."""


def write_all(world: World) -> None:
    """Land every document of the run, about one a month for six firms."""
    users = _users(world)
    serial = 0
    for period in world.months:
        rng = world.rng(_STREAM, period)
        known = users[world.town.listed_at(period)[users]]
        for _ in range(max(5, round(len(world.town) / 6)) if len(known) else 0):
            serial += 1
            document = _draw(world, period, known, serial, rng)
            spoilt = rng.random() < 0.006 or serial in (7, 23)
            kind = ("hs_length", "unreadable")[serial % 2] if spoilt and world.soilable(period)[document.owner] else ""
            world.landing.put(world.day(period, 6), _message(world, document, period, kind))
            withdrawn = document.status == "0" and rng.random() < 0.02
            if not kind and not withdrawn and document.status == "0":
                world.inventories.append((period, document))
            if withdrawn:
                deleted = replace(document, status="3")
                world.landing.put(world.day(period + 1, 6), _message(world, deleted, period, "", again=True))


def _users(world: World) -> npt.NDArray[np.int64]:
    """Firms that use the centre: about a quarter, traders among them."""
    firms = world.town.firms
    draw = world.rng(_STREAM + 1).random(len(firms))
    users = np.flatnonzero((draw < 0.25) | firms["trader"].to_numpy(dtype=bool))
    return users if len(users) >= 4 else np.arange(4)


def _draw(
    world: World, period: Period, users: npt.NDArray[np.int64], serial: int, rng: np.random.Generator
) -> Inventory:
    owner = int(rng.choice(users))
    flow = "I" if rng.random() < 0.55 else "E"
    chain = world.town.firms["chain"].iloc[owner]
    goods_of = (words.IMPORT_GOODS if flow == "I" else words.EXPORT_GOODS)[chain]
    declared = bool(rng.random() < 0.8)
    lines = []
    for _ in range(int(rng.integers(1, 5))):
        usd = float(np.round(np.exp(rng.normal(9.5, 0.9)), 2))
        quantity = float(np.round(usd / np.exp(rng.uniform(0.5, 4)), 1) + 1)
        gross = float(np.round(quantity * rng.uniform(0.2, 2.0), 2)) if rng.random() > 0.03 else 0.0
        country = rng.choice(list(words.PARTNERS.values()))
        lines.append((f"{rng.choice(goods_of)}{rng.choice(['00', '10', '90'])}", str(country), quantity, usd, gross))
    return Inventory(
        number=f"QD0000{period.year % 100:02d}{flow}{serial:09d}",
        owner=owner,
        how=str(rng.choice(["related", "related", "related", "related_code", "own"])),
        flow=flow,
        mode=str(rng.choice(["6033", "1210"])) if declared else str(rng.choice(["5034", "5000"])),
        list_type=str(rng.choice(["0", "1", "3"])),
        declared=declared,
        status=str(rng.choice(["0", "1", "2", "3"], p=[0.86, 0.06, 0.03, 0.05])),
        day=period.first_day.replace(day=int(rng.integers(1, 29))),
        serial=serial,
        goods=tuple(lines),
    )


def _message(world: World, document: Inventory, period: Period, kind: str, *, again: bool = False) -> Document:
    """The message; ``kind`` spoils its last goods line."""
    head = _head(world, document, again=again)
    goods = [_goods(document, i, again=again) for i in range(len(document.goods))]
    blemishes = []
    if kind:
        field, element, value = {
            "hs_length": ("商品编码", "gdecd", goods[-1]["gdecd"][:9]),
            "unreadable": ("美元统计总金额", "usdStatTotalAmt", "待核"),
        }[kind]
        goods[-1][element] = value
        blemishes.append(Blemish("", len(goods), field, kind))
    name = f"INV101_{document.number}{'_1' if again else ''}.xml"
    day = world.day(period + again, 6)
    content = _envelope(name, day, document.serial, _block("BondInvtBsc", HEAD, head)
                        + "".join(_block("BondInvtDt", GOODS, line) for line in goods))  # fmt: skip
    rows = [
        [
            i + 1, world.town.column("uscc")[document.owner], str(period), document.number, document.day.isoformat(),
            document.flow, document.status in ("0", "1"), document.mode, document.list_type, document.declared,
            hs, quantity, None if kind == "unreadable" and i + 1 == len(goods) else usd, gross,
        ]
        for i, (hs, _, quantity, usd, gross) in enumerate(document.goods)
    ]  # fmt: skip
    figures = Figures("", _COLUMNS, "美元", rows, [blemish.row for blemish in blemishes])
    return Document(name, FEED, FORM, period, content, len(goods), [figures], blemishes)


def _head(world: World, document: Inventory, *, again: bool) -> dict[str, str]:
    code, customs, name = (world.town.column(c)[document.owner] for c in ("uscc", "customs", "name"))
    warehouse = {"bizopEtpsSccd": CENTRE_USCC, "bizopEtpsno": CENTRE_CUSTOMS, "bizopEtpsNm": CENTRE_NAME}
    own = {"bizopEtpsSccd": code, "bizopEtpsno": customs, "bizopEtpsNm": name}
    related = {"rltEntryBizopEtpsno": customs, "rltEntryBizopEtpsNm": name}
    if document.how != "related_code":
        related["rltEntryBizopEtpsSccd"] = code
    day = document.day
    plain, dashed, timed = f"{day:%Y%m%d}", f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d}T{9 + document.serial % 8:02d}:30:00"
    styles = ((plain, dashed, timed), (dashed, timed, plain), (timed, plain, dashed))[document.serial % 3]
    return {
        "bondInvtNo": document.number,
        "chgTmsCnt": "1" if again else "0",
        "invtPreentNo": f"0000{document.serial:014d}",
        "putrecNo": "T0000W000001",
        "etpsInnerInvtNo": f"IN{document.serial:08d}",
        **(own if document.how == "own" else warehouse | related),
        "rcvgdEtpsno": CENTRE_CUSTOMS,
        "rcvgdEtpsNm": CENTRE_NAME,
        "dclEtpsno": CENTRE_CUSTOMS,
        "dclEtpsNm": CENTRE_NAME,
        "invtDclTime": styles[0],
        "impexpPortcd": "0000",
        "dclPlcCuscd": "0000",
        "impexpMarkcd": document.flow,
        "mtpckEndprdMarkcd": "I",
        "supvModecd": document.mode,
        "trspModecd": "4" if document.declared else "W",
        "stshipTrsarvNatcd": document.goods[0][1] if document.declared else "142",
        "dclcusFlag": "1" if document.declared else "2",
        "dclcusTypecd": "2" if document.declared else "",
        "prevdTime": styles[1],
        "formalVrfdedTime": styles[2] if document.status == "0" else "",
        "invtIochkptStucd": "1",
        "vrfdedMarkcd": "2" if document.status == "0" else "0",
        "invtStucd": document.status,
        "vrfdedModecd": "",
        "bondInvtTypecd": document.list_type,
        "rmk": "模拟数据",
    }


def _goods(document: Inventory, place: int, *, again: bool) -> dict[str, str]:
    hs, country, quantity, usd, gross = document.goods[place]
    return {
        "bondInvtNo": document.number,
        "chgTmsCnt": "1" if again else "0",
        "gdsSeqno": str(place + 1),
        "gdsMtno": f"M{document.serial:06d}{place + 1:02d}",
        "gdecd": hs,
        "gdsNm": f"模拟货物{hs[:4]}",
        "gdsSpcfModelDesc": "模拟规格",
        "dclUnitcd": "035",
        "lawfUnitcd": "035",
        "natcd": country,
        "dclUprcAmt": f"{usd / quantity:.5f}",
        "dclTotalAmt": f"{usd:.2f}",
        "usdStatTotalAmt": f"{usd:.2f}",
        "dclCurrcd": "502",
        "lawfQty": f"{quantity:.5f}",
        "dclQty": f"{quantity:.5f}",
        "grossWt": f"{gross:.5f}",
        "netWt": f"{gross * 0.9:.5f}",
        "lvyrlfModecd": "3",
        "entryGdsSeqno": str(place + 1),
    }


def _block(tag: str, names: list[str], values: dict[str, str]) -> str:
    inside = "".join(
        f"<{name}>{escape(values[name])}</{name}>\n" if values.get(name) else f"<{name}/>\n" for name in names
    )
    return f"<{tag}>\n{inside}</{tag}>\n"


def _envelope(name: str, day: date, serial: int, business: str) -> bytes:
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
<SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>\
<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>\
<Reference URI="#_1"><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/><DigestValue/></Reference>\
</SignedInfo>
<SignatureValue/>
<KeyInfo><KeyName/></KeyInfo>
<Object Id="_1">
<Package>
<EnvelopInfo>
<version>1.0</version>
<message_id>SIM{serial:012d}</message_id>
<file_name>{name}</file_name>
<message_type>INV101</message_type>
<sender_id>0000W60001</sender_id>
<receiver_id>SIMULATED</receiver_id>
<send_time>{day:%Y-%m-%d}T08:00:00</send_time>
</EnvelopInfo>
<DataInfo>
<PocketInfo>
<pocket_id>SIM{serial:012d}-1</pocket_id>
<total_pocket_qty>1</total_pocket_qty>
<cur_pocket_no>1</cur_pocket_no>
<is_unstructured/>
</PocketInfo>
<BussinessData>
<INV101>
{business}</INV101>
</BussinessData>
</DataInfo>
</Package>
</Object>
</Signature>
"""
    return text.encode("utf-8")
