"""Permitted use (``permitted_use.yml``): source × reader × purpose → firm, aggregate or none."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.readers import Purpose, readers

Right = Literal["firm", "aggregate", "none"]
RANK: dict[Right, int] = {"none": 0, "aggregate": 1, "firm": 2}


class Allow(Entry):
    """Some readers' right on a source for some purposes; ``authorised`` ties firm level to the register."""

    readers: tuple[str, ...] = Field(min_length=1)
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    level: Literal["firm", "aggregate"]
    authorised: bool = False

    @model_validator(mode="after")
    def _known_readers(self) -> Self:
        known = {entry.id for entry in readers().readers}
        if unknown := [key for key in self.readers if key not in known]:
            raise ValueError(f"接收单位不存在：{'、'.join(unknown)}")
        return self


class SourceUse(Entry):
    source: str
    allow: tuple[Allow, ...] = Field(min_length=1)


class StatisticalOnly(Entry):
    """Patterns of indicator ids and rule ids that need firm-level rights whatever the group counts."""

    indicators: tuple[str, ...]
    rules: tuple[str, ...]


class Family(Entry):
    """Indicators that can be worked out from one another, in a monthly, a cumulative and a trailing part.

    Attributes:
        item: the item of an authorisation that covers the family.
        measures: what its levels are sums of; where two issues' difference would show few firms' corrections of
            these, the month is held back.
    """

    id: str
    item: str | None = None
    measures: tuple[str, ...] = ()
    month: tuple[str, ...]
    cumulative: tuple[str, ...]
    trailing: tuple[str, ...] = ()


class PermittedUse(Entry):
    """All of it; ``harmless_nought``: shares of firms whose 0 tells of none what cannot be seen from outside."""

    uses: tuple[SourceUse, ...]
    statistical_only: StatisticalOnly
    harmless_nought: tuple[str, ...]
    families: tuple[Family, ...]
    weights: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({use.source for use in self.uses}) < len(self.uses):
            raise ValueError("同一来源只能写一次")
        if len({family.id for family in self.families}) < len(self.families):
            raise ValueError("指标族编号重复")
        return self

    def right(self, source: str, reader: str, purpose: str) -> tuple[Right, bool]:
        """The right of one reader, and whether its firm level hangs on an authorisation; ``none`` by default."""
        best: tuple[Right, bool] = ("none", False)
        for use in self.uses:
            for allow in use.allow if use.source == source else ():
                better = RANK[allow.level] > RANK[best[0]]
                if better and reader in allow.readers and purpose in allow.purposes:
                    best = (allow.level, allow.authorised)
        return best

    def statistical_indicator(self, indicator: str) -> bool:
        """Whether an indicator points at single groups by definition."""
        return any(fnmatchcase(indicator, pattern) for pattern in self.statistical_only.indicators)

    def statistical_rule(self, rule: str) -> bool:
        """Whether a rule speaks of who reported, which is the statistics office's business."""
        return any(fnmatchcase(rule, pattern) for pattern in self.statistical_only.rules)

    def parts(self, indicator: str) -> tuple[str, ...]:
        """The suppression parts an indicator belongs to, ``family.month|cumulative|trailing``; at least one.

        An indicator in no family is a part of its own, so a new catalogue entry is never left unprotected.
        """
        found = [
            f"{family.id}.{part}"
            for family in self.families
            for part, patterns in (
                ("month", family.month),
                ("cumulative", family.cumulative),
                ("trailing", family.trailing),
            )
            if any(fnmatchcase(indicator, pattern) for pattern in patterns)
        ]
        own = "cumulative" if indicator.endswith("_ytd") else "month"
        return tuple(found) or (f"={indicator}.{own}",)

    def item(self, indicator: str) -> str | None:
        """The authorisation item that covers an indicator at firm level; None when no authorisation can."""
        for family in self.families:
            if any(
                fnmatchcase(indicator, pattern) for pattern in (*family.month, *family.cumulative, *family.trailing)
            ):
                return family.item
        return None


@lru_cache(maxsize=1)
def permitted_use() -> PermittedUse:
    """The shipped permitted uses.

    Raises:
        CatalogError: ``permitted_use.yml`` is wrong.
    """
    return load("permitted_use", PermittedUse)
