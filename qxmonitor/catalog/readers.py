"""Who reads (``readers.yml``): departments, their channel, role mailbox and purposes."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

Purpose = Literal["statistics", "monitoring", "support"]


class Reader(Entry):
    """One reader; ``purposes[0]`` is the one its mails and briefings are made for."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=2, max_length=20)
    channel: Literal["statistical", "administrative"]
    mailbox: str = Field(pattern=r"^[a-z0-9._-]+@[a-z0-9.-]+$")
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    alerts: bool
    when_empty: bool
    why: str = Field(min_length=4)


class Readers(Entry):
    readers: tuple[Reader, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for name in ("id", "name", "mailbox"):
            seen = [getattr(entry, name) for entry in self.readers]
            if len(set(seen)) < len(seen):
                raise ValueError(f"接收单位的 {name} 有重复")
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


@lru_cache(maxsize=1)
def readers() -> Readers:
    """The shipped readers.

    Raises:
        CatalogError: ``readers.yml`` is wrong.
    """
    return load("readers", Readers)
