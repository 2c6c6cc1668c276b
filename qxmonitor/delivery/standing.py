"""The alerts as they stand, for a briefing: all that hold, what explains or silences others, and what became of them.

A briefing is the list to which a mail refers: the budget of a mail does not apply, and an alert told before is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from qxmonitor.catalog.alerting import OUTCOMES, alerting
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import rules
from qxmonitor.delivery.alerts import Explained, Known
from qxmonitor.delivery.gist import Duty, by_lead
from qxmonitor.delivery.stories import LevelGroup, Story, TypeGroup, by_level, by_type, dropped, sorted_out, story
from qxmonitor.disclosure import Alert, Cleared, Gate
from qxmonitor.disclosure.notices import Checked, SilenceLine, checked, expected_false, judged, silence_lines
from qxmonitor.period import Period
from qxmonitor.signals.fold import UNANSWERED
from qxmonitor.signals.inhibit import explain
from qxmonitor.signals.outcomes import LABELS
from qxmonitor.signals.silence import active, expired, silenced_by
from qxmonitor.signals.triage import doubtful


@dataclass(frozen=True)
class Verified:
    """An alert that was verified, with what was found."""

    alert: Story
    label: Cleared
    cause: Cleared | None


@dataclass(frozen=True)
class Found:
    """What verification found of alerts: hits, false alarms and explained ones, and what was missed."""

    true: tuple[Verified, ...]
    false: tuple[Verified, ...]
    explained: tuple[Verified, ...]
    missed: tuple[Verified, ...]


@dataclass(frozen=True)
class Backward:
    """What became of the alerts opened a month ago; ``earlier``: of those before, what was found since last month's."""

    month: Cleared
    count: Cleared
    found: Found
    unverified: Cleared | None
    earlier: Found | None


@dataclass(frozen=True)
class OpenItems:
    """Alerts of earlier months that are not closed, by how far people are with them; None where there are none.

    ``duties`` are those nobody acknowledged, by the department that leads.
    """

    count: Cleared
    unanswered: Cleared | None
    duties: tuple[Duty, ...]
    acknowledged: Cleared | None
    in_hand: Cleared | None
    resolved: Cleared | None


@dataclass(frozen=True)
class Standing:
    """The alerts of a month as an edition may see them.

    Attributes:
        levels: risks by level, without those silenced or explained.
        late: late returns by type.
        stories: the risks.
        unjudged: earlier risks without a verdict this month; ``dropped``: those that closed in it for want of any.
        explained: suppliers by the alert that explains theirs.
        silences: silences that hold; ``silenced`` counts the alerts they hold back.
        expired: silences whose last month was the one before.
        expected: how many false alarms the rules' rates lead one to expect; None when nothing was judged.
        checked: what false-discovery control says of this month's new alerts; None where no rule gives a p value.
        backward: what became of last month's; None when there was nothing.
        items: what is still open of earlier months; None likewise.
    """

    levels: tuple[LevelGroup, ...]
    late: tuple[TypeGroup, ...]
    stories: tuple[Story, ...]
    unjudged: tuple[Story, ...]
    dropped: tuple[Story, ...]
    explained: tuple[Explained, ...]
    silences: tuple[SilenceLine, ...]
    silenced: Cleared | None
    expired: tuple[SilenceLine, ...]
    expected: Cleared | None
    checked: Checked | None
    backward: Backward | None
    items: OpenItems | None


def standing(
    gate: Gate, alerts: pd.DataFrame, period: Period, date: datetime, known: Known | None = None,
    labels: pd.DataFrame | None = None,
) -> Standing:  # fmt: skip
    """All alerts a gate clears, whoever they are routed to.

    Args:
        gate: of the edition.
        alerts: the alert table as folded up to the period.
        period: the month.
        date: from which answers are due.
        known: silences, who explains whom, and the month's verdicts; by default nothing.
        labels: what verification found (:data:`qxmonitor.signals.outcomes.LABELS`), and ``told``: whether there was
            an alert, or it was missed.
    """
    known = known or Known()
    if labels is None:
        labels = pd.DataFrame({name: pd.Series(dtype="object") for name in (*LABELS, "told")})
    upto = alerts[alerts["period"].astype(str) <= str(period)]
    economic = {rule.name: rule.economic for rule in rules().rules}
    open_, carried, _, _ = sorted_out(upto, period)
    cleared = {alert.alert_id.text: alert for alert in gate.alerts(open_, period)}
    shown = open_[open_["alert_id"].isin(cleared)]
    quiet = silenced_by(shown, known.silences, known.firms, period)
    loud = explain(shown[quiet == ""], known.linked)
    by = _explained_by(loud)

    def names(ids: list[str]) -> tuple[Cleared, ...]:
        return tuple(cleared[one].entity for one in ids)

    told = {
        alert.alert_id.text: story(gate, None, alert, date, names(by.get(alert.alert_id.text, [])))
        for alert in gate.alerts(loud[loud["state"] != "explained"], period)
    }
    stories = tuple(told.values())
    risks = tuple(one for one in stories if economic[one.rule.text])
    before = [story(gate, None, alert, date) for alert in gate.alerts(carried, period)]
    now = dropped(upto, period)
    gone = [story(gate, None, a, date) for a in gate.alerts(now[now["closed"].astype(str) == str(period)], period)]
    counts = judged(gate, known.verdicts)
    declared = {rule.id: alerting().false_alarms.of(rule.id) for rule in rules().rules if rule.economic}
    rates = declared | {rule: share for rule, share in known.false_shares.items() if rule in declared}
    rates |= {rule.id: rule.mark for rule in rules().rules if rule.mark is not None}
    held = [cleared[one].entity for one in shown.loc[quiet != "", "alert_id"]]
    return Standing(
        levels=by_level(gate, risks),
        late=by_type(gate, [one for one in stories if not economic[one.rule.text]]),
        stories=risks,
        unjudged=tuple(one for one in before if economic[one.rule.text]),
        dropped=tuple(one for one in gone if economic[one.rule.text]),
        explained=tuple(Explained(told[cause], told[cause].suppliers) for cause in by if cause in told),
        silences=silence_lines(gate, active(known.silences, period), period),
        silenced=gate.count(held) if held else None,
        expired=silence_lines(gate, expired(known.silences, period), period),
        expected=expected_false(gate, counts, rates) if counts else None,
        checked=_checked(gate, loud[loud["opened"].astype(str) == str(period)], counts),
        backward=_backward(gate, alerts, labels, period, date),
        items=_items(gate, upto, period, date),
    )


