"""Nothing of the place it was written at, and nothing of real firms and people, is in the repository."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from qxmonitor.identity import uscc_valid
from tests.meta.repository import ROOT, texts

_PLACES = re.compile(r"(?<![\w.~-])/(?:" + "|".join(["work", "farm", "root", "home"]) + r")/\w")
_CODE = re.compile(r"(?<![0-9A-Za-z])[0-9A-HJ-NPQRTUWXY]{18}(?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?<![0-9A-Za-z.])1[3-9][0-9](?!0{8})[0-9]{8}(?![0-9A-Za-z.])")
"""A mobile number; eight zeros at the end are nobody's."""
NEVER_ISSUED = ["000000", "999999"]
"""Registration areas no firm has: simulated, and for tests that need a code which is not simulated."""


@pytest.mark.parametrize("name", sorted(texts()))
def test_no_path_of_a_machine(name: str) -> None:
    assert _PLACES.findall(texts()[name]) == []


@pytest.mark.parametrize("name", sorted(texts()))
def test_no_real_looking_firm_or_phone(name: str) -> None:
    text = texts()[name]
    codes = pd.Series(_CODE.findall(text), dtype="str")
    issued = uscc_valid(codes).to_numpy(dtype=bool) & ~codes.str.slice(2, 8).isin(NEVER_ISSUED).to_numpy(dtype=bool)
    assert codes[issued].tolist() == []
    assert _MOBILE.findall(text) == []


def test_the_lock_names_one_package_index() -> None:
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert len(set(re.findall(r'registry = "([^"]+)"', lock))) == 1
    assert not re.search(r"https?://[^/\s]*@", lock), "credentials in a URL"
