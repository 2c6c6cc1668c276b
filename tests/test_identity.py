"""Identity codes: against python-stdnum, by hand, and under corruption of any one character."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as reference

from qxmonitor import identity
from qxmonitor.errors import Refused
from qxmonitor.identity import ALPHABET

bodies = st.builds(
    "{}{}{}".format,
    st.text("0123456789", min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


@given(st.lists(bodies, min_size=1, max_size=20))
def test_check_characters_agree_with_the_reference(found: list[str]) -> None:
    checks = identity.uscc_check_char(pd.Series(found))
    assert list(checks) == [reference.calc_check_digit(body) for body in found]


@given(st.lists(st.one_of(bodies.map(lambda b: b + identity.uscc_check_char(b)), st.text(max_size=20)), max_size=20))
def test_validity_agrees_with_the_reference(codes: list[str]) -> None:
    # The reference strips blanks and hyphens, raises case, takes any digit and wants two leading digits.
    plain = [c for c in codes if set(c) <= set(ALPHABET) and c[:2].isdecimal()]
    assert list(identity.uscc_valid(pd.Series(plain, dtype="str"))) == [reference.is_valid(c) for c in plain]


@given(bodies, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_seen(body: str, place: int, other: str) -> None:
    code = body + identity.uscc_check_char(body)
    broken = code[:place] + other + code[place + 1 :]
    assert identity.uscc_valid(pd.Series([code, broken])).tolist() == [True, broken == code]


def test_validity_by_hand() -> None:
    codes = pd.Series(
        ["91999999MA0000T1X2", "91999999ma0000t1x2", "91999999MA0000T1X", "91999999MA0000T1X20", None, "", "９" * 18],
        index=list("abcdefg"),
    )
    assert identity.uscc_valid(codes).tolist() == [True, False, False, False, False, False, False]
    assert list(identity.uscc_valid(codes).index) == list("abcdefg")
    assert identity.uscc_valid(pd.Series([], dtype="str")).tolist() == []
    # The area is digits, although the alphabet would allow letters there; the first two may be letters (Y1, N2).
    letter_area = "91A99999MA0000T1X"
    assert not identity.uscc_valid(pd.Series([letter_area + identity.uscc_check_char(letter_area)])).item()
    other = "Y1999999MA0000T1X"
    assert identity.uscc_valid(pd.Series([other + identity.uscc_check_char(other)])).item()


def test_organisation_codes() -> None:
    # MA0000T1: 11 - (22*3 + 10*7 + 29*4 + 1*2) % 11 = 11 - 254 % 11 = 10, written X
    assert identity.org_check_char("MA0000T1") == "X"
    assert identity.org_code_check(pd.Series(["MA0000T1X", "MA0000T12", "MA0000T1", None])).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert identity.subject(org=pd.Series(["MA0000T1-X"])).tolist() == ["org:MA0000T1X"]


def test_customs_codes() -> None:
    codes = pd.Series(["4419912345", "44199A12B5", "441991234", "44A9912345", None])
    assert identity.customs_code_valid(codes).tolist() == [True, True, False, False, False]


def test_names_compare_across_their_variants() -> None:
    names = pd.Series(
        ["东莞市某某（集团）有限责任公司", " 东莞市某某(集团)有限公司", "东莞市某某　【集团】有限公司\u200b", "", None]
    )
    plain = identity.normalise_name(names)
    assert plain.iloc[:3].unique().tolist() == ["东莞市某某(集团)有限公司"]
    assert plain.iloc[3:].isna().all()


def test_codes_are_cleaned_of_how_they_were_typed() -> None:
    codes = pd.Series(["９１999999 MA0000Ｔ1Ｘ2", "'91999999MA0000T1X2", "4419912345.0", " ", None])
    assert identity.clean_code(codes).tolist()[:3] == ["91999999MA0000T1X2", "91999999MA0000T1X2", "4419912345"]
    assert identity.clean_code(codes).isna().tolist() == [False, False, False, True, True]


def test_a_wrong_code_is_a_fault_and_never_a_guess_from_the_name() -> None:
    found = identity.resolve(
        uscc=pd.Series(["91999999MA0000T1X2", "91999999MA0000T1XA", None, "", None]),
        customs=pd.Series([None, "4419912345", "4419912345", "44", ""]),
        name=pd.Series(["甲", "乙", "丙", "丁", "戊（厂）"]),
    )
    assert found["subject"].tolist()[0] == "91999999MA0000T1X2"
    assert found["subject"].isna().tolist() == [False, True, False, True, False]
    assert found["subject"].tolist()[2] == "customs:4419912345"
    assert found["subject"].tolist()[4] == "name:戊(厂)"
    assert found["rule"].tolist() == ["", "identity.uscc", "", "identity.customs", ""]
    assert found["raw"].tolist() == ["", "91999999MA0000T1XA", "", "44", ""]
    assert identity.resolve(name=pd.Series([None], dtype="str"))["rule"].tolist() == ["identity.missing"]


def test_simulated_firms_are_known_by_their_codes() -> None:
    body = "91000000MA0000001"
    code = body + identity.uscc_check_char(body)
    subjects = pd.Series([code, "customs:0000912345", "91999999MA0000T1X2", "customs:4419912345", "name:甲", None])
    assert identity.simulated(subjects).tolist() == [True, True, False, False, False, False]
    assert identity.origin(subjects.iloc[[0, 1, 4]]) == "simulated"
    assert identity.origin(subjects.iloc[[2, 4]]) == "real"
    assert identity.origin(subjects.iloc[[4, 5]]) is None
    with pytest.raises(Refused, match="既有模拟"):
        identity.origin(subjects)


def test_half_a_million_codes_at_once() -> None:
    rng = np.random.default_rng(0)
    body = "91000000" + pd.Series(rng.choice(list(ALPHABET), (1000, 9)).tolist()).str.join("")
    codes = pd.Series(np.tile((body + identity.uscc_check_char(body)).to_numpy(), 500), dtype="str")
    assert identity.uscc_valid(codes).all()
