"""XML from outside: doors shut, and a line for what is malformed."""

from __future__ import annotations

import codecs

import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import xml


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "GB2312", "gb18030"])
def test_declared_encodings(encoding: str) -> None:
    root = xml.parse(f'<?xml version="1.0" encoding="{encoding}"?>\n<a><b>清溪</b></a>'.encode(encoding))
    assert root.findtext("b") == "清溪"


def test_utf16_and_marks() -> None:
    message = '<?xml version="1.0" encoding="utf-16"?><a>清溪</a>'
    assert xml.parse(message.encode("utf-16")).text == "清溪"
    assert xml.parse(codecs.BOM_UTF8 + "<a>清溪</a>".encode()).text == "清溪"


DTD = '<!DOCTYPE a [<!ENTITY who "91999999MA0000T1X2">]><a>&who;</a>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "gbk"])
def test_a_document_type_is_refused_in_any_encoding(encoding: str) -> None:
    with pytest.raises(Refused, match="文档类型或实体"):
        xml.parse(f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>{DTD}'.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "cp037", "utf-16", "iso-8859-1"])
def test_an_encoding_that_could_hide_one_is_refused(encoding: str) -> None:
    with pytest.raises(Refused, match=r"编码|XML"):
        xml.parse(f'<?xml version="1.0" encoding="{encoding}"?>{DTD}'.encode("utf-7"))
    with pytest.raises(Refused):
        xml.parse(DTD.encode(encoding))


def test_an_undeclared_entity_is_refused_and_not_read_as_empty() -> None:
    with pytest.raises(Refused, match=r"第 2 行.*实体"):
        xml.parse(b"<a>\n<b>&who;</b></a>")


def test_external_entities_and_bombs_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    for subset in ['<!ENTITY x SYSTEM "file:///etc/passwd">', f'<!ENTITY l0 "ha">{laughs}']:
        with pytest.raises(Refused):
            xml.parse(f"<!DOCTYPE a [{subset}]><a>&x;&l9;</a>".encode())


def test_depth_and_size_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="过深"):
        xml.parse(b"<a>" * 5000 + b"</a>" * 5000)
    with pytest.raises(Refused, match="过大"):
        xml.parse(b"<a>" + b"x" * 11_000_000 + b"</a>")
    monkeypatch.setattr(xml, "MAX_NODES", 1000)
    with pytest.raises(Refused, match="节点过多"):
        xml.parse(b"<a>" + b"<b/>" * 1001 + b"</a>")
    monkeypatch.setattr(xml, "MAX_BYTES", 1000)
    with pytest.raises(Refused, match="上限"):
        xml.parse(b" " * 1001)


@pytest.mark.parametrize(
    ("data", "line"), [(b"<a>\n\n<b></a>", 3), (b"<a>\n<b>1</b>", 2), (b"", 1), (b"hello", 1), (b"<a/>\n<b/>", 2)]
)
def test_malformed_names_the_line(data: bytes, line: int) -> None:
    with pytest.raises(Refused, match=f"第 {line} 行"):
        xml.parse(data)


def test_a_broken_byte_names_the_line() -> None:
    with pytest.raises(Refused, match="第 2 行含无法识别的字节"):
        xml.parse('<?xml version="1.0" encoding="gbk"?>\n<a>清溪'.encode("gbk")[:-1] + b"</a>")


def test_the_complaint_never_quotes_the_content() -> None:
    with pytest.raises(Refused) as refusal:
        xml.parse(b"<a><secret-name></a>")
    assert "secret" not in str(refusal.value)
