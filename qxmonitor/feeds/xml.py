"""XML from outside, parsed without any of the doors XML leaves open.

No entities, no DTD in whatever encoding, no network, no unlimited trees. The bytes are turned into text
first, strictly, so that what is searched for a DOCTYPE is exactly what the parser will see: an entity in a
mandatory field can then neither be expanded nor read as empty.
"""

from __future__ import annotations

import codecs
import re

from lxml import etree

from qxmonitor.errors import Refused
from qxmonitor.feeds import text

MAX_BYTES = 64 * 2**20
MAX_NODES = 2_000_000
"""A message of the bonded centre has some 40 elements a goods line; this is tens of thousands of lines."""

_DECLARATION = re.compile(r"\A\s*<\?xml\b([^>]*?)\?>", re.IGNORECASE)
_ENCODING = re.compile(r"""encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_KNOWN = {"utf-8": "utf-8", "utf-16": "utf-16", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}


def parse(data: bytes) -> etree._Element:
    """The root element of a message.

    Raises:
        Refused: too large, too deep, malformed (with the line), or holding a document type or entity.
    """
    if len(data) > MAX_BYTES:
        raise Refused(f"XML 文件超过 {MAX_BYTES // 2**20} MB 上限")
    message = _decode(data)
    if found := _DOCTYPE.search(message):
        line = message.count("\n", 0, found.start()) + 1
        raise Refused(f"第 {line} 行含文档类型或实体声明，不予解析")
    if message.count("<") > MAX_NODES or message.count("=") > MAX_NODES:
        raise Refused("XML 节点过多，超过上限")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(_DECLARATION.sub(_blank, message, count=1).encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise Refused(f"第 {max(error.lineno or 1, 1)} 行不是有效的 XML：{_reason(error)}") from None
    if root.getroottree().docinfo.internalDTD is not None or next(root.iter(etree.Entity), None) is not None:
        raise Refused("含文档类型或实体，不予解析")
    return root


def _decode(data: bytes) -> str:
    """The text, by its mark or by its declared encoding, which must be one we know."""
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.decode(data)
    head = _DECLARATION.match(data[:512].decode("latin-1"))
    declared = _ENCODING.search(head[1]) if head else None
    name = declared[1].lower() if declared else "utf-8"
    if name not in _KNOWN or name == "utf-16":
        raise Refused(f"不支持的 XML 编码：{name[:20]}")
    return text.decode_as(data, _KNOWN[name])


def _blank(found: re.Match[str]) -> str:
    """Keeps the line breaks of the declaration, so that line numbers stay true."""
    return "\n" * found[0].count("\n")


def _reason(error: etree.XMLSyntaxError) -> str:
    """A Chinese word for libxml2's complaint, which may quote the content and is not shown."""
    words = {
        "ERR_UNDECLARED_ENTITY": "引用了未声明的实体",
        "ERR_TAG_NAME_MISMATCH": "标签不配对",
        "ERR_TAG_NOT_FINISHED": "内容不完整",
        "ERR_DOCUMENT_EMPTY": "文件为空",
        "ERR_DOCUMENT_END": "结尾有多余内容",
        "ERR_RESOURCE_LIMIT": "嵌套过深或内容过大",
    }
    return words.get(etree.ErrorTypes._getName(getattr(error, "code", 0), ""), "格式有误")
