"""Everything a recipient could find in a file we send: texts, numbers, hidden cells, properties, names, metadata.

Used by the gate's test: what is found must be allowed to the reader. Reads with other code than wrote it (openpyxl,
the zip and XML themselves, the standard library's mail parser).
"""

from __future__ import annotations

import base64
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from lxml import etree

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?")


@dataclass
class Found:
    """What is in one file: pieces of text (file name, properties, alt texts and comments among them) and numbers."""

    texts: list[str] = field(default_factory=list)
    cells: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def numbers(self) -> set[float]:
        """Numbers in cells and in texts."""
        return {*self.cells, *(float(n.replace("−", "-")) for n in _NUMBER.findall(self.text))}

    def __iadd__(self, other: Found) -> Found:
        self.texts += other.texts
        self.cells += other.cells
        return self


def scan(path: Path) -> Found:
    """Scan a file by its content."""
    found = scan_bytes(path.read_bytes())
    found.texts.append(path.name)
    return found


def scan_bytes(content: bytes) -> Found:
    """Scan bytes: png, docx, xlsx, html, else a mail."""
    if content.startswith(b"\x89PNG"):
        return _png(content)
    if content.startswith(b"PK"):
        return _office(content)
    if content.lstrip()[:9].lower() in (b"<!doctype", b"<html"):
        return _html(content.decode("utf-8"))
    return _mail(content)


def _office(content: bytes) -> Found:
    """Every text and attribute of every XML part; shared strings and cell values resolve by being read whole."""
    found = Found()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        found.texts.append(archive.comment.decode("utf-8", "replace"))
        for info in archive.infolist():
            found.texts += [info.filename, info.comment.decode("utf-8", "replace")]
            part = archive.read(info)
            if info.filename.endswith((".xml", ".rels", ".vml")):
                found += _xml(part, info.filename)
            elif info.filename.lower().endswith(".png"):
                found += _png(part)
    return found


def _xml(part: bytes, name: str) -> Found:
    found = Found()
    root = etree.fromstring(part)
    if name.startswith("word/"):
        # Runs split words: a paragraph is one text.
        w = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
        for paragraph in root.iter(f"{w}p"):
            found.texts.append(
                "".join(node.text or "" for node in paragraph.iter(f"{w}t", f"{w}delText", f"{w}instrText"))
            )
        styled = {"descr", "title", "name", "alt"}
        found.texts += [
            value for node in root.iter() for key, value in node.attrib.items() if key.split("}")[-1] in styled
        ]
        return found
    sheet = "worksheets/" in name
    for node in root.iter():
        tag = etree.QName(node).localname if isinstance(node.tag, str) else "comment"
        text = (node.text or "").strip()
        if sheet and tag == "v":
            if node.getparent().get("t") in (None, "n"):
                found.cells.append(float(text))
            continue
        if text:
            found.texts.append(text)
        if tag in ("sheet", "definedName", "hyperlink", "docPr", "cNvPr"):
            found.texts += list(node.attrib.values())
    return found


class _Visible(HTMLParser):
    """Texts, comments and every attribute of a page; pictures inside are scanned as pictures."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Found()
        self.style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        for name, value in attrs:
            if value and value.startswith("data:"):
                self.found += scan_bytes(base64.b64decode(value.partition(",")[2]))
            elif value and name not in ("style", "class", "content", "width", "colspan", "scope"):
                self.found.texts.append(value)

    def handle_endtag(self, tag: str) -> None:
        self.style = False

    def handle_data(self, data: str) -> None:
        if not self.style and data.strip():
            self.found.texts.append(data.strip())

    def handle_comment(self, data: str) -> None:
        self.found.texts.append(data)


def _html(text: str) -> Found:
    parser = _Visible()
    parser.feed(text)
    return parser.found


def _mail(content: bytes) -> Found:
    found = Found()
    mail = message_from_bytes(content, policy=policy.default)
    found.texts += [str(value) for _, value in mail.items()]
    for part in mail.walk():
        if part.is_multipart():
            continue
        if part.get_filename():
            found.texts.append(str(part.get_filename()))
        body = part.get_content()
        if isinstance(body, bytes):
            found += scan_bytes(body)
        elif part.get_content_subtype() == "html":
            found += _html(body)
        else:
            found.texts.append(body)
    return found


def _png(content: bytes) -> Found:
    """Text chunks of a picture."""
    found, at = Found(), 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        if kind == b"tEXt":
            found.texts.append(data.decode("latin-1"))
        elif kind == b"zTXt":
            found.texts.append(zlib.decompress(data.split(b"\0", 1)[1][1:]).decode("latin-1"))
        elif kind == b"iTXt":
            found.texts.append(data.decode("utf-8", "replace"))
        at += 12 + length
    return found
