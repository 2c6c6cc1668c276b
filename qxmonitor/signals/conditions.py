"""Rules made of conditions on indicators: marks with persistence and hysteresis, own past, peers, and composites.

A month's raw level is how many of the watch's marks the measure reaches while the further conditions hold. The level
said is the highest that ``months`` of the last ``out_of`` judged months reached. A firm with nothing left of what the
measure speaks of (``emptied``) is quiet. Once an alert stands it holds at blue until the measure is back beyond
``leave``: between leave and blue nothing changes, whichever side it came from. A month whose measure, or a condition
that matters, is not known is not judged and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qxmonitor.catalog.indicators import Indicator, indicators
from qxmonitor.catalog.rules import Condition, Rule, Test, Watch
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.smoothing import YEAR
from qxmonitor.indicators.view import Bools, Floats, chain_codes

NOT_JUDGED = np.int8(-1)
Levels = npt.NDArray[np.int8]

LEAST_PEERS = 8
"""Firms of the chain that must have the figure before one is compared with the others."""
_EMPTIED = {"stock.empty": "账册已报，期末没有结存货物"}
_SIDES = {"above": "不低于", "below": "不高于", "apart": "偏离零不小于"}


@dataclass(frozen=True)
class Judged:
    """k entities × m months: level (−1 not judged), the measure, and its coverage where it is an aggregate's."""

    level: Levels
    measure: Floats
    coverage: Floats | None


def judged(engine: Engine, rule: Rule, watch: Watch, expected: Floats) -> Judged:
    """Levels of one watch for every month of the engine's view, months in order.

    Args:
        engine: over consecutive months, a year and more before the first month that is to count.
        rule: of judge ``conditions``.
        watch: one of its entries.
        expected: ``(m,)`` growth that the festival's date alone gives each month; 0 without.
    """
    test = rule.test
    assert test is not None, rule.id
    first = Condition(indicator=rule.indicator, of=test.of, side=test.side, at=watch.levels.blue)
    measure, coverage = measured(engine, first, watch.kind, watch.source)
    if rule.festival_loss is not None:
        measure = (1.0 + measure) / (1.0 + expected) - 1.0
    if watch.kind != "firm":
        measure = np.where(np.nan_to_num(coverage) >= test.min_coverage, measure, np.nan)
    held, unknown = _held(engine, test, watch, measure.shape)
    raw = reached(measure, watch.levels.steps(), test.side)
    known = np.isfinite(measure) & ~(unknown & (raw > 0))
    raw = np.where(held, raw, 0).astype(np.int8)
    if test.emptied is not None and watch.kind == "firm":
        known |= ~np.isfinite(measure) & (engine.view.take(test.emptied) > 0)
    back = beyond(measure, watch.levels.blue if watch.leave is None else watch.leave, test.side) & held
    level = persisted(raw, known, back, test.months, test.out_of)
    return Judged(level, measure, None if watch.kind == "firm" else coverage)


def measured(engine: Engine, condition: Condition, kind: str, source: str) -> tuple[Floats, Floats]:
    """What a condition looks at and the coverage behind it, (k, m) each."""
    entry = indicators().indicator(condition.indicator)
    use = next(u for u in entry.sources if u.source == (condition.source or source))
    figures = engine.figures(entry, use, kind)
    value = figures.value
    if condition.of == "change":
        value = value - _year_before(value)
    elif condition.of == "growth":
        before = _year_before(value)
        growth = np.full(value.shape, np.nan)
        np.divide(value, before, out=growth, where=np.nan_to_num(before) > 0)
        value = growth - 1.0
    elif condition.of == "peers":
        value = against_peers(value, chain_codes(engine.view.panel.firms)[0])
    return value, figures.coverage


def holds(engine: Engine, condition: Condition, kind: str, source: str) -> tuple[Bools, Bools]:
    """Where a condition holds, and where that is not known."""
    value, _ = measured(engine, condition, kind, source)
    return beyond(value, condition.at, condition.side), ~np.isfinite(value)


def _held(engine: Engine, test: Test, watch: Watch, shape: tuple[int, ...]) -> tuple[Bools, Bools]:
    """Where all further conditions hold, and where it hangs on one that is not known."""
    held, unknown = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for condition in test.all_of:
        true, missing = holds(engine, condition, watch.kind, watch.source)
        held, unknown = held & true, unknown | missing
    if test.any_of:
        parts = [holds(engine, condition, watch.kind, watch.source) for condition in test.any_of]
        one = np.logical_or.reduce([true for true, _ in parts])
        held, unknown = held & one, unknown | (~one & np.logical_or.reduce([missing for _, missing in parts]))
    return held, unknown


