"""A message of the bonded centre of every type, in every dialect its readers take."""

from __future__ import annotations

from collections.abc import Iterator

from qxmonitor.feeds.bonded_message import KINDS
from tests.feeds.messages import Block, answer, client, official
from tests.feeds.test_bonded import GOODS, HEAD
from tests.feeds.test_bonded_receipt import DECLARATION, NOTE, NOTE_LINE, PASS
from tests.feeds.test_bonded_stock import HEAD as LEDGER
from tests.feeds.test_bonded_stock import LINE

_BLOCKS: dict[str, list[Block]] = {
    "inventory": [("BondInvtBsc", HEAD), ("BondInvtDt", GOODS), ("BondInvtDt", GOODS | {"gdsSeqno": "2"})],
    "ledger": [("BwsBsc", LEDGER), ("BwsDt", LINE), ("BwsDt", LINE | {"gdsSeqno": "2"})],
    "declaration": [("SasDclBsc", DECLARATION)],
    "note": [("SasStockBsc", NOTE), ("SasStockDt", NOTE_LINE), ("SasStockDt", NOTE_LINE | {"sasStockSeqno": "2"})],
    "pass": [("SasPassportBsc", PASS), ("SasPassportRlt", {"rltNo": "QD3", "rltTbTypecd": "1"})],
}
ACKNOWLEDGED = b"<CommonResponeMessage><SeqNo>1</SeqNo><EtpsPreentNo>IN1</EtpsPreentNo></CommonResponeMessage>"


def every() -> Iterator[tuple[str, bytes]]:
    """Name and bytes: uploads and receipts of each type, bare answers, pockets, and the client's wrappers."""
    for kind in KINDS:
        blocks = _BLOCKS[kind.subject]
        for code in kind.codes:
            if code[3] == "1" or kind.subject == "ledger":
                yield code, official(code, *blocks)
                yield f"{code} pocket", official(code, *blocks, pocket=(1, 2))
            else:
                said = answer("N00001", "1", before="PRE00001")
                yield code, official(code, said, *blocks, root="Package", namespace=code.startswith("INV"))
                yield f"{code} bare", official(code, said, root="Package")
        for wrapper in kind.wrappers:
            yield wrapper, client(wrapper, *blocks)
    yield "acknowledged", ACKNOWLEDGED
