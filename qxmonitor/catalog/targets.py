"""The plan's targets for 2022 (``targets.yml``): what was promised, and which indicator measures it, if any.

What the plan does not state (a baseline, what 累计增长 spans, whether 1/3/15 nest) is null, never a guess.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import Source, indicators

Basis = Literal["january", "growth", "level"]
COUNTED = ("家", "人次")
"""Units of what comes in whole numbers."""


class Measure(Entry):
    """How the current value is read.

    Attributes:
        indicator: catalogue id.
        source: one of that indicator's sources.
        chain: name of the chain it is read for (matched with the chain map's names); null is the whole town.
        industry: division (two digits of GB/T 4754) it is read for instead; at most one of both.
        proxy: true where the indicator only stands in for what the plan names; printed as 测算.
    """

    indicator: str
    source: Source
    chain: str | None
    proxy: bool
    industry: str | None = Field(default=None, pattern=r"^\d{2}$")

    @property
    def level(self) -> Literal["chain", "industry", "town"]:
        """The level it is read at."""
        return "chain" if self.chain else "industry" if self.industry else "town"

    @model_validator(mode="after")
    def _known(self) -> Self:
        entry = next((e for e in indicators().indicators if e.id == self.indicator), None)
        if entry is None:
            raise ValueError(f"没有指标 {self.indicator}")
        use = next((u for u in entry.sources if u.source == self.source), None)
        if self.chain and self.industry:
            raise ValueError("产业链和行业只能写一个")
        if use is None or self.level not in use.levels:
            raise ValueError(f"指标 {self.indicator} 没有来源 {self.source} 在此层级的数")
        return self


class Target(Entry):
    """One target.

    Attributes:
        goal: in ``unit``; ``relation`` says whether it must be passed (``over``) or reached (``at_least``).
        per: indicator units in one ``unit`` (100000 千元 in 1 亿元).
        baseline: the start the plan measures from; null where it states none, then progress is current ÷ goal. None for
            a goal in %: a rate or a share is so many points above or below its goal, and not so much of the way.
        measure: null where no feed of this system reaches it.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    clause: str
    unit: str
    goal: float = Field(gt=0)
    relation: Literal["over", "at_least"]
    per: float = Field(gt=0)
    baseline: float | None
    start: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    end: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    lead: tuple[str, ...] = Field(min_length=1)
    measure: Measure | None
    note: str | None

    @cached_property
    def basis(self) -> Basis:
        """What the measured figure is: a sum since ``january``, a ``growth`` rate, or a ``level`` of the month.

        A sum since January is held against its goal in the year the target ends, of which the goal speaks.
        """
        name = self.measure.indicator if self.measure else ""
        if "_growth" in name:
            return "growth"
        return "january" if name.endswith("_ytd") and indicators().indicator(name).unit == "千元" else "level"

    @property
    def least(self) -> float:
        """The least figure that meets it: of what is counted and must be passed, one more than the goal."""
        return self.goal + 1.0 if self.relation == "over" and self.unit in COUNTED else self.goal

    @property
    def in_points(self) -> bool:
        """Whether it is so many percentage points above or below its goal."""
        return self.unit == "%"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.end <= self.start:
            raise ValueError("终止年月须晚于起始年月")
        if self.in_points and self.baseline is not None:
            raise ValueError("百分数目标按相差百分点说，不设基期值")
        if self.basis == "january" and not self.end.endswith("-12"):
            raise ValueError("按当年累计的目标须止于 12 月")
        return self


class Outlook(Entry):
    """How the chance of reaching a target by its end, read off the forecast, is put into words."""

    likely: float = Field(gt=0, lt=1)
    unlikely: float = Field(gt=0, lt=1)
    words: dict[str, str]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.unlikely >= self.likely or set(self.words) != {"likely", "hard", "unlikely"}:
            raise ValueError("unlikely 须小于 likely，且三种说法（likely、hard、unlikely）须写全")
        return self

    def key(self, chance: float) -> str:
        """``likely``, ``hard`` or ``unlikely``."""
        return "likely" if chance >= self.likely else "unlikely" if chance < self.unlikely else "hard"


class Targets(Entry):
    outlook: Outlook
    targets: tuple[Target, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({t.id for t in self.targets}) < len(self.targets):
            raise ValueError("目标编号重复")
        return self


@lru_cache(maxsize=1)
def targets() -> Targets:
    """The shipped targets.

    Raises:
        CatalogError: ``targets.yml`` is wrong.
    """
    return load("targets", Targets)
