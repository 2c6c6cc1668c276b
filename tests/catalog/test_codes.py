"""Code tables: what people write for a mode or a direction."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.catalog.codes import Word, codes, commodity


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0110", "0110"),
        ("110", "0110"),
        ("110.0", "0110"),
        ("１１０", "0110"),
        ("一般贸易", "0110"),
        ("一般 贸易", "0110"),
        ("一般贸易(0110)", "0110"),
        ("110-一般贸易", "0110"),
        ("保税电商A", "1239"),
        ("9710 跨境电商B2B直接出口", "9710"),
        ("0111", None),
        ("0110 来料加工", None),
        ("", None),
        ("11000", None),
    ],
)
def test_modes(text: str, code: str | None) -> None:
    assert codes().mode(text) == code


def test_every_mode_is_found_by_code_and_name() -> None:
    for mode in codes().modes:
        assert codes().mode(mode.code) == codes().mode(mode.name) == codes().mode(mode.code.lstrip("0")) == mode.code


@given(st.text(max_size=12))
def test_any_text_gives_a_known_code_or_none(text: str) -> None:
    assert codes().mode(text) in {None, *(mode.code for mode in codes().modes)}
    assert codes().flow(text) in {None, "I", "E"}
    assert commodity(text) is None or commodity(text).isdigit()  # type: ignore[union-attr]


def test_directions() -> None:
    assert [codes().flow(word) for word in ("进口", "I", "1", "1-进口", "i")] == ["I"] * 5
    assert [codes().flow(word) for word in ("出口", "E", "0", "出口(E)")] == ["E"] * 4
    assert [codes().flow(word) for word in ("", "转口", "进口/出口", "2")] == [None] * 4


def test_states_of_inventories() -> None:
    assert [codes().living(state) for state in ("0", "1", "2", "3", "9", "")] == [True, True, False, False, None, None]


@pytest.mark.parametrize(
    ("text", "code"),
    [("502", "USD"), ("142", "CNY"), ("110", "HKD"), ("116", "JPY"), ("300", "EUR"), ("303", "GBP"), ("cny", "CNY"),
     ("美元", "USD"), ("５０２", "USD"), ("502.0", "USD"), ("USD(502)", "USD"), ("502 美元", "USD"),
     ("USD(142)", None), ("999", None), ("", None)],
)  # fmt: skip
def test_currencies(text: str, code: str | None) -> None:
    assert codes().currency(text) == code


@pytest.mark.parametrize(
    ("text", "name"),
    [("110", "中国香港"), ("香港", "中国香港"), ("HK", "中国香港"), ("hkg", "中国香港"), ("502", "美国"),
     ("美国(502)", "美国"), ("502美国", "美国"), ("NO", "挪威"), ("俄罗斯联邦", "俄罗斯"), ("日本 502", None),
     ("某地", None), ("", None)],
)  # fmt: skip
def test_countries(text: str, name: str | None) -> None:
    assert codes().country(text) == name


def test_currencies_and_countries_are_coded_as_customs_codes_them() -> None:
    assert all(code.isdigit() and len(code) == 3 for code in (*codes().currencies, *codes().countries))
    assert all(
        len(names[0]) == 3 and names[0].isalpha() and names[0].isupper() for names in codes().currencies.values()
    )


def test_modes_of_the_published_statistics_are_a_table_of_their_own() -> None:
    assert [codes().mode_name(word) for word in ("10", "进料加工贸易", "0110", "615", "77", "")] == [
        "10", "15", "0110", "0615", None, None,
    ]  # fmt: skip
    assert codes().mode("10") is None


def test_modes_that_go_one_way_only() -> None:
    ways = codes().one_way_modes
    assert (ways["9710"], ways["9810"], ways["0644"]) == ("E", "E", "I")
    assert not {"0110", "0615", "4400", "4600", "6033"} & set(ways)


def test_vintages() -> None:
    said = ["", "2021年报关数据", "按最终目的国", "月度数据", "快讯", "修正后月报", "年鉴", "非最终数"]
    assert [codes().vintage(text) for text in said] == [
        None, None, None, "monthly", "preliminary", "corrected", "final", None,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="矛盾"):
        codes().vintage("快讯修正")


def test_the_two_borders_share_no_mode_and_say_what_is_unconfirmed() -> None:
    table = codes()
    abroad, domestic = set(table.border_modes("abroad")), set(table.border_modes("domestic"))
    assert {"6033", "1210", "1239"} <= abroad and not abroad & domestic
    assert "1239" in {entry.mode for entry in table.borders if not entry.verified}
    assert table.domestic_transports == ("W",)


def test_every_word_of_a_documents_life_is_used_or_ends_one() -> None:
    tables = codes().document_status
    said = {word for table in (tables.inventory, tables.pass_, tables.approval, tables.result, tables.declared_as)
            for word in table.values()}  # fmt: skip
    assert said | {"staged", "kept"} == set(get_args(Word))
    for status, word in tables.inventory.items():
        assert codes().living(status) == (word in {"declared", "approved"})
