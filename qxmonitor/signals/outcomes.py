"""What verification found out about alerts: their labels, the months they speak of, and events no alert told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qxmonitor.catalog.alerting import OUTCOMES
from qxmonitor.catalog.rules import Rule, Watch, rules
from qxmonitor.period import Period
from qxmonitor.signals.scorecard import Verified, located

IDENTITY = ["rule", "entity_kind", "entity", "source"]
LABELS = ["alert_id", *IDENTITY, "opened", "label", "cause", "who", "why", "known_at"]
"""``label`` true, false or explained; of an alert the one known last. An alert's id of a month in which there was none,
labelled true, is a miss."""


def labels(events: pd.DataFrame) -> pd.DataFrame:
    """The label of each alert that was verified, from the events known: :data:`LABELS`, by id."""
    found = events[events["kind"].isin(OUTCOMES)]
    ids = found["rule"].astype(str).str.cat(found[LABELS[2:6]].astype(str), sep=":")
    found = found.assign(alert_id=ids, label=found["kind"])
    found = found.sort_values(["alert_id", "known_at", "label", "who", "why"], kind="stable")
    return found.drop_duplicates("alert_id", keep="last")[LABELS].reset_index(drop=True)


def told(labelled: pd.DataFrame, ever: pd.DataFrame) -> pd.Series:
    """Whether there was an alert to each label, be it that a later run of its month takes it back; else it was missed.

    Args:
        labelled: :data:`LABELS`.
        ever: :data:`IDENTITY` and opened of those that any run raised in that month.
    """
    there, mine = (pd.MultiIndex.from_frame(frame[[*IDENTITY, "opened"]].astype("str")) for frame in (ever, labelled))
    return pd.Series(mine.isin(there), index=labelled.index, dtype=bool)


def episodes(labelled: pd.DataFrame, alerts: pd.DataFrame, raised: pd.DataFrame, ever: pd.DataFrame) -> pd.DataFrame:
    """The labels with the months they speak of: from ``opened`` to ``last``, and whether anything was ``told``.

    That is until the alert's last month with a level. Of an alert that is no more, since its months were judged anew,
    and of a miss nothing is known but the month it opened.

    Args:
        labelled: :data:`LABELS`.
        alerts: as folded from ``raised``.
        raised: verdicts that count.
        ever: as in :func:`told`.
    """
    keys = dict.fromkeys([*IDENTITY, "opened"], "str")
    until = alerts.set_index("alert_id")["closed"].fillna("9999-99").astype("str")
    mine = (
        labelled.astype(keys)
        .assign(until=labelled["alert_id"].map(until))
        .dropna(subset="until")
        .astype({"until": "str"})
    )
    hot = raised.loc[raised["level"] >= 1, [*IDENTITY, "period"]].astype("str")
    stood = mine.merge(hot, on=IDENTITY, validate="m:m")
    stood = stood[(stood["period"] >= stood["opened"]) & (stood["period"] <= stood["until"])]
    last = labelled["alert_id"].map(stood.groupby("alert_id")["period"].max())
    return labelled.astype(keys).assign(
        last=last.where(last.notna(), labelled["opened"]).astype("str"), told=told(labelled, ever)
    )


def placed(found: pd.DataFrame, months: Sequence[Period]) -> pd.DataFrame:
    """Episodes with ``start`` and ``end`` as columns of ``months``; what ends before them or begins after is left out.

    One that began before them starts below zero.
    """
    first = months[0].ordinal
    start, end = (found[name].map(lambda month: Period(month).ordinal - first) for name in ("opened", "last"))
    here = found.assign(start=start.astype("int64"), end=end.clip(upper=len(months) - 1).astype("int64"))
    return here[(here["end"] >= 0) & (here["start"] < len(months))].reset_index(drop=True)


def merged(found: pd.DataFrame) -> pd.DataFrame:
    """Stretches (entity, start, end) of one entity that overlap or follow each other are one.

    >>> two = pd.DataFrame({"entity": ["A", "A", "A", "B"], "start": [1, 3, 7, 2], "end": [2, 5, 7, 2]})
    >>> merged(two).to_numpy().tolist()
    [['A', 1, 5], ['A', 7, 7], ['B', 2, 2]]
    """
    rows = (
        found[["entity", "start", "end"]]
        .astype({"entity": "str"})
        .sort_values(["entity", "start", "end"], kind="stable")
    )
    reached = rows.groupby("entity")["end"].cummax().groupby(rows["entity"]).shift(fill_value=-(10**6))
    number = (rows["start"] > reached + 1).cumsum()
    out = rows.groupby(number).agg(entity=("entity", "first"), start=("start", "min"), end=("end", "max"))
    return out.reset_index(drop=True)


def said_of(rule: Rule, watch: Watch, labelled: pd.DataFrame) -> pd.DataFrame:
    """The labels that speak of what a watch says, each ``as`` true, besides, false or explained.

    Labels of the rule itself, whichever version of it they met. Of another rule by what the proofs name: a true one is
    a case where all it tells of are cases of this rule, and makes alerts true besides where some are or may stand
    beside them; a false or explained one denies this rule's where it tells of everything this one does. Entity and
    source are the same: what is false may be the figure one source gave.
    """
    here = labelled[(labelled["entity_kind"] == watch.kind) & (labelled["source"] == watch.source)]
    mine, own = rule.proof, {rule.id}
    others = (
        {r.id: set(r.proof.events) for r in rules().rules if r.proof is not None and r.proof.events} if mine else {}
    )
    events, beside = (set(mine.events), set(mine.besides)) if mine else (set(), set())
    cases = own | {key for key, theirs in others.items() if theirs <= events}
    near = {key for key, theirs in others.items() if theirs & (events | beside)} - cases
    deny = own | {key for key, theirs in others.items() if events and events <= theirs}
    true = here["label"] == "true"
    speaks = np.select(
        [true & here["rule"].isin(cases), true & here["rule"].isin(near), ~true & here["rule"].isin(deny)],
        ["true", "besides", here["label"].astype(object)],
        default="",
    )
    heard: pd.DataFrame = here.assign(**{"as": speaks.astype(str)})[speaks != ""].reset_index(drop=True)
    return heard


def verified_cases(said: pd.DataFrame, cases: pd.DataFrame, lead: int, within: int) -> pd.DataFrame:
    """Verified troubles as cases: those that begin in time and are no case already, since its outcome came true."""
    found = merged(said[said["as"] == "true"])
    known = cases.loc[cases["case"].astype(bool), ["entity", "start", "end"]].astype({"entity": "str"})
    both = found.reset_index().merge(known, on="entity", suffixes=("", "_known"), validate="m:m")
    same = (both["start"] <= both["end_known"] + within) & (both["end"] >= both["start_known"] - lead)
    fresh = found[~found.index.isin(both.loc[same, "index"]) & (found["start"] >= 0)]
    return fresh.assign(case=True).astype({"start": np.int64, "end": np.int64, "case": bool})


def verified_by(said: pd.DataFrame, place: Mapping[str, int], *, whole: bool) -> Verified:
    """The findings by what they say, of entities in the rows ``place`` gives."""
    true, besides, false, explained = (
        located(said[said["as"] == name], place) for name in ("true", "besides", "false", "explained")
    )
    return Verified(true, besides, false, explained, whole=whole)
