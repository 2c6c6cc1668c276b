"""The alert rules (``rules.yml``): when a month is judged how severe, for whom, and which plan answers."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.plans import LEVELS, plans


class Thresholds(Entry):
    """The value from which each level applies; null: the rule never goes so far."""

    blue: float
    yellow: float | None
    orange: float | None
    red: float | None

    def steps(self) -> tuple[float, ...]:
        """The levels there are, least severe first."""
        return tuple(value for value in (self.blue, self.yellow, self.orange, self.red) if value is not None)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        values = [getattr(self, name) for name in LEVELS]
        steps = self.steps()
        if values[: len(steps)] != list(steps):
            raise ValueError("级别中间不得空缺")
        if list(steps) not in (sorted(steps), sorted(steps, reverse=True)) or len(set(steps)) < len(steps):
            raise ValueError("各级阈值须单调")
        return self


class Watch(Entry):
    """One kind of entity a rule watches, from one source.

    Attributes:
        min_base: least last-year figure (千元) for which a growth is judged; null for rules without one.
        lead: the reader who must answer; support: readers told as well.
        plan: id of the response plan.
    """

    kind: Literal["firm", "chain", "town"]
    source: Literal["returns", "self_report"]
    levels: Thresholds
    min_base: float | None = Field(ge=0)
    lead: str
    support: tuple[str, ...]
    plan: str

    @model_validator(mode="after")
    def _plan_known(self) -> Self:
        if self.plan not in {p.id for p in plans().plans}:
            raise ValueError(f"没有预案 {self.plan}")
        return self


class Rule(Entry):
    """One rule.

    Attributes:
        judge: the function that judges it: growth below thresholds, months of zero, months late.
        indicator: what it reads.
        close_after: consecutive quiet verdicts after which an alert closes.
        festival_loss: share of output lost per day of the festival window, for what growth to expect; null: none.
        economic: false for data-collection matters, which are no alert about the economy.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    judge: Literal["growth_below", "zero_months", "late_months"]
    indicator: str
    economic: bool
    close_after: int = Field(ge=1, le=12)
    festival_loss: float | None = Field(ge=0, lt=1)
    watch: tuple[Watch, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        entry = next((e for e in indicators().indicators if e.id == self.indicator), None)
        if entry is None:
            raise ValueError(f"没有指标 {self.indicator}")
        have = {(use.source, level) for use in entry.sources for level in use.levels}
        missing = [f"{w.source}/{w.kind}" for w in self.watch if (w.source, w.kind) not in have]
        if missing:
            raise ValueError(f"指标 {self.indicator} 没有 {'、'.join(missing)} 的数")
        if len({(w.kind, w.source) for w in self.watch}) < len(self.watch):
            raise ValueError("同一对象与来源只能写一次")
        falling = self.judge == "growth_below"
        if any((w.levels.blue >= 0) == falling for w in self.watch):
            raise ValueError("下降类阈值须为负，月数类阈值须为正")
        if falling and any(list(w.levels.steps()) != sorted(w.levels.steps(), reverse=True) for w in self.watch):
            raise ValueError("下降类阈值须由蓝到红逐级更低")
        if not falling and any(list(w.levels.steps()) != sorted(w.levels.steps()) for w in self.watch):
            raise ValueError("月数类阈值须由蓝到红逐级更高")
        if self.judge == "late_months" and any((w.kind, w.source) != ("firm", "returns") for w in self.watch):
            raise ValueError("逾期未报只针对联网直报企业")
        if self.judge == "zero_months" and any(w.kind != "firm" for w in self.watch):
            raise ValueError("停产只针对企业")
        return self

    def watching(self, kind: str, source: str) -> Watch:
        """The entry for one entity kind and source.

        Raises:
            KeyError: the rule does not watch it.
        """
        return {(w.kind, w.source): w for w in self.watch}[kind, source]  # type: ignore[index]


class Rules(Entry):
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({r.id for r in self.rules}) < len(self.rules):
            raise ValueError("规则编号重复")
        return self

    def rule(self, key: str) -> Rule:
        """One rule by id.

        Raises:
            KeyError: no such rule.
        """
        return {r.id: r for r in self.rules}[key]


@lru_cache(maxsize=1)
def rules() -> Rules:
    """The shipped rules.

    Raises:
        CatalogError: ``rules.yml`` is wrong.
    """
    return load("rules", Rules)
