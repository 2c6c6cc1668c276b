"""What a figure is worked from, in sums: the terms of its numerator, its base, and the firms they are sums over.

Taken from the engine's own parts, so that an example cannot drift from the arithmetic:

    value = scale × Σ factor × term [÷ base] + offset
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qxmonitor.catalog.indicators import Indicator, SourceUse, indicators
from qxmonitor.indicators.climate import READY
from qxmonitor.indicators.engine import Engine, contributions
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES, Structure, Term
from qxmonitor.indicators.levels import PARTS, members
from qxmonitor.indicators.view import Bools, Codes, Floats, group_codes


@dataclass(frozen=True)
class Part:
    """One sum of an example.

    Attributes:
        total: in the unit of what is summed.
        factor: −1 where it is taken away, ½ where half of it counts.
        each: what every group puts into it, (g,) by group; None of a count.
        groups: groups behind it, where these are no groups of the panel; with ``top2``.
        top2: share of its two largest groups.
    """

    total: float
    factor: float = 1.0
    each: Floats | None = None
    groups: int | None = None
    top2: float | None = None


@dataclass(frozen=True)
class Worked:
    """Of one entity and month; without terms the figure is a plain sum over ``firms`` firms, ``whole``.

    Attributes:
        terms: of the numerator.
        base: the denominator; None of a sum.
        whole: the sum itself; None of a ratio or a count.
        firms: firms behind it; None where they are no firms of the panel.
        same: the same firms stand behind numerator and denominator.
    """

    terms: tuple[Part, ...]
    base: Part | None = None
    whole: Part | None = None
    firms: int | None = None
    same: bool = False


def worked(engine: Engine, entry: Indicator, use: SourceUse, level: str, entity: str) -> Worked | None:
    """What a figure is worked from; None where it is made of other figures or of lines.

    Args:
        engine: of the figure's month alone.
        entry: the indicator.
        use: its source.
        level: of the entity.
        entity: of whom.
    """
    if level not in PARTS or entity not in engine.entities(level) or entry.id in READY:
        return None
    if entry.id in STRUCTURES:
        at = engine.entities(level).index(entity)
        return _structure(STRUCTURES[entry.id](engine.view, engine.groupings, level), at)
    return _firms(engine, entry, use, members(engine.view.panel.firms, level, entity))


def sums_beside(engine: Engine, source: str, level: str, entity: str) -> Iterator[Floats]:
    """What every group puts into the plain sums that the catalogue tells of an entity from a source, (g,) each.

    What a part of an example and one of these differ by may be a single group's.
    """
    mine, codes = members(engine.view.panel.firms, level, entity), group_codes(engine.view.panel.firms)
    for other in indicators().indicators:
        told = any(use.source == source and level in use.levels for use in other.sources)
        if told and other.additive and other.weighs == "sums" and other.id in FORMULAS:
            numerator, _, has = contributions(engine.parts(other.id, source))
            yield _by_group(codes, np.where(mine & has[:, 0], np.nan_to_num(numerator[:, 0]), 0.0))


def known(engine: Engine) -> Bools:
    """Groups whose firms readers see by name, in the engine's month, (g,)."""
    unnamed = ~engine.view.authorised[:, 0]
    found: Bools = _by_group(group_codes(engine.view.panel.firms), unnamed.astype(np.float64)) == 0
    return found


def _structure(found: Structure, at: int) -> Worked | None:
    def part(term: Term) -> Part:
        groups, top2 = (None if extra is None else extra[at, 0] for extra in (term.groups, term.top2))
        return Part(float(term.total[at, 0]), term.factor, None, groups, top2)

    return Worked(tuple(map(part, found.terms)), part(found.base) if found.base else None) if found.terms else None


def _firms(engine: Engine, entry: Indicator, use: SourceUse, mine: Bools) -> Worked:
    parts = engine.parts(entry.id, use.source)
    numerator, denominator, has = contributions(parts)
    behind = mine & has[:, 0]
    firms, counts = int(behind.sum()), entry.weighs == "firms"
    terms = parts.terms or ((1.0, numerator),)
    if denominator is not None or parts.terms:
        found = tuple(_part(engine, values, behind, factor, plain=counts) for factor, values in terms)
        base = None if denominator is None else _part(engine, denominator, behind, plain=counts)
        return Worked(found, base, firms=firms, same=parts.same_firms)
    whole = _part(engine, numerator, behind, plain=counts)
    rest = firms - whole.total
    if counts and rest > 0:
        return Worked((Part(float(firms)), Part(rest, -1.0)), firms=firms)
    return Worked((), whole=whole, firms=firms)


def _part(engine: Engine, values: Floats, behind: Bools, factor: float = 1.0, *, plain: bool = False) -> Part:
    own = np.where(behind, np.nan_to_num(values[:, 0]), 0.0)
    if plain:
        return Part(float(own.sum()), factor)
    return Part(float(own.sum()), factor, _by_group(group_codes(engine.view.panel.firms), own))


def _by_group(codes: Codes, values: Floats) -> Floats:
    return np.asarray(np.bincount(codes, weights=values), dtype=np.float64)
