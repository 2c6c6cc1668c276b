"""One alert as one story 风险提示: what, since when, against what, how sure, which plan, who answers by when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.plans import LEVELS, Plan, plans
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.catalog.rules import Watch, rules
from qxmonitor.catalog.workdays import workdays
from qxmonitor.disclosure import Alert, Cleared, Gate
from qxmonitor.disclosure.vocabulary import EVIDENCE
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.signals.fold import UNANSWERED

ORDER = {"红": 0, "橙": 1, "黄": 2, "蓝": 3}


@dataclass(frozen=True)
class Story:
    """What, since when, against what expectation, how sure, which plan, and who answers by when.

    ``suppliers`` are those whose own alerts this one explains, where the reader may see them; ``asked`` is whether the
    lead is told of it at all: of what the gate keeps from it, nobody there can answer. ``patience`` is after how many
    months without a verdict it closes.
    """

    level: Cleared
    entity: Cleared
    entity_kind: Cleared
    source: Cleared
    rule: Cleared
    opened: Cleared
    period: Cleared
    evidence: Mapping[str, Cleared | None]
    judge: Cleared
    plan: Cleared
    basis: Cleared
    measures: tuple[Cleared, ...]
    lead: Cleared
    support: tuple[Cleared, ...]
    answer_by: Cleared
    days: Cleared
    mine: bool
    asked: bool
    state: Cleared
    suppliers: tuple[Cleared, ...]
    patience: Cleared


@dataclass(frozen=True)
class TypeGroup:
    name: Cleared
    stories: tuple[Story, ...]
    count: Cleared


@dataclass(frozen=True)
class LevelGroup:
    level: Cleared
    types: tuple[TypeGroup, ...]
    count: Cleared


@dataclass(frozen=True)
class PlanGroup:
    """The alerts one plan answers: said once for all of them; ``due`` is one story a level, for its days."""

    story: Story
    due: tuple[Story, ...]
    count: Cleared


def by_plan(gate: Gate, stories: Sequence[Story]) -> tuple[PlanGroup, ...]:
    """Stories by the plan that applies, in the order they come; each level's days once."""
    groups = []
    for name in dict.fromkeys(story.plan.text for story in stories):
        mine = [story for story in stories if story.plan.text == name]
        due = {story.level.text: story for story in sorted(mine, key=lambda story: ORDER[story.level.text])}
        groups.append(PlanGroup(mine[0], tuple(due.values()), gate.count(mine)))
    return tuple(groups)


def by_basis(stories: Sequence[Story]) -> tuple[Story, ...]:
    """One story of each kind of entity and source, for what must be said of them all; one that names firms apart."""
    keyed = {(one.entity_kind.text, one.source.text, bool(one.evidence["leads"])): one for one in reversed(stories)}
    return tuple(keyed.values())[::-1]


def sorted_out(alerts: pd.DataFrame, period: Period) -> tuple[pd.DataFrame, ...]:
    """Alerts that hold by this month's verdict, those last judged earlier, those quiet now, those lifted this month.

    What closed since nothing judges it any more did not lift: see :func:`dropped`.
    """
    closed = alerts["state"] == "closed"
    quiet = ~closed & alerts["evidence"].astype(str).str.contains('"trend":"quiet"', regex=False)
    fresh = alerts["period"].astype(str) == str(period)
    now = closed & ~_unjudged(alerts) & (alerts["closed"].astype(str) == str(period))
    holding = ~closed & ~quiet
    return alerts[holding & fresh], alerts[holding & ~fresh], alerts[quiet & fresh], alerts[now]


