"""The town's climate: composite and diffusion indices, the score behind the lamps, and the lead of imports.

Rows ready for the frame, since they stand on figures of all months of the panel (``climate.yml`` says which). Levels
are linked on the comparable basis and adjusted for season and festival first; a history too short for that gives no
index, and the state says so. Groups and dominance of a row are the worst of everything it stands on, so that the gate
judges the weakest part.

An index stands on all months it may see, so the figures of a panel are worked out once (:class:`_Shelf`), and a month
sees of them what a panel of its own would hold (:class:`_Window`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.climate import Group, Series, TownFigure, climate
from qxmonitor.catalog.indicators import Indicator, SourceUse
from qxmonitor.indicators import composite
from qxmonitor.indicators.engine import Engine, Figures
from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.lead import Scan, scan
from qxmonitor.indicators.linked import link
from qxmonitor.indicators.seasonal import adjust
from qxmonitor.indicators.view import Bytes, Codes, Floats
from qxmonitor.period import Period

SCORE = "climate_score"
INDICES = ("climate_coincident", "climate_leading", "climate_diffusion_coincident", "climate_diffusion_leading", SCORE)
LEADS = ("import_lead", "import_lead_r", "import_lead_low", "import_lead_high")
READY = frozenset((*INDICES, *LEADS))
"""Catalogue entries whose rows come from here."""

_SOURCE = "returns"


@dataclass(frozen=True)
class _Told:
    """Slots' values of one or several entities (k, T), and the weakest figure behind them (k,)."""

    values: Floats
    groups: Floats
    top2: Floats
    states: tuple[Bytes, ...] = ()


def climate_rows(engine: Engine, keys: frozenset[str] = READY, look_back: int | None = None) -> pd.DataFrame:
    """Rows of :data:`INDICES` for the town and of :data:`LEADS` for the town and the chains, for the months asked.

    Args:
        engine: of the months asked.
        keys: which of :data:`READY`.
        look_back: months that the indices of a month stand on, itself included; default all of the panel's, so that
            the months asked are points of one and the same index.
    """
    rows = _score(engine) if SCORE in keys else []
    for window, asked in _windows(engine, look_back):
        if window.slots:
            if keys & set(INDICES[:-1]):
                for key, told in _indices(window, keys).items():
                    rows += _rows(window.slots, asked, key, "town", ("town",), told)
            if keys & set(LEADS):
                rows += _leads(window, asked)
        else:
            nothing = _Told(np.empty((1, 0)), np.zeros(1), np.ones(1))
            for key in (*INDICES[:-1], *LEADS):
                rows += _rows((), asked, key, "town", ("town",), nothing)
    order = {key: at for at, key in enumerate((*INDICES, *LEADS))}
    rows = [row for row in rows if row["indicator"] in keys]
    rows.sort(key=lambda row: (order[row["indicator"]], row["entity_kind"], row["period"], row["entity"]))
    return pd.DataFrame(rows)


# -- what a month sees ---------------------------------------------------------------------------------------------


class _Shelf:
    """Figures of a panel's months but Januaries, each worked out once, whatever months are asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.panel = engine, engine.view.panel
        self.slots = tuple(p for p in self.panel.months if p.month != 1)
        self._figures: dict[tuple[str, str, str], tuple[Figures, Codes]] = {}
        self._imports: dict[str, tuple[Floats, Floats]] = {}

    def figures(self, indicator: str, source: str, level: str) -> tuple[Figures, Codes]:
        """Figures of a level (k, slots), and the first column of the panel that each slot's stand on."""
        key = (indicator, source, level)
        if key not in self._figures:
            engine = self.engine.at(self.slots)  # its view notes how far back this figure looks
            self._figures[key] = engine.figures(*_use(indicator, source), level), engine.view.earliest
        return self._figures[key]

    def imports(self, level: str) -> tuple[Floats, Floats]:
        """Imports of parts in yuan by firm (n, m) and by entity (k, m), NaN where no sheet of the month is here."""
        if level not in self._imports:
            lines, months = self.panel.trade, self.panel.months
            mine = lines[(lines["flow"] == "I") & lines["chapter"].astype("str").isin(climate().lead.chapters)]
            mine = mine[mine["rmb"].notna()]
            firms = np.zeros((len(self.panel.firms), len(months)))
            np.add.at(firms, (mine["firm"].to_numpy(), mine["month"].to_numpy()), mine["rmb"].to_numpy(np.float64))
            self.engine.view.at(self.slots).take("customs.import_rmb")  # a trace listens
            here, grouping = self.engine.view.at(months).arrived("customs_monthly"), self.engine.groupings[level]
            self._imports[level] = firms, np.where(here, grouping.by_entity(grouping.by_group(firms)), np.nan)
        return self._imports[level]


