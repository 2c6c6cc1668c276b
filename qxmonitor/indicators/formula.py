"""What a formula gives, and the registry that ties the catalogue's ids to formulas.

A formula returns its parts per firm; one engine turns parts into firm values and into aggregates, so that a
ratio of sums, its coverage and its dominance are computed in one place for every indicator:

    value = scale × numerator [÷ denominator] + offset
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qxmonitor.indicators.grouping import Counts
from qxmonitor.indicators.levels import Levels
from qxmonitor.indicators.view import Bools, Codes, Floats, View


@dataclass(frozen=True)
class Parts:
    """Per firm and asked month.

    Attributes:
        numerator: (n, q), NaN where the firm does not contribute.
        denominator: (n, q) for a ratio; the firm contributes where both are numbers, the ratio stands where it is > 0.
        scale: number or (q,) factor on the ratio or sum.
        offset: added last; −1 for growth.
        has: who contributes, where this is not simply "has the numbers".
        same_firms: False sums numerator and denominator over whoever has each (customs totals, where a firm
            without a line did nothing); True sums both over the same firms (comparable basis).
        terms: what the numerator is added up from, where it is several things: factor and (n, q) each, up to a
            common factor.
        beside: a form of which every month's sheet since January is needed as well.
    """

    numerator: Floats
    denominator: Floats | None = None
    scale: float | Floats = 1.0
    offset: float = 0.0
    has: Bools | None = None
    same_firms: bool = True
    terms: tuple[tuple[float, Floats], ...] = ()
    beside: str | None = None


@dataclass(frozen=True)
class Term:
    """A sum that a figure is worked from, (k, q).

    Attributes:
        total: NaN or 0 where there is nothing.
        factor: −1 where it is taken away, ½ where half of it counts.
        groups: groups behind it; None for a count, which stands on whatever the figure stands on.
        top2: share of its two largest groups.
    """

    total: Floats
    factor: float = 1.0
    groups: Counts | None = None
    top2: Floats | None = None


@dataclass(frozen=True)
class Structure:
    """Per entity of one level and asked month, (k, q).

    Attributes:
        value: NaN where it is not defined.
        has: (n, q), the firms that stand behind it; the engine counts coverage and groups of them.
        groups: (k, q) given instead, where the units are not the panel's firms (projects); with ``top2``.
        top2: (k, q) share of the two largest groups, with ``groups``.
        missing: (k, q) share of the units without what the figure needs, with ``groups``.
        within: (k,) place of each entity's chain, where the figure stands on the whole chain's returns as well.
        terms: the sums it is worked from, where it is a sum or a ratio of sums.
        base: what these are divided by.
    """

    value: Floats
    has: Bools | None = None
    groups: Counts | None = None
    top2: Floats | None = None
    missing: Floats | None = None
    within: Codes | None = None
    terms: tuple[Term, ...] = ()
    base: Term | None = None


Formula = Callable[[View, str], Parts]
"""``(view, source) → Parts``; ``source`` is the prefix of the panel's measures."""

FORMULAS: dict[str, Formula] = {}
"""Formula by indicator id; filled by the family modules at import."""


def formula(*ids: str) -> Callable[[Formula], Formula]:
    """Register a formula under catalogue ids."""

    def register(function: Formula) -> Formula:
        for key in ids:
            if key in FORMULAS:
                raise ValueError(f"formula registered twice: {key}")
            FORMULAS[key] = function
        return function

    return register


StructureFormula = Callable[[View, Levels, str], Structure]
"""``(view, levels, level) → Structure``."""

STRUCTURES: dict[str, StructureFormula] = {}
"""Structure by indicator id; filled likewise."""


def structure(key: str) -> Callable[[StructureFormula], StructureFormula]:
    """Register a structure under its catalogue id."""

    def register(function: StructureFormula) -> StructureFormula:
        if key in FORMULAS or key in STRUCTURES:
            raise ValueError(f"formula registered twice: {key}")
        STRUCTURES[key] = function
        return function

    return register
