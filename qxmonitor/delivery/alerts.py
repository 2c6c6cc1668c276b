"""The alert mail 风险提示: one per reader and month, by level and then type, each alert as one story.

An alert is in a reader's mail when the catalogue routes it there (the watch's lead and support) *and* the gate
clears it; a department without a firm's authorisation simply has the chain's alert instead. Late returns are no
economic risk: they stand apart, as 数据催报. An alert without a verdict this month (no return came, or none is due)
is no finding of this month: it stands apart with the month it was last judged in, and without figures. Whether a mail
goes when there is nothing to say is the reader's ``when_empty``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from qxmonitor.catalog.office import Office, office
from qxmonitor.catalog.plans import LEVELS, Plan, plans
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import Watch, rules
from qxmonitor.catalog.workdays import workdays
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import compose
from qxmonitor.delivery.render import Renderer
from qxmonitor.delivery.trial import Trial, trial
from qxmonitor.disclosure import Alert, Cleared, Gate
from qxmonitor.disclosure.vocabulary import EVIDENCE
from qxmonitor.period import SHANGHAI, Period

KIND = "alerts"
_ORDER = {"红": 0, "橙": 1, "黄": 2, "蓝": 3}


@dataclass(frozen=True)
class Story:
    """What, since when, against what expectation, how sure, which plan, and who answers by when."""

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


@dataclass(frozen=True)
class AlertView:
    """Everything an alert mail shows."""

    town: Cleared
    issuer: Cleared
    reader: Cleared
    why: Cleared
    period: Cleared
    date: Cleared
    simulated: Cleared | None
    trial: Trial | None
    levels: tuple[LevelGroup, ...]
    follow_up: tuple[TypeGroup, ...]
    count: Cleared
    watching: Cleared | None
    carried: tuple[Story, ...]
    closed: tuple[Story, ...]
    exempt: bool


def view(gate: Gate, to: Reader, alerts: pd.DataFrame, period: Period, date: datetime) -> AlertView:
    """What one reader's mail of a month shows.

    Args:
        gate: the reader's gate, with the pattern of a frame that covers the alerts' months.
        to: the reader.
        alerts: the alert table as folded up to ``period``.
        period: the month.
        date: the mail's date, from which answers are due.
    """
    desk = office()
    known = alerts[alerts["period"].astype(str) <= str(period)]
    open_, carried, quiet, closed = _sorted_out(_routed(known, to.id), period)
    stories = [_story(gate, to, alert, date) for alert in gate.alerts(open_, period)]
    economic = {rule.name: rule.economic for rule in rules().rules}
    risks = [story for story in stories if economic[story.rule.text]]
    late = [story for story in stories if not economic[story.rule.text]]
    watching = gate.alerts(quiet, period)
    return AlertView(
        town=gate.word(desk, "town"),
        issuer=gate.word(desk, "sender_name"),
        reader=gate.word(to, "name"),
        why=gate.word(to, "why"),
        period=gate.period(period),
        date=gate.date(date.astimezone(SHANGHAI).date()),
        simulated=gate.word(desk, "simulated_label") if gate.simulated else None,
        trial=trial(gate, to, date),
        levels=_by_level(gate, risks),
        follow_up=_by_type(gate, late),
        count=gate.count(risks),
        watching=gate.count(watching) if watching else None,
        carried=tuple(_story(gate, to, alert, date) for alert in gate.alerts(carried, period)),
        closed=tuple(_story(gate, to, alert, date) for alert in gate.alerts(closed, period)),
        exempt=exempt(period),
    )


def exempt(period: Period) -> bool:
    """Whether no output return is due for a month, so that nothing can be judged in it."""
    return not release_calendar().feed("b204_1").returns_in(period)


def split(
    gate: Gate, alerts: pd.DataFrame, period: Period, date: datetime
) -> tuple[tuple[LevelGroup, ...], tuple[TypeGroup, ...], tuple[Story, ...], tuple[Story, ...]]:
    """All alerts a gate clears, whoever they are routed to.

    Returns:
        Risks by level, late returns, the risks' stories, and those of earlier risks without a verdict this month.
    """
    known = alerts[alerts["period"].astype(str) <= str(period)]
    open_, carried, _, _ = _sorted_out(known, period)
    economic = {rule.name: rule.economic for rule in rules().rules}
    stories = [_story(gate, None, alert, date) for alert in gate.alerts(open_, period)]
    risks = tuple(story for story in stories if economic[story.rule.text])
    late = [story for story in stories if not economic[story.rule.text]]
    before = [_story(gate, None, alert, date) for alert in gate.alerts(carried, period)]
    unjudged = tuple(story for story in before if economic[story.rule.text])
    return _by_level(gate, list(risks)), _by_type(gate, late), risks, unjudged


def by_plan(gate: Gate, stories: Sequence[Story]) -> tuple[PlanGroup, ...]:
    """Stories by the plan that applies, in the order they come; each level's days once."""
    groups = []
    for name in dict.fromkeys(story.plan.text for story in stories):
        mine = [story for story in stories if story.plan.text == name]
        due = {story.level.text: story for story in sorted(mine, key=lambda story: _ORDER[story.level.text])}
        groups.append(PlanGroup(mine[0], tuple(due.values()), gate.count(mine)))
    return tuple(groups)


