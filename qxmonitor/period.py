"""The period: the calendar month a figure speaks of, written ``2026-10``.

One word for one thing. A ``Period`` is a ``str`` so that it sorts, travels through Arrow, SQL, JSON, file
names and subjects unchanged; its constructor refuses anything else. Quarters (``2026-Q3``) and years
(``2026``) exist for reference series only and are plain strings there.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""The one time zone of the office; every stored time is shown in it."""

_MONTH = re.compile(r"(19|20|21)\d{2}-(0[1-9]|1[0-2])")


class Period(str):
    """A calendar month.

    >>> Period("2026-10") + 3
    '2027-01'
    >>> Period("2026-03") - 3
    '2025-12'
    >>> Period("2026-1")
    Traceback (most recent call last):
    ValueError: not a month: '2026-1'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not _MONTH.fullmatch(text):
            raise ValueError(f"not a month: {text!r}")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, day: date) -> Self:
        """The month a day (or an aware datetime, read in Shanghai) lies in."""
        if isinstance(day, datetime):
            day = day.astimezone(SHANGHAI).date()
        return cls(f"{day.year:04d}-{day.month:02d}")

    @classmethod
    def from_ordinal(cls, months: int) -> Self:
        """The inverse of :attr:`ordinal`."""
        return cls(f"{months // 12:04d}-{months % 12 + 1:02d}")

    @property
    def year(self) -> int:
        return int(self[:4])

    @property
    def month(self) -> int:
        return int(self[5:])

    @property
    def ordinal(self) -> int:
        """Months since year 0, so that differences of months are differences of ordinals."""
        return self.year * 12 + self.month - 1

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def label(self) -> str:
        """As a Chinese reader writes it: ``2026年10月``."""
        return f"{self.year}年{self.month}月"

    def __add__(self, months: int) -> Period:  # type: ignore[override]
        return Period.from_ordinal(self.ordinal + months)

    def __sub__(self, months: int) -> Period:
        return Period.from_ordinal(self.ordinal - months)


def months(first: Period, last: Period) -> tuple[Period, ...]:
    """All months from ``first`` to ``last``, both included; empty when ``last`` is earlier."""
    return tuple(Period.from_ordinal(o) for o in range(first.ordinal, last.ordinal + 1))
