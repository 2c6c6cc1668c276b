"""Names, units and vintages of the figures that the upper bureau approves (``approved.yml``)."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.items import plain

Vintage = Literal["初步", "最终", "修订"]


class Own(Entry):
    """Our own computation of an approved indicator, as indicator ids: of the month, and since January.

    Attributes:
        real: the growth is of constant prices, so that no amount of a year ago follows from it.
        why: what the two differ by anyway.
    """

    source: str
    m: str | None = None
    growth: str | None = None
    ytd: str | None = None
    growth_ytd: str | None = None
    real: bool = False
    why: str


class ApprovedIndicator(Entry):
    """One indicator, what the bureau calls it, and what of ours stands beside it."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str
    unit: str
    synonyms: tuple[str, ...] = ()
    own: Own | None = None

    @model_validator(mode="after")
    def _own_exists(self) -> Self:
        for key in ("m", "growth", "ytd", "growth_ytd"):
            named = getattr(self.own, key, None)
            if named is not None and named not in {entry.id for entry in indicators().indicators}:
                raise ValueError(f"没有指标 {named}")
        return self


class Columns(Entry):
    indicator: tuple[str, ...]
    unit: tuple[str, ...]
    period: tuple[str, ...]
    scope: tuple[str, ...]
    vintage: tuple[str, ...]
    growth: tuple[str, ...]
    value: tuple[str, ...]


class Approved(Entry):
    units: dict[str, dict[str, float]]
    vintages: dict[Vintage, tuple[str, ...]]
    columns: Columns
    indicators: tuple[ApprovedIndicator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = Counter(plain(name) for entry in self.indicators for name in {entry.name, *entry.synonyms})
        if twice := [word for word, count in names.items() if count > 1]:
            raise ValueError(f"指标名称重复：{'、'.join(twice)}")
        if wrong := [entry.name for entry in self.indicators if self.kind(entry.unit) is None]:
            raise ValueError(f"计量单位未定义：{'、'.join(wrong)}")
        return self

    @cached_property
    def by_name(self) -> dict[str, ApprovedIndicator]:
        """Plain name or synonym → indicator."""
        return {plain(name): entry for entry in self.indicators for name in (entry.name, *entry.synonyms)}

    @cached_property
    def by_id(self) -> dict[str, ApprovedIndicator]:
        return {entry.id: entry for entry in self.indicators}

    @cached_property
    def heads(self) -> dict[str, str]:
        """Plain head → what stands below it: indicator, unit, period, scope or vintage."""
        keys = ("indicator", "unit", "period", "scope", "vintage")
        return {plain(word): key for key in keys for word in getattr(self.columns, key)}

    @cached_property
    def growth_words(self) -> frozenset[str]:
        return frozenset(map(plain, self.columns.growth))

    @cached_property
    def value_words(self) -> frozenset[str]:
        return frozenset(map(plain, self.columns.value))

    @cached_property
    def vintage_words(self) -> dict[str, Vintage]:
        return {plain(word): vintage for vintage, words in self.vintages.items() for word in words}

    def kind(self, unit: str) -> str | None:
        """What a unit measures; None for an unknown one."""
        return next((kind for kind, units in self.units.items() if unit in units), None)

    def factor(self, unit: str, wanted: str) -> float | None:
        """What a figure in one unit is multiplied by to be in another; None when they measure different things."""
        kind = self.kind(unit)
        if kind is None or kind != self.kind(wanted):
            return None
        return self.units[kind][unit] / self.units[kind][wanted]


@lru_cache(maxsize=1)
def approved() -> Approved:
    """The shipped approved indicators.

    Raises:
        CatalogError: ``approved.yml`` is wrong.
    """
    return load("approved", Approved)
