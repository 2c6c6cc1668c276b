"""Time as the office knows it: the moving Spring Festival, and the five states of a datum."""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache

from lunardate import LunarDate

from qxmonitor.period import Period

FESTIVAL_BEFORE, FESTIVAL_AFTER = 5, 15
"""Days around lunar New Year's Day in which activity is disturbed (domain: 4–5 before, 15–20 after)."""


class DatumState(IntEnum):
    """The five states of one firm × form × month. Only ``VALUE`` carries a number; none of the others is a zero."""

    VALUE = 0
    EXPECTED_ABSENT = 1
    LATE = 2
    WITHHELD = 3
    FAILED = 4

    @property
    def word(self) -> str:
        """The word used in the database and in ``--json``, such as ``expected-absent``."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, word: str) -> DatumState:
        return cls[word.upper().replace("-", "_")]


@lru_cache(maxsize=256)
def spring_festival(year: int) -> date:
    """Lunar New Year's Day that falls in a Gregorian year."""
    day: date = LunarDate(year, 1, 1).to_solar_date()
    return day


@lru_cache(maxsize=4096)
def festival_share(period: Period, earlier: int = 0) -> float:
    """Share of the disturbed window around the festival that falls in this month, between 0 and 1.

    Args:
        period: the month.
        earlier: days by which the window begins and ends before the usual one (workers leave early).

    >>> round(festival_share(Period("2026-02")), 2), festival_share(Period("2026-07"))
    (0.81, 0.0)
    """
    day = spring_festival(period.year)
    window = [day + timedelta(days=d) for d in range(-FESTIVAL_BEFORE - earlier, FESTIVAL_AFTER + 1 - earlier)]
    return sum(d.month == period.month for d in window) / len(window)
