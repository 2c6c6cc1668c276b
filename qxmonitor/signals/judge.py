"""Monthly verdicts: each rule × entity × source × month gets a level 0 to 4, or no row where it cannot be judged.

* ``growth_below`` (总量下降): month growth of totals on the comparable basis, adjusted for what the moving Spring
  Festival alone would do. January has none; February is the two months together.
* ``below_expected`` (产值下降): a firm's month against its own expectation (:mod:`qxmonitor.signals.expectation`). A
  month of zero output is left to 停产.
* ``zero_months`` (停产): a return is here and says zero where there was output before, or in last year's column.
  Consecutive months count; months without a verdict (January, a late return) neither count nor break the run.
* ``late_months`` (逾期未报): the return is late as known; consecutive months likewise.
* ``conditions``: marks on any indicator, with persistence, hysteresis and further conditions
  (:mod:`qxmonitor.signals.conditions`).

Runs of months look back over the whole panel, or over ``look_back`` months: ask with at least a year before the first
month judged.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from qxmonitor.calendar import FESTIVAL_AFTER, FESTIVAL_BEFORE, DatumState, festival_share
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.rules import Rule, Watch, rules
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.output import month_pair
from qxmonitor.indicators.view import Bools, Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.signals import expectation, spread
from qxmonitor.signals.conditions import NOT_JUDGED, Levels, judged, words
from qxmonitor.signals.evidence import evidence
from qxmonitor.signals.expectation import Texts

COLUMNS = ["period", "rule", "entity_kind", "entity", "source", "level", "evidence"]
"""Columns of a verdict; level 0 quiet, 1 蓝, 2 黄, 3 橙, 4 红; evidence compact JSON."""


def judge(
    panel: Panel, periods: Sequence[Period], chosen: Collection[str] | None = None, *, look_back: int | None = None
) -> pd.DataFrame:
    """Judge rules of the catalogue.

    Args:
        panel: what is known.
        periods: the months to judge, in any order.
        chosen: ids of the rules to judge; by default those that ship active.
        look_back: months that each month sees, itself included, whatever the panel holds; by default all.

    Returns:
        :data:`COLUMNS`, ordered by rule (catalogue), watch entry, period, entity.

    Raises:
        QxError: a month asked lies outside the panel.
    """
    asked = View(panel, periods)
    if not asked.n:
        return _frame([])
    alone = [_Asked(panel.window(p, look_back), [p]) for p in asked.periods] if look_back else [_Asked(panel, periods)]
    wanted = {r.id for r in rules().rules if r.active} if chosen is None else set(chosen)
    followed = {str(r.follows) for r in rules().rules if r.id in wanted}
    years = [[p for p in asked.periods if p.year == year] for year in sorted({p.year for p in asked.periods})]
    sights = [_Sight(asked.at(periods), followed) for periods in years]
    return _frame(
        [
            part
            for rule in rules().rules if rule.id in wanted
            for watch in rule.watch
            for part in _judged(alone, sights, rule, watch)
        ]
    )  # fmt: skip


def _judged(
    alone: Sequence[_Asked], sights: Sequence[_Sight], rule: Rule, watch: Watch
) -> list[pd.DataFrame]:  # fmt: skip
    """Rows of one watch, period by period; own expectation sees as far back as it needs, alike for months of a year."""
    if rule.judge in ("below_expected", "lead_reach"):
        judge = _below_expected if rule.judge == "below_expected" else _lead_reach
        return [judge(sight, rule, watch) for sight in sights]
    judges: dict[str, Callable[[_Asked, Rule, Watch], pd.DataFrame]] = {
        "growth_below": _growth_below, "zero_months": _zero_months, "late_months": _late_months,
        "conditions": _conditions,
    }  # fmt: skip
    return [judges[rule.judge](months, rule, watch) for months in alone]


class _Asked:
    """Months to be judged by one panel, with engines over these and over the whole of it."""

    def __init__(self, panel: Panel, periods: Sequence[Period]) -> None:
        self.view, self.history = View(panel, periods), View(panel, panel.months)

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.view)

    @cached_property
    def whole(self) -> Engine:
        return Engine(self.history)


class _Sight:
    """What own expectation tells of firms in months of one year: for the rule itself, and one that follows it."""

    def __init__(self, asked: View, followed: Collection[str]) -> None:
        self.asked, self._followed = asked, followed
        self._seen: dict[tuple[str, str], expectation.Seen] = {}

    def of(self, rule: Rule, watch: Watch) -> expectation.Seen:
        """Of a rule on own expectation; of one that is followed, with the months before that this needs."""
        key = rule.id, watch.source
        if key not in self._seen:
            before = spread.BEFORE if rule.id in self._followed else 0
            self._seen[key] = expectation.see(self.asked, rule, watch, before)
        return self._seen[key]


def festival_growth(period: Period, loss: float) -> float:
    """Year-on-year growth that the festival's date alone would give a month (February: January and February).

    >>> festival_growth(Period("2026-07"), 0.5)
    0.0
    """
    return _working(period, loss) / _working(period - 12, loss) - 1.0


def _working(period: Period, loss: float) -> float:
    """Share of normal output left in a month (February: the two months) if each day of the window loses ``loss``."""
    together = [period - 1, period] if period.month == 2 else [period]
    days = sum(calendar.monthrange(p.year, p.month)[1] for p in together)
    window = FESTIVAL_BEFORE + FESTIVAL_AFTER + 1
    return 1.0 - loss * window * sum(festival_share(p) for p in together) / days


def _growth_below(asked: _Asked, rule: Rule, watch: Watch) -> pd.DataFrame:
    view, engine = asked.view, asked.engine
    entry = indicators().indicator(rule.indicator)
    use = next(u for u in entry.sources if u.source == watch.source)
    figures = engine.figures(entry, use, watch.kind)
    growth = figures.value
    now, then = engine.totals(rule.indicator, watch.source, watch.kind)
    expected = np.array([festival_growth(p, rule.festival_loss or 0.0) for p in view.periods])
    adjusted = (1.0 + growth) / (1.0 + expected) - 1.0
    judged = np.isfinite(growth) & (then >= (watch.min_base or 0.0))
    levels = np.where(judged, _at_or_below(adjusted, watch), NOT_JUDGED).astype(np.int8)
    fields: dict[str, Floats | Texts] = {
        "growth": growth, "expected": np.broadcast_to(expected, growth.shape), "adjusted": adjusted,
        "current": now, "base": then, "coverage": figures.coverage, "groups": figures.groups.astype(np.float64),
        "top2": figures.top2, "hidden_groups": figures.hidden_groups.astype(np.float64),
    }  # fmt: skip
    return _rows(view, rule, watch, engine.entities(watch.kind), levels, fields)


def _below_expected(sight: _Sight, rule: Rule, watch: Watch) -> pd.DataFrame:
    levels, fields = expectation.judged(sight.asked, sight.of(rule, watch), rule, watch)
    return _rows(sight.asked, rule, watch, _firms(sight.asked), levels, fields)


def _lead_reach(sight: _Sight, rule: Rule, watch: Watch) -> pd.DataFrame:
    followed = rules().rule(str(rule.follows))
    seen = sight.of(followed, followed.watching("firm", watch.source))
    names = Engine(sight.asked).entities(watch.kind)
    levels, fields = spread.judged(sight.asked, seen, rule, watch, names)
    return _rows(sight.asked, rule, watch, names, levels, fields)


def _zero_months(asked: _Asked, rule: Rule, watch: Watch) -> pd.DataFrame:
    view = asked.view
    now, then = month_pair(asked.history, watch.source, rule.indicator.removesuffix("_m"))
    run, hit = stopped_months(now, then)
    levels = np.where(hit, _at_or_above(run, watch), np.where(now > 0, 0, NOT_JUDGED)).astype(np.int8)
    fields = {"months": np.where(hit, run, 0), "current": now, "base": then}
    return _rows(view, rule, watch, _firms(view), levels[:, view.columns], _pick(fields, view))


def stopped_months(now: Floats, then: Floats) -> tuple[Floats, Bools]:
    """Consecutive months of nought, and where they are a stop: there was output before, or in last year's column.

    Args:
        now: ``(n, m)`` output; NaN where there is none told.
        then: ``(n, m)`` of the same month of last year.
    """
    zero, running = now == 0, now > 0
    run, known = np.zeros(now.shape), np.zeros(now.shape, dtype=bool)
    months, once, base_in_run = np.zeros(len(now)), np.zeros(len(now), dtype=bool), np.zeros(len(now), dtype=bool)
    for j in range(now.shape[1]):
        months = np.where(zero[:, j], months + 1, np.where(running[:, j], 0, months))
        base_in_run = np.where(running[:, j], False, base_in_run | (zero[:, j] & (then[:, j] > 0)))
        once |= running[:, j]
        run[:, j], known[:, j] = months, once | base_in_run
    return run, zero & known


def _late_months(asked: _Asked, rule: Rule, watch: Watch) -> pd.DataFrame:
    view, history = asked.view, asked.history
    state = history.state("b204_1")
    late, here = state == DatumState.LATE, state == DatumState.VALUE
    spoke = here | (state == DatumState.FAILED)  # refused is not silent: the run ends, and the month is not judged
    run, months = np.zeros(late.shape), np.zeros(history.n)
    for j in range(history.q):
        months = np.where(late[:, j], months + 1, np.where(spoke[:, j], 0, months))
        run[:, j] = months
    levels = np.where(late, _at_or_above(run, watch), np.where(here, 0, NOT_JUDGED)).astype(np.int8)
    return _rows(view, rule, watch, _firms(view), levels[:, view.columns], _pick({"months": run}, view))


def _conditions(asked: _Asked, rule: Rule, watch: Watch) -> pd.DataFrame:
    view, test = asked.view, rule.test
    assert test is not None, rule.id
    parts = [test.of, *(c.of for c in (*test.all_of, *test.any_of))]
    by_itself = test.out_of == 1 and watch.leave is None and not {"change", "growth"} & set(parts)
    engine = asked.engine if by_itself else asked.whole
    expected = np.array([festival_growth(p, rule.festival_loss or 0.0) for p in engine.view.periods])
    found = judged(engine, rule, watch, expected)
    at = slice(None) if by_itself else view.columns
    fields = {"value": found.measure[:, at]}
    if found.coverage is not None:
        fields["coverage"] = found.coverage[:, at]
    return _rows(view, rule, watch, engine.entities(watch.kind), found.level[:, at], fields)


def _firms(view: View) -> tuple[str, ...]:
    return tuple(str(code) for code in view.panel.firms.index)


def _pick(fields: dict[str, Floats], view: View) -> dict[str, Floats]:
    return {key: values[:, view.columns] for key, values in fields.items()}


def _at_or_below(values: Floats, watch: Watch) -> Levels:
    return np.asarray(np.sum([values <= step for step in watch.levels.steps()], axis=0), dtype=np.int8)


def _at_or_above(values: Floats, watch: Watch) -> Levels:
    return np.asarray(np.sum([values >= step for step in watch.levels.steps()], axis=0), dtype=np.int8)


def _rows(
    view: View,
    rule: Rule,
    watch: Watch,
    entities: Sequence[str],
    levels: Levels,
    fields: Mapping[str, Floats | Texts],
) -> pd.DataFrame:
    """The judged cells as verdict rows, period by period."""
    period, entity = np.nonzero((levels != NOT_JUDGED).T)
    # "month" or "1-2": which months the figures behind the verdict stand for
    basis = np.where(view.february, "1-2", "month").astype(object)
    proof: dict[str, object] = {key: values[entity, period] for key, values in fields.items()}
    if rule.judge == "conditions":
        proof |= words(rule, watch, np.asarray(proof["value"], dtype=np.float64))
    elif rule.judge != "late_months":
        proof = {"basis": basis[period], **proof}
    return pd.DataFrame(
        {
            "period": np.array([str(p) for p in view.periods], dtype=object)[period],
            "rule": rule.id,
            "entity_kind": watch.kind,
            "entity": np.array(entities, dtype=object)[entity],
            "source": watch.source,
            "level": levels[entity, period].astype(np.int16),
            "evidence": evidence(len(period), proof),
        }
    )


def _frame(parts: list[pd.DataFrame]) -> pd.DataFrame:
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in COLUMNS})
    return frame[COLUMNS].astype({name: "int16" if name == "level" else "str" for name in COLUMNS})