def dropped(alerts: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Alerts that closed by a month since nothing judges them any more: nobody knows what became of the risk."""
    return alerts[_unjudged(alerts) & (alerts["closed"].astype(str) <= str(period))]


def _unjudged(alerts: pd.DataFrame) -> pd.Series:
    by_nobody = alerts["evidence"].astype(str).str.contains('"closed_by":"unjudged"', regex=False)
    return (alerts["state"] == "closed") & by_nobody


def story(
    gate: Gate, to: Reader | None, alert: Alert, date: dt.datetime, suppliers: tuple[Cleared, ...] = (),
    reached: Mapping[str, Collection[str]] | None = None, *, first: bool = False,
) -> Story:  # fmt: skip
    """One alert as a story.

    Args:
        gate: of the reader.
        to: the reader; None for a briefing.
        alert: the alert as cleared.
        date: from which the answer is due.
        suppliers: names of those it explains, cleared for the reader.
        reached: reader → ids of the alerts it may see; None: each lead sees its own.
        first: the reader was never told of it, however old it is.
    """
    rule = rules().rule(alert.rule.text)
    watch = _watch(alert)
    plan = plans().plan(watch.plan)
    return Story(
        level=alert.level,
        entity=alert.entity,
        entity_kind=alert.entity_kind,
        source=alert.source,
        rule=gate.word(rule, "name"),
        opened=alert.opened,
        period=alert.period,
        evidence={name: alert.evidence.get(name) for name in EVIDENCE},
        judge=gate.word(rule, "judge"),
        plan=gate.word(plan, "name"),
        basis=gate.word(plan, "basis"),
        measures=_measures(gate, plan),
        lead=gate.word(readers().reader(plan.lead), "name"),
        support=tuple(gate.word(readers().reader(key), "name") for key in plan.support),
        answer_by=gate.date(answer_by(plan, int(alert.level.number or 1), date)),
        days=gate.amount(plan.days, LEVELS[int(alert.level.number or 1) - 1]),
        mine=to is not None and to.id == plan.lead,
        asked=reached is None or alert.alert_id.text in reached.get(plan.lead, ()),
        state=_state(gate, alert, first),
        suppliers=suppliers,
        patience=gate.number(float(alerting().unjudged.of(rule.id)), 0, "个月", "office", f"Months.{rule.id}"),
    )


def _state(gate: Gate, alert: Alert, first: bool) -> Cleared:
    """How far people are, or what closed it; of an alert nobody answered, whether it is news to the reader."""
    trend, closed_by = alert.evidence.get("trend"), alert.evidence.get("closed_by")
    if alert.state.text in UNANSWERED and trend is not None and trend.text != "opened":
        if first:
            return gate.word(alerting(), "first_label")
        if trend.text == "held":
            return gate.word(alerting(), "held_label")
    if alert.state.text == "closed" and closed_by is not None:
        return gate.label(alerting(), "closed_by", closed_by.text)
    return gate.label(alerting(), "states", alert.state.text)


def answer_by(plan: Plan, level: int, date: dt.datetime) -> dt.date:
    """The working day by which an alert of a level is answered, mailed on a date."""
    return workdays().next_workday(date.astimezone(SHANGHAI).date() + dt.timedelta(days=plan.days.at(level)))


def soonest(stories: Sequence[Story]) -> Cleared | None:
    """The first day by which one of them is to be answered; None of none."""
    days = [story.answer_by for story in stories]
    return min(days, key=lambda day: [int(part) for part in re.findall(r"\d+", day.text)]) if days else None


def _watch(alert: Alert) -> Watch:
    """The catalogue's watch entry behind an alert; its reference names kind and source."""
    _, _, kind, _, source, *_ = alert.rule.ref.split("|")
    return rules().rule(alert.rule.text).watching(kind, source)


def _measures(gate: Gate, plan: Plan) -> tuple[Cleared, ...]:
    return tuple(gate.line(plan, "measures", number) for number in range(len(plan.measures)))


def by_level(gate: Gate, stories: Sequence[Story]) -> tuple[LevelGroup, ...]:
    """Stories by level, the most severe first, and in each by type."""
    words = sorted({story.level.text for story in stories}, key=lambda word: ORDER[word])
    groups = []
    for word in words:
        mine = [story for story in stories if story.level.text == word]
        groups.append(LevelGroup(mine[0].level, by_type(gate, mine), gate.count(mine)))
    return tuple(groups)


def by_type(gate: Gate, stories: Sequence[Story]) -> tuple[TypeGroup, ...]:
    """Stories by type, in the order they come."""
    groups = []
    for name in dict.fromkeys(story.rule.text for story in stories):
        mine = tuple(story for story in stories if story.rule.text == name)
        groups.append(TypeGroup(mine[0].rule, mine, gate.count(mine)))
    return tuple(groups)
