"""The release calendar (``calendar.yml``): what is due when, and which period is the newest released one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.workdays import workdays
from qxmonitor.period import SHANGHAI, Period


class Due(Entry):
    """The day of the next month by whose end a return is due, and what happens when nobody works on it."""

    day: int = Field(ge=1, le=28)
    roll: Literal["none", "next_workday"] = "none"


class Vintage(Entry):
    """How a feed reports from one month on.

    Attributes:
        no_return: calendar months without a return.
        no_month_column: calendar months without a single-month figure.
        due: another rule for the due day than the feed's own, from this month on.
    """

    from_: str = Field(alias="from", pattern=r"^\d{4}-\d{2}$")
    no_return: frozenset[int]
    no_month_column: frozenset[int]
    due: Due | None = None


Family = Literal["statistics", "customs", "bonded"]
"""The offices that files come from; each has its ingest and its asset in the scheduler."""

FAMILIES: tuple[Family, ...] = get_args(Family)


class FeedCalendar(Entry):
    feed: str
    name: str = Field(min_length=2)
    family: Family
    due_day: int | None = Field(default=None, ge=1, le=28)
    due_rule: Due | None = Field(default=None, alias="due")
    vintages: tuple[Vintage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_due_day(self) -> Self:
        if (self.due_day is None) == (self.due_rule is None):
            raise ValueError("报送期限写 due_day 或 due 之一：due_day: 12，或 due: {day: 12, roll: next_workday}")
        return self

    def vintage(self, period: Period) -> Vintage:
        """The vintage in force for a period: the last that starts no later."""
        return max((v for v in self.vintages if v.from_ <= period), key=lambda v: v.from_, default=self.vintages[0])

    def returns_in(self, period: Period) -> bool:
        """Whether a return is expected for this period at all."""
        return period.month not in self.vintage(period).no_return

    def month_column_in(self, period: Period) -> bool:
        """Whether the return for this period carries a single-month figure."""
        return self.returns_in(period) and period.month not in self.vintage(period).no_month_column

    def due(self, period: Period) -> datetime:
        """End of the day by which the return for a period is due; later it is ``late``."""
        rule = self.vintage(period).due or self.due_rule or Due(day=self.due_day or 1)
        day = _at(period + 1, rule.day, 0)
        if rule.roll == "next_workday":
            day = datetime.combine(workdays().next_workday(day.date()), day.timetz())
        return day + timedelta(days=1)

    def due_date(self, period: Period) -> date:
        """The day by whose end the return for a period is due."""
        return (self.due(period) - timedelta(days=1)).date()


class Release(Entry):
    """When the office speaks of a period: a day of the next month, worked or not, since the scheduler works anyway."""

    day: int = Field(ge=1, le=28)
    hour: int = Field(ge=0, le=23)


class ReleaseCalendar(Entry):
    release: Release
    feeds: tuple[FeedCalendar, ...]

    def feed(self, name: str) -> FeedCalendar:
        """The calendar of one feed.

        Raises:
            KeyError: the feed has no entry.
        """
        return self.by_feed[name]

    @cached_property
    def by_feed(self) -> dict[str, FeedCalendar]:
        """Feed → its calendar."""
        return {entry.feed: entry for entry in self.feeds}

    def family(self, name: str) -> tuple[str, ...]:
        """The feeds of a family."""
        return tuple(entry.feed for entry in self.feeds if entry.family == name)

    def released_at(self, period: Period) -> datetime:
        """The moment from which the office speaks of a period."""
        return _at(period + 1, self.release.day, self.release.hour)

    def newest_released(self, now: datetime) -> Period:
        """The newest period released by ``now``."""
        last = Period.of(now) - 1
        return last if self.released_at(last) <= now else last - 1


def _at(period: Period, day: int, hour: int) -> datetime:
    return datetime(period.year, period.month, day, hour, tzinfo=SHANGHAI)


@lru_cache(maxsize=1)
def release_calendar() -> ReleaseCalendar:
    """The shipped release calendar.

    Raises:
        CatalogError: ``calendar.yml`` is wrong.
    """
    return load("calendar", ReleaseCalendar)
