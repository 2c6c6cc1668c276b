"""The town beside province and nation (``comparison.yml``): which reference series stands beside which indicator."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.climate import TownFigure

PRINTED = "同比"
"""In the name of a series that is a growth rate itself."""


PLACES = ("town", "city", "province", "nation")
"""The places whose published customs figures are read, from the town up."""


class Place(Entry):
    """One place of the published customs tables, and the names or codes it goes by there, tried in order."""

    id: Literal["town", "city", "province", "nation"]
    name: str = Field(min_length=2)
    names: tuple[str, ...] = Field(min_length=1)


class Beside(TownFigure):
    """One line: an indicator of the town, and the names of the series beside it, tried in order.

    Attributes:
        published: the published customs figure of the same (``trade_rmb``), of the town itself and of the others; a
            series of a terminal comes before it for the others, for the town it comes before our own.
    """

    label: str
    province: tuple[str, ...] = Field(min_length=1)
    nation: tuple[str, ...] = Field(min_length=1)
    published: str | None = Field(default=None, pattern=r"^(import|export|trade)_(usd|rmb)$")


class Comparison(Entry):
    id: str
    title: str
    head: tuple[str, ...] = Field(min_length=7, max_length=7)
    note: str
    places: tuple[Place, ...] = Field(min_length=1)
    rows: tuple[Beside, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _places_apart(self) -> Self:
        if [place.id for place in self.places] != list(PLACES):
            raise ValueError("places 须依次为 town、city、province、nation")
        names = Counter(plain_name(name) for place in self.places for name in place.names)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"地区名称重复：{'、'.join(twice)}")
        return self

    def names(self, series: str) -> bool:
        """Whether a series of this name stands in the comparison."""
        return any(plain_name(series) == plain_name(n) for row in self.rows for n in (*row.province, *row.nation))


def plain_name(name: str) -> str:
    """A series' name without what exports differ in: full-width forms and blanks.

    >>> plain_name("广东：用电量： 当月值")
    '广东:用电量:当月值'
    """
    return "".join(unicodedata.normalize("NFKC", name).split())


@lru_cache(maxsize=1)
def comparison() -> Comparison:
    """The shipped comparison.

    Raises:
        CatalogError: ``comparison.yml`` is wrong.
    """
    return load("comparison", Comparison)