@dataclass(frozen=True)
class _Window:
    """Slots that one month's indices stand on, as if nothing before the panel's column ``first`` were known."""

    shelf: _Shelf
    slots: tuple[Period, ...]
    first: int

    @property
    def start(self) -> Period:
        """The first month."""
        return self.shelf.panel.months[self.first]

    def figures(self, indicator: str, source: str, level: str = "town") -> Figures:
        """Figures of a level, (k, slots); blank where they look back too far."""
        whole, earliest = self.shelf.figures(indicator, source, level)
        begin = self.shelf.slots.index(self.slots[0])
        span = slice(begin, begin + len(self.slots))
        value = np.where(earliest[span] >= self.first, whole.value[:, span], np.nan)
        return replace(
            whole, value=value, state=whole.state[:, span], groups=whole.groups[:, span], top2=whole.top2[:, span]
        )


def _windows(engine: Engine, look_back: int | None) -> Iterator[tuple[_Window, tuple[Period, ...]]]:
    """Windows, and the months asked of each."""
    shelf = _Shelf(engine)
    if look_back is None:
        yield _Window(shelf, shelf.slots, 0), engine.view.periods
        return
    for period in engine.view.periods:
        first = max(period - (look_back - 1), shelf.panel.months[0])
        slots = tuple(p for p in shelf.slots if first <= p <= period)
        yield _Window(shelf, slots, first.ordinal - shelf.panel.months[0].ordinal), (period,)


def _use(indicator: str, source: str) -> tuple[Indicator, SourceUse]:
    entry = TownFigure.model_validate({"indicator": indicator, "source": source}).entry
    return entry, next(use for use in entry.sources if use.source == source)


# -- series --------------------------------------------------------------------------------------------------------


def _levels(window: _Window, stem: str, source: str, level: str = "town") -> _Told:
    """A stem's months, February the mean of January and February, linked and adjusted."""
    month, year = (window.figures(f"{stem}_{kind}", source, level) for kind in ("m", "ytd"))
    february = np.array([p.month == 2 for p in window.slots])
    values = np.where(february, year.value / 2.0, month.value)
    behind = [month, year]
    if source == _SOURCE:  # who is in scope changes; growth is on the comparable basis
        behind.append(window.figures(f"{stem}_growth", source, level))
        values = link(values, 1.0 + behind[-1].value)
    return _told(adjust(window.slots, values).adjusted, behind)


def _series(window: _Window, series: Series) -> _Told:
    if series.kind == "level":
        return _levels(window, series.indicator.removesuffix("_m"), series.source)
    figures = window.figures(series.indicator, series.source)
    return _told(figures.value, [figures])


def _told(values: Floats, behind: list[Figures]) -> _Told:
    known = [np.isfinite(figures.value) for figures in behind]
    groups = np.min([np.where(k, f.groups, np.inf).min(axis=1) for k, f in zip(known, behind, strict=True)], axis=0)
    top2 = np.max([np.where(k, f.top2, 0.0).max(axis=1) for k, f in zip(known, behind, strict=True)], axis=0)
    return _Told(values, np.where(np.isfinite(groups), groups, 0.0), top2, tuple(f.state[:1] for f in behind))


# -- composite and diffusion indices -----------------------------------------------------------------------------


