"""Trade by supervision mode, market and HS chapter, and how much hangs on one market, from the customs sheets' lines.

Rows of a level ``mode``, ``market`` or ``chapter`` stand for the whole town. As everywhere in customs figures: once all
sheets from January are here, who has no line did nothing. All need firm-level rights on customs: a single firm may be a
whole market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.structure import structure_rules
from qxmonitor.indicators.formula import Formula, Parts, Structure, StructureFormula, formula, structure
from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.levels import Levels, level_codes
from qxmonitor.indicators.view import Bools, Codes, Floats, View, group_codes

FORM = "customs_monthly"
KEYS = {"mode": "mode", "market": "partner", "chapter": "chapter"}
"""Level → column of the panel's ``trade``."""
FLOWS = {"import": "I", "export": "E"}
_ROW = ["period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
        "hidden_groups"]  # fmt: skip


@dataclass(frozen=True)
class _Table:
    """Sums from January of each (entity, key), r rows × q asked months, in yuan.

    Attributes:
        entity: (r,) code of the entity.
        key: (r,) code of the mode, market or chapter into ``keys``.
    """

    entity: Codes
    key: Codes
    keys: tuple[str, ...]
    now: Floats
    then: Floats


def _table(view: View, flow: str, key: str, level: str) -> _Table:
    """A flow's lines added up by entity of their firm and key, from January; worked out once."""
    view.note(f"customs.{flow}_rmb")
    view.note(f"customs.{flow}_rmb", shift=12)
    name = ("lines", flow, key, level)
    if name not in view.memo:
        entity = np.arange(view.n) if level == "firm" else level_codes(view.panel.firms, level)[0]
        view.memo[name] = _summed(view, flow, key, entity)
    found: _Table = view.memo[name]
    return found


