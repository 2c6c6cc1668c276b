"""The climate's catalogue (``climate.yml``): series of the composite indices, bounds of the lamps, the lag scan."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import Indicator, Source, indicators
from qxmonitor.period import Period

LAMPS = ("red", "yellow", "green", "light_blue", "blue")
"""Hot to cold; not the levels of risk notices."""
POINTS = {lamp: 5 - at for at, lamp in enumerate(LAMPS)}

Bounds = tuple[float, float, float, float]


class TownFigure(Entry):
    """An indicator of the town from one of its sources."""

    indicator: str
    source: Source

    @model_validator(mode="after")
    def _known(self) -> Self:
        entry = next((e for e in indicators().indicators if e.id == self.indicator), None)
        if entry is None:
            raise ValueError(f"没有指标 {self.indicator}")
        if not any(use.source == self.source and "town" in use.levels for use in entry.sources):
            raise ValueError(f"指标 {self.indicator} 没有来源 {self.source} 的全镇数")
        return self

    @property
    def entry(self) -> Indicator:
        return indicators().indicator(self.indicator)


class Series(TownFigure):
    """One series of a group; a ``level`` is named by its month's figure, ``…_m``."""

    kind: Literal["level", "rate"]
    weight: float = Field(gt=0)

    @model_validator(mode="after")
    def _has_a_stem(self) -> Self:
        if self.kind == "level" and not self.indicator.endswith("_m"):
            raise ValueError(f"level 序列须写当月指标（…_m）：{self.indicator}")
        return self


class Group(Entry):
    """A composite index and its series."""

    id: Literal["coincident", "leading"]
    name: str
    series: tuple[Series, ...] = Field(min_length=1)


class Component(TownFigure):
    """One lamp: ``bounds`` of red, yellow, green and light blue in the display unit, each included."""

    bounds: Bounds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        steps = [b - a for a, b in pairwise(self.bounds)]
        if not (all(step < 0 for step in steps) or all(step > 0 for step in steps)):
            raise ValueError("灯号界限须由热到冷逐级排列")
        return self

    def points(self, shown: float) -> int:
        """5 (red) to 1 (blue) of a figure as shown.

        >>> Component(indicator="output_growth", source="returns", bounds=(20, 12, 3, -2)).points(12.0)
        4
        """
        sign = 1.0 if self.bounds[0] > self.bounds[-1] else -1.0
        return 1 + sum(sign * shown >= sign * bound for bound in self.bounds)


class Scale(Entry):
    """The published scale of the sum of points, and which share of the components it takes."""

    components: int = Field(ge=1)
    bounds: Bounds
    least: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(a <= b for a, b in pairwise((5.0 * self.components, *self.bounds, float(self.components)))):
            raise ValueError("综合灯号界限须在得分范围内逐级递减")
        return self

    @property
    def most(self) -> int:
        """The highest total."""
        return 5 * self.components

    def points(self, total: float) -> int:
        """5 (red) to 1 (blue) of a total."""
        return 1 + sum(total >= bound for bound in self.bounds)


class Lamps(Entry):
    names: dict[str, str]
    meanings: dict[str, str]
    components: tuple[Component, ...] = Field(min_length=1)
    scale: Scale

    @model_validator(mode="after")
    def _all_named(self) -> Self:
        if set(self.names) != set(LAMPS) or set(self.meanings) != set(LAMPS):
            raise ValueError(f"五灯须全部命名：{'、'.join(LAMPS)}")
        if len({c.indicator for c in self.components}) < len(self.components):
            raise ValueError("同一指标只能作一盏灯")
        return self


class Lead(Entry):
    """The lag scan: which imports are parts, how far it looks, how sure it must be of all lags at once."""

    chapters: tuple[str, ...] = Field(min_length=1)
    farthest: int = Field(ge=0, le=12)
    confidence: float = Field(gt=0.5, lt=1)
    least: int = Field(ge=8)


class Climate(Entry):
    base_year: int | None
    least: float = Field(gt=0, le=1)
    groups: tuple[Group, ...]
    lamps: Lamps
    lead: Lead

    @model_validator(mode="after")
    def _both_groups(self) -> Self:
        if [group.id for group in self.groups] != ["coincident", "leading"]:
            raise ValueError("须先后列出一致（coincident）、先行（leading）两组")
        return self

    def base(self, first: Period) -> int:
        """The base year of indices made from a month on: as written, or the first whole year."""
        return self.base_year or (first.year if first.month <= 2 else first.year + 1)


@lru_cache(maxsize=1)
def climate() -> Climate:
    """The shipped series and lamps.

    Raises:
        CatalogError: ``climate.yml`` is wrong.
    """
    return load("climate", Climate)


@lru_cache(maxsize=512)
def made_of(indicator: str) -> tuple[tuple[str, str], ...]:
    """The figures (indicator, source) of the same entity and month that a climate figure stands on; none for others.

    Whoever may not see one of them may not see what is made of them.
    """
    rules = climate()
    if indicator == "climate_score":
        return tuple((c.indicator, c.source) for c in rules.lamps.components)
    if indicator.startswith("import_lead"):
        return (("output_growth", "returns"), ("import_rmb_growth", "customs"))
    for group in rules.groups:
        if indicator in (f"climate_{group.id}", f"climate_diffusion_{group.id}"):
            names = [s.indicator.removesuffix("_m") + "_growth" * (s.kind == "level") for s in group.series]
            return tuple((name, s.source) for name, s in zip(names, group.series, strict=True))
    return ()
