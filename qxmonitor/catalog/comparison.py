"""The town beside province and nation (``comparison.yml``): which reference series stands beside which indicator."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from pydantic import Field

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.climate import TownFigure

PRINTED = "同比"
"""In the name of a series that is a growth rate itself."""


class Beside(TownFigure):
    """One line: an indicator of the town, and the names of the series beside it, tried in order."""

    label: str
    province: tuple[str, ...] = Field(min_length=1)
    nation: tuple[str, ...] = Field(min_length=1)


class Comparison(Entry):
    id: str
    title: str
    head: tuple[str, ...] = Field(min_length=7, max_length=7)
    note: str
    rows: tuple[Beside, ...] = Field(min_length=1)

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
