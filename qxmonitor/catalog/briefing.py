"""The briefing's tables and chart (``briefing.yml``): titles, heads, and which indicators stand where."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load


class TableForm(Entry):
    """One table; ``sources`` is row (or column) key → source, ``labels`` the key's name where it has its own.

    ``note_outside`` takes the note's place outside the statistical channel.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    head: tuple[str, ...] = Field(min_length=2)
    sources: dict[str, str]
    labels: dict[str, str]
    note: str
    note_outside: str = ""


class ChartForm(Entry):
    title: str
    axis: str
    series: dict[str, str] = Field(min_length=1)


class BriefingForms(Entry):
    tables: tuple[TableForm, ...]
    chart: ChartForm

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({table.id for table in self.tables}) < len(self.tables):
            raise ValueError("表编号重复")
        return self

    def table(self, key: str) -> TableForm:
        """One table by id.

        Raises:
            KeyError: no such table.
        """
        return {entry.id: entry for entry in self.tables}[key]


@lru_cache(maxsize=1)
def briefing_forms() -> BriefingForms:
    """The shipped tables and chart.

    Raises:
        CatalogError: ``briefing.yml`` is wrong.
    """
    return load("briefing", BriefingForms)
