"""Decoding: every encoding offices send, and refusal of a single broken byte."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.errors import Refused
from qxmonitor.feeds import text

LINES = (
    "数据年月,海关编码,企业名称\n202101,4419912345,东莞市某某玩具厂\n202101,4419912346,某某家具（东莞）有限公司\n" * 20
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "gb2312"])
def test_every_encoding_gives_the_same_text(encoding: str) -> None:
    assert text.decode(LINES.encode(encoding)) == LINES


@given(st.text(st.characters(codec="gb18030", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffd\ufeff")))
def test_utf8_round_trips(content: str) -> None:
    assert text.decode(codecs.BOM_UTF8 + content.encode()) == content


def test_big_endian_utf16() -> None:
    assert text.decode(codecs.BOM_UTF16_BE + LINES.encode("utf-16-be")) == LINES


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("byte", [b"\xff", b""])
def test_one_broken_byte_refuses_the_file_with_its_line(encoding: str, byte: bytes) -> None:
    rows = LINES.encode(encoding).split(b"\n")
    rows[6] = rows[6][:-1] + byte
    with pytest.raises(Refused, match="第 7 行含无法识别的字节"):
        text.decode(b"\n".join(rows))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_broken_utf16(encoding: str) -> None:
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}[encoding]
    with pytest.raises(Refused, match="第 2 行"):
        text.decode(mark + "甲\n乙".encode(encoding) + b"\xd8")


@pytest.mark.parametrize("data", [b"a,b\n\x00,1\n", b"a,b\n1\x1a\n", "a,b\n1\ufffd\n".encode()])
def test_control_and_replacement_characters_refuse(data: bytes) -> None:
    with pytest.raises(Refused, match="第 2 行含无法识别"):
        text.decode(data)
    if not data.isascii():
        return
    with pytest.raises(Refused, match="第 2 行含无法识别"):
        text.decode(codecs.BOM_UTF16_LE + data.decode().encode("utf-16-le"))


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        assert isinstance(text.decode(data), str)
    except Refused as refusal:
        assert "\n" not in str(refusal)