def by_basis(stories: Sequence[Story]) -> tuple[Story, ...]:
    """One story of each kind of entity and source, for what must be said of them all."""
    return tuple({(story.entity_kind.text, story.source.text): story for story in reversed(stories)}.values())[::-1]


def mails(
    gates: Mapping[str, Gate], alerts: pd.DataFrame, period: Period, date: datetime, occasion: str = ""
) -> list[Message]:
    """The alert mails of a month.

    Args:
        gates: reader id → gate, for every reader that gets alerts (:meth:`qxmonitor.scene.Scene.gate_for`).
        alerts: the alert table as folded up to ``period``.
        period: the month.
        date: the mails' date.
        occasion: why the month is mailed again or late; empty for its regular mail.
    """
    out = []
    for to in readers().readers:
        if not to.alerts or to.id not in gates:
            continue
        shown = view(gates[to.id], to, alerts, period, date)
        if shown.levels or shown.follow_up or shown.closed or to.when_empty:
            out.append(message(office(), to, shown, period, date, occasion))
    return out


def message(desk: Office, to: Reader, shown: AlertView, period: Period, date: datetime, occasion: str = "") -> Message:
    """Render one view as a mail."""
    renderer = Renderer(to.id)
    subject = renderer.words("mail/alerts.subject.j2", shown).text
    plain = renderer.text("mail/alerts.txt.j2", shown) + "\n"
    html = renderer.html("mail/alerts.html.j2", shown)
    return compose(desk, to, KIND, period, subject, plain, html, date, occasion=occasion)


def _routed(alerts: pd.DataFrame, reader: str) -> pd.DataFrame:
    """Alerts whose watch names the reader as lead or support."""
    told = {
        (rule.id, watch.kind, watch.source)
        for rule in rules().rules
        for watch in rule.watch
        if reader in (watch.lead, *watch.support)
    }
    keys = zip(*(alerts[name].astype(str) for name in ("rule", "entity_kind", "source")), strict=True)
    return alerts[pd.Series([key in told for key in keys], index=alerts.index, dtype=bool)]


def _sorted_out(alerts: pd.DataFrame, period: Period) -> tuple[pd.DataFrame, ...]:
    """Alerts that hold by this month's verdict, those last judged earlier, those quiet now, those closed this month."""
    closed = alerts["state"] == "closed"
    quiet = ~closed & alerts["evidence"].astype(str).str.contains('"trend":"quiet"', regex=False)
    fresh = alerts["period"].astype(str) == str(period)
    now = closed & (alerts["closed"].astype(str) == str(period))
    holding = ~closed & ~quiet
    return alerts[holding & fresh], alerts[holding & ~fresh], alerts[quiet & fresh], alerts[now]


def _story(gate: Gate, to: Reader | None, alert: Alert, date: datetime) -> Story:
    rule = rules().rule(alert.rule.text)
    watch = _watch(alert)
    plan = plans().plan(watch.plan)
    deadline = date.astimezone(SHANGHAI).date() + timedelta(days=plan.days.at(int(alert.level.number or 1)))
    by = workdays().next_workday(deadline)
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
        answer_by=gate.date(by),
        days=gate.amount(plan.days, LEVELS[int(alert.level.number or 1) - 1]),
        mine=to is not None and to.id == plan.lead,
    )


def _watch(alert: Alert) -> Watch:
    """The catalogue's watch entry behind an alert; its reference names kind and source."""
    _, _, kind, _, source, *_ = alert.rule.ref.split("|")
    return rules().rule(alert.rule.text).watching(kind, source)


def _measures(gate: Gate, plan: Plan) -> tuple[Cleared, ...]:
    return tuple(gate.line(plan, "measures", number) for number in range(len(plan.measures)))


def _by_level(gate: Gate, stories: list[Story]) -> tuple[LevelGroup, ...]:
    words = sorted({story.level.text for story in stories}, key=lambda word: _ORDER[word])
    groups = []
    for word in words:
        mine = [story for story in stories if story.level.text == word]
        groups.append(LevelGroup(mine[0].level, _by_type(gate, mine), gate.count(mine)))
    return tuple(groups)


def _by_type(gate: Gate, stories: list[Story]) -> tuple[TypeGroup, ...]:
    groups = []
    for name in dict.fromkeys(story.rule.text for story in stories):
        mine = tuple(story for story in stories if story.rule.text == name)
        groups.append(TypeGroup(mine[0].rule, mine, gate.count(mine)))
    return tuple(groups)
