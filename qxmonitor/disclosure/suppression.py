"""Which aggregates are safe to give outside the statistical channel: one pattern for every administrative reader.

*Primary*: fewer than n groups, two groups holding more than the limit, or one or two groups left unknown once the
firms that readers already know by name are taken away. *Secondary*: the chains (with ``other``) add up to the town,
so what is hidden among them is known as a sum; that union must itself be safe, else the next smallest chain is hidden
too. A figure and those it can be worked out from (its family, see ``permitted_use.yml``) share one pattern; a chain
hidden in a month stays hidden in that year's later cumulative figures, and for twelve months in trailing ones, since
two issues' difference is the month. Where the frame does not reach back far enough to know, they are hidden. What the
difference of two issues would show of late and re-filed returns is held back as well
(:mod:`qxmonitor.disclosure.successive`).

The frame states groups, dominance and unknown groups of each entity, not of unions. The bounds used for a union are
safe ones: a group may count in several chains at most as often as the chains' counts exceed the town's; its two
largest groups hold at most the weighted mean of the members' top-2 shares, where weights are the level, and last
year's level for growth; with no level known, the largest of the shares.

The pattern depends on the figures and nothing else, so readers who pool their papers learn nothing from differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from qxmonitor.catalog.climate import made_of
from qxmonitor.catalog.indicators import Indicator, Indicators, indicators
from qxmonitor.catalog.office import Thresholds, office
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.disclosure.successive import Part, Successive
from qxmonitor.period import Period

TOWN = "town"
Key = tuple[str, str, str, str, str]
KEY = ["period", "indicator", "entity_kind", "entity", "source"]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """An indicator frame with plain text keys and a fresh index, without ``target.`` rows.

    Progress of a target is a figure of its indicator in other clothes: it is cleared with that one
    (:meth:`~qxmonitor.disclosure.Gate.progress`).
    """
    targets = [name for name in frame["indicator"].unique() if str(name).startswith("target.")]
    table = frame[~frame["indicator"].isin(targets)].reset_index(drop=True)
    return table.assign(**{name: _words(table[name]) for name in (*KEY, "state")})


def _words(column: pd.Series) -> pd.Series:
    """A column of few distinct words as plain ``str`` objects."""
    positions, distinct = pd.factorize(column)
    words = np.array([*(str(word) for word in distinct), np.nan], dtype=object)
    return pd.Series(words[positions], index=column.index, dtype=object)


@dataclass(frozen=True)
class Pattern:
    """The aggregates that may be given outside the statistical channel; everything not in it is hidden.

    Attributes:
        published: what may be given.
        held: what is hidden only because of earlier issues: (part, period, entity).
    """

    published: frozenset[Key]
    held: frozenset[tuple[Part, str, str]] = frozenset()

    def published_mask(self, frame: pd.DataFrame) -> pd.Series:
        """Row by row, whether an aggregate of an indicator frame may be given."""
        kinds = {kind for _, _, kind, _, _ in self.published}
        mask = frame["entity_kind"].isin(kinds).to_numpy(dtype=bool, copy=True)  # most rows are firms'
        keys = zip(*(frame[column][mask].astype(str).tolist() for column in KEY), strict=True)
        mask[mask] = [key in self.published for key in keys]
        return pd.Series(mask, index=frame.index)

    def publishes(self, period: str, indicator: str, entity_kind: str, entity: str, source: str) -> bool:
        """Whether one aggregate may be given; unknown ones may not."""
        return (str(period), indicator, entity_kind, entity, source) in self.published


class _Cell(NamedTuple):
    """One aggregate, or what is left of the town; ``value`` is NaN where none is stated."""

    period: str
    indicator: str
    kind: str
    entity: str
    value: float
    groups: int
    top2: float
    hidden: int
    unsafe: bool


def pattern(
    frame: pd.DataFrame,
    thresholds: Thresholds | None = None,
    catalogue: Indicators | None = None,
    earlier: Successive | None = None,
) -> Pattern:
    """The common suppression pattern of an indicator frame.

    Args:
        frame: the indicator frame (period, indicator, entity_kind, entity, source, value, state, groups, top2,
            hidden_groups). Give it from January on (and twelve months for trailing figures): a chain's cumulative
            figure is not given when nobody can tell what an earlier month hid.
        thresholds: default those of ``office.yml``.
        catalogue: default ``indicators.yml``.
        earlier: what is held back because of earlier issues; default nothing.
    """
    limits = thresholds or office().thresholds
    known = catalogue or indicators()
    frame = plain(frame)
    rows = frame[frame["entity_kind"].isin(["chain", TOWN])].copy()
    rows["value"] = rows["value"].astype(float)
    rows["has"] = (rows["state"] == "value") & np.isfinite(rows["value"])
    rows["primary"] = _primary(rows, limits, known)
    parts = {name: permitted_use().parts(name) for name in rows["indicator"].unique()}
    by_source: dict[str, list[_Cell]] = {}
    for source, cell in zip(rows["source"], _cells(rows), strict=True):
        by_source.setdefault(source, []).append(cell)
    published: set[Key] = set()
    held: set[tuple[Part, str, str]] = set()
    for source, cells in by_source.items():
        hiding = _Hiding(limits, {entry.id: entry for entry in known.indicators}, _levels(cells, known))
        families: dict[str, list[tuple[str, _Cell]]] = {}
        for cell in cells:
            for part in parts[cell.indicator]:
                family, _, kind = part.rpartition(".")
                families.setdefault(family, []).append((kind, cell))
        hidden: set[tuple[str, str, str]] = set()
        for name, members in families.items():
            found = hiding.family(members)
            more = _held_back(found, members, source, name, earlier) if earlier is not None else set()
            held |= {((source, name, kind), period, entity) for kind, period, entity in more}
            hidden |= {(f"{name}.{kind}", period, entity) for kind, period, entity in found | more}
        published |= {
            (cell.period, cell.indicator, cell.kind, cell.entity, source)
            for cell in cells
            if not np.isnan(cell.value)
            and not cell.unsafe
            and not any((part, cell.period, cell.entity) in hidden for part in parts[cell.indicator])
        }
    stated = rows[rows["has"]]
    there = set(zip(*(stated[name].astype(str) for name in KEY), strict=True))
    return Pattern(frozenset(_with_all_parts(published, there)), frozenset(held))


def _with_all_parts(published: set[Key], there: set[Key]) -> set[Key]:
    """Without the figures made of several others of which one that is there is not given, from whatever source."""

    def whole(key: Key) -> bool:
        period, indicator, kind, entity, _ = key
        parts = [(period, part, kind, entity, source) for part, source in made_of(indicator)]
        return all(part in published for part in parts if part in there)

    return {key for key in published if not made_of(key[1]) or whole(key)}


def _held_back(
    hidden: set[tuple[str, str, str]], members: list[tuple[str, _Cell]], source: str, family: str, earlier: Successive
) -> set[tuple[str, str, str]]:
    """What earlier issues make unsafe, beside what is hidden anyway: (kind of part, period, entity)."""
    found = set()
    for kind, period in {(kind, cell.period) for kind, cell in members}:
        there = {entity for k, p, entity in hidden if (k, p) == (kind, period)}
        found |= {(kind, period, entity) for entity in earlier.held_back((source, family, kind), period, there)}
    return found


def _cells(rows: pd.DataFrame) -> list[_Cell]:
    names = [rows[name] for name in ("period", "indicator", "entity_kind", "entity")]
    counts = [
        rows["groups"].fillna(0).astype(int),
        rows["top2"].fillna(1.0),
        rows["hidden_groups"].fillna(0).astype(int),
    ]
    columns = [*names, rows["value"].where(rows["has"]), *counts, rows["primary"]]
    return [_Cell(*cell) for cell in zip(*(column.tolist() for column in columns), strict=True)]


Levels = dict[tuple[str, str], dict[str, float]]
"""(period, additive indicator) → entity → |level|, the chains only."""


def _levels(cells: list[_Cell], known: Indicators) -> Levels:
    additive = {entry.id for entry in known.indicators if entry.additive}
    found: Levels = {}
    for cell in cells:
        if cell.kind == "chain" and cell.indicator in additive and not np.isnan(cell.value):
            found.setdefault((cell.period, cell.indicator), {})[cell.entity] = abs(cell.value)
    return found


def _primary(rows: pd.DataFrame, limits: Thresholds, known: Indicators) -> pd.Series:
    """Unsafe by itself; a missing count or share is unsafe."""
    groups, top2, hidden = (rows[name].astype(float) for name in ("groups", "top2", "hidden_groups"))
    safe = (groups >= limits.groups) & (top2 <= limits.dominance) & ((hidden == 0) | (hidden >= limits.groups))
    if not limits.unanimous:
        shares = {entry.id for entry in known.indicators if entry.weighs == "firms" and entry.unit == "1"}
        harmless = rows["indicator"].isin(permitted_use().harmless_nought) & (rows["value"] == 0.0)
        unanimous = rows["value"].isin([0.0, 1.0]) & ~harmless
        safe &= ~(rows["indicator"].isin(shares) & (rows["source"] != "register") & unanimous)
    return ~safe


@dataclass(frozen=True)
class _Hiding:
    """Decides what is hidden, for one source."""

    limits: Thresholds
    entries: dict[str, Indicator]
    levels: Levels

    def family(self, family: list[tuple[str, _Cell]]) -> set[tuple[str, str, str]]:
        """Hidden (month | cumulative | trailing, period, entity) of one family, in the order of months."""
        out: set[tuple[str, str, str]] = set()
        sticky: dict[Period, set[str]] = {}
        own: dict[Period, set[str]] = {}
        everyone = {cell.entity for _, cell in family}
        months: dict[str, list[tuple[str, _Cell]]] = {}
        for kind, cell in family:
            months.setdefault(cell.period, []).append((kind, cell))
        first = Period(min(months))
        for text in sorted(months):
            period, rows = Period(text), months[text]
            of = {kind: [cell for k, cell in rows if k == kind] for kind in ("month", "cumulative", "trailing")}
            # Until February the month and the cumulative figure are one and the same.
            one = period.month <= 2
            month = self._hide(of["month"] + of["cumulative"] if one else of["month"], set())
            year = {entity for earlier, names in sticky.items() if earlier[:4] == period[:4] for entity in names}
            whole = first[:4] < period[:4] or first.month <= 2
            cumulative = self._hide(of["cumulative"], month | (year if whole else everyone - {TOWN}))
            if one:
                month |= cumulative
            sticky[period] = month | cumulative
            own[period] = month | self._hide(of["cumulative"], month) if of["trailing"] else set()
            twelve = {entity for earlier, names in own.items() if earlier > period - 12 for entity in names}
            trailing = self._hide(of["trailing"], twelve if first <= period - 11 else everyone)
            for kind, chosen in (("month", month), ("cumulative", cumulative), ("trailing", trailing)):
                out |= {(kind, text, entity) for entity in chosen}
        return out

    def _hide(self, cells: list[_Cell], start: set[str]) -> set[str]:
        """Chains (and town) hidden in one part and month, so that no union of hidden chains is unsafe."""
        chains = [cell for cell in cells if cell.kind == "chain"]
        everything = {cell.entity for cell in chains}
        unsafe = {(cell.kind, cell.entity) for cell in cells if cell.unsafe and not np.isnan(cell.value)}
        if TOWN in start or (TOWN, TOWN) in unsafe:
            return everything | {TOWN}
        forced = (start & everything) | {entity for kind, entity in unsafe if kind == "chain"}
        tables = self._tables(cells)
        if not tables:
            return forced
        # Fewest groups first, codes break ties: both change rarely, so the same chains stay hidden from issue to issue.
        size = {entity: max(cell.groups for cell in chains if cell.entity == entity) for entity in everything}
        order = sorted(everything, key=lambda entity: (size[entity], entity))
        hidden = set(forced)
        while not all(_safe(table, hidden, self.limits) for table in tables):
            rest = [entity for entity in order if entity not in hidden]
            if not rest:
                break
            hidden.add(rest[0])
        for entity in reversed(order):  # take back the largest that turned out not to be needed
            fewer = hidden - {entity}
            if entity in hidden and entity not in forced and all(_safe(t, fewer, self.limits) for t in tables):
                hidden = fewer
        return hidden

    def _tables(self, cells: list[_Cell]) -> list[_Table]:
        """The partitions in which the town's figure is given, so that hidden chains are known as a sum."""
        found: list[_Table] = []
        for name in sorted({cell.indicator for cell in cells}):
            mine = [cell for cell in cells if cell.indicator == name]
            town = next((cell for cell in mine if cell.kind == TOWN), None)
            chains = {cell.entity: cell for cell in mine if cell.kind == "chain"}
            if town is None or np.isnan(town.value) or not chains:
                continue
            entry = self.entries.get(name)
            given = {entity: cell for entity, cell in chains.items() if not np.isnan(cell.value)}
            residual = _residual(given, chains, town, entry is not None and entry.additive)
            found.append(_Table(given, town, self._weights(name, entry, town.period, given), residual))
        return found

    def _weights(
        self, indicator: str, entry: Indicator | None, period: str, given: dict[str, _Cell]
    ) -> tuple[dict[str, float], ...]:
        """Weights of the cells' top-2 shares: their level; for growth also last year's; empty when not known."""
        if entry is not None and entry.weighs == "firms":
            return ({entity: float(cell.groups) for entity, cell in given.items()},)
        if entry is not None and entry.additive:
            return ({entity: abs(cell.value) for entity, cell in given.items()},)
        if "_growth" in indicator:
            now = self._level(period, _growth_of(indicator, "_m"), given)
            now = now or self._level(period, _growth_of(indicator, "_ytd"), given)
            if now is None:
                return ()
            before = {entity: now[entity] / max(1.0 + cell.value, 1e-9) for entity, cell in given.items()}
            return now, before
        stated = [self._level(period, level, given) for level in permitted_use().weights.get(indicator, ())]
        return tuple(w for w in stated if w is not None) if stated and None not in stated else ()

    def _level(self, period: str, indicator: str, given: dict[str, _Cell]) -> dict[str, float] | None:
        level = self.levels.get((period, indicator), {})
        return {entity: level[entity] for entity in given} if given.keys() <= level.keys() else None