def _indices(window: _Window, keys: frozenset[str] = READY) -> dict[str, _Told]:
    """The indices over all slots, one entity each; those of a group that nothing of ``keys`` needs are left out."""
    rules, found = climate(), dict[str, _Told]()
    scale, base = np.nan, np.zeros(len(window.slots), dtype=np.bool_)
    for group in rules.groups:  # the coincident one first: the other is brought to its amplitude, on its base year
        of_it = {f"climate_{group.id}", f"climate_diffusion_{group.id}"}
        if not keys & (of_it | ({"climate_leading"} if group.id == "coincident" else set())):
            continue
        told, weights, values, change = _moved(window, group)
        mean = composite.mean_change(change, weights, rules.least)
        size = composite.mean_size(mean)
        scale = size if group.id == "coincident" else scale
        brought = size / scale if scale > 0.0 else 1.0  # nothing to be brought to
        index = composite.chained(mean, brought, np.asarray(np.isfinite(values).any(axis=0)))
        if group.id == "coincident":
            base = np.array([p.year == rules.base(window.start) for p in window.slots])
        found[f"climate_{group.id}"] = _joined(composite.rebased(index, base), told)
        breadth = composite.diffusion(change, weights, rules.least)
        found[f"climate_diffusion_{group.id}"] = _joined(breadth, told)
    return found


def _moved(window: _Window, group: Group) -> tuple[list[_Told], Floats, Floats, Floats]:
    """The series of a group: what they are, their weights, values (k, T) and changes (k, T)."""
    told = [_series(window, series) for series in group.series]
    weights = np.array([series.weight for series in group.series])
    values = composite.told(np.concatenate([t.values for t in told]), weights, climate().least)
    return told, weights, values, composite.changes(values, np.array([s.kind == "rate" for s in group.series]))


def breadth(engine: Engine, indicator: str) -> tuple[float, float, float] | None:
    """Weight that rose, that stood still, and of all with a change, of a diffusion index in the engine's one month."""
    group = next((g for g in climate().groups if indicator == f"climate_diffusion_{g.id}"), None)
    [(window, [period])] = _windows(engine, None)
    if group is None or period not in window.slots:
        return None
    _, weights, _, change = _moved(window, group)
    return composite.risen(change[:, window.slots.index(period)], weights)


def _joined(values: Floats, told: list[_Told]) -> _Told:
    groups = np.min([t.groups for t in told], axis=0)
    top2 = np.max([t.top2 for t in told], axis=0)
    return _Told(values[None, :], groups, top2, reduce(lambda a, b: (*a, *b.states), told, ()))


# -- the score behind the lamps ----------------------------------------------------------------------------------


