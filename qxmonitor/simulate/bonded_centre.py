"""What else the bonded centre sends: stock ledgers (INV211), stock notes, gate passes, and customs' answers.

Each month one ledger of what its inventories brought in, in one month in two pockets of which the later comes two days
after; one stock note, its gate pass as a client uploads it and the receipt with the weighbridge's reading; one answer
on a declaration; and in every third month the answer that an inventory was deleted, which comes a month after it.
The traps are the real ones: empty quantities, weights of 0, numbers joined by a backslash, drivers and plates.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from qxmonitor.period import Period
from qxmonitor.simulate.bonded import CENTRE_NAME, Inventory
from qxmonitor.simulate.codes import CENTRE_CUSTOMS, CENTRE_USCC
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document, Figures

STOCK_FEED, RECEIPT_FEED = "bonded_stock", "bonded_receipt"
_STREAM = 96
_ACCOUNT = "T0000W000001"
_LEDGER_MONTHS = 4
_LEDGER_LINES = 60
_CONTACT = "模拟联系人 13900000000"

Fields = dict[str, str]


def write_all(world: World) -> None:
    """Land every message of the run."""
    for turn, period in enumerate(world.months):
        rng = world.rng(_STREAM, period)
        here = [document for month, document in world.inventories if month == period]
        _ledgers(world, period, rng, parts=2 if turn == 1 else 1)
        out = [document for document in here if document.flow == "E"]
        if out:
            _way_out(world, period, out[0], out[-1], rng)
        if here:
            world.landing.put(world.day(period, 7), _declared(world, period, here[0]))
        if here and period.ordinal % 3 == 0:
            chosen = here[int(rng.integers(0, len(here)))]
            world.landing.put(world.day(period + 1, 7), _deleted(world, period, chosen))


def _owner(world: World, document: Inventory) -> str:
    return str(world.town.column("uscc")[document.owner])


def _ledgers(world: World, period: Period, rng: np.random.Generator, *, parts: int) -> None:
    """The ledger at the end of a month: of each line that came in during the last months what is left."""
    lines: list[Fields] = []
    rows: list[list[object]] = []
    end = (period + 1).first_day - timedelta(days=1)
    recent = [d for month, d in world.inventories if period - (_LEDGER_MONTHS - 1) <= month <= period and d.flow == "I"]
    for document in recent[-_LEDGER_LINES // 3 :]:
        for place, (hs, country, quantity, usd, _) in enumerate(document.goods, start=1):
            unknown = bool(rng.random() < 0.05)
            gone, reserved = (round(quantity * float(part), 1) for part in (rng.choice([0, 0.25, 0.5, 1]), 0))
            left = max(round(quantity - gone - reserved, 5), 0.0)
            worth = round(usd * left / quantity, 2) if not unknown else usd
            limit = document.day + timedelta(days=int(rng.integers(20, 400)))
            number = len(lines) + 1
            lines.append(
                {
                    "bwsNo": _ACCOUNT, "gdsSeqno": str(number), "inDate": f"{document.day:%Y%m%d}", "gdecd": hs,
                    "gdsNm": f"模拟货物{hs[:4]}", "natcd": country, "dclUnitcd": "035",
                    "avgPrice": f"{usd / quantity:.5f}", "totalAmt": f"{worth:.2f}",
                    "actlIncQty": "" if unknown else f"{quantity:.5f}", "actlRedcQty": "" if unknown else f"{gone:.5f}",
                    "prevdRedcQty": "" if gone == 0 else f"{reserved:.5f}", "limitDate": f"{limit:%Y-%m-%d}",
                    "invtNo": document.number, "invtGNo": str(place), "rmk": "模拟数据",
                }
            )  # fmt: skip
            there = left > 0 or unknown
            rows.append(
                [number, _owner(world, document), str(period), document.number, None if unknown else left, worth,
                 there and limit < end, (end - document.day).days]
            )  # fmt: skip
    if not lines:
        return
    head = {
        "bwsNo": _ACCOUNT, "bwlTypecd": "B", "bizopEtpsno": CENTRE_CUSTOMS, "bizopEtpsNm": CENTRE_NAME,
        "bizopEtpsSccd": CENTRE_USCC, "houseNo": "0000", "contactEr": _CONTACT, "contactTele": "13900000000",
    }  # fmt: skip
    columns = ["row", "entity", "period", "document", "quantity", "usd", "overdue", "days"]
    cut = len(lines) // 2 if parts == 2 else len(lines)
    for number, part in enumerate((slice(0, cut), slice(cut, None))[:parts], start=1):
        blocks = [("BwsBsc", head)] if number == 1 else []
        blocks += [("BwsDt", line) for line in lines[part]]
        day = world.day(period, 7 if number == 1 else 9)
        name = f"INV211_{period.replace('-', '')}_{number}.xml"
        content = _package("INV211", f"SIML{period.ordinal:08d}", day, blocks, pocket=(number, parts))
        figures = Figures("", columns, "美元", rows[part])
        world.landing.put(day, Document(name, STOCK_FEED, "inv211", period, content, len(rows[part]), [figures]))


def _way_out(world: World, period: Period, first: Inventory, last: Inventory, rng: np.random.Generator) -> None:
    """A stock note, the gate pass for it as a client declares it, and the receipt of the gate."""
    day = world.day(period, 7)
    note, gate = f"ST0000{period.ordinal:012d}", f"ZP0000{period.ordinal:018d}"
    both = "\\".join(dict.fromkeys([first.number, last.number]))
    head = {
        "sasStockNo": note, "dclTypecd": "1", "sasDclNo": f"SD0000{period.ordinal:010d}", "stockTypecd": "E",
        "rltBondInvtNo": both, "centralizedDclTypecd": "1", "dclEr": _CONTACT, "dclTime": f"{first.day:%Y%m%d}",
        "emapvMarkcd": "1", "rmk": "模拟数据",
    }  # fmt: skip
    goods = [
        {"sasStockNo": note, "sasStockSeqno": str(n), "gdecd": hs, "gdsNm": f"模拟货物{hs[:4]}",
         "dclQty": f"{quantity:.5f}", "usdStatTotalAmt": f"{usd:.2f}", "grossWt": f"{gross:.5f}"}
        for n, (hs, _, quantity, usd, gross) in enumerate(first.goods, start=1)
    ]  # fmt: skip
    blocks = [("SasStockBsc", head), *(("SasStockDt", line) for line in goods)]
    content = _package("SAS111", f"SIMN{period.ordinal:08d}", day, blocks)
    world.landing.put(day, _paper(f"SAS111_{note}.xml", "sas111", content, len(goods)))

    gross = sum(line[4] for line in first.goods)
    unread = bool(rng.random() < 0.2)
    weighed = {
        "passportTypecd": "3", "dclTypecd": "1", "ioTypecd": "E", "rltTbTypecd": "1", "rltNo": both,
        "areainEtpsno": CENTRE_CUSTOMS, "areainEtpsNm": CENTRE_NAME, "areainEtpsSccd": CENTRE_USCC,
        "vehicleNo": "模拟车牌", "vehicleIcNo": "IC0000", "totalWt": f"{gross + 8000:.2f}",
        "totalGrossWt": f"{gross:.2f}", "dclErConc": _CONTACT, "dclTime": f"{first.day:%Y/%m/%d}",
    }  # fmt: skip
    upload = {"seqNo": f"00{period.ordinal:016d}", **weighed}
    inside = _block("PassportHead", {key[0].upper() + key[1:]: text for key, text in upload.items()})
    client = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Signature><Object><Package><DataInfo><BussinessData>'
        f"<DelcareFlag>1</DelcareFlag><PassPortMessage>{inside}</PassPortMessage>"
        "</BussinessData></DataInfo></Package></Object></Signature>\n"
    ).encode()
    world.landing.put(day, _paper(f"SAS121_{gate}.xml", "sas121", client, 1))

    receipt = {
        "passportNo": gate, "sasPassportPreentNo": upload["seqNo"], **weighed, "stucd": "2",
        "passCollectWt": "0" if unread else f"{gross + 8000 + float(rng.integers(-40, 40)):.2f}",
        "passTime": f"{first.day:%Y-%m-%d} 16:30:00",
    }  # fmt: skip
    blocks = [_result(gate, "1", "", first.day), ("SasPassportBsc", receipt)]
    content = _package("SAS223", f"SIMG{period.ordinal:08d}", day, blocks, client=True)
    world.landing.put(day, _paper(f"SAS223_{gate}.xml", "sas223", content, 1))


def _declared(world: World, period: Period, document: Inventory) -> Document:
    """Customs' answer on a declaration, with the copy of it."""
    number, day = f"SD0000{period.ordinal:010d}", period.first_day.replace(day=28)
    head = {
        "sasDclNo": number, "dclTypecd": "1", "directionTypecd": "E", "areainEtpsno": CENTRE_CUSTOMS,
        "areainEtpsNm": CENTRE_NAME, "areainEtpsSccd": CENTRE_USCC, "areaoutEtpsSccd": _owner(world, document),
        "dclEr": _CONTACT, "dclTime": f"{period.first_day:%Y%m%d}", "emapvMarkcd": "1",
    }  # fmt: skip
    blocks = [_result(number, "1", "1", day), ("SasDclBsc", head)]
    content = _package("SAS201", f"SIMD{period.ordinal:08d}", day, blocks, client=True)
    return _paper(f"SAS201_{number}.xml", "sas201", content, 1)


