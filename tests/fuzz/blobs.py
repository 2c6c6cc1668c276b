"""Changes to the bytes: archives and their parts, texts and encodings, XML trees, and plain noise."""

from __future__ import annotations

import copy
import io
import random
import re
import struct
import zipfile
from functools import lru_cache

from lxml import etree

from tests.fuzz import cells, seeds, write
from tests.fuzz.seeds import Seed

ENCODINGS = ("gb18030", "gb18030", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be")
_TOKENS = tuple(
    b'< > / " = & ; : 0 1 9 A Z <c <v> </v> </c> <row </row> t="s" t="str" t="e" t="b" t="d" r="A1" '
    b'r="XFD1048576" r="B7" <f>1+1</f> <f>SUM(A1)</f> <is><t> </t></is> <v/> <v></v> -1 1e999 99999999 &lt; '
    b'&#0; &#x10FFFF; &nbsp; <!--x--> <![CDATA[x]]> <?x?> x:c \x00 \xff \xef\xbb\xbf <mergeCell/> hidden="1" '
    b's="7" <si> </si> <t/> xml:space="preserve"'.split(b" ")
)
_LETTERS = (
    "", ",", ",,", '"', '""', "\n", "\r", "\r\n", "\t", " ", "\u2028", "\x0c", "\x1f", "\x85", "\xa0", "；", "，",
    "\ufeff", "\0", "a" * 500,
)  # fmt: skip
_RIDERS = (
    "xl/vbaProject.bin", "xl/externalLinks/externalLink1.xml", "docProps/app.xml", "xl/media/image1.png",
    "xl/calcChain.xml", "xl/comments1.xml", "customXml/item1.xml",
)  # fmt: skip
_TAGS = re.compile(rb"<[^<>]{1,200}>")


def noise(rng: random.Random, data: bytes) -> bytes:
    """Flips, cuts, repeats, insertions."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        if not made:
            break
        at, what = rng.randrange(len(made)), rng.randrange(8)
        if what == 0:
            made[at] = rng.randrange(256)
        elif what == 1:
            made[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del made[at : at + rng.choice((1, 2, 8, 100))]
        elif what == 3:
            made[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
        elif what == 4:
            made[at:at] = made[at : at + rng.choice((1, 16, 200))]
        elif what == 5 and len(made) > 4:
            struct.pack_into("<L", made, min(at, len(made) - 4), rng.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)))
        elif what == 6 and rng.random() < 0.3:
            del made[at:]
        else:
            made[at] = rng.choice(b"\0\n\r\t,;\"'<>&=#-09A\x80\xff")
    if rng.random() < 0.03:
        made += bytes(made) if rng.random() < 0.5 else rng.randbytes(50)
    return bytes(made)


def tokens(rng: random.Random, data: bytes) -> bytes:
    """Tags lost, repeated, moved; words of the format where they do not belong."""
    made = data
    for _ in range(rng.choice((1, 1, 2, 4, 10))):
        what = rng.randrange(4)
        if what == 0:
            at = rng.randrange(len(made) + 1)
            made = made[:at] + rng.choice(_TOKENS) + made[at + rng.choice((0, 0, 1, 4)) :]
            continue
        found = _some_tag(rng, made)
        if found is None:
            continue
        start, end = found
        if what == 1:
            made = made[:start] + made[end:]
        elif what == 2:
            made = made[:end] + made[start:end] + made[end:]
        else:
            inside = rng.randrange(start, end)
            made = made[:inside] + rng.choice(_TOKENS) + made[inside:]
    return made


def _some_tag(rng: random.Random, data: bytes) -> tuple[int, int] | None:
    found = _TAGS.search(data, rng.randrange(len(data) + 1))
    return found.span() if found else None


@lru_cache(maxsize=256)
def _parts(data: bytes) -> dict[str, bytes]:
    return seeds.parts(data)


def parts(rng: random.Random, data: bytes) -> bytes:
    """Parts of a workbook dropped, damaged, exchanged, renamed, repeated, blown up; or the archive's own records."""
    made = dict(_parts(data))
    inner = [name for name in made if name.startswith("xl/")]
    pages = [name for name in inner if "sheet" in name.lower()]
    name, what = rng.choice(inner), rng.randrange(12)
    if what <= 3:
        name = rng.choice(pages) if pages else name
        made[name] = tokens(rng, made[name])
    elif what == 4:
        made[name] = noise(rng, made[name])
    elif what == 5:
        del made[name]
    elif what == 6:
        other = rng.choice(inner)
        made[name], made[other] = made[other], made[name]
    elif what == 7:
        made[rng.choice((name.upper(), "/" + name, name + "2", "../" + name, name.replace("/", "\\")))] = made.pop(name)
    elif what == 8:
        made[name] = made[name].replace(
            b"><", b">" + rng.choice((b" ", b"\n", b"0")) * rng.choice((1, 10, 20_000)) + b"<", 3
        )
    elif what == 9:
        made[name] = made[name] + b"<!--" + b"a" * rng.choice((10, 3_000_000)) + b"-->"
    elif what == 10:
        encoding = rng.choice(("utf-16", "gb18030", "utf-8-sig", "latin-1"))
        made[name] = made[name].decode("utf-8", "replace").encode(encoding, "replace")
    else:
        depth = rng.choice((5, 300, 5000))
        made[name] = made[name].replace(b"<c", b"<x>" * depth + b"</x>" * depth + b"<c", 1)
    packed = write.archive(made)
    return _records(rng, packed) if rng.random() < 0.1 else packed


def _records(rng: random.Random, packed: bytes) -> bytes:
    """Damage in the directory or the local heads."""
    made = bytearray(packed)
    magic = rng.choice((b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"))
    at = made.find(magic, rng.randrange(len(made)))
    if at >= 0:
        made[min(at + rng.randrange(46), len(made) - 1)] = rng.choice((0, 1, 8, 9, 99, 255))
    return bytes(made)


def attached(rng: random.Random, data: bytes) -> bytes:
    """Things that ride along with workbooks, and none of which is ever opened."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for _ in range(rng.choice((1, 3))):
            name = rng.choice(_RIDERS)
            if name not in archive.namelist():
                archive.writestr(name, rng.randbytes(rng.choice((0, 10, 2000))))
    return out.getvalue()


def lettered(rng: random.Random, text: str) -> bytes:
    """A csv's text after edits an editor might make, in some encoding."""
    made = text
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(made) + 1)
        made = made[:at] + rng.choice(_LETTERS) + made[at + rng.choice((0, 0, 1, 3)) :]
    data = made.encode(encoding := rng.choice(ENCODINGS), "replace")
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"") if rng.random() < 0.9 else b""
    return mark + (noise(rng, data) if rng.random() < 0.2 else data)


@lru_cache(maxsize=256)
def _root(data: bytes) -> etree._Element:
    return etree.fromstring(data)


def tree(rng: random.Random, data: bytes) -> tuple[bytes, bool]:
    """A message whose elements are lost, repeated, renamed, moved, refilled; whether names still tell persons."""
    root = copy.deepcopy(_root(data))
    named = True
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        every = [element for element in root.iter(etree.Element) if element is not root]
        if not every:
            break
        node = rng.choice(every)
        parent, what = node.getparent(), rng.randrange(12)
        leaf = not len(node)
        if parent is None:
            continue
        if what == 0:
            parent.remove(node)
        elif what == 1:
            parent.append(copy.deepcopy(node))
        elif what == 2:
            node.tag = rng.choice(
                (str(node.tag).upper(), str(node.tag).lower(), str(node.tag) + "x", str(rng.choice(every).tag))
            )
            named = False
        elif what == 3:
            other = rng.choice(every)
            if node not in list(other.iterancestors()) and other is not node:
                other.append(node)
        elif what == 4:
            node.tag = "{urn:other}" + etree.QName(node).localname
        elif what == 5:
            deep = node
            for _step in range(rng.choice((1, 50, 240, 400))):
                deep = etree.SubElement(deep, "x")
        elif what == 6:
            node.set("a", "v" * rng.choice((1, 1000, 200_000)))
        elif what == 7:
            parent.insert(0, etree.Comment("x"))
        elif what == 8 and leaf:
            node.text = (node.text or "") * rng.choice((0, 2, 50))
        elif what == 9 and leaf:
            other = rng.choice(every)
            node.text, other.text = other.text, node.text
            named = False
        elif leaf:
            value = rng.choice(cells.GARBAGE)
            node.text = "".join(letter for letter in str(value) if letter >= " " or letter in "\n\t")
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "gb18030", "utf-16", "us-ascii"))
    made = etree.tostring(root, encoding=encoding, xml_declaration=rng.random() < 0.8)
    if rng.random() < 0.15:
        return tokens(rng, made), False
    if rng.random() < 0.03:
        entity = b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 50 + b'">]>'
        at = made.find(b"?>") + 2 if b"?>" in made[:100] else 0
        return made[:at] + entity + made[at:], named
    return made, named


