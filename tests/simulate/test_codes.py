from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as standard

from qxmonitor.simulate import codes
from qxmonitor.simulate.names import brands, company_names, parentheses_swapped


@given(st.text(alphabet="0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=8, max_size=8))
def test_every_code_passes_the_standard_check(body: str) -> None:
    code = codes.uscc(body)
    assert standard.is_valid(code)
    assert code[2:8] == "000000"
    assert not standard.is_valid(codes.spoil(code))


def test_the_organisation_code_inside_by_hand() -> None:
    # D2143569: 3·13+7·2+9·1+10·4+5·3+8·5+4·6+2·9 = 199, 11 − 199 mod 11 = 10 → X
    assert codes.org_check("D2143569") == "X"
    assert codes.uscc("D2143569")[8:17] == "D2143569X"


@pytest.mark.parametrize("count", [20, 800, 3000])
def test_codes_are_distinct(count: int) -> None:
    rng = np.random.default_rng(5)
    usccs, customs = codes.uscc_codes(rng, count), codes.customs_codes(rng, count)
    assert len(set(usccs)) == len(set(customs)) == count
    assert all(len(code) == 10 and code.startswith("0000") for code in customs)
    assert any(code[6].isalpha() for code in customs)


def test_the_centre_operator_has_a_w_in_fifth_place() -> None:
    assert codes.CENTRE_CUSTOMS[4] == "W"
    assert standard.is_valid(codes.CENTRE_USCC)


def test_names_are_distinct_and_bear_the_town() -> None:
    rng = np.random.default_rng(3)
    names = company_names(rng, brands(rng, 800), ["C01"] * 800)
    assert len({parentheses_swapped(name) for name in names}) == 800
    assert all("清溪" in name and name.endswith("有限公司") for name in names)
