"""The alert mail 风险提示: one per reader and month, by level and then type, each alert as one story.

An alert is in a reader's mail when the catalogue routes it there (the watch's lead and support), the gate clears it
*and* it is news: new or changed since the reader was told, not silenced, not explained by another alert of the mail's
reader, within the reader's budget (:mod:`qxmonitor.signals.triage`). What is left out is counted. A department without
a firm's authorisation simply has the chain's alert instead. Late returns are no economic risk: they stand apart, as
数据催报. An alert without a verdict this month (no return came, or none is due) is no finding of this month: it stands
apart with the month it was last judged in, and without figures; once nothing has judged it for so many months that it
closed, whoever was told of it is told that, once, and that it is no good news. Whether a mail goes when there is
nothing to say is the reader's ``when_empty``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.office import Office, office
from qxmonitor.catalog.plans import plans
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import Watch, rules
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import compose
from qxmonitor.delivery.render import Renderer
from qxmonitor.delivery.stories import (
    LevelGroup,
    Story,
    TypeGroup,
    answer_by,
    by_level,
    by_type,
    dropped,
    soonest,
    sorted_out,
    story,
)
from qxmonitor.delivery.trial import Trial, trial
from qxmonitor.disclosure import Alert, Cleared, Gate
from qxmonitor.disclosure.dependence import DependentNodes, dependent_nodes
from qxmonitor.disclosure.notices import SilenceLine, judged, silence_lines
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.signals.fold import UNANSWERED
from qxmonitor.signals.inhibit import LINKS
from qxmonitor.signals.silence import SILENCE, expired, silenced_by
from qxmonitor.signals.triage import BUDGET, EXPLAINED, HELD, MAILED, SILENCED, UNCERTAIN, triage

KIND = "alerts"
WITHHELD, ESCALATED, CARRIED, CLOSED = "withheld", "escalated", "carried", "closed"
_LOST = ("dropped", "bounced")
"""Where mails end that nobody read and that do not go any more; what they were to tell is news still."""
TOLD = ["period", "reader", "occasion", "alert_id", "part", "level", "message_id", "reason", "answer_by"]
"""What is noted beside the ledger of each alert and reader: what the mail did with it (``part``), and why."""
IN_MAIL = (MAILED, EXPLAINED, ESCALATED, CARRIED, CLOSED)
"""Parts by which a reader of the mail learns that there is, or was, such an alert."""

_REASONS = {
    MAILED: "列入邮件", HELD: "此前已提示，级别未变，未到再次提示的月份", UNCERTAIN: "未通过误报控制，仅列清单",
    BUDGET: "超出本期提示上限，仅列清单", WITHHELD: "披露闸口未放行（未获授权或汇总数不宜公开）",
    CARRIED: "本期未作判断，附列最近一次判断的结果",
}  # fmt: skip


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="object") for name in columns})


@dataclass(frozen=True)
class Known:
    """What is known beside the alerts when mails are planned.

    Attributes:
        told: :data:`TOLD`, of the months before, and the ``state`` of the mail in the ledger where that is known.
        silences: :data:`qxmonitor.signals.silence.SILENCE`.
        linked: :data:`qxmonitor.signals.inhibit.LINKS`.
        firms: the register, index USCC: chain.
        verdicts: of the month: period, rule, entity_kind, entity, source.
        false_shares: rule → false alarms a judged month, as its scorecard shows; the catalogue's rate for the others.
        nodes: customs figures of nodes (``disclosure.dependence.FIGURES``), as the indicator frame has them.
    """

    told: pd.DataFrame = field(default_factory=lambda: _empty(TOLD))
    silences: pd.DataFrame = field(default_factory=lambda: _empty(SILENCE))
    linked: pd.DataFrame = field(default_factory=lambda: _empty(LINKS))
    firms: pd.DataFrame = field(default_factory=lambda: _empty(["chain"]))
    verdicts: pd.DataFrame = field(
        default_factory=lambda: _empty(["period", "rule", "entity_kind", "entity", "source"])
    )
    false_shares: Mapping[str, float] = field(default_factory=dict)
    nodes: pd.DataFrame = field(default_factory=lambda: _empty(["period", "indicator", "entity_kind", "source"]))


@dataclass(frozen=True)
class Explained:
    """Alerts of suppliers that another alert of the reader explains, which is not told anew itself."""

    cause: Story
    suppliers: tuple[Cleared, ...]


@dataclass(frozen=True)
class Overdue:
    """An alert its lead department has not answered in time."""

    story: Story
    answer_by: Cleared


@dataclass(frozen=True)
class AlertView:
    """Everything an alert mail shows; the counts are of what is left out, and None where nothing is."""

    town: Cleared
    issuer: Cleared
    reader: Cleared
    why: Cleared
    period: Cleared
    date: Cleared
    simulated: Cleared | None
    trial: Trial | None
    drill: Cleared | None
    levels: tuple[LevelGroup, ...]
    follow_up: tuple[TypeGroup, ...]
    count: Cleared
    held: Cleared | None
    silenced: Cleared | None
    uncertain: Cleared | None
    over: Cleared | None
    explained: tuple[Explained, ...]
    overdue: tuple[Overdue, ...]
    soonest: Cleared | None
    late: Cleared
    escalated: Cleared
    expired: tuple[SilenceLine, ...]
    watching: Cleared | None
    carried: tuple[Story, ...]
    ongoing: Cleared | None
    closed: tuple[Story, ...]
    dropped: tuple[Story, ...]
    gone: Cleared
    dependent: DependentNodes | None
    exempt: bool

    @property
    def news(self) -> bool:
        """Whether there is anything that the reader was not told before."""
        return bool(
            self.levels or self.follow_up or self.closed or self.dropped or self.overdue or self.expired
        )  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """The mails of a month, and what they tell of each alert: :data:`TOLD`."""

    messages: list[Message]
    told: pd.DataFrame


def view(
    gate: Gate, to: Reader, alerts: pd.DataFrame, period: Period, date: datetime, known: Known | None = None, *,
    drill: bool = False, reached: Mapping[str, Collection[str]] | None = None,
) -> tuple[AlertView, pd.DataFrame]:  # fmt: skip
    """What one reader's mail of a month shows, and what it does with each alert.

    Args:
        gate: the reader's gate, with the pattern of a frame that covers the alerts' months.
        to: the reader.
        alerts: the alert table as folded up to ``period``.
        period: the month.
        date: the mail's date, from which answers are due.
        known: what was told before, silences and who explains whom; by default nothing.
        drill: it is a drill.
        reached: reader → ids of the alerts it may see; None: each lead sees its own.

    Returns:
        The view, and alert_id, part, level, reason and answer_by of each alert routed to the reader.
    """
    desk, known = office(), known or Known()
    mine = _routed(_upto(alerts, period), to.id)
    open_, carried, quiet, closed = sorted_out(mine, period)
    cleared = {alert.alert_id.text: alert for alert in gate.alerts(open_, period)}
    before = known.told[(known.told["reader"] == to.id) & (known.told["period"].astype(str) < str(period))]
    last = before[(before["part"] == MAILED) & ~_states(before).isin(_LOST)].groupby("alert_id")["period"].max()
    mailed = {str(key): str(month) for key, month in last.items()}
    shown = open_[open_["alert_id"].isin(cleared)]
    sorted_ = triage(
        shown, mailed, known.silences, known.linked, known.firms, judged(gate, known.verdicts), period,
        alerting().budget.of(to.id),
    )  # fmt: skip
    part = dict(zip(sorted_["alert_id"], sorted_["part"], strict=True))
    by = sorted_[sorted_["part"] == EXPLAINED].groupby("by")["alert_id"].agg(list).to_dict()
    now = {
        alert.alert_id.text: alert for alert in gate.alerts(sorted_, period)
    }  # in the state they have for this reader
    told = {
        key: story(
            gate,
            to,
            alert,
            date,
            tuple(cleared[one].entity for one in by.get(key, ())),
            reached,
            first=key not in mailed,
        )
        for key, alert in now.items()
    }
    economic = {rule.name: rule.economic for rule in rules().rules}
    new = [one for key, one in told.items() if part[key] == MAILED]
    risks = [one for one in new if economic[one.rule.text]]
    still = silenced_by(carried, known.silences, known.firms, period)
    loud, hushed = (gate.alerts(carried[some], period) for some in (still == "", still != ""))
    gone = gate.alerts(_untold(mine, before, period), period)
    lifted = gate.alerts(closed, period)
    goes_on = [one for key, one in told.items() if part[key] == HELD and economic[one.rule.text]]
    listed = tuple(story(gate, to, alert, date) for alert in loud)
    goes_on += [one for one in listed if economic[one.rule.text]]
    explained = tuple(
        Explained(told[cause], told[cause].suppliers) for cause in by if cause in told and part[cause] != MAILED
    )

    def left(why: str, others: Sequence[Alert] = ()) -> Cleared | None:
        some = [*(one for key, one in told.items() if part[key] == why), *others]
        return gate.count(some) if some else None

    overdue, escalated = _overdue(gate, to, alerts, period, date, known)
    watching = gate.alerts(quiet, period)
    shown_view = AlertView(
        town=gate.word(desk, "town"),
        issuer=gate.word(desk, "sender_name"),
        reader=gate.word(to, "name"),
        why=gate.word(to, "why"),
        period=gate.period(period),
        date=gate.date(date.astimezone(SHANGHAI).date()),
        simulated=gate.word(desk, "simulated_label") if gate.simulated else None,
        trial=trial(gate, to, date),
        drill=gate.word(alerting(), "drill_label") if drill else None,
        levels=by_level(gate, risks),
        follow_up=by_type(gate, [one for one in new if not economic[one.rule.text]]),
        count=gate.count(risks),
        held=left(HELD),
        silenced=left(SILENCED, hushed),
        uncertain=left(UNCERTAIN),
        over=left(BUDGET),
        explained=explained,
        overdue=overdue,
        soonest=soonest(risks),
        late=gate.count([one for one in new if not economic[one.rule.text]]),
        escalated=gate.count(overdue),
        expired=silence_lines(gate, expired(known.silences, period), period),
        watching=gate.count(watching) if watching else None,
        carried=listed,
        ongoing=gate.count(goes_on) if goes_on else None,
        closed=tuple(story(gate, to, alert, date) for alert in lifted),
        dropped=tuple(story(gate, to, alert, date) for alert in gone),
        gone=gate.count(gone),
        dependent=None if drill else dependent_nodes(gate, known.nodes, period),
        exempt=exempt(period),
    )
    silence = dict(zip(carried["alert_id"].astype(str), still, strict=True))
    rows = [_decided(to, open_, sorted_, date), escalated, _noted(loud, CARRIED, lambda _: _REASONS[CARRIED])]
    rows.append(_noted(hushed, SILENCED, lambda alert: f"静默 {silence[alert.alert_id.text]}"))
    rows += [_noted(some, CLOSED, _closing) for some in (lifted, gone)]
    return shown_view, pd.concat([some for some in rows if len(some)] or rows[:1], ignore_index=True)


def _untold(alerts: pd.DataFrame, before: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Alerts closed since nothing judges them any more, of which the reader was told, and not yet that they closed."""
    read = before[before["part"].isin(IN_MAIL) & (before["message_id"] != "") & ~_states(before).isin(_LOST)]
    gone = dropped(alerts, period)
    last = read[read["part"] == CLOSED].astype({"period": "str"}).groupby("alert_id")["period"].max().to_dict()
    said = [last.get(key, "") < str(closed) for key, closed in zip(gone["alert_id"], gone["closed"], strict=True)]
    return gone[gone["alert_id"].isin(read["alert_id"]) & np.array(said, dtype=bool)]


