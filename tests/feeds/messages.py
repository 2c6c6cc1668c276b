"""Messages of the bonded centre in both dialects, block by block, for the tests of their readers."""

from __future__ import annotations

from qxmonitor import feeds, identity
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file

Block = tuple[str, dict[str, str]]


def code(serial: int) -> str:
    """A simulated credit code."""
    body = f"91000000MA{serial:06d}1"
    return body + identity.uscc_check_char(body)


OWNER, WAREHOUSE = code(1), code(2)
PERSONAL = {
    "dclEr": "王某", "dclErConc": "李某 13800000000", "contactEr": "赵某", "contactTele": "13700000000",
    "vehicleNo": "粤S00000", "vehicleIcNo": "IC0000", "vehicleFrameNo": "FR0000", "rmk": "司机钱某 13600000000",
}  # fmt: skip
"""Fields that must never be seen again."""
SECRETS = ("王某", "李某", "赵某", "钱某", "13800000000", "13700000000", "13600000000", "粤S00000", "IC0000", "FR0000")


def block(name: str, fields: dict[str, str]) -> str:
    return f"<{name}>" + "".join(f"<{key}>{value}</{key}>" for key, value in fields.items()) + f"</{name}>"


def official(
    kind: str,
    *blocks: Block,
    sent: str = "2021-09-06T08:00:00",
    message: str = "MSG1",
    pocket: tuple[int, int] = (1, 1),
    root: str = "Signature",
    namespace: bool = True,
) -> bytes:
    """A message of the official dialect; as ``Package`` a client's receipt, with namespace (INV) or without (SAS)."""
    space = ' xmlns="http://www.w3.org/2000/09/xmldsig#"' if namespace else ""
    inside = "".join(block(name, fields) for name, fields in blocks)
    package = (
        f"<Package{space}><EnvelopInfo><message_id>{message}</message_id><message_type>{kind}</message_type>"
        f"<send_time>{sent}</send_time></EnvelopInfo><DataInfo><PocketInfo><pocket_id>P</pocket_id>"
        f"<total_pocket_qty>{pocket[1]}</total_pocket_qty><cur_pocket_no>{pocket[0]}</cur_pocket_no></PocketInfo>"
        f"<BussinessData><{kind}>{inside}</{kind}></BussinessData></DataInfo></Package>"
    )
    whole = f"<Signature{space}><Object>{package}</Object></Signature>" if root == "Signature" else package
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()


def client(wrapper: str, *blocks: Block, flag: str = "1") -> bytes:
    """An upload of the client dialect: UpperCamel, with its ``DelcareFlag``."""
    inside = "".join(block(name, {key[0].upper() + key[1:]: text for key, text in f.items()}) for name, f in blocks)
    return (
        f"<Signature><Object><Package><DataInfo><BussinessData><DelcareFlag>{flag}</DelcareFlag><{wrapper}>{inside}"
        f"</{wrapper}></BussinessData></DataInfo></Package></Object></Signature>"
    ).encode()


def answer(document: str, result: str, *, kind: str = "1", on: str = "2021-08-09 14:11:13", before: str = "") -> Block:
    """Customs' answer (``HdeApprResult``)."""
    return "HdeApprResult", {
        "etpsPreentNo": before, "businessId": document, "tmsCnt": "0", "typecd": kind, "manageResult": result,
        "manageDate": on, "rmk": PERSONAL["rmk"],
    }  # fmt: skip


def read(data: bytes) -> Batch:
    """Recognise and read; every line is accepted or rejected, and nothing personal is left anywhere."""
    opened = open_file(data, "x.xml")
    batch = feeds.sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    everything = " ".join([*(frame.to_string() for frame in batch.tables.values()), batch.rejects.to_string(),
                           batch.control.to_string(), *batch.notes])  # fmt: skip
    assert not any(secret in everything for secret in SECRETS)
    return batch
