"""The office (``office.yml``): signature, numbering, addressees, retries of mail, thresholds of a safe aggregate."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.mailboxes import Address
from qxmonitor.catalog.readers import Purpose, readers
from qxmonitor.period import Period


class Thresholds(Entry):
    """A safe aggregate has at least ``groups`` groups and its two largest hold at most ``dominance``.

    ``unanimous`` false also hides shares of firms that are exactly 0 or 1: they state every firm's own direction.
    """

    groups: int = Field(ge=3)
    dominance: float = Field(gt=0, le=0.95)
    unanimous: bool


class Delivery(Entry):
    """How often a mail is tried: at once, and again after each of ``retry_minutes``; then it has failed."""

    retry_minutes: tuple[Annotated[int, Field(ge=1, le=7 * 24 * 60)], ...] = Field(max_length=20)

    def next_try(self, attempts: int, now: datetime) -> datetime | None:
        """When a mail that was tried in vain so many times is tried again; None when it has failed."""
        if attempts > len(self.retry_minutes):
            return None
        return now + timedelta(minutes=self.retry_minutes[max(attempts, 1) - 1])


class Watch(Entry):
    """After how many hours the operators are told that something has not happened."""

    unread_hours: int = Field(ge=1, le=720)
    landed_hours: int = Field(ge=1, le=720)
    alerts_hours: int = Field(ge=1, le=720)
    briefing_hours: int = Field(ge=1, le=720)


class Letters(Entry):
    """Letters to firms: how a number reads, and after how many working days an answer is due, by kind of letter."""

    number: str
    marks: dict[Literal["query", "urge"], str]
    answer_workdays: dict[Literal["query", "urge"], Annotated[int, Field(ge=1, le=30)]]

    @model_validator(mode="after")
    def _both(self) -> Self:
        if len(self.marks) < 2 or len(self.answer_workdays) < 2 or len(set(self.marks.values())) < 2:
            raise ValueError("query 与 urge 两种函件都要写，代字不能相同")
        if missing := [name for name in ("mark", "year", "serial") if f"{{{name}}}" not in self.number]:
            raise ValueError(f"编号缺少 {{{missing[0]}}}")
        return self


class Edition(Entry):
    """One edition of the briefing; it may say what every one of its members may see."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    reader: str
    members: tuple[str, ...] = Field(min_length=1)
    purpose: Purpose
    note: str
    report_to: tuple[str, ...]
    send_to: tuple[str, ...]

    @model_validator(mode="after")
    def _known_members(self) -> Self:
        known = {entry.id for entry in readers().readers}
        if unknown := [key for key in self.members if key not in known]:
            raise ValueError(f"接收单位不存在：{'、'.join(unknown)}")
        return self


class Office(Entry):
    town: str
    title: str
    issuer: str
    mark: str
    simulated_label: str
    sender_name: str
    sender_mailbox: Address
    issue_number: str
    ready_share: float = Field(gt=0, le=1)
    delivery: Delivery
    watch: Watch
    thresholds: Thresholds
    letters: Letters
    editions: tuple[Edition, ...] = Field(min_length=1)

    def edition(self, key: str) -> Edition:
        """One edition by id.

        Raises:
            KeyError: no such edition.
        """
        return {entry.id: entry for entry in self.editions}[key]

    def members(self, reader: str) -> tuple[str, ...]:
        """The readers behind a reader id: an edition's members, or the reader itself."""
        for edition in self.editions:
            if edition.reader == reader:
                return edition.members
        return (reader,)

    def number(self, period: Period) -> str:
        """期号 of a monthly issue, such as 〔2026〕第10期."""
        return self.issue_number.format(year=period.year, month=period.month)


@lru_cache(maxsize=1)
def office() -> Office:
    """The shipped office settings.

    Raises:
        CatalogError: ``office.yml`` is wrong.
    """
    return load("office", Office)
