"""Bounds of the checks between rows, files, months and sources (``checks.yml``)."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal

from pydantic import Field

from qxmonitor.catalog._yaml import Entry, load

Severity = Literal["critical", "warning"]


class Slack(Entry):
    money: float = Field(ge=0)
    power: float = Field(ge=0)
    persons: float = Field(ge=0)


class Check(Entry):
    """One check and what its findings say."""

    id: str = Field(pattern=r"^[a-z_]+$")
    name: str = Field(min_length=2)
    severity: Severity
    reason: str = Field(min_length=4)


class UnitJump(Entry):
    powers: tuple[int, ...] = Field(min_length=1)
    within: float = Field(gt=0, lt=0.3)
    months: int = Field(ge=1, le=12)
    stocks: tuple[str, ...] = ()


class Copied(Entry):
    at_least: int = Field(ge=1)


class LastYear(Entry):
    relative: float = Field(ge=0)


class Power(Entry):
    at_least: float = Field(ge=0)


class Headcount(Entry):
    relative: float = Field(gt=0)
    persons: float = Field(ge=0)


class Mode(Entry):
    """A supervision mode: whether its exports count as export delivery, and how far they may be off."""

    code: str = Field(pattern=r"^\d{4}$")
    tolerance: float | None = Field(default=None, gt=0)
    count: bool = True


class Mirror(Entry):
    tolerance: float = Field(gt=0)
    at_least: float = Field(ge=0)
    modes: tuple[Mode, ...] = ()


class Bonded(Entry):
    tolerance: float = Field(gt=0)
    at_least: float = Field(ge=0)
    abroad_modes: tuple[str, ...] = Field(min_length=1)


class Bound(Entry):
    relative: float = Field(ge=0)
    at_least: float = Field(ge=0)


class Checks(Entry):
    slack: Slack
    relative: float = Field(ge=0)
    checks: tuple[Check, ...] = Field(min_length=1)
    unit_jump: UnitJump
    copied: Copied
    last_year: LastYear
    power: Power
    headcount: Headcount
    mirror: Mirror
    bonded: Bonded
    declarations: Bound
    self_report: Bound
    approved: Bound
    self_report_approved: Bound

    @cached_property
    def by_id(self) -> dict[str, Check]:
        """Check id → its entry."""
        return {check.id: check for check in self.checks}


@lru_cache(maxsize=1)
def checks() -> Checks:
    """The shipped bounds.

    Raises:
        CatalogError: ``checks.yml`` is wrong.
    """
    return load("checks", Checks)
