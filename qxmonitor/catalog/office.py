"""The office (``office.yml``): signature, numbering, addressees, and the thresholds of a safe aggregate."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.readers import Purpose, readers
from qxmonitor.period import Period


class Thresholds(Entry):
    """A safe aggregate has at least ``groups`` groups and its two largest hold at most ``dominance``.

    ``unanimous`` false also hides shares of firms that are exactly 0 or 1: they state every firm's own direction.
    """

    groups: int = Field(ge=3)
    dominance: float = Field(gt=0, le=0.95)
    unanimous: bool


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
    sender_mailbox: str = Field(pattern=r"^[a-z0-9._-]+@[a-z0-9.-]+$")
    issue_number: str
    ready_share: float = Field(gt=0, le=1)
    thresholds: Thresholds
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