@dataclass(frozen=True)
class _Table:
    """One indicator's partition in one month: its chains, the town, and the weights of the top-2 shares."""

    cells: dict[str, _Cell]
    town: _Cell
    weights: tuple[dict[str, float], ...]
    residual: _Cell | None


def _growth_of(growth: str, suffix: str) -> str:
    """The level a growth rate is of; a real one is weighed by the level at current prices."""
    growth = growth.replace("_real_growth", "_growth")
    return growth.replace("_growth_ytd", "_ytd") if growth.endswith("_ytd") else growth.replace("_growth", suffix)


def _residual(given: dict[str, _Cell], cells: dict[str, _Cell], town: _Cell, additive: bool) -> _Cell | None:
    """What the given chains leave of the town: a cell hidden already, of which nothing good is known."""
    groups = town.groups - sum(cell.groups for cell in given.values())
    hidden = town.hidden - sum(cell.hidden for cell in given.values())
    missing = town.value - sum(cell.value for cell in given.values()) if additive else 0.0
    short = abs(missing) > 1e-6 * max(abs(town.value), 1.0)
    if len(given) == len(cells) and groups <= 0 and not short:
        return None
    return _Cell(
        town.period, town.indicator, "rest", "", abs(missing), max(groups, 0), 1.0, max(hidden, 0), unsafe=True
    )


