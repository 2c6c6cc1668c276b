"""Response plans 应对预案 (``plans.yml``): what to do at each level, who leads, and by when to answer."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

LEVELS = ("blue", "yellow", "orange", "red")
"""Alert levels 1 to 4, least to most severe; 蓝 黄 橙 红. Not the five lamps, in which red means overheating."""

LEVEL_NAMES = ("蓝", "黄", "橙", "红")


class ByLevel(Entry):
    """A whole number for each level."""

    blue: int = Field(ge=1)
    yellow: int = Field(ge=1)
    orange: int = Field(ge=1)
    red: int = Field(ge=1)

    def at(self, level: int) -> int:
        """The number for level 1 to 4."""
        return int(getattr(self, LEVELS[level - 1]))


class Plan(Entry):
    """One plan: ``measures`` are sentences for the reader, ``days`` the deadline to answer, counted from the mail."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    basis: str
    lead: str
    support: tuple[str, ...]
    measures: tuple[str, ...] = Field(min_length=1)
    days: ByLevel

    @model_validator(mode="after")
    def _faster_when_worse(self) -> Self:
        days = [self.days.at(level) for level in (1, 2, 3, 4)]
        if days != sorted(days, reverse=True):
            raise ValueError("级别越高，答复期限不得越长")
        return self


class Plans(Entry):
    plans: tuple[Plan, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({p.id for p in self.plans}) < len(self.plans):
            raise ValueError("预案编号重复")
        return self

    def plan(self, key: str) -> Plan:
        """One plan by id.

        Raises:
            KeyError: no such plan.
        """
        return {p.id: p for p in self.plans}[key]


@lru_cache(maxsize=1)
def plans() -> Plans:
    """The shipped plans.

    Raises:
        CatalogError: ``plans.yml`` is wrong.
    """
    return load("plans", Plans)
