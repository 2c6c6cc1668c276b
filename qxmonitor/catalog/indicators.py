"""The indicator catalogue (``indicators.yml``): what each figure is called, means, counts in and needs.

The formula's text stands here for readers; the arithmetic is the Python function registered under the same id
in ``qxmonitor.indicators``.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

Level = Literal[
    "firm", "node", "chain", "industry", "town", "mode", "market", "chapter", "class", "product", "reference",
    "place",
]  # fmt: skip
Source = Literal[
    "returns", "self_report", "customs", "bonded", "power", "register", "reference", "tasks", "visits",
    "customs_public",
]  # fmt: skip
Form = Literal[
    "b204_1",
    "b203",
    "rd_yearly",
    "investment",
    "self_report",
    "customs_monthly",
    "bonded_inv101",
    "bonded_stock",
    "power",
    "register",
    "reference",
    "tasks",
    "visits",
    "customs_public",
]


class SourceUse(Entry):
    """One source an indicator is computed from: its form (whose states and calendar apply) and its levels."""

    source: Source
    form: Form
    levels: tuple[Level, ...] = Field(min_length=1)


class Display(Entry):
    """How readers see it: stored value × ``multiply``, in ``unit``."""

    unit: str
    multiply: float = Field(gt=0)


class Indicator(Entry):
    """One indicator.

    Attributes:
        unit: of the stored value; money is 千元, shares and growth are plain fractions (unit ``1``).
        basis: ``month`` needs the form's single-month column, ``growth`` has no January of its own,
            ``cumulative`` needs only a return, ``stock`` needs none.
        additive: the chains add up to the town.
        weighs: what dominance is measured on: the ``sums`` involved, the number of ``firms``, or ``always``
            (a concentration figure: top-2 share 1 by definition, so it never leaves the statistical channel).
        min_coverage: least share of expected firms with a figure below which an aggregate is not stated.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=2)
    unit: Literal[
        "千元",
        "千元/人",
        "万千瓦时",
        "美元",
        "元",
        "家",
        "个",
        "人",
        "票",
        "次",
        "件",
        "天",
        "点",
        "分",
        "期",
        "1",
        "原单位",
    ]
    formula: str = Field(min_length=4)
    direction: Literal["up_good", "down_good", "neutral"]
    basis: Literal["month", "growth", "cumulative", "stock"]
    additive: bool
    weighs: Literal["sums", "firms", "always"] = "sums"
    decimals: int = Field(ge=0, le=6)
    display: Display
    min_coverage: float = Field(ge=0, le=1)
    sources: tuple[SourceUse, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_entry_a_source(self) -> Self:
        if len({use.source for use in self.sources}) < len(self.sources):
            raise ValueError("同一来源只能写一次")
        return self


class Indicators(Entry):
    indicators: tuple[Indicator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        twice = [key for key, count in Counter(entry.id for entry in self.indicators).items() if count > 1]
        if twice:
            raise ValueError(f"指标编号重复：{'、'.join(twice)}")
        return self

    def indicator(self, key: str) -> Indicator:
        """One entry by id.

        Raises:
            KeyError: no such indicator.
        """
        return {entry.id: entry for entry in self.indicators}[key]


@lru_cache(maxsize=1)
def indicators() -> Indicators:
    """The shipped indicator catalogue.

    Raises:
        CatalogError: ``indicators.yml`` is wrong.
    """
    return load("indicators", Indicators)
