"""Alerts as a fold of verdicts in period order: runs may come in any order and twice, the story is the same.

One alert is one episode of an identity (rule × entity kind × entity × source): it opens at the first level ≥ 1,
follows the level up and down, stays as it is through months without a verdict, and closes after the rule's number
of consecutive quiet verdicts or when a person closes it. Its level is the last one ≥ 1. What people did counts in
the month it names, after that month's verdict; the order in which it was written down does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.rules import rules
from qxmonitor.signals.evidence import extend

IDENTITY = ["rule", "entity_kind", "entity", "source"]
COLUMNS = ["alert_id", *IDENTITY, "level", "state", "opened", "period", "closed", "evidence"]
"""Columns of an alert; state ``open``, ``acknowledged`` or ``closed``; period is that of its newest verdict (or of
the event that closed it); closed is null while open. evidence is the newest verdict's, plus:
``since`` (= opened), ``trend`` (opened, raised, lowered, held, quiet, closed), ``peak`` (worst level so far),
``alerts`` (verdicts ≥ 1), ``quiet`` (quiet verdicts in a row) and, once closed, ``closed_by`` (quiet or person)."""

ACKNOWLEDGED, CLOSED = "acknowledged", "closed"
"""Kinds of event folded; others are kept by the warehouse and left alone here."""

_DEFAULT_CLOSE_AFTER = 2
_TRENDS = np.array(["opened", "raised", "lowered", "held", "quiet"], dtype=object)
_CLOSERS = np.array(["quiet", "person", None], dtype=object)
_OPENED, _RAISED, _LOWERED, _HELD, _QUIET = range(5)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def fold(verdicts: pd.DataFrame, events: pd.DataFrame | None = None) -> pd.DataFrame:
    """Fold verdicts and events into alerts.

    Args:
        verdicts: columns of :func:`qxmonitor.signals.judge`, any order; exact repeats are one verdict, and of
            two different ones for the same month the more severe stands.
        events: rule, entity_kind, entity, source, period, kind (others ignored); ``acknowledged`` holds until the
            alert is raised again.

    Returns:
        :data:`COLUMNS`, ordered by identity and opening month.
    """
    history = _History.of(verdicts, events)
    state = _State(len(history.identities), history.close_after)
    for t in range(len(history.periods)):
        state.step(t, history.level[:, t], history.acknowledged[:, t], history.closed[:, t])
    state.emit(state.open, -1, by_person=np.zeros_like(state.open))
    return _alerts(history, state)


@dataclass(frozen=True)
class _History:
    """k identities × t months: levels (−1: no verdict), the verdict's row, and what people did."""

    verdicts: pd.DataFrame
    identities: pd.DataFrame
    periods: list[str]
    level: Ints
    row: Ints
    acknowledged: Bools
    closed: Bools
    close_after: Ints

    @classmethod
    def of(cls, verdicts: pd.DataFrame, events: pd.DataFrame | None) -> _History:
        columns = [*IDENTITY, "period", "level", "evidence"]
        once = verdicts[columns].sort_values([*IDENTITY, "period", "level", "evidence"], kind="stable")
        once = once.drop_duplicates([*IDENTITY, "period"], keep="last").reset_index(drop=True)
        first = ~once.duplicated(IDENTITY)
        who = (first.cumsum() - 1).to_numpy(dtype=np.int64)
        identities = once.loc[first, IDENTITY].reset_index(drop=True)
        if events is None or events.empty:
            acts = pd.DataFrame({name: pd.Series(dtype="str") for name in (*IDENTITY, "period", "kind", "who")})
        else:
            numbered = identities.assign(who=np.arange(len(identities)))
            known = events.loc[events["kind"].isin([ACKNOWLEDGED, CLOSED]), [*IDENTITY, "period", "kind"]]
            numbered = numbered.astype(dict.fromkeys(IDENTITY, "str"))
            acts = known.astype("str").merge(numbered, on=IDENTITY, validate="m:1")
        periods = sorted(set(once["period"].astype(str)) | set(acts["period"].astype(str)))
        position = {period: t for t, period in enumerate(periods)}
        shape = (len(identities), len(periods))
        at = once["period"].map(position).to_numpy(dtype=np.int64)
        level, row = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
        level[who, at], row[who, at] = once["level"].to_numpy(dtype=np.int64), np.arange(len(once))

        def did(kind: str) -> Bools:
            done = np.zeros(shape, dtype=bool)
            some = acts[acts["kind"] == kind]
            done[some["who"].to_numpy(dtype=np.int64), some["period"].map(position).to_numpy(dtype=np.int64)] = True
            return done

        wait = {rule.id: rule.close_after for rule in rules().rules}
        close_after = identities["rule"].map(wait).fillna(_DEFAULT_CLOSE_AFTER).to_numpy().astype(np.int64)
        return cls(once, identities, periods, level, row, did(ACKNOWLEDGED), did(CLOSED), close_after)