def _deleted(world: World, period: Period, document: Inventory) -> Document:
    """Customs' answer, alone, that an inventory was deleted, as a client gets it."""
    day = period.first_day.replace(day=28)
    blocks = [_result(document.number, "1", "3", day)]
    content = _package("INV201", f"SIMX{period.ordinal:08d}", day, blocks, client=True)
    rows: list[list[object]] = [[1, _owner(world, document), str(period), document.number, "deleted"]]
    figures = Figures("", ["row", "entity", "period", "document", "status"], "", rows)
    return _paper(f"INV201_{document.number}.xml", "inv201", content, 1, [figures])


def _paper(name: str, form: str, content: bytes, rows: int, figures: list[Figures] | None = None) -> Document:
    return Document(name, RECEIPT_FEED, form, None, content, rows, figures or [])


def _result(document: str, result: str, typecd: str, day: date) -> tuple[str, Fields]:
    return "HdeApprResult", {
        "etpsPreentNo": "", "businessId": document, "tmsCnt": "0", "typecd": typecd, "manageResult": result,
        "manageDate": f"{day:%Y-%m-%d} 14:11:13", "rmk": "模拟数据",
    }  # fmt: skip


def _block(tag: str, fields: Fields) -> str:
    inside = "".join(f"<{name}>{text}</{name}>" if text else f"<{name}/>" for name, text in fields.items())
    return f"<{tag}>{inside}</{tag}>\n"


