"""The month's exchange rate: nothing is known until somebody enters it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog import _yaml, rates
from qxmonitor.errors import CatalogError


def test_no_rate_is_shipped_as_a_fact() -> None:
    assert rates.rates().rates == ()
    assert rates.rate("2021-08") is None


def test_a_rate_laid_over_the_file_holds_inside_only() -> None:
    with rates.given({"2021-08": 6.5}):
        with rates.given({"2021-09": 6.4}):
            assert [rates.rate(month) for month in ("2021-08", "2021-09")] == [6.5, 6.4]
        found = rates.rate_column(pd.Series(["2021-08", "2021-07", None, "2021-08"], dtype="str"))
        np.testing.assert_array_equal(found, [6.5, np.nan, np.nan, 6.5])
    assert rates.rate("2021-08") is None


def write(folder: Path, *entries: str) -> rates.Rates:
    (folder / "rates.yml").write_text("rates:\n" + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return _yaml.load("rates", rates.Rates, folder)


def test_the_rate_entered_last_holds(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        '{period: "2021-08", usd_cny: 6.47, entered: 2021-10-01, source: 测试用}',
        '{period: "2021-08", usd_cny: 6.50, entered: 2021-09-01, source: 测试用}',
    )
    assert found.by_period == {"2021-08": 6.47}
    assert found.rates[0].entered == date(2021, 10, 1)


@pytest.mark.parametrize(
    "entries",
    [
        ['{period: "2021-13", usd_cny: 6.5, entered: 2021-09-01, source: 测试用}'],
        ['{period: "2021-08", usd_cny: 650, entered: 2021-09-01, source: 测试用}'],
        ['{period: "2021-08", usd_cny: 6.5, entered: 2021-09-01}'],
        ['{period: "2021-08", usd_cny: 6.5, entered: 2021-09-01, source: 测试用}'] * 2,
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entries: list[str]) -> None:
    with pytest.raises(CatalogError, match=r"rates\.yml"):
        write(tmp_path, *entries)