def _score(engine: Engine) -> list[dict[str, Any]]:
    """Sum of the components' points brought to the published scale, in the months asked."""
    lamps, view = climate().lamps, engine.view
    behind = [engine.figures(*_use(c.indicator, c.source), "town") for c in lamps.components]
    engine.forget()
    points = np.full((len(behind), view.q), np.nan)
    for at, (component, figures) in enumerate(zip(lamps.components, behind, strict=True)):
        entry = component.entry
        for column in np.flatnonzero(np.isfinite(figures.value[0])):
            shown = round(float(figures.value[0, column]) * entry.display.multiply, entry.decimals)
            points[at, column] = component.points(shown)
    known = np.isfinite(points)
    share = known.mean(axis=0)
    mean = np.where(known, points, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    total = np.floor(mean * lamps.scale.components + 0.5)
    total = np.where(share >= lamps.scale.least, total, np.nan)
    groups = np.where(known, np.array([f.groups[0] for f in behind]), np.inf).min(axis=0)
    top2 = np.where(known, np.array([f.top2[0] for f in behind]), 0.0).max(axis=0)
    return [
        _row(
            period, SCORE, "town", "town", total[at], [f.state[0, at] for f in behind], share[at],
            groups[at] if np.isfinite(groups[at]) else 0, top2[at],
        )
        for at, period in enumerate(view.periods)
    ]  # fmt: skip


# -- imports of parts ahead of output ------------------------------------------------------------------------------


def _leads(window: _Window, asked: tuple[Period, ...]) -> list[dict[str, Any]]:
    """The lag scan of the newest slot, town and chains; earlier months say that it is not worked out for them."""
    rows, slots = [], window.slots
    for level in ("town", "chain"):
        output = _levels(window, "output", _SOURCE, level)
        imports = _parts(window, level)
        entities = window.shelf.engine.entities(level)
        values = np.full((len(LEADS), len(entities), len(slots)), np.nan)
        for at in range(len(entities)):
            values[:, at, -1] = _lead(imports.values[at], output.values[at], len(entities))
        groups, top2 = np.minimum(imports.groups, output.groups), np.maximum(imports.top2, output.top2)
        for key, value in zip(LEADS, values, strict=True):
            rows += _rows(slots, asked, key, level, entities, _Told(value, groups, top2, output.states))
    return rows


def _lead(imports: Floats, output: Floats, looks: int) -> tuple[float, float, float, float]:
    """Lag (only where the interval excludes 0), correlation, and its interval."""
    rules = climate().lead
    leader, follower = (np.diff(np.log(series)) for series in (imports, output))
    found: Scan = scan(leader, follower, rules.farthest, rules.confidence, rules.least, looks)
    if found.best is None:
        return (np.nan,) * 4
    r, low, high = (float(part[found.best]) for part in (found.correlation, found.low, found.high))
    return (float(found.best) if low > 0.0 else np.nan), r, low, high


def _parts(window: _Window, level: str) -> _Told:
    """Imports of parts by entity, adjusted; groups and dominance of the last year's."""
    firms, totals = window.shelf.imports(level)
    origin, slots = window.shelf.panel.months[0].ordinal, window.slots
    columns = np.array([p.ordinal - origin for p in slots])
    february = np.array([p.month == 2 for p in slots]) & (columns > window.first)
    values = totals[:, columns]
    values = np.where(february, (values + totals[:, np.maximum(columns - 1, 0)]) / 2.0, values)
    year = firms[:, max(columns[-1] - 11, window.first) : columns[-1] + 1].sum(axis=1, keepdims=True)
    return _Told(adjust(slots, values).adjusted, *_weakest(window.shelf.engine.groupings[level], year))


def _weakest(grouping: Grouping, year: Floats) -> tuple[Floats, Floats]:
    return grouping.groups(year > 0)[:, 0].astype(np.float64), grouping.top2(grouping.by_group(year))[:, 0]


# -- rows ----------------------------------------------------------------------------------------------------------


def _rows(
    slots: tuple[Period, ...], asked: tuple[Period, ...], key: str, level: str, entities: tuple[str, ...], told: _Told
) -> list[dict[str, Any]]:
    column = {period: at for at, period in enumerate(slots)}
    rows = []
    for period in asked:
        at = column.get(period)
        for number, entity in enumerate(entities):
            value = told.values[number, at] if at is not None else np.nan
            states = [state[0, at] for state in told.states] if at is not None else []
            share = float(np.isfinite(value))
            rows.append(_row(period, key, level, entity, value, states, share, told.groups[number], told.top2[number]))
    return rows


def _row(
    period: Period, key: str, kind: str, entity: str, value: float, states: list[Any], share: float, groups: float,
    top2: float,
) -> dict[str, Any]:  # fmt: skip
    """One row of the frame; without a value its state is what its inputs lack."""
    why = next((s for s in (DatumState.LATE, DatumState.FAILED) if s in states), DatumState.EXPECTED_ABSENT)
    known = bool(np.isfinite(value))
    return {
        "period": str(period), "indicator": key, "entity_kind": kind, "entity": entity, "source": _SOURCE,
        "value": float(value), "state": (DatumState.VALUE if known else why).word, "coverage": float(share),
        "groups": int(groups), "top2": float(top2), "hidden_groups": int(groups),
    }  # fmt: skip
