"""Names that say "not finished", and names that may not be used as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.landing import names


@pytest.mark.parametrize(
    "name",
    ["a.xlsx.part", "a.csv.filepart", "a.TMP", "a.crdownload", "~$a.xlsx", "~a.docx", "a.xlsx.lock", "a.partial"],
)
def test_a_name_that_says_not_finished(name: str) -> None:
    assert names.unfinished(name)


@pytest.mark.parametrize("name", ["a.xlsx", "part.csv", "模板.xml", "tmp", "a~b.xls", "数据.part.xlsx"])
def test_an_ordinary_name(name: str) -> None:
    assert not names.unfinished(name)
    assert not names.passed_over(name)


def test_what_lies_beside_holds_a_file() -> None:
    beside = {"月报.xlsx", "~$月报.xlsx", "报关单数据汇总表.docx", "~$单数据汇总表.docx", "x.csv", "x.csv.part"}
    beside |= {"y.ods", ".~lock.y.ods#"}
    waiting = ("月报.xlsx", "报关单数据汇总表.docx", "x.csv", "y.ods", "z.csv")
    assert [bool(names.held(name, beside)) for name in waiting] == [
        True, True, True, True, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"/etc/passwd", "_etc_passwd"),
        (b"..", "_"),
        (b"", "_"),
        ("海关数据.csv".encode("gb18030"), "海关数据.csv"),
        ("海关数据.csv", "海关数据.csv"),
        ("a\0b.csv", "a_b.csv"),
        ("CON.xlsx ", "CON.xlsx"),
        ("~$月报.xlsx", "$月报.xlsx"),
        ("月报.xlsx.part", "月报.xlsx.part_"),
        ("thumbs.db", "thumbs.db_"),
        ("a\ud800.csv", "a?.csv".replace("?", "_")),
    ],
)
def test_a_strange_name_becomes_an_ordinary_one(raw: bytes | str, name: str) -> None:
    assert names.safe_name(raw) == name


@given(st.one_of(st.binary(max_size=600), st.text(max_size=600)))
def test_every_name_becomes_one_visible_part_of_a_path(raw: bytes | str) -> None:
    name = names.safe_name(raw)
    assert name.isprintable()
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\0")
    assert len(name.encode("utf-8")) <= 200
    assert not names.passed_over(name)
    assert not names.unfinished(name)
    assert names.safe_name(name) == name or names.safe_name(name) == f"{name}_"


def test_long_names_that_differ_at_the_end_stay_different() -> None:
    first, second = (names.safe_name("企" * 200 + tail + ".xlsx") for tail in "甲乙")
    assert first != second
    assert first.endswith(".xlsx")