def beyond(values: Floats, mark: float, side: str) -> Bools:
    """Whether values reach a mark; NaN does not.

    >>> beyond(np.array([-0.3, 0.1, np.nan]), 0.2, "apart").tolist()
    [True, False, False]
    """
    known = np.isfinite(values)
    safe = np.where(known, values, 0.0)
    if side == "below":
        return known & (safe <= mark)
    return known & ((np.abs(safe) if side == "apart" else safe) >= mark)


def reached(values: Floats, steps: Sequence[float], side: str) -> Levels:
    """How many marks each value reaches."""
    return np.asarray(np.sum([beyond(values, step, side) for step in steps], axis=0), dtype=np.int8)


def persisted(raw: Levels, known: Bools, back: Bools, months: int, out_of: int) -> Levels:
    """Levels said, from raw levels month by month, (k, m); −1 where a month is not judged.

    Args:
        raw: level each month reaches by itself.
        known: whether it can be judged.
        back: the measure is still beyond the leaving mark.
        months: how many months must reach a level.
        out_of: of how many judged ones.

    >>> raw, known = np.array([[1, 0, 2, 2, 0]], dtype=np.int8), np.ones((1, 5), dtype=bool)
    >>> persisted(raw, known, np.array([[True, True, True, True, False]]), 2, 3).tolist()
    [[0, 0, 1, 2, 0]]
    """
    level = np.full(raw.shape, NOT_JUDGED, dtype=np.int8)
    window = np.zeros((len(raw), out_of), dtype=np.int8)
    standing = np.zeros(len(raw), dtype=bool)
    for month in range(raw.shape[1]):
        here, still = known[:, month], back[:, month]
        moved = np.concatenate([window[:, 1:], raw[:, month : month + 1]], axis=1)
        window = np.where(here[:, None], moved, window)
        said = np.where(still, np.sort(window, axis=1)[:, out_of - months], 0)
        said = np.where(standing & still, np.maximum(said, 1), said)
        level[here, month] = said[here]
        standing = np.where(here, said > 0, standing)
    return level


def against_peers(values: Floats, chain: npt.NDArray[np.intp]) -> Floats:
    """Robust standard deviations from the median of the firm's chain, month by month; NaN with too few peers.

    Args:
        values: (n, m).
        chain: (n,) code of each firm's chain.
    """
    frame = pd.DataFrame(values)
    middle = frame.groupby(chain).transform("median")
    spread = (frame - middle).abs().groupby(chain).transform("median") * 1.4826
    enough = frame.groupby(chain).transform("count") >= LEAST_PEERS
    stands = (frame - middle).where(enough & (spread > 0)) / spread.where(spread > 0)
    return stands.to_numpy(dtype=np.float64)


def _year_before(values: Floats) -> Floats:
    before = np.full(values.shape, np.nan)
    before[:, YEAR:] = values[:, :-YEAR]
    return before


# -- words ---------------------------------------------------------------------------------------------------------


def words(rule: Rule, watch: Watch, measure: Floats) -> dict[str, object]:
    """Evidence in Chinese: what the measure is, the mark it is held against, and what else had to hold.

    Args:
        rule: of judge ``conditions``.
        watch: its entry.
        measure: of the rows that become verdicts, (r,).
    """
    test = rule.test
    assert test is not None, rule.id
    head, factor, tail = _wording(indicators().indicator(rule.indicator), test.of)
    numbers = pc.cast(pc.round(pa.array(measure * factor + 0.0), 1), pa.string())
    told = pc.binary_join_element_wise(head, numbers, tail, "")
    if test.emptied is not None:
        told = pc.if_else(np.isfinite(measure), told, _EMPTIED[test.emptied])
    also = [f"{_told(c)}" for c in test.all_of] + (["或".join(_told(c) for c in test.any_of)] if test.any_of else [])
    seen = "" if test.out_of == 1 else f"，最近{test.out_of}次判断中至少{test.months}次"
    limit = f"提示线{_SIDES[test.side]}{_number(watch.levels.blue * factor)}{tail}{seen}"
    return {
        "told": np.asarray(told.to_numpy(zero_copy_only=False), dtype=object),
        "limit": limit + ("；且" + "，".join(also) if also else ""),
    }


def _told(condition: Condition) -> str:
    head, factor, tail = _wording(indicators().indicator(condition.indicator), condition.of)
    return f"{head}{_SIDES[condition.side]}{_number(condition.at * factor)}{tail}"


def _wording(entry: Indicator, of: str) -> tuple[str, float, str]:
    """Words before a number, its factor, words after it."""
    unit, factor = entry.display.unit, entry.display.multiply
    if of == "growth":
        return f"{entry.name}较上年同期变动", 100.0, "%"
    if of == "change":
        return f"{entry.name}较上年同期变动", factor, "个百分点" if unit == "%" else unit
    if of == "peers":
        return f"{entry.name}与同链企业中位数相差", 1.0, "个稳健标准差"
    return f"{entry.name}", factor, unit


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
