"""Series on one basis: late returns and new firms make no jumps."""

from __future__ import annotations

import numpy as np
import pytest

from qxmonitor.indicators.linked import linked
from qxmonitor.period import Period, months
from tests.indicators.town import Town, firm, usccs

SPAN = months(Period("2024-01"), Period("2026-04"))


def steady() -> Town:
    """Three firms that grow by a tenth a year, all returns here; the third comes into scope in 2026."""
    codes = usccs(3)
    town = Town(SPAN, {code: firm(code) for code in codes}, {"returns": {}})
    for size, code in zip((100.0, 900.0, 500.0), codes, strict=True):
        for p in SPAN:
            if p.month == 1 or (size == 500.0 and p.year < 2026):
                continue
            now, column = size * 1.1 ** (p.year - 2024), "ytd" if p.month == 2 else "m"
            factor = 2.0 if p.month == 2 else 1.0
            row = {f"output_{column}": now * factor, f"output_ly_{column}": now * factor / 1.1}
            town.forms["returns"][code, str(p)] = dict(row)
    return town


def test_entry_and_a_late_return_make_no_jump() -> None:
    town = steady()
    del town.forms["returns"][usccs(3)[1], "2026-04"]
    entities, periods, values = linked(town.panel())
    assert entities == ("town",)
    assert Period("2026-01") not in periods
    want = [1000.0 * 1.1 ** (p.year - 2024) for p in periods]
    assert values[0] == pytest.approx(np.array(want), rel=1e-12)


def test_a_missing_month_is_a_gap_and_the_series_goes_on_in_its_scale() -> None:
    town = steady()
    for code in usccs(3):
        town.forms["returns"].pop((code, "2025-03"), None)
    _, periods, values = linked(town.panel())
    at = periods.index(Period("2025-03"))
    assert np.isnan(values[0, at])
    # A year on there is nothing to link to: the level stands in the scale of the month before it.
    assert values[0, periods.index(Period("2026-03"))] == pytest.approx(1210.0)
