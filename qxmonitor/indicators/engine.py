"""From parts to figures: firm values, aggregates with their coverage and dominance, and the states of the empties.

States of a figure that is not there: what the calendar leaves empty is expected-absent; an aggregate short of its
minimum coverage is late (or failed) when inputs are; a growth on a missing or non-positive base is
expected-absent, since nothing will ever fill it. No empty is a zero, an infinity or −100 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import Indicator, SourceUse
from qxmonitor.indicators import (  # noqa: F401  (they register their formulas)
    chains,
    finance,
    investment,
    lines,
    output,
    real,
    structure,
    trade,
    work,
)
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES, Parts
from qxmonitor.indicators.grouping import Counts, Grouping
from qxmonitor.indicators.levels import Levels
from qxmonitor.indicators.view import PER_FIRM, Bools, Bytes, Floats, View
from qxmonitor.period import Period

VALUE, ABSENT = np.uint8(DatumState.VALUE), np.uint8(DatumState.EXPECTED_ABSENT)
LATE, WITHHELD, FAILED = np.uint8(DatumState.LATE), np.uint8(DatumState.WITHHELD), np.uint8(DatumState.FAILED)


@dataclass(frozen=True)
class Figures:
    """One indicator × source × level: k entities × q asked months. ``shown`` says which make a row."""

    value: Floats
    state: Bytes
    coverage: Floats
    groups: Counts
    top2: Floats
    hidden_groups: Counts
    shown: Bools


class Engine:
    """Evaluates catalogue entries on one view; groupings are made once, parts once per indicator × source."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.firms = tuple(str(code) for code in view.panel.firms.index)
        self.groupings = Levels(view.panel.firms)
        self._parts: dict[tuple[str, str], Parts] = {}
        self._missing: dict[tuple[str, str], tuple[Bools, Bools]] = {}
        self._aggregated: dict[tuple[str, str, str], Figures] = {}

    def at(self, periods: Sequence[Period]) -> Engine:
        """An engine of the same firms for other months, on a view of its own."""
        other = copy(self)
        other.view = self.view.at(periods)
        other._parts, other._missing, other._aggregated = {}, {}, {}
        return other

    def entities(self, level: str) -> tuple[str, ...]:
        """Entity ids of a level, in the order of the figures' rows."""
        return self.firms if level == "firm" else self.groupings[level].entities

    def parts(self, key: str, source: str) -> Parts:
        """The parts of an indicator from a source, computed once."""
        if (key, source) not in self._parts:
            self._parts[key, source] = FORMULAS[key](self.view, source)
        return self._parts[key, source]

    def forget(self) -> None:
        """Let the parts and aggregates go, so that a whole catalogue needs the memory of one indicator."""
        self._parts.clear()
        self._aggregated.clear()

    def figures(self, entry: Indicator, use: SourceUse, level: str) -> Figures:
        """Figures of one level: ``firm`` or one of ``levels.PARTS``."""
        self.view.note_figure(entry.id, use.source, level)
        if level == "firm":
            return self._firms(entry, use, self.parts(entry.id, use.source))
        key = (entry.id, use.source, level)
        if key not in self._aggregated:
            if entry.id in STRUCTURES:
                self._aggregated[key] = self._structure(entry, use, level)
            else:
                self._aggregated[key] = self._aggregates(entry, use, level, self.parts(entry.id, use.source))
        return self._aggregated[key]

    def totals(self, key: str, source: str, level: str) -> tuple[Floats, Floats]:
        """Numerator and denominator of a ratio summed over the contributing firms of each entity, (k, q) each."""
        numerator, denominator, _ = contributions(self.parts(key, source))
        assert denominator is not None, key
        grouping = self.groupings[level]
        return grouping.by_entity(grouping.by_group(numerator)), grouping.by_entity(grouping.by_group(denominator))

    # -- firms -----------------------------------------------------------------------------------------------

    def _firms(self, entry: Indicator, use: SourceUse, parts: Parts) -> Figures:
        view = self.view
        value = _value(parts, parts.numerator, parts.denominator, np.ones(parts.numerator.shape, dtype=bool))
        known = np.isfinite(value)
        form = view.state(use.form)
        state = np.where(known, VALUE, np.where(form == DatumState.VALUE, ABSENT, form)).astype(np.uint8)
        state[:, view.calendar_empty(use.form, entry.basis)] = ABSENT
        state[known] = VALUE
        shown = known.copy()
        if use.form in PER_FIRM:
            shown |= (form != DatumState.EXPECTED_ABSENT) | view.in_scope(use.form)
        return Figures(
            value=value,
            state=state,
            coverage=known.astype(np.float64),
            groups=known.astype(np.int64),
            top2=np.where(known, 1.0, np.nan),
            hidden_groups=(known & ~view.authorised).astype(np.int64),
            shown=shown,
        )

    # -- what firms add up to --------------------------------------------------------------------------------

    def _aggregates(self, entry: Indicator, use: SourceUse, level: str, parts: Parts) -> Figures:
        grouping = self.groupings[level]
        numerator, denominator, has = contributions(parts)
        contributing = grouping.count(has)
        pairs = [grouping.by_group(sums) for sums in (numerator, denominator) if sums is not None]
        totals = [grouping.by_entity(sums) for sums in pairs]
        value = _value(parts, totals[0], totals[1] if denominator is not None else None, contributing > 0)
        coverage = self._coverage(use, level, has, contributing)
        top2 = np.where(contributing > 0, self._dominance(entry, grouping, numerator, denominator, has, pairs), np.nan)
        hidden = grouping.groups(has & ~self.view.authorised)
        why = self._why_short(entry, use, level)
        if parts.beside is not None:
            missing = self._sheet_missing(parts.beside)
            why = np.where((missing != VALUE) & (why != FAILED), missing, why).astype(np.uint8)
            why[:, self.view.calendar_empty(use.form, entry.basis)] = ABSENT
        return self._stated(
            entry, use, level, value, coverage, contributing == 0, grouping.groups(has), top2, hidden, why
        )

    def _structure(self, entry: Indicator, use: SourceUse, level: str) -> Figures:
        grouping = self.groupings[level]
        found = STRUCTURES[entry.id](self.view, self.groupings, level)
        if found.has is None:
            assert found.groups is not None and found.top2 is not None and found.missing is not None, entry.id
            none = found.groups == 0
            coverage, hidden = np.where(none, np.nan, 1.0 - found.missing), found.groups
            top2 = np.where(none, np.nan, found.top2)
            return self._stated(entry, use, level, found.value, coverage, none, found.groups, top2, hidden)
        contributing = grouping.count(found.has)
        coverage, why = self._coverage(use, level, found.has, contributing), None
        if found.within is not None:  # a share of its chain is as sure as the chain's returns are whole
            whole = self._coverage(use, "chain", found.has, self.groupings["chain"].count(found.has))[found.within]
            own, chain = self._why_short(entry, use, level), self._why_short(entry, use, "chain")[found.within]
            why = np.where((own == ABSENT) & (contributing > 0), chain, own)
            coverage = np.minimum(coverage, whole)
        top2 = np.where(contributing > 0, 1.0, np.nan)  # it points at single groups by definition
        groups, hidden = grouping.groups(found.has), grouping.groups(found.has & ~self.view.authorised)
        return self._stated(entry, use, level, found.value, coverage, contributing == 0, groups, top2, hidden, why)

    def _stated(
        self, entry: Indicator, use: SourceUse, level: str, value: Floats, coverage: Floats, none: Bools,
        groups: Counts, top2: Floats, hidden: Counts, why: Bytes | None = None,
    ) -> Figures:  # fmt: skip
        """Figures of aggregates: what is short of its coverage has no value but the state of what is missing."""
        short = none | (np.nan_to_num(coverage) < entry.min_coverage)
        known = np.isfinite(value) & ~short
        why = self._why_short(entry, use, level) if why is None else why
        return Figures(
            value=np.where(known, value, np.nan),
            state=np.where(known, VALUE, np.where(short, why, ABSENT)).astype(np.uint8),
            coverage=coverage,
            groups=groups,
            top2=top2,
            hidden_groups=hidden,
            shown=np.ones(value.shape, dtype=bool),
        )

    def _coverage(self, use: SourceUse, level: str, has: Bools, contributing: Counts) -> Floats:
        wanted = contributing
        if use.form in PER_FIRM:
            wanted = self.groupings[level].count(self.view.expected(use.form) | has)
        share: Floats = np.full(contributing.shape, np.nan)
        np.divide(contributing, wanted, out=share, where=wanted > 0)
        return share

    def _dominance(
        self, entry: Indicator, grouping: Grouping, numerator: Floats, denominator: Floats | None, has: Bools,
        pairs: list[Floats],
    ) -> Floats:  # fmt: skip
        """Top-2 share of all contributing groups, or of those left once named self-reports are taken off, if larger.

        A reader who knows some firms by name subtracts them; two groups must not make up nearly all that remains.
        """
        whole = self._top2(entry, grouping, pairs, has)
        known = has & self.view.authorised
        if not known.any():
            return whole
        sums = [part for part in (numerator, denominator) if part is not None]
        rest = [grouping.by_group(np.where(known, 0.0, part)) for part in sums]
        return np.maximum(whole, self._top2(entry, grouping, rest, has & ~known))

    @staticmethod
    def _top2(entry: Indicator, grouping: Grouping, pairs: list[Floats], has: Bools) -> Floats:
        if entry.weighs == "always":
            return np.ones((len(grouping.entities), has.shape[1]))
        if entry.weighs == "firms":
            pairs = [grouping.by_group(has.astype(np.float64))]
        return np.asarray(np.max([grouping.top2(sums) for sums in pairs], axis=0), dtype=np.float64)

    def _why_short(self, entry: Indicator, use: SourceUse, level: str) -> npt.NDArray[np.uint8]:
        view, grouping = self.view, self.groupings[level]
        key = (use.form, level)
        if key not in self._missing:
            form = view.state(use.form)
            late, failed = grouping.count(form == DatumState.LATE) > 0, grouping.count(form == DatumState.FAILED) > 0
            if use.form not in PER_FIRM and use.form != "register":
                # One sheet for all: it is late or refused for everybody or for nobody, and what was refused was sent.
                here, refused = view.arrived(use.form), failed.any(axis=0)
                late, failed = late & ~here & ~refused, (late | failed) & ~here & refused
            self._missing[key] = late, failed
        late, failed = self._missing[key]
        why = np.where(late, LATE, np.where(failed, FAILED, ABSENT)).astype(np.uint8)
        why[:, view.calendar_empty(use.form, entry.basis)] = ABSENT
        return why

    def _sheet_missing(self, form: str) -> Bytes:
        """Whether a sheet for all, of the month or an earlier one of its year, was refused or is late; else VALUE."""
        view, found = self.view, np.full(self.view.q, VALUE, dtype=np.uint8)
        nothing = np.full((view.n, len(view.panel.months)), ABSENT)
        states = view.panel.states.get(form, nothing)
        for shift in range(int(view.month.max(initial=0))):
            columns = view.columns - shift
            asked = (shift < view.month) & (columns >= 0) & ~view.arrived(form, shift)
            column = states[:, np.maximum(columns, 0)]
            failed, late = ((column == state).any(axis=0) & asked for state in (FAILED, LATE))
            found = np.where(failed | (found == FAILED), FAILED, np.where(late & ~failed, LATE, found))
        return found.astype(np.uint8)


def contributions(parts: Parts) -> tuple[Floats, Floats | None, Bools]:
    """Numerator and denominator blanked to NaN where the firm does not contribute, and who contributes."""
    numerator, denominator = parts.numerator, parts.denominator
    has = np.isfinite(numerator)
    if denominator is not None:
        has = has & np.isfinite(denominator) if parts.same_firms else has | np.isfinite(denominator)
    if parts.has is not None:
        return numerator, denominator, parts.has
    numerator = np.where(has, numerator, np.nan)
    return numerator, None if denominator is None else np.where(has, denominator, np.nan), has


def _value(parts: Parts, top: Floats, bottom: Floats | None, stands: Bools) -> Floats:
    """Give scale × top [÷ bottom] + offset where it stands; NaN for a missing, zero or negative base."""
    if bottom is None:
        value = top * parts.scale + parts.offset
    else:
        ratio = np.full(top.shape, np.nan)
        np.divide(top, bottom, out=ratio, where=np.isfinite(top) & (np.nan_to_num(bottom) > 0))
        value = ratio * parts.scale + parts.offset
    value = np.where(stands & np.isfinite(value), value, np.nan)
    return np.asarray(value, dtype=np.float64)
