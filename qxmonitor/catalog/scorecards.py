"""Scorecards of firms and clusters (``scorecards.yml``): components, weights, how unsure they are, and classes."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import indicators

FIRM_MEASURES = {
    "output_growth": "self_report", "output_scale": "self_report", "output_per_head": "self_report",
    "export_growth": "self_report", "trade_growth": "customs", "innovation": "register",
}  # fmt: skip
"""What a firm may be judged by, with its source; no return is among them."""


class Component(Entry):
    """One component of a score.

    Attributes:
        source: where its figure comes from; returns are not offered.
        log: figures are compared by ratio.
        down_good: less is better.
        error: standard error, in the figure's unit, or of its logarithm.
        low, high: figures worth 0 and 100 points; quantiles of those present where left out.
        indicator, over: of a cluster, the indicator and what it is divided by; ``id`` itself where left out.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    weight: float = Field(gt=0, le=1)
    source: Literal["self_report", "customs", "bonded", "register"]
    log: bool = False
    down_good: bool = False
    error: float = Field(ge=0)
    low: float | None = None
    high: float | None = None
    indicator: str | None = None
    over: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _marks_in_order(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low、high 要么都填，要么都不填")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low 应小于 high")
        return self


class Scorecard(Entry):
    """Components and how ranks are drawn; see ``scorecards.yml``."""

    least_share: float = Field(gt=0, le=1)
    marks: tuple[float, float]
    sureness: float = Field(gt=0)
    draws: int = Field(ge=100, le=20_000)
    seed: int = Field(ge=0)
    interval: float = Field(gt=0, lt=1)
    components: tuple[Component, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({part.id for part in self.components}) < len(self.components):
            raise ValueError("评价项编号重复")
        total = sum(part.weight for part in self.components)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"权重之和应为 1，现为 {total:g}")
        if not 0.0 <= self.marks[0] < self.marks[1] <= 1.0:
            raise ValueError("marks 应为由小到大的两个比例")
        return self


class Scorecards(Entry):
    firm: Scorecard
    cluster: Scorecard
    classes: dict[str, float] = Field(min_length=2)
    class_least: int = Field(ge=2)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for part in self.firm.components:
            if FIRM_MEASURES.get(part.id) != part.source:
                raise ValueError(f"企业评价没有这一项，或来源不对：{part.id}")
        if unfit := [part.id for part in self.cluster.components if part.source == "self_report"]:
            raise ValueError(f"集群评价不用企业自报数：{unfit[0]}")
        known = {entry.id for entry in indicators().indicators}
        named = [key for part in self.cluster.components for key in (part.indicator or part.id, part.over) if key]
        if absent := [key for key in named if key not in known]:
            raise ValueError(f"没有指标 {absent[0]}")
        shares = list(self.classes.values())
        if shares != sorted(set(shares)) or shares[0] <= 0 or shares[-1] != 1.0:
            raise ValueError("分类比例须由小到大，最后一类为 1")
        return self


@lru_cache(maxsize=1)
def scorecards() -> Scorecards:
    """The shipped scorecards.

    Raises:
        CatalogError: ``scorecards.yml`` is wrong.
    """
    return load("scorecards", Scorecards)
