"""Who reads (``readers.yml``): departments, their channel, role mailboxes and purposes, and who is still on trial.

While a reader is not ``live`` its mail goes to the statistics office instead, marked as a trial, so that an office
can read for some months what a department would get before it gets anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.mailboxes import Mailbox, check_roles, chosen

Purpose = Literal["statistics", "monitoring", "support", "operations", "verification"]

DESK = "stats"
"""The reader that gets the mail of readers on trial."""

OPERATORS = "operators"
"""The reader of notices about the machinery; it has no right to any figure."""

ALWAYS_LIVE = (DESK, OPERATORS)


class Reader(Entry):
    """One reader; ``purposes[0]`` is the one its mails and briefings are made for."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=2, max_length=20)
    channel: Literal["statistical", "administrative"]
    mailboxes: tuple[Mailbox, ...] = Field(min_length=1)
    live: bool = False
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    alerts: bool
    when_empty: bool
    why: str = Field(min_length=4)

    @field_validator("mailboxes")
    @classmethod
    def _clear(cls, mailboxes: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
        check_roles(mailboxes)
        return mailboxes

    @property
    def on_trial(self) -> bool:
        """Whether its mail goes to the statistics office for now."""
        return not self.live and self.id not in ALWAYS_LIVE

    def mailbox(self, day: date) -> Mailbox | None:
        """Its mailbox on a day; None when no one's is valid."""
        return chosen(self.mailboxes, day)


@dataclass(frozen=True)
class Route:
    """Where a reader's mail goes on a day.

    Attributes:
        to: whose mailbox it is: the reader's own, or on trial the statistics office's.
        mailbox: None when nobody's is valid; such a mail is held.
        trial: whether the reader is on trial.
    """

    to: Reader
    mailbox: Mailbox | None
    trial: bool


class Readers(Entry):
    readers: tuple[Reader, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for name in ("id", "name"):
            seen = [getattr(entry, name) for entry in self.readers]
            if len(set(seen)) < len(seen):
                raise ValueError(f"接收单位的 {name} 有重复")
        addresses = [box.address.lower() for entry in self.readers for box in entry.mailboxes]
        if len(set(addresses)) < len(addresses):
            raise ValueError("两个接收单位用了同一邮箱")
        if any(entry.on_trial for entry in self.readers) and DESK not in {entry.id for entry in self.readers}:
            raise ValueError(f"有单位处于试运行，须有接收单位 {DESK} 代收")
        return self

    def reader(self, key: str) -> Reader:
        """One reader by id.

        Raises:
            KeyError: no such reader.
        """
        return {entry.id: entry for entry in self.readers}[key]

    def by_name(self, name: str) -> Reader | None:
        """The reader a register's authorisation names, such as 工信局; None when nobody is called so."""
        return {entry.name: entry for entry in self.readers}.get(name.strip())

    def route(self, reader: Reader, day: date, *, trial: bool | None = None) -> Route:
        """Where a reader's mail goes on a day.

        Args:
            reader: who it is made for.
            day: the day it is planned, or released by a person.
            trial: as a mail that exists already is marked; by default as the reader stands now.
        """
        on_trial = reader.on_trial if trial is None else trial
        to = self.reader(DESK) if on_trial else reader
        return Route(to, to.mailbox(day), on_trial)


@lru_cache(maxsize=1)
def readers() -> Readers:
    """The shipped readers.

    Raises:
        CatalogError: ``readers.yml`` is wrong.
    """
    return load("readers", Readers)
