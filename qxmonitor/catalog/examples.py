"""Words of the handbook's worked examples (``examples.yml``): what the parts of a formula are called and printed in."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Self

from pydantic import Field, field_validator, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import Indicator, indicators

_FACTOR = re.compile(r"([×÷])(\d+|\{n\})")


class Show(Entry):
    """How a part is printed: its value × ``multiply``, in ``unit``."""

    unit: str
    multiply: float = Field(gt=0)
    decimals: int = Field(ge=0, le=6)


class Work(Entry):
    """What one indicator is worked from.

    Attributes:
        top: names of what the numerator is added up from.
        base: name of the denominator.
        show: key of ``shows``; of growth, the level's own unit.
        base_show: the denominator's, where it is another.
        times: factors on the numerator, as ``×360``.
        scale: factors on the whole; ``{n}`` is the number of the month.
        of: indicators whose sum it is, instead of the above.
        mean: a sum, worked from its mean (``top``) times the number (``base``) of what it adds up.
        point: of the last day, where the form's other figures are of the months since January.
    """

    top: tuple[str, ...] = ()
    base: str | None = None
    show: str | None = None
    base_show: str | None = None
    times: str = ""
    scale: str = ""
    of: tuple[str, ...] = ()
    mean: bool = False
    point: bool = False

    @field_validator("times", "scale")
    @classmethod
    def _of_factors(cls, text: str) -> str:
        if _FACTOR.sub("", text):
            raise ValueError("乘数应如 ×360 或 ×{n}÷12")
        return text

    @staticmethod
    def factors(text: str, month: int) -> list[tuple[str, str]]:
        """Signs and numbers of ``times`` or ``scale``.

        >>> Work.factors("×{n}÷12", 10)
        [('×', '10'), ('÷', '12')]
        """
        return [(sign, number.replace("{n}", str(month))) for sign, number in _FACTOR.findall(text)]


class Reasons(Entry):
    """Why a page has no figure."""

    empty: str
    history: str
    firm: str
    single: str
    rights: str
    few: str


class Words(Entry):
    """Other words of an example."""

    rest: str
    firms: str
    same: str
    mean: str
    series: str
    change: str
    scored: str
    rounded: str
    quoted: str
    suppose: str


class Examples(Entry):
    """All of it; ``supposed``: the formula with invented numbers, by indicator or method."""

    shows: dict[str, Show]
    growth: Work
    works: dict[str, Work]
    supposed: dict[str, str]
    words: Words
    reasons: Reasons

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        known = {entry.id for entry in indicators().indicators}
        for key, work in self.works.items():
            if unknown := sorted({key, *work.of} - known):
                raise ValueError(f"没有指标 {unknown[0]}")
            if unknown := [name for name in (work.show, work.base_show) if name and name not in self.shows]:
                raise ValueError(f"{key}：没有写明怎样显示 {unknown[0]}")
        return self

    def work(self, indicator: str) -> Work:
        """What an indicator is worked from; of a plain sum, nothing."""
        found = self.works.get(indicator)
        return found or (self.growth if "_growth" in indicator else Work())

    def shown(self, entry: Indicator, name: str | None = None) -> Show:
        """How the parts of an indicator are printed: as written, else as the indicator, of growth as its level."""
        if name is not None:
            return self.shows[name]
        if "_growth" in entry.id:
            entry = indicators().indicator(level_of(entry.id))
        return Show(unit=entry.display.unit, multiply=entry.display.multiply, decimals=entry.decimals)


def level_of(growth: str) -> str:
    """The indicator that a growth rate is the growth of; a real one is printed in the unit of the nominal level.

    >>> level_of("output_real_growth"), level_of("investment_growth_ytd"), level_of("employees_growth")
    ('output_m', 'investment_ytd', 'employees')
    """
    stem, _, tail = growth.partition("_growth")
    stem = stem.removesuffix("_real")
    known = {entry.id for entry in indicators().indicators}
    return next(name for name in (f"{stem}{tail or '_m'}", stem, f"{stem}_value") if name in known)


@lru_cache(maxsize=1)
def examples() -> Examples:
    """The shipped words.

    Raises:
        CatalogError: ``examples.yml`` is wrong.
    """
    return load("examples", Examples)
