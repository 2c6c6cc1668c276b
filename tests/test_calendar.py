from datetime import date

import pytest

from qxmonitor.calendar import DatumState, festival_share, spring_festival
from qxmonitor.period import Period


@pytest.mark.parametrize(
    ("year", "day"),
    [(2020, date(2020, 1, 25)), (2023, date(2023, 1, 22)), (2024, date(2024, 2, 10)), (2026, date(2026, 2, 17))],
)
def test_new_years_day_of_published_calendars(year: int, day: date) -> None:
    assert spring_festival(year) == day


@pytest.mark.parametrize("year", range(2011, 2031))
def test_the_shares_of_a_year_sum_to_one_and_lie_in_january_to_march(year: int) -> None:
    shares = [festival_share(Period(f"{year}-{month:02d}")) for month in range(1, 13)]
    assert sum(shares) == pytest.approx(1)
    assert sum(shares[:3]) == pytest.approx(1)


def test_share_by_hand() -> None:
    # New Year's Day 2025 is 29 January: window 24 January to 13 February, 8 of 21 days in January.
    assert festival_share(Period("2025-01")) == pytest.approx(8 / 21)


def test_state_words_round_trip() -> None:
    assert [state.word for state in DatumState] == ["value", "expected-absent", "late", "withheld", "failed"]
    assert all(DatumState.of(state.word) is state for state in DatumState)