def case(rng: random.Random, one: Seed) -> tuple[bytes, bool, str]:
    """One input: its bytes, whether persons still stand where they are named, and how it was made."""
    if one.kind == "xml":
        if rng.random() < 0.85:
            data, named = tree(rng, one.data)
            return data, named, "tree"
        return noise(rng, one.data), False, "noise"
    draw = rng.random()
    if draw < 0.62:
        sheets, named, how = cells.changed(rng, one)
        lot = rng.random()
        if lot < 0.012:
            return _old(rng, sheets), named, how + ">xls"
        if (lot < 0.25) == (one.kind == "xlsx"):  # mostly its own container, now and then the other
            rows = sheets[0][1] if sheets else []
            encoding, tab = rng.choice(ENCODINGS), "\t" if rng.random() < 0.15 else ","
            return write.csv(rows, encoding, tab, rng.choice(("\r\n", "\n", "\n", "\r"))), named, how + f">{encoding}"
        return write.xlsx(sheets or [("", [])], rng), named, how + ">xlsx"
    if one.kind == "csv":
        if draw < 0.9:
            return lettered(rng, seeds.decoded(one)), False, "text"
        return noise(rng, one.data), False, "noise"
    if draw < 0.88:
        return parts(rng, one.data), False, "parts"
    if draw < 0.92:
        return attached(rng, one.data), True, "attached"
    return noise(rng, one.data), False, "noise"


def _old(rng: random.Random, sheets: cells.Sheets) -> bytes:
    data = write.xls(sheets or [("", [])])
    return noise(rng, data) if rng.random() < 0.5 else data
