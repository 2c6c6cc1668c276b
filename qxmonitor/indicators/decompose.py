"""Why output grew: the way from last year's own filings to this year's level, in parts that add up to the last cent.

Two years' published levels, divided, do not give the published growth, because the set of firms changes and firms
restate their 上年同期. Every firm falls into exactly one case, so that for each entity

    level − base = same + entry + exit + reclassified + unreported + revision

``base`` is what firms filed a year ago, in the chain or industry they stood in then; ``level`` what they file now,
where they stand now. A firm in both years gives ``same`` (now − 上年同期 as restated today, or as filed then where
today's form leaves it blank) and ``revision`` (restated − filed then); when it moved, its base leaves one entity and
enters the other (``reclassified``, 0 for the town). A firm of one year only is ``entry`` (升规) or ``exit``
(退规), unless its other return was owed and is not here: then it is ``unreported`` (缺报), no economic fact.

Sums are taken in whole 分 (1/100 yuan), so that nothing is lost in adding. In February the two months stand together
and January has no decomposition (decision 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.indicators.output import month_pair
from qxmonitor.indicators.view import Bools, Bytes, Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

Basis = Literal["month", "cumulative"]
Level = Literal["town", "chain", "industry"]
Cents = npt.NDArray[np.int64]
Codes = npt.NDArray[np.intp]

PARTS = ("same", "entry", "exit", "reclassified", "unreported", "revision")
"""The parts, in the order they are told; each is in 千元 like ``base`` and ``level``."""

COLUMNS = [
    "period", "basis", "entity_kind", "entity", "state", "reason", "base", *PARTS, "level", "growth", "comparable_base",
    "comparable_change", "comparable_growth", "unreported_base", *(f"firms_{part}" for part in PARTS),
]  # fmt: skip
"""Columns of a decomposition: money in 千元, growth as fractions, ``firms_*`` how many firms stand behind a part.
``comparable_*`` is the basis of the published growth: firms that have both columns of this year's form.
``unreported_base`` is what firms filed a year ago whose return of this year is owed and not here. ``reason`` is
one of ``catalog.briefing.REASONS`` where there is no figure or no growth, else empty."""

CENTS = 100_000
"""分 in 千元."""
UNBELIEVABLE = 1e11
"""千元: a firm that states more has a wrong unit, not output; its entities are not told until it is put right."""
_OVERFLOW = 9e13
_FORM = "b204_1"


@dataclass(frozen=True)
class Flows:
    """Firms × months, in 千元: now, last year as restated on today's form, last year as filed then."""

    now: Floats
    restated: Floats
    filed: Floats

    @classmethod
    def of(cls, view: View, basis: Basis, measure: str) -> Flows:
        stem = f"returns.{measure}_"
        if basis == "month":
            now, restated = month_pair(view, "returns", measure)
            filed = np.where(view.february, view.take(stem + "ytd", 12), view.take(stem + "m", 12))
        else:
            now, restated = (view.take(stem + name).copy() for name in ("ytd", "ly_ytd"))
            filed = view.take(stem + "ytd", 12).copy()
        for values in (now, restated, filed):
            values[:, view.january] = np.nan
        return cls(now, restated, filed)

    def unbelievable(self) -> Bools:
        """Cells too large to be output, and all cells where even the sum would not be counted exactly."""
        sizes = [np.abs(np.nan_to_num(values)) for values in (self.now, self.restated, self.filed)]
        wild: Bools = np.any([size > UNBELIEVABLE for size in sizes], axis=0)
        wild |= np.any([np.where(wild, 0.0, size).sum(axis=0) > _OVERFLOW for size in sizes], axis=0)[None, :]
        return wild

    def without(self, wild: Bools) -> Flows:
        return Flows(*(np.where(wild, np.nan, values) for values in (self.now, self.restated, self.filed)))


