"""The support lists (``lists.yml``): who may be on them, and amounts only where the office has entered them."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load


class TicketList(Entry):
    """Subsidy per ticket for firms that are not publicly owned; no amount unless entered with its basis."""

    name: str
    public_ownership: tuple[str, ...] = Field(min_length=1)
    yuan_per_ticket: float | None = Field(default=None, gt=0)
    yuan_limit: float | None = Field(default=None, gt=0)
    basis: str | None = None

    @model_validator(mode="after")
    def _with_its_basis(self) -> Self:
        if self.yuan_per_ticket is not None and not self.basis:
            raise ValueError("填了每票金额就要写明文号或出处 basis")
        return self


class Tier(Entry):
    """A reward for growth of imports and exports above ``over_yuan``."""

    over_yuan: float = Field(ge=0)
    reward_yuan: float = Field(gt=0)


class TradeList(Entry):
    """Firms whose imports and exports of the year reach ``least_yuan``; the highest tier passed counts."""

    name: str
    least_yuan: float = Field(gt=0)
    tiers: tuple[Tier, ...] = ()
    basis: str | None = None

    @model_validator(mode="after")
    def _with_its_basis(self) -> Self:
        if self.tiers and not self.basis:
            raise ValueError("填了分档就要写明文号或出处 basis")
        if [t.over_yuan for t in self.tiers] != sorted({t.over_yuan for t in self.tiers}):
            raise ValueError("分档须由低到高，不得重复")
        return self


class Lists(Entry):
    tickets: TicketList
    trade: TradeList


@lru_cache(maxsize=1)
def lists() -> Lists:
    """The shipped lists.

    Raises:
        CatalogError: ``lists.yml`` is wrong.
    """
    return load("lists", Lists)
