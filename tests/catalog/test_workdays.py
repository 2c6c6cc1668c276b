"""Working days: the notices of 2024 to 2026, the office's own years, and years nobody knows."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from qxmonitor.catalog.workdays import Workdays, workdays

# From the State Council's notices: the first and last day of each long holiday, and the weekend days that are worked.
HOLIDAYS = [
    ("2024-02-10", "2024-02-17"), ("2024-10-01", "2024-10-07"), ("2025-01-28", "2025-02-04"),
    ("2025-10-01", "2025-10-08"), ("2026-01-01", "2026-01-03"), ("2026-02-15", "2026-02-23"),
    ("2026-05-01", "2026-05-05"), ("2026-10-01", "2026-10-07"),
]  # fmt: skip
WORKED = [
    "2024-02-04",
    "2024-02-18",
    "2025-01-26",
    "2025-02-08",
    "2026-01-04",
    "2026-02-14",
    "2026-02-28",
    "2026-10-10",
]


@pytest.mark.parametrize(("first", "last"), HOLIDAYS)
def test_holidays(first: str, last: str) -> None:
    days = [
        date.fromordinal(n)
        for n in range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1)
    ]
    assert not any(workdays().is_workday(day) for day in days)
    assert workdays().next_workday(days[0]) == date.fromordinal(days[-1].toordinal() + 1)


@pytest.mark.parametrize("day", WORKED)
def test_weekend_days_that_are_worked(day: str) -> None:
    assert date.fromisoformat(day).weekday() >= 5
    assert workdays().is_workday(date.fromisoformat(day))


def test_the_years_that_are_known() -> None:
    assert [year for year in range(2024, 2027) if workdays().known(year)] == [2024, 2025, 2026]
    assert not workdays().known(2090)
    assert workdays().is_workday(date(2090, 10, 2))  # a Monday
    assert not workdays().is_workday(date(2090, 10, 7))  # a Saturday


def test_a_year_the_office_wrote_wins() -> None:
    own = Workdays.model_validate({"years": [
        {"year": 2026, "source": "测试通知", "version": "1", "holidays": ["2026-10-08"], "make_up": ["2026-10-10"]},
        {"year": 2090, "source": "测试通知", "version": "1", "holidays": ["2090-10-02"]},
    ]})  # fmt: skip
    assert own.next_workday(date(2026, 10, 8)) == date(2026, 10, 9)
    assert own.is_workday(date(2026, 10, 1))
    assert own.known(2090)
    assert own.next_workday(date(2090, 9, 30)) == date(2090, 10, 3)


@pytest.mark.parametrize(
    "year",
    [
        {"year": 2027, "holidays": ["2026-01-01"]}, {"year": 2027, "make_up": ["2027-01-04"]},
        {"year": 2027, "holidays": ["2027-01-02"], "make_up": ["2027-01-02"]},
    ],
)  # fmt: skip
def test_a_year_that_contradicts_itself_is_refused(year: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Workdays.model_validate({"years": [{"source": "测试通知", "version": "1", **year}]})


def test_a_year_of_nothing_but_holidays_does_not_hang() -> None:
    days = [date.fromordinal(n) for n in range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal())]
    own = Workdays.model_validate({"years": [{"year": 2027, "source": "测试通知", "version": "1", "holidays": days}]})
    with pytest.raises(ValueError, match="no working day"):
        own.next_workday(date(2027, 3, 1))
