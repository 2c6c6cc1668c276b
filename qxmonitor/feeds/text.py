"""Bytes into text, strictly: a broken byte refuses the file instead of becoming a wrong character.

Offices send UTF-8 with and without its mark, UTF-16 from spreadsheets ("Unicode 文本") and GB18030 (GBK,
GB2312 are subsets) from customs, statistics platforms and data terminals. Nothing is ever replaced.
"""

from __future__ import annotations

import codecs
import re

from qxmonitor.errors import Refused

_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]")
_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decode(data: bytes) -> str:
    """The text of a file, without its byte-order mark.

    Tried in this order: the marks of UTF-8 and UTF-16, then UTF-8, then GB18030.

    Raises:
        Refused: with the line, when a byte fits no encoding, or control characters show that it is no text.
    """
    for mark, encoding in _UTF16:
        if data.startswith(mark):
            return _clean(_strict(data[len(mark) :], encoding))
    _no_controls(data)
    if data.startswith(codecs.BOM_UTF8):
        return _whole(_strict(data[len(codecs.BOM_UTF8) :], "utf-8"))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _whole(_strict(data, "utf-8" if _meant_utf8(data, error) else "gb18030"))
    return _whole(text)


def decode_as(data: bytes, encoding: str) -> str:
    """The text of a file whose encoding (UTF-8 or GB18030) is stated in the file itself.

    Raises:
        Refused: as :func:`decode`.
    """
    _no_controls(data)
    return _whole(_strict(data, encoding))


def _no_controls(data: bytes) -> None:
    """In UTF-8 and GB18030 a byte below 0x20 is never part of a longer character."""
    if len(data.translate(None, _CONTROLS)) != len(data):
        at = next(i for i, byte in enumerate(data) if byte in _CONTROLS)
        line = data.count(b"\n", 0, at) + 1
        raise Refused(f"第 {line} 行含无法识别的字节，不是文本文件或已损坏")


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        newline = "\n".encode(encoding)
        line = data[: error.start].count(newline) + 1
        raise Refused(f"第 {line} 行含无法识别的字节，按 {encoding.upper()} 解码失败") from None


def _meant_utf8(data: bytes, error: UnicodeDecodeError) -> bool:
    """Whether broken UTF-8 was meant, rather than GB18030, in which hardly any character is valid UTF-8."""
    window = data[: error.start + 65536]
    wide = len(re.findall(rb"[\xe4-\xe9][\x80-\xbf]{2}", window))
    high = len(window) - len(window.translate(None, bytes(range(128, 256))))
    return wide * 3 > high * 0.8


def _whole(text: str) -> str:
    """The text, of whose bytes none was a control, unless it holds the sign of a lost character."""
    return _clean(text) if "\ufffd" in text else text


def _clean(text: str) -> str:
    found = _CONTROL.search(text)
    if found:
        raise Refused(f"第 {text.count(chr(10), 0, found.start()) + 1} 行含无法识别的字符，不是文本文件或已损坏")
    return text