def _checked(gate: Gate, new: pd.DataFrame, counts: Mapping[str, int]) -> Checked | None:
    p = np.array([float(json.loads(text).get("p", np.nan)) for text in new["evidence"].astype(str)], dtype=np.float64)
    told = np.isfinite(p)
    if not told.any():
        return None
    rate = alerting().false_discovery
    tests = sum(counts.get(rule, 0) for rule in set(new["rule"][told]))
    unsure = int(doubtful(p, tests, rate).sum())
    return checked(gate, int(told.sum()) - unsure, unsure, rate)


def _explained_by(alerts: pd.DataFrame) -> dict[str, list[str]]:
    mine = alerts[alerts["state"] == "explained"]
    cause = mine["evidence"].astype(str).str.extract(r'"explained_by":"([^"]+)"', expand=False)
    return {str(key): list(ids) for key, ids in mine.groupby(cause)["alert_id"]}


def _backward(
    gate: Gate, alerts: pd.DataFrame, labels: pd.DataFrame, period: Period, date: datetime
) -> Backward | None:  # fmt: skip
    """Last month's alerts, and earlier ones that were verified since last month's briefing was due."""
    last = period - 1
    since = release_calendar().released_at(last)
    rows = _with_labels(alerts, labels)
    opened, told = rows["opened"].astype(str), rows["told"].astype(bool)
    late = (opened < str(last)) & (rows["known_at"] >= since).fillna(False).astype(bool)
    mine = gate.alerts(rows[(opened == str(last)) & told], period)
    found = _found(gate, mine, gate.alerts(rows[(opened == str(last)) & ~told], period), date)
    earlier = _found(gate, gate.alerts(rows[late & told], period), gate.alerts(rows[late & ~told], period), date)
    anything = earlier.true or earlier.false or earlier.explained or earlier.missed
    if not mine and not found.missed and not anything:
        return None
    unverified = [one.entity for one in mine if one.label is None]
    return Backward(
        month=gate.period(last),
        count=gate.count(mine),
        found=found,
        unverified=gate.count(unverified) if unverified else None,
        earlier=earlier if anything else None,
    )


def _with_labels(alerts: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The risks with ``label``, ``cause``, ``known_at`` and ``told``, and those labelled that are no alert any more.

    Such are the missed ones, and those whose months were judged anew since they were told.
    """
    economic = [rule.id for rule in rules().rules if rule.economic]
    mine, said = (frame[frame["rule"].isin(economic)] for frame in (alerts, labels))
    gone = said[~said["alert_id"].isin(alerts["alert_id"]) & (said["told"].astype(bool) | (said["label"] == "true"))]
    gone = gone.assign(level=1, state="closed", period=gone["opened"], closed=gone["opened"], evidence="{}")
    by_id = said.astype(object).set_index("alert_id")
    here = mine.assign(
        told=True, **{name: mine["alert_id"].map(by_id[name]) for name in ("label", "cause", "known_at")}
    )
    rows = pd.concat([here.astype(object), gone[here.columns].astype(object)], ignore_index=True)
    words = rows[["label", "cause"]].astype(object)
    filled = words.where(words.notna(), "")
    return rows.assign(
        label=filled["label"], cause=filled["cause"], known_at=pd.to_datetime(rows["known_at"], utc=True)
    )


def _found(gate: Gate, told: tuple[Alert, ...], missed: tuple[Alert, ...], date: datetime) -> Found:
    true, false, explained = (_verified(gate, told, label, date) for label in OUTCOMES)
    return Found(true, false, explained, _verified(gate, missed, "true", date))


def _verified(gate: Gate, found: tuple[Alert, ...], label: str, date: datetime) -> tuple[Verified, ...]:
    word = alerting().outcomes[label]
    return tuple(
        Verified(story(gate, None, alert, date), alert.label, alert.cause)
        for alert in found
        if alert.label is not None and alert.label.text == word
    )


def _items(gate: Gate, alerts: pd.DataFrame, period: Period, date: datetime) -> OpenItems | None:
    economic = [rule.id for rule in rules().rules if rule.economic]
    mine = alerts[
        (alerts["state"] != "closed") & (alerts["opened"].astype(str) < str(period)) & alerts["rule"].isin(economic)
    ]
    found = gate.alerts(mine, period)
    if not found:
        return None

    def count(state: str) -> Cleared | None:
        some = [alert.entity for alert in found if alert.state.text == state]
        return gate.count(some) if some else None

    waiting = tuple(story(gate, None, alert, date) for alert in found if alert.state.text in UNANSWERED)
    return OpenItems(
        count=gate.count(found),
        unanswered=gate.count(waiting) if waiting else None,
        duties=by_lead(gate, waiting),
        acknowledged=count("acknowledged"),
        in_hand=count("in_hand"),
        resolved=count("resolved"),
    )