def _noted(told: Sequence[Alert], part: str, reason: Callable[[Alert], str]) -> pd.DataFrame:
    """alert_id, part, level, reason and answer_by of alerts of which a mail asks nothing."""
    words = [reason(alert) for alert in told]
    ids, levels = [alert.alert_id.text for alert in told], [int(alert.level.number or 0) for alert in told]
    return pd.DataFrame({"alert_id": ids, "part": part, "level": levels, "reason": words, "answer_by": None})


def _closing(alert: Alert) -> str:
    closed_by = alert.evidence.get("closed_by")
    return "告知：" + alerting().state("closed", None if closed_by is None else closed_by.text)


def exempt(period: Period) -> bool:
    """Whether no output return is due for a month, so that nothing can be judged in it."""
    return not release_calendar().feed("b204_1").returns_in(period)


def plan(
    gates: Mapping[str, Gate], alerts: pd.DataFrame, period: Period, date: datetime, occasion: str = "",
    known: Known | None = None,
) -> Planned:  # fmt: skip
    """The alert mails of a month.

    Args:
        gates: reader id → gate, for every reader that gets alerts (:meth:`qxmonitor.scene.Scene.gate_for`).
        alerts: the alert table as folded up to ``period``.
        period: the month.
        date: the mails' date.
        occasion: why the month is mailed again or late; empty for its regular mail.
        known: what was told before, silences and who explains whom; by default nothing.
    """
    messages, told = [], [_empty(TOLD)]
    open_ = sorted_out(_upto(alerts, period), period)[0]
    reached = {key: {alert.alert_id.text for alert in gate.alerts(open_, period)} for key, gate in gates.items()}
    for to in readers().readers:
        if not to.alerts or to.id not in gates:
            continue
        shown, done = view(gates[to.id], to, alerts, period, date, known, reached=reached)
        message_id = ""
        if shown.news or to.when_empty:
            messages.append(message(office(), to, shown, period, date, occasion))
            message_id = messages[-1].message_id
        told.append(done.assign(period=period, reader=to.id, occasion=occasion, message_id=message_id)[TOLD])
    rows = [frame for frame in told if len(frame)]
    return Planned(messages, pd.concat(rows, ignore_index=True) if rows else _empty(TOLD))