def _safe(table: _Table, hidden: set[str], limits: Thresholds) -> bool:
    """Whether the union of the hidden cells is itself a safe aggregate (or empty)."""
    members = [cell for entity, cell in table.cells.items() if entity in hidden]
    if table.residual is not None:
        members.append(table.residual)
    if not members:
        return True
    if len(members) == len(table.cells) + (table.residual is not None):
        return True  # nothing but the town is given, and the town is safe
    every = [*table.cells.values(), *([table.residual] if table.residual else [])]
    groups = _at_least([m.groups for m in members], sum(c.groups for c in every) - table.town.groups)
    unknown = _at_least([m.hidden for m in members], sum(c.hidden for c in every) - table.town.hidden)
    if groups < limits.groups or (any(m.hidden for m in members) and unknown < limits.groups):
        return False
    if not table.weights or table.residual is not None:
        return max(m.top2 for m in members) <= limits.dominance
    return all(_top2(table, hidden, weights) <= limits.dominance for weights in table.weights)


def _at_least(counts: list[int], counted_twice: int) -> int:
    """Fewest distinct groups of a union, when at most ``counted_twice`` are in more than one cell."""
    return max(max(counts), sum(counts) - max(counted_twice, 0))


def _top2(table: _Table, hidden: set[str], weights: dict[str, float]) -> float:
    members = [entity for entity in table.cells if entity in hidden]
    total = sum(weights[entity] for entity in members)
    return sum(table.cells[e].top2 * weights[e] for e in members) / total if total > 0 else 0.0