@dataclass
class _State:
    """Every identity's open episode, as arrays; finished episodes pile up in ``episodes``."""

    size: int
    close_after: Ints
    episodes: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = np.zeros(self.size, dtype=bool)
        self.acknowledged = np.zeros(self.size, dtype=bool)
        for name in ("opened", "level", "peak", "alerts", "quiet", "last", "trend"):
            setattr(self, name, np.zeros(self.size, dtype=np.int64))

    opened: Ints = field(init=False)
    level: Ints = field(init=False)
    peak: Ints = field(init=False)
    alerts: Ints = field(init=False)
    quiet: Ints = field(init=False)
    last: Ints = field(init=False)
    trend: Ints = field(init=False)

    def step(self, t: int, verdict: Ints, acknowledged: Bools, closed: Bools) -> None:
        """One month: the verdicts, then what people did."""
        hot, new = verdict >= 1, (verdict >= 1) & ~self.open
        self.opened[new], self.peak[new], self.alerts[new] = t, 0, 0
        raised, lowered = self.open & (verdict > self.level), self.open & hot & (verdict < self.level)
        calm = self.open & (verdict == 0)
        self.acknowledged[new | raised] = False
        self.trend[hot] = np.select([new, raised, lowered], [_OPENED, _RAISED, _LOWERED], default=_HELD)[hot]
        self.trend[calm] = _QUIET
        self.level[hot] = verdict[hot]
        self.peak[hot] = np.maximum(self.peak, verdict)[hot]
        self.alerts[hot] += 1
        self.quiet[hot] = 0
        self.quiet[calm] += 1
        self.last[hot | calm] = t
        self.open |= new
        self.acknowledged |= acknowledged & self.open
        by_person = self.open & closed
        self.emit(by_person | (self.open & (self.quiet >= self.close_after)), t, by_person)

    def emit(self, which: Bools, t: int, by_person: Bools) -> None:
        """Write down the episodes that end in month ``t`` (−1: still open at the end)."""
        if which.any():
            names = ("opened", "level", "peak", "alerts", "quiet", "last", "trend", "acknowledged")
            episode = {name: getattr(self, name)[which].copy() for name in names}
            count = int(which.sum())
            episode["who"], episode["closed"] = np.flatnonzero(which), np.full(count, t)
            episode["by_person"] = by_person[which]
            self.episodes.append(episode)
        if t >= 0:
            self.open &= ~which


def _alerts(history: _History, state: _State) -> pd.DataFrame:
    if not state.episodes:
        return pd.DataFrame({name: pd.Series(dtype="int16" if name == "level" else "str") for name in COLUMNS})
    joined = {name: np.concatenate([episode[name] for episode in state.episodes]) for name in state.episodes[0]}
    order = np.lexsort((joined["opened"], joined["who"]))
    e = {name: values[order] for name, values in joined.items()}
    period = np.array([*history.periods, None], dtype=object)  # index −1: still open
    done, opened = e["closed"] >= 0, period[e["opened"]]
    who = history.identities.iloc[e["who"]].reset_index(drop=True)
    proof = history.verdicts["evidence"].to_numpy(dtype=object)[history.row[e["who"], e["last"]]]
    texts = extend(
        proof,
        {
            "since": opened,
            "trend": np.where(done, "closed", _TRENDS[e["trend"]]).astype(object),
            "peak": e["peak"],
            "alerts": e["alerts"],
            "quiet": e["quiet"],
            "closed_by": _CLOSERS[np.where(done, e["by_person"].astype(np.int64), 2)],
        },
    )
    identity = who["rule"] + ":" + who["entity_kind"] + ":" + who["entity"] + ":" + who["source"]
    frame = who.assign(
        alert_id=identity + ":" + pd.Series(opened, dtype="str"),
        level=e["level"].astype(np.int16),
        state=np.where(done, "closed", np.where(e["acknowledged"], "acknowledged", "open")),
        opened=opened,
        period=period[np.where(done, e["closed"], e["last"])],
        closed=period[e["closed"]],
        evidence=texts,
    )
    return frame[COLUMNS].astype({name: "str" for name in COLUMNS if name != "level"})