def message(desk: Office, to: Reader, shown: AlertView, period: Period, date: datetime, occasion: str = "") -> Message:
    """Render one view as a mail."""
    renderer = Renderer(to.id)
    subject = renderer.words("mail/alerts.subject.j2", shown).text
    plain = renderer.text("mail/alerts.txt.j2", shown) + "\n"
    html = renderer.html("mail/alerts.html.j2", shown)
    return compose(desk, to, KIND, period, subject, plain, html, date, occasion=occasion)


def _upto(alerts: pd.DataFrame, period: Period) -> pd.DataFrame:
    return alerts[alerts["period"].astype(str) <= str(period)]


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


def _decided(to: Reader, routed: pd.DataFrame, sorted_: pd.DataFrame, date: datetime) -> pd.DataFrame:
    """alert_id, part, level, reason and answer_by of the alerts routed to a reader."""
    ids = [str(key) for key in routed["alert_id"]]
    parts = dict(zip(sorted_["alert_id"], zip(sorted_["part"], sorted_["by"], strict=True), strict=True))
    part, by = ([parts.get(key, (WITHHELD, ""))[k] for key in ids] for k in (0, 1))
    words = [
        f"因果归并于 {by_}" if one == EXPLAINED else f"静默 {by_}" if one == SILENCED else _REASONS[one]
        for one, by_ in zip(part, by, strict=True)
    ]
    due = [
        answer_by(plans().plan(watch.plan), int(level), date) if one == MAILED and watch.lead == to.id else None
        for watch, level, one in zip(_watches(routed), routed["level"], part, strict=True)
    ]
    frame = {"alert_id": ids, "part": part, "level": routed["level"].astype(int).tolist()}
    return pd.DataFrame({**frame, "reason": words, "answer_by": pd.Series(due, dtype="object")})


