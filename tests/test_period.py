from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.period import Period, months


@given(st.integers(1900 * 12, 2199 * 12 + 11))
def test_ordinal_and_text_name_the_same_month(ordinal: int) -> None:
    period = Period.from_ordinal(ordinal)
    assert period.ordinal == ordinal
    assert Period(str(period)) == period
    assert (period.year, period.month) == (ordinal // 12, ordinal % 12 + 1)


@pytest.mark.parametrize("text", ["2026-1", "2026-13", "2026-00", "202610", "2026-10 ", "", "２０２６-10", "2026-Q3"])
def test_anything_but_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a month"):
        Period(text)


def test_steps_cross_years() -> None:
    assert Period("2026-11") + 2 == "2027-01"
    assert Period("2026-01") - 1 == "2025-12"


def test_a_moment_belongs_to_the_month_it_has_in_shanghai() -> None:
    assert Period.of(datetime(2026, 10, 31, 16, 30, tzinfo=UTC)) == "2026-11"
    assert Period.of(date(2026, 10, 31)) == "2026-10"


def test_months_between() -> None:
    assert months(Period("2025-11"), Period("2026-02")) == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert months(Period("2026-02"), Period("2026-01")) == ()


def test_label_is_chinese() -> None:
    assert Period("2026-02").label == "2026年2月"