def _package(
    kind: str,
    message: str,
    day: date,
    blocks: list[tuple[str, Fields]],
    *,
    pocket: tuple[int, int] = (1, 1),
    client: bool = False,
) -> bytes:
    """A message; customs' receipts to a client are the bare package, of which SAS ones have no namespace."""
    space = "" if client and kind.startswith("SAS") else ' xmlns="http://www.w3.org/2000/09/xmldsig#"'
    business = "".join(_block(tag, fields) for tag, fields in blocks)
    package = f"""<Package{space}>
<EnvelopInfo>
<version>1.0</version>
<message_id>{message}</message_id>
<file_name>{message}</file_name>
<message_type>{kind}</message_type>
<sender_id>0000W60001</sender_id>
<receiver_id>SIMULATED</receiver_id>
<send_time>{day:%Y-%m-%d}T08:00:00</send_time>
</EnvelopInfo>
<DataInfo>
<PocketInfo>
<pocket_id>{message}-{pocket[0]}</pocket_id>
<total_pocket_qty>{pocket[1]}</total_pocket_qty>
<cur_pocket_no>{pocket[0]}</cur_pocket_no>
<is_unstructured/>
</PocketInfo>
<BussinessData>
<{kind}>
{business}</{kind}>
</BussinessData>
</DataInfo>
</Package>
"""
    whole = package if client else f"<Signature{space}>\n<Object>\n{package}</Object>\n</Signature>\n"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()
