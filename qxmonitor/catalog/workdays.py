"""Which days are worked: the State Council's holidays and 调休, by package and by ``workdays.yml``."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

_LONGEST = 30
"""No run of holidays is longer; a calendar that says so is wrong."""


class Year(Entry):
    """A year written by the office: weekdays off and weekend days worked, with the notice they come from."""

    year: int = Field(ge=2000, le=2199)
    source: str = Field(min_length=4)
    version: str
    holidays: tuple[date, ...] = ()
    make_up: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if wrong := [day for day in (*self.holidays, *self.make_up) if day.year != self.year]:
            raise ValueError(f"不是 {self.year} 年的日期：{wrong[0]}")
        if wrong := [day for day in self.make_up if day.weekday() < 5]:
            raise ValueError(f"调休上班日应为周六或周日：{wrong[0]}")
        if both := set(self.holidays) & set(self.make_up):
            raise ValueError(f"同一天既放假又上班：{min(both)}")
        return self

    def is_workday(self, day: date) -> bool:
        return day in self.make_up or (day.weekday() < 5 and day not in self.holidays)


class Workdays(Entry):
    years: tuple[Year, ...]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({entry.year for entry in self.years}) < len(self.years):
            raise ValueError("同一年只能写一次")
        return self

    @cached_property
    def _own(self) -> dict[int, Year]:
        return {entry.year: entry for entry in self.years}

    def known(self, year: int) -> bool:
        """Whether the holidays of a year are known; if not, its days go by the week alone."""
        return year in self._own or year in _packaged()

    def is_workday(self, day: date) -> bool:
        """Whether the office works on a day."""
        if day.year in self._own:
            return self._own[day.year].is_workday(day)
        if day.year in _packaged():
            from chinese_calendar import is_workday

            return bool(is_workday(day))
        return day.weekday() < 5

    def next_workday(self, day: date) -> date:
        """The day itself if it is worked, else the first one after it that is.

        >>> Workdays(years=()).next_workday(date(2026, 10, 1)), Workdays(years=()).next_workday(date(2026, 2, 14))
        (datetime.date(2026, 10, 8), datetime.date(2026, 2, 14))

        Raises:
            ValueError: a month of holidays; the calendar is wrong.
        """
        for ahead in range(_LONGEST):
            if self.is_workday(found := day + timedelta(days=ahead)):
                return found
        raise ValueError(f"no working day in the month from {day}")

    def later(self, day: date, count: int) -> date:
        """The ``count``-th working day after a day.

        >>> Workdays(years=()).later(date(2026, 9, 29), 2), Workdays(years=()).later(date(2026, 9, 30), 1)
        (datetime.date(2026, 10, 8), datetime.date(2026, 10, 8))
        """
        for _ in range(count):
            day = self.next_workday(day + timedelta(days=1))
        return day

    def between(self, first: date, last: date) -> int:
        """Working days from ``first`` to ``last``, both counted.

        >>> Workdays(years=()).between(date(2026, 9, 30), date(2026, 10, 8))
        2
        """
        return sum(self.is_workday(first + timedelta(days=n)) for n in range((last - first).days + 1))


@lru_cache(maxsize=1)
def _packaged() -> frozenset[int]:
    """Years whose notice the package has; each has a holiday in October, the first only from when it has all."""
    from chinese_calendar.constants import holidays

    return frozenset(day.year for day in holidays if (day.month, day.day) == (10, 1))


@lru_cache(maxsize=1)
def workdays() -> Workdays:
    """The shipped working days.

    Raises:
        CatalogError: ``workdays.yml`` is wrong.
    """
    return load("workdays", Workdays)