def _summed(view: View, flow: str, key: str, entity: npt.NDArray[np.intp]) -> _Table:
    lines = view.panel.trade
    mine = lines[(lines["flow"] == FLOWS[flow]) & lines["rmb"].notna()]
    named = mine[key] if isinstance(mine[key].dtype, pd.CategoricalDtype) else mine[key].astype("category")
    labels = named.cat.categories.astype(str)
    order = np.argsort(labels.to_numpy(dtype=object), kind="stable")
    codes = np.argsort(order)[named.cat.codes.to_numpy()] if len(named) else np.zeros(0, dtype=np.intp)
    width = max(len(labels), 1)
    rows, place = np.unique(entity[mine["firm"].to_numpy()] * width + codes, return_inverse=True)
    month, rmb = mine["month"].to_numpy(), mine["rmb"].to_numpy(dtype=np.float64)
    now, then = np.full((2, len(rows), view.q), np.nan)
    for grid, shift in ((now, 0), (then, 12)):
        for j in np.flatnonzero(_whole(view, shift)):
            last = view.columns[j] - shift
            inside = (month <= last) & (month > last - view.month[j])
            there = np.bincount(place[inside], minlength=len(rows)) > 0
            total = np.bincount(place[inside], weights=rmb[inside], minlength=len(rows))
            grid[:, j] = np.where(there, total, np.nan)
    return _Table(rows // width, rows % width, tuple(labels[order]), now, then)


def _whole(view: View, shift: int) -> Bools:
    """Whether all sheets from January to each asked month, or ``shift`` months before, are here, (q,)."""
    years = view.accumulate(np.zeros((1, len(view.panel.months))), FORM)
    whole: Bools = np.isfinite(view.pick(years, shift=shift))[0]
    return whole


def _market(flow: str, measure: str) -> StructureFormula:
    """Share of the largest market, or the sum of the squared shares of all."""

    def concentration(view: View, levels: Levels, level: str) -> Structure:
        table = _table(view, flow, "partner", level)
        value = np.full((len(levels[level].entities), view.q), np.nan)
        if len(table.entity):
            sizes = np.nan_to_num(np.maximum(table.now, 0.0))
            starts = np.flatnonzero(np.diff(table.entity, prepend=-1))
            total = np.add.reduceat(sizes, starts, axis=0)
            if measure == "top":
                part = np.maximum.reduceat(sizes, starts, axis=0)
            else:
                whole = np.repeat(total, np.diff(starts, append=len(sizes)), axis=0)
                shares = np.divide(sizes, whole, out=np.zeros_like(sizes), where=whole > 0)
                part = 1e4 * np.add.reduceat(shares**2, starts, axis=0) * total
            share = np.divide(part, total, out=np.full_like(total, np.nan), where=total > 0)
            value[table.entity[starts]] = share
        return Structure(value, np.isfinite(view.year_to_date(f"customs.{flow}_rmb")))

    return concentration


for _flow in FLOWS:
    for _measure in ("top", "hhi"):
        structure(f"{_flow}_market_{_measure}")(_market(_flow, _measure))


def _mode_share(modes: str) -> Formula:
    """Share of some supervision modes in imports and exports from January, in yuan."""

    def share(view: View, source: str) -> Parts:
        wanted = getattr(structure_rules(), modes)
        lines = view.panel.trade
        mine = lines[lines["mode"].astype("str").isin(wanted) & lines["rmb"].notna()]
        sums = np.zeros((view.n, len(view.panel.months)))
        place = (mine["firm"].to_numpy(), mine["month"].to_numpy())
        np.add.at(sums, place, mine["rmb"].to_numpy(dtype=np.float64))
        return Parts(view.pick(view.accumulate(sums, FORM)), view.year_to_date("customs.trade_rmb"), same_firms=True)

    return share


formula("general_trade_share")(_mode_share("general_modes"))
formula("processing_trade_share")(_mode_share("processing_modes"))


def part_rows(view: View) -> pd.DataFrame:
    """Rows of ``{import,export}_part_{rmb_ytd,share,growth_ytd}`` by mode, market and chapter of the months asked.

    A part that was nothing in both years has no row; a month whose sheets are not all here has none at all.
    """
    frames = []
    groups = group_codes(view.panel.firms)
    for flow in FLOWS:
        for level, key in KEYS.items():
            table = _table(view, flow, key, "firm")
            if len(table.entity):
                frames.append(_rows(view, flow, level, table, groups))
    if not frames:
        return pd.DataFrame(columns=_ROW)
    rows = pd.concat(frames, ignore_index=True)
    order = {entry.id: at for at, entry in enumerate(indicators().indicators)}
    return rows.sort_values(
        ["indicator", "entity_kind", "period", "entity"], key=lambda c: c.map(order) if c.name == "indicator" else c,
        ignore_index=True,
    )  # fmt: skip


def _rows(view: View, flow: str, level: str, table: _Table, groups: Codes) -> pd.DataFrame:
    used = np.unique(table.key)
    grouping = Grouping.of(np.searchsorted(used, table.key), [table.keys[code] for code in used], groups[table.entity])
    now, then = table.now, table.then
    has = np.isfinite(now) | np.isfinite(then)
    pairs = [grouping.by_group(part) for part in (now, then)]
    total, before = (grouping.by_entity(part) for part in pairs)
    arrived = _whole(view, 0)
    comparable = arrived & _whole(view, 12) & ~view.january
    whole = total.sum(axis=0)
    share = np.divide(total, whole, out=np.full_like(total, np.nan), where=whole > 0)
    growth = np.divide(total, before, out=np.full_like(total, np.nan), where=(before > 0) & comparable) - 1.0
    unnamed = ~view.authorised[table.entity]
    counts, hidden = grouping.groups(has), grouping.groups(has & unnamed)
    top2 = np.max([grouping.top2(part) for part in pairs], axis=0)
    shown = (counts > 0) & arrived
    entity, period = np.nonzero(shown)
    kinds: dict[str, Floats] = {"rmb_ytd": total, "share": share, "growth_ytd": growth}
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "period": np.array([str(p) for p in view.periods], dtype=object)[period],
                    "indicator": f"{flow}_part_{kind}", "entity_kind": level,
                    "entity": np.array(grouping.entities, dtype=object)[entity], "source": "customs",
                    "value": values[shown],
                    "state": np.where(
                        np.isfinite(values[shown]), DatumState.VALUE.word, DatumState.EXPECTED_ABSENT.word
                    ),
                    "coverage": 1.0, "groups": counts[shown], "top2": top2[shown], "hidden_groups": hidden[shown],
                }
            )
            for kind, values in kinds.items()
        ],
        ignore_index=True,
    )  # fmt: skip