@dataclass(frozen=True)
class Places:
    """Which entity each firm stands in now, and stood in then."""

    entities: tuple[str, ...]
    now: Codes
    then: Codes

    @classmethod
    def of(cls, firms: pd.DataFrame, before: pd.DataFrame | None, level: Level) -> Places:
        now = _place(firms, level)
        then = now
        if before is not None and len(before):
            known = _place(before, level).reindex(firms.index)
            then = known.where(known.notna(), now)
        codes, labels = pd.factorize(np.concatenate([now.to_numpy(object), then.to_numpy(object)]), sort=True)
        return cls(tuple(str(label) for label in labels), codes[: len(now)], codes[len(now) :])

    def sums(self, codes: Codes, values: Cents) -> Cents:
        """Exact sums of (n, q) over each entity, (k, q)."""
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(self.entities) + 1))
        running = np.zeros((len(codes) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values[order], axis=0, out=running[1:])
        return running[edges[1:]] - running[edges[:-1]]

    def count(self, codes: Codes, mask: Bools) -> Cents:
        """Firms of each entity in the mask, (k, q)."""
        return self.sums(codes, mask.astype(np.int64))


def _place(firms: pd.DataFrame, level: Level) -> pd.Series:
    """The entity of each firm: its chain (``other`` for none), its two-digit industry (likewise), or the town."""
    if level == "town":
        return pd.Series("town", index=firms.index, dtype=object)
    words = firms[level].astype(object)
    words = words.where(words.notna(), "").astype(str).str.strip()
    if level == "industry":
        words = words.str.extract(r"(\d{2})", expand=False).fillna("")
    return words.where(words != "", "other").astype(object)


def decompose(
    panel: Panel,
    periods: Sequence[Period],
    *,
    basis: Basis = "cumulative",
    level: Level = "town",
    before: pd.DataFrame | None = None,
    measure: str = "output",
) -> pd.DataFrame:
    """Decompose the growth of output (or another measure of B204-1) of the town, each chain or each industry.

    Args:
        panel: what is known; it must reach back a year before each month asked, else the state says so.
        periods: the months asked, within the panel.
        basis: the month alone (1—2月 in February), or from January on.
        level: of which entities.
        before: the register as known a year ago (index USCC; chain, industry, above_scale); without it nobody moved,
            and who owed a return then is judged by today's register.
        measure: ``output``, ``sales``, ``export`` or ``power``.

    Returns:
        :data:`COLUMNS`, one row per period and entity, in that order.

    Raises:
        QxError: a month asked lies outside the panel.
    """
    return apart(View(panel, periods), basis=basis, level=level, before=before, measure=measure).frame()


@dataclass(frozen=True)
class Case:
    """Firms that stand behind a part, (n, q), with what each brings, in the entity that ``codes`` say."""

    codes: Codes
    firms: Bools
    cents: Cents


@dataclass(frozen=True)
class Decomposition:
    """Which firm stands where: the cases of each part and sum, (n, q) each, and the state of each entity, (k, q)."""

    view: View
    basis: Basis
    level: Level
    places: Places
    cases: dict[str, tuple[Case, ...]]
    state: Bytes
    reason: npt.NDArray[np.object_]

    def members(self, part: str, entity: str) -> Bools:
        """The firms behind a part of an entity, (n, q); of ``comparable_base`` likewise."""
        at = self.places.entities.index(entity) if entity in self.places.entities else -1
        behind: Bools = np.any([case.firms & (case.codes == at)[:, None] for case in self.cases[part]], axis=0)
        return behind

    def frame(self) -> pd.DataFrame:
        """:data:`COLUMNS`, one row per period and entity."""
        nothing = np.zeros((self.view.n, self.view.q), dtype=np.int64)

        def total(cases: tuple[Case, ...]) -> Cents:
            sums = [self.places.sums(case.codes, np.where(case.firms, case.cents, nothing)) for case in cases]
            return np.asarray(np.sum(sums, axis=0), dtype=np.int64)

        def firms(cases: tuple[Case, ...]) -> Cents:
            counts = [self.places.count(case.codes, case.firms) for case in cases]
            return np.asarray(np.sum(counts, axis=0), dtype=np.int64)

        sums = {name: total(cases) for name, cases in self.cases.items()}
        counted = {part: firms(self.cases[part]) for part in PARTS}
        return _frame(self.view, self.basis, self.level, self.places.entities, sums, counted, self.state, self.reason)


def apart(
    view: View, *, basis: Basis = "cumulative", level: Level = "town", before: pd.DataFrame | None = None,
    measure: str = "output",
) -> Decomposition:  # fmt: skip
    """The firms behind a decomposition; arguments as of :func:`decompose`."""
    raw = Flows.of(view, basis, measure)
    wild = raw.unbelievable()
    flows = raw.without(wild)
    places = Places.of(view.panel.firms, before, level)
    has_now, has_base = np.isfinite(flows.now), np.isfinite(flows.filed)
    owed, owed_then = view.expected(_FORM), _owed_then(view, before)

    now, filed = cents_of(flows.now), cents_of(flows.filed)
    restated = np.where(np.isfinite(flows.restated), cents_of(flows.restated), filed)
    both = has_now & has_base
    moved = both & (places.now != places.then)[:, None]
    lone_now, lone_then = has_now & ~has_base, has_base & ~has_now
    comparable = has_now & np.isfinite(flows.restated)
    here, there = places.now, places.then
    cases = {
        "base": (Case(there, has_base, filed),),
        "level": (Case(here, has_now, now),),
        "same": (Case(here, both, now - restated),),
        "entry": (Case(here, lone_now & ~owed_then, now),),
        "exit": (Case(there, lone_then & ~owed, -filed),),
        "reclassified": (Case(here, moved, filed), Case(there, moved, -filed)),
        "unreported": (Case(here, lone_now & owed_then, now), Case(there, lone_then & owed, -filed)),
        "unreported_base": (Case(there, lone_then & owed, filed),),
        "revision": (Case(here, both & (restated != filed), restated - filed),),
        "comparable_base": (Case(here, comparable, restated),),
        "comparable_change": (Case(here, comparable, now - restated),),
    }
    state, reason = _states(view, places, flows, wild, owed, owed_then, measure)
    return Decomposition(view, basis, level, places, cases, state, reason)


def cents_of(values: Floats) -> Cents:
    """Whole 分 of 千元; nothing where there is no number."""
    return np.rint(np.nan_to_num(values) * CENTS).astype(np.int64)


def _owed_then(view: View, before: pd.DataFrame | None) -> Bools:
    """Whether a firm had a return to give a year before each asked month, whether or not it is here, (n, q)."""
    out = np.zeros((view.n, view.q), dtype=bool)
    reached = view.columns >= 12
    if not reached.any():
        return out
    # View wants months in the panel and gives them sorted and unique, as those of ``view`` are.
    then = View(view.panel, [p - 12 for p, ok in zip(view.periods, reached, strict=True) if ok])
    owed = then.expected(_FORM)
    if before is not None and len(before):
        known = before["above_scale"].reindex(view.panel.firms.index).astype(object)
        in_scope = known.where(known.notna(), other=False).to_numpy(dtype=bool)
        state = then.state(_FORM)
        owed = (owed & in_scope[:, None]) | (state == DatumState.VALUE) | (state == DatumState.FAILED)
    out[:, reached] = owed
    return out


def _states(
    view: View, places: Places, flows: Flows, wild: Bools, owed: Bools, owed_then: Bools, measure: str
) -> tuple[Bytes, npt.NDArray[np.object_]]:
    """State and reason of each entity × month; a part of a town half of whose returns are missing explains nothing."""
    least = indicators().indicator("output_m" if measure == "output" else "sales_m").min_coverage
    form = view.state(_FORM)
    late = places.count(places.now, form == DatumState.LATE) > 0
    failed = places.count(places.now, form == DatumState.FAILED) > 0
    has_now, has_base = np.isfinite(flows.now), np.isfinite(flows.filed)
    now_short = _short(places.count(places.now, has_now), places.count(places.now, owed | has_now), least)
    base_short = _short(places.count(places.then, has_base), places.count(places.then, owed_then | has_base), least)
    shape = now_short.shape
    unreached = np.broadcast_to(view.columns < 12, shape)
    january = np.broadcast_to(view.january, shape)
    wrong = (places.count(places.now, wild) + places.count(places.then, wild)) > 0
    why_late = np.where(late, DatumState.LATE, np.where(failed, DatumState.FAILED, DatumState.EXPECTED_ABSENT))
    cases = [january, wrong, unreached, now_short, base_short]
    words = ["january", "too_large", "no_history", "now_short", "base_short"]
    absent = np.full(shape, DatumState.EXPECTED_ABSENT)
    states = [absent, np.full(shape, DatumState.FAILED), absent, why_late, absent]
    state = np.select(cases, states, default=DatumState.VALUE).astype(np.uint8)
    return state, np.select(cases, words, default="").astype(object)


def _short(count: Cents, wanted: Cents, least: float) -> Bools:
    short: Bools = (wanted == 0) | (count < least * wanted)
    return short


def _frame(
    view: View, basis: Basis, level: Level, entities: tuple[str, ...], sums: dict[str, Cents], firms: dict[str, Cents],
    state: Bytes, reason: npt.NDArray[np.object_],
) -> pd.DataFrame:  # fmt: skip
    known = state == DatumState.VALUE
    base, comparable = sums["base"], sums["comparable_base"]
    reason = np.where(known & (base <= 0), "base_not_positive", reason)
    growth, comparable_growth = (
        np.divide(top, bottom, out=np.full(base.shape, np.nan), where=known & (bottom > 0))
        for top, bottom in ((sums["level"] - base, base), (sums["comparable_change"], comparable))
    )
    table: dict[str, object] = {
        "period": np.repeat([str(p) for p in view.periods], len(entities)),
        "basis": basis,
        "entity_kind": level,
        "entity": np.tile(np.array(entities, dtype=object), view.q),
        "state": np.array([s.word for s in DatumState], dtype=object)[state.T.ravel()],
        "reason": reason.T.ravel(),
        "growth": growth.T.ravel(),
        "comparable_growth": comparable_growth.T.ravel(),
    }
    table |= {name: np.where(known, cents / CENTS, np.nan).T.ravel() for name, cents in sums.items()}
    table |= {f"firms_{name}": np.where(known, count, 0).T.ravel() for name, count in firms.items()}
    return pd.DataFrame(table, columns=COLUMNS)
