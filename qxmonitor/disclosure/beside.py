"""The town beside province and nation, from figures cleared for the reader: growth, and the difference in points.

Of trade the published customs figures are taken for the town before its own, and for the others where a terminal has no
series. Each line takes the newest month, no later than asked, of which the town and at least one of both have a figure;
what the other lacks stays a gap. Differences are of the figures as shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qxmonitor.catalog.comparison import PRINTED, Beside, comparison, plain_name
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.published import of_place
from qxmonitor.disclosure.values import Figures
from qxmonitor.period import Period

_BACK = 12
"""Months a line may look back for a figure of all."""


@dataclass(frozen=True)
class ComparedLine:
    """One line; growth in per cent, differences in percentage points."""

    label: Cleared
    month: Cleared
    town: Cleared
    province: Cleared
    above_province: Cleared
    nation: Cleared
    above_nation: Cleared


@dataclass(frozen=True)
class ComparisonView:
    """The table of the lines that have anything to compare."""

    title: Cleared
    head: tuple[Cleared, ...]
    lines: tuple[ComparedLine, ...]
    note: Cleared


def comparison_view(gate: Gate, figures: Figures, period: Period) -> ComparisonView | None:
    """The comparison of a month; None where no series is there to compare with.

    Args:
        gate: the reader's.
        figures: cleared for the reader.
        period: the month.
    """
    codes = {plain_name(gate.entity("reference", code).text): code for code in figures.entities("reference")}
    form, lines = comparison(), []
    for row in form.rows:
        beside = [_first(names, codes) for names in (row.province, row.nation)]
        line = _line(gate, figures, row, beside, period)
        if line is not None:
            lines.append(line)
    if not lines:
        return None
    return ComparisonView(
        title=gate.word(form, "title"),
        head=tuple(gate.line(form, "head", at) for at in range(len(form.head))),
        lines=tuple(lines),
        note=gate.word(form, "note"),
    )


def _first(names: Sequence[str], codes: Mapping[str, str]) -> str | None:
    """The series of the first name that is there."""
    return next((codes[plain_name(name)] for name in names if plain_name(name) in codes), None)


def _line(
    gate: Gate, figures: Figures, row: Beside, beside: Sequence[str | None], period: Period
) -> ComparedLine | None:
    for back in range(_BACK + 1):
        month = period - back
        town = figures.get(row.indicator, month, source=row.source)
        theirs = [_growth(gate, figures, code, month) for code in beside]
        if row.published is not None:
            town, *theirs = _published(gate, figures, row.published, [town, *theirs], month)
        if town.number is not None and any(growth.number is not None for growth in theirs):
            apart = [_apart(gate, town, growth) for growth in theirs]
            return ComparedLine(
                gate.word(row, "label"), gate.period(month), town, theirs[0], apart[0], theirs[1], apart[1]
            )
    return None


def _growth(gate: Gate, figures: Figures, code: str | None, month: Period) -> Cleared:
    """A series' growth of a month: as printed where its name says so, else worked out."""
    if code is None:
        return figures.get("reference_growth", month, "reference", "", "reference")
    printed = PRINTED in gate.entity("reference", code).text
    return figures.get("reference_value" if printed else "reference_growth", month, "reference", code, "reference")


def _published(gate: Gate, figures: Figures, stem: str, known: list[Cleared], month: Period) -> list[Cleared]:
    """Growth of town, province and nation with the published figures: for the town first, for the others last."""
    told = [of_place(gate, figures, stem, "growth_ytd", place, month) for place in ("town", "province", "nation")]
    order = [(told[0], known[0]), *((own, published) for own, published in zip(known[1:], told[1:], strict=True))]
    return [first if first.number is not None else second for first, second in order]


def _apart(gate: Gate, town: Cleared, theirs: Cleared) -> Cleared:
    """The town's growth less the other's, as shown."""
    if town.number is None or theirs.number is None:
        return theirs
    return gate.number(town.number - theirs.number, 1, "个百分点", town.source, f"{town.ref}|less|{theirs.ref}")
