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


class LampsForm(Entry):
    title: str


class WaterfallForm(Entry):
    """The decomposition of growth: names of its steps, the axis' words, and what its figures are."""

    title: str
    axis: str
    axis_cut: str
    steps: dict[str, str]
    reasons: dict[str, str]
    rest: str
    note: str
    note_outside: str

    @model_validator(mode="after")
    def _every_step_named(self) -> Self:
        missing = [key for key in STEPS if key not in self.steps] + [key for key in REASONS if key not in self.reasons]
        if missing:
            raise ValueError(f"增速分解缺少名称：{'、'.join(missing)}")
        return self


STEPS = (
    "base", "same", "entry", "exit", "reclassified", "unreported", "revision", "comparable", "scope", "level",
)  # fmt: skip
"""Steps of a waterfall; ``comparable`` and ``scope`` stand outside the statistical channel."""

REASONS = ("january", "no_history", "base_short", "now_short", "base_not_positive", "too_large")
"""Why a decomposition states nothing, or no growth."""


class ApprovedForm(Entry):
    """Words behind an approved or published figure's name, and before our own under it."""

    approved: str
    published: str
    own: str


class ChainMapForm(Entry):
    """The chain map: names of states (each with its mark) and of what a node may be marked for."""

    title: str
    states: dict[str, str]
    marks: dict[str, str]
    legend: str
    none: str
    hidden: str

    @model_validator(mode="after")
    def _every_state_named(self) -> Self:
        missing = [key for key in MAP_STATES if key not in self.states] + [k for k in MAP_MARKS if k not in self.marks]
        if missing:
            raise ValueError(f"产业链图谱缺少名称：{'、'.join(missing)}")
        return self


MAP_STATES = ("up", "flat", "down", "falling", "withheld", "none")
MAP_MARKS = ("key", "heavy", "feeds", "single", "single_why", "falling_why")


class BriefingForms(Entry):
    tables: tuple[TableForm, ...]
    chart: ChartForm
    lamps: LampsForm
    waterfall: WaterfallForm
    approved: ApprovedForm
    chain_map: ChainMapForm

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