def _overdue(
    gate: Gate, to: Reader, alerts: pd.DataFrame, period: Period, date: datetime, known: Known
) -> tuple[tuple[Overdue, ...], pd.DataFrame]:  # fmt: skip
    """Alerts whose lead, one below this reader, has not answered in time and is not told anew; each is said once.

    Who never got the mail is not late.
    """
    below = {lead for lead, above in alerting().escalation.items() if above == to.id}
    before = known.told[known.told["period"].astype(str) < str(period)]
    arrived = _states(before).isin(["accepted", ""])
    asked = before[(before["part"] == MAILED) & arrived & before["reader"].isin(below) & before["answer_by"].notna()]
    last = asked.sort_values("period", kind="stable").drop_duplicates("alert_id", keep="last").set_index("alert_id")
    late = last[
        pd.Series([day < date.astimezone(SHANGHAI).date() for day in last["answer_by"]], last.index, dtype=bool)
    ]
    said = before[(before["reader"] == to.id) & (before["part"] == ESCALATED)]["alert_id"]
    mine = alerts[alerts["alert_id"].isin(set(late.index) - set(said)) & alerts["state"].isin(UNANSWERED)]
    due = mine["evidence"].astype(str).str.extract(r'"due":"(\d{4}-\d{2})"', expand=False).fillna("")
    mine = mine[due <= mine["alert_id"].map(late["period"].astype(str))]
    cleared, until = gate.alerts(mine, period), dict(zip(late.index, late["answer_by"], strict=True))
    found = tuple(Overdue(story(gate, to, alert, date), gate.date(until[alert.alert_id.text])) for alert in cleared)
    ids = [alert.alert_id.text for alert in cleared]
    levels = [int(alert.level.number or 0) for alert in cleared]
    rows = {"alert_id": ids, "part": ESCALATED, "level": levels, "reason": "牵头单位到期未签收", "answer_by": None}
    return found, pd.DataFrame(rows)


def _states(told: pd.DataFrame) -> pd.Series:
    """The state of each mail in the ledger; '' where it is not known."""
    known = told["state"] if "state" in told else pd.Series("", told.index, dtype="str")
    return known.fillna("").astype(str)


def _watches(alerts: pd.DataFrame) -> list[Watch]:
    """The catalogue's entry behind each alert."""
    keys = zip(*(alerts[name].astype(str) for name in ("rule", "entity_kind", "source")), strict=True)
    return [rules().rule(rule).watching(kind, source) for rule, kind, source in keys]
