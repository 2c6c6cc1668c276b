"""Alerts as a fold of verdicts in period order: runs may come in any order and twice, the story is the same.

One alert is one episode of an identity (rule × entity kind × entity × source): it opens at the first level ≥ 1,
follows the level up and down, stays as it is through months without a verdict, and closes after the rule's number
of consecutive quiet verdicts, at the first one when people said it is resolved, or when a person closes it. Closed by
a person, it does not come back at the level it had or a lower one before a verdict was better. What nothing judges any
more closes after some months that were run without a verdict on it (``alerting.yml``), whatever people said of it;
nobody decided anything by that, so it comes back as a new alert with the next level ≥ 1. Its level is the last one ≥ 1.
What people did counts in the month it names, after that month's verdict and in the order of ``known_at``; the order in
which it was written down does not matter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.alerting import CLOSERS, alerting
from qxmonitor.catalog.rules import rules
from qxmonitor.period import Period
from qxmonitor.signals.evidence import extend

IDENTITY = ["rule", "entity_kind", "entity", "source"]
COLUMNS = ["alert_id", *IDENTITY, "level", "state", "opened", "period", "closed", "evidence"]
"""Columns of an alert; period is that of its newest verdict (or of the act that closed it); closed is null while
open. evidence is the newest verdict's, plus: ``since`` (= opened), ``trend`` (opened, raised, lowered, held, quiet,
reopened, closed), ``peak`` (worst level so far), ``alerts`` (verdicts ≥ 1), ``quiet`` (quiet verdicts in a row),
``due`` (the last month in which it was to be told: new, changed, or after the rule's months of reminding), ``p_least``
(the least ``p`` of its verdicts ≥ 1, where they have one) and, once closed, ``closed_by`` (quiet, review, person or
unjudged)."""

HISTORY = ["alert_id", "period", "state", "level", "who", "why", "known_at", "closed_by"]
"""Columns of :func:`history`; ``who`` is empty where the verdict of the month, or the lack of one, changed it."""

ACTS = ("acknowledge", "take", "resolve", "close", "reopen")
"""Kinds of event folded; others are kept by the warehouse and left alone here."""

UNANSWERED = ("opened", "raised", "lowered")
_STATES = np.array(["", *UNANSWERED, "acknowledged", "in_hand", "resolved", "closed"], dtype=object)
_OPENED, _RAISED, _LOWERED, _ACKNOWLEDGED, _IN_HAND, _RESOLVED, _CLOSED = range(1, 8)
_TRENDS = np.array(["opened", "raised", "lowered", "held", "quiet", "reopened"], dtype=object)
_HELD, _QUIET, _REOPENED = 3, 4, 5
_CLOSERS = np.array([*CLOSERS, None], dtype=object)
_BY_QUIET, _BY_REVIEW, _BY_PERSON, _BY_NOBODY, _OPEN = range(len(CLOSERS) + 1)
_DEFAULT_CLOSE_AFTER = 2
_ACT_FIELDS = [*IDENTITY, "period", "kind", "who", "why", "known_at"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def fold(
    verdicts: pd.DataFrame, events: pd.DataFrame | None = None, run: Collection[str] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Fold verdicts and events into alerts.

    Args:
        verdicts: columns of :func:`qxmonitor.signals.judge`, any order; exact repeats are one verdict, and of
            two different ones for the same month the more severe stands.
        events: rule, entity_kind, entity, source, period, kind, who, why, known_at; any order, repeats are one.
            Kinds are :data:`ACTS`, others are ignored. An answer holds until the alert is raised again.
        run: the months that were run; those that verdicts speak of are among them. In one of these an alert that no
            verdict speaks of is left without one; a month that was never run says nothing.

    Returns:
        :data:`COLUMNS`, ordered by identity and opening month; states opened, raised, lowered, acknowledged, in_hand,
        resolved or closed.
    """
    story = _Story.of(verdicts, events, run)
    return _alerts(story, _told(story))


def history(
    verdicts: pd.DataFrame, events: pd.DataFrame | None = None, run: Collection[str] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Every change of state or level of every alert, as :func:`fold` goes through them: :data:`HISTORY`, in order."""
    story = _Story.of(verdicts, events, run)
    state = _told(story)
    if not state.changes:
        return pd.DataFrame({name: [] for name in HISTORY})
    who, t, opened, now, level, closer, act = (np.concatenate(parts) for parts in zip(*state.changes, strict=True))
    period = np.array(story.periods, dtype=object)
    acts = story.acts.reindex(act)
    ids = _identity(story.identities.iloc[who].reset_index(drop=True)) + ":" + pd.Series(period[opened], dtype="str")
    frame = pd.DataFrame(
        {
            "alert_id": ids, "period": period[t], "state": _STATES[now], "level": level,
            "who": acts["who"].fillna("").to_numpy(), "why": acts["why"].fillna("").to_numpy(),
            "known_at": acts["known_at"].to_numpy(), "closed_by": np.where(closer == _OPEN, "", _CLOSERS[closer]),
        }
    )  # fmt: skip
    order = np.lexsort((np.arange(len(t)), opened, who))
    return frame.iloc[order].reset_index(drop=True)[HISTORY]


@dataclass(frozen=True)
class _Story:
    """k identities × t months: levels (−1: no verdict), p (NaN: none), the verdict's row, and what people did.

    ``ran`` says which months were run; ``rounds[t]`` are the acts of a month, of each identity at most one a round:
    (who, kind, row of ``acts``).
    """

    verdicts: pd.DataFrame
    identities: pd.DataFrame
    periods: list[str]
    ran: Bools
    level: Ints
    p: Floats
    row: Ints
    acts: pd.DataFrame
    rounds: dict[int, list[tuple[Ints, Ints, Ints]]]
    close_after: Ints
    remind: Ints
    patience: Ints

    @classmethod
    def of(cls, verdicts: pd.DataFrame, events: pd.DataFrame | None, run: Collection[str] | None) -> _Story:
        columns = [*IDENTITY, "period", "level", "evidence"]
        once = verdicts[columns].sort_values([*IDENTITY, "period", "level", "evidence"], kind="stable")
        once = once.drop_duplicates([*IDENTITY, "period"], keep="last").reset_index(drop=True)
        first = ~once.duplicated(IDENTITY)
        who = (first.cumsum() - 1).to_numpy(dtype=np.int64)
        identities = once.loc[first, IDENTITY].reset_index(drop=True)
        acts = _acts(identities, events)
        judged = {*once["period"].astype(str), *map(str, run or ())}
        periods = sorted(judged | set(acts["period"].astype(str)))
        position = {period: t for t, period in enumerate(periods)}
        shape = (len(identities), len(periods))
        at = once["period"].map(position).to_numpy(dtype=np.int64)
        level, row = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
        level[who, at], row[who, at] = once["level"].to_numpy(dtype=np.int64), np.arange(len(once))
        p, hot = np.full(shape, np.nan), (once["level"] >= 1).to_numpy(dtype=bool)
        found = once.loc[hot, "evidence"].astype("str").str.extract(r'"p":([0-9.eE+-]+)', expand=False)
        p[who[hot], at[hot]] = found.to_numpy(dtype=np.float64, na_value=np.nan)
        wait = {rule.id: rule.close_after for rule in rules().rules}
        close_after = identities["rule"].map(wait).fillna(_DEFAULT_CLOSE_AFTER).to_numpy().astype(np.int64)
        remind, patience = (
            identities["rule"].map(months.of).to_numpy(dtype=np.int64)
            for months in (alerting().remind, alerting().unjudged)
        )
        ran = np.array([period in judged for period in periods], dtype=bool)
        rounds = _rounds(acts, position)
        return cls(once, identities, periods, ran, level, p, row, acts, rounds, close_after, remind, patience)


def _acts(identities: pd.DataFrame, events: pd.DataFrame | None) -> pd.DataFrame:
    """The acts on identities that were ever judged, each once and in order, with the number of the identity."""
    if events is None or events.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in (*_ACT_FIELDS, "number")})
    numbered = identities.assign(number=np.arange(len(identities))).astype(dict.fromkeys(IDENTITY, "str"))
    known = events.loc[events["kind"].isin(ACTS), _ACT_FIELDS].drop_duplicates()
    known = known.astype(dict.fromkeys([*IDENTITY, "period", "kind"], "str"))
    acts = known.merge(numbered, on=IDENTITY, validate="m:1")
    acts = acts.assign(turn=acts["kind"].map(ACTS.index))
    return acts.sort_values(["period", "known_at", "turn", "who", "why"], kind="stable", ignore_index=True)


def _rounds(acts: pd.DataFrame, position: dict[str, int]) -> dict[int, list[tuple[Ints, Ints, Ints]]]:
    turn = acts.groupby(["period", "number"]).cumcount()
    rounds: dict[int, list[tuple[Ints, Ints, Ints]]] = {}
    for (period, _), mine in acts.groupby(["period", turn]):
        kinds = mine["kind"].map(ACTS.index).to_numpy(dtype=np.int64)
        one = (mine["number"].to_numpy(dtype=np.int64), kinds, mine.index.to_numpy(dtype=np.int64))
        rounds.setdefault(position[str(period)], []).append(one)
    return rounds


def _told(story: _Story) -> _State:
    """Go through the months."""
    state = _State(len(story.identities), story.close_after, story.remind, story.patience)
    for t, period in enumerate(story.periods):
        if story.ran[t]:
            state.month(t, Period(period).ordinal, story.level[:, t], story.p[:, t])
        for who, kind, act in story.rounds.get(t, []):
            state.act(t, Period(period).ordinal, who, kind, act)
    state.finish(state.began)
    return state


@dataclass
class _State:
    """Every identity's newest episode, as arrays; those before it pile up in ``episodes``.

    ``shut`` is the level up to which an identity stays closed, since a person closed it at that level; ``silent``
    counts the months run since its last verdict (or since it was opened again).
    """

    size: int
    close_after: Ints
    remind: Ints
    patience: Ints
    episodes: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    changes: list[tuple[Ints, ...]] = field(default_factory=list)
    state: Ints = field(init=False)
    opened: Ints = field(init=False)
    level: Ints = field(init=False)
    peak: Ints = field(init=False)
    alerts: Ints = field(init=False)
    quiet: Ints = field(init=False)
    last: Ints = field(init=False)
    trend: Ints = field(init=False)
    due: Ints = field(init=False)
    due_month: Ints = field(init=False)
    shut: Ints = field(init=False)
    silent: Ints = field(init=False)
    closed: Ints = field(init=False)
    closer: Ints = field(init=False)
    least: Floats = field(init=False)

    _KEPT = ("opened", "level", "peak", "alerts", "quiet", "last", "trend", "state", "due", "closed", "closer", "least")

    def __post_init__(self) -> None:
        for name in (*self._KEPT, "due_month", "shut", "silent"):
            setattr(self, name, np.zeros(self.size, dtype=np.int64))
        self.least = np.full(self.size, np.nan)

    @property
    def began(self) -> Bools:
        found: Bools = self.state > 0
        return found

    @property
    def open(self) -> Bools:
        found: Bools = (self.state > 0) & (self.state != _CLOSED)
        return found

    def month(self, t: int, ordinal: int, verdict: Ints, p: Floats) -> None:
        """One month's verdicts; −1 where there is none, though the month was run."""
        was, level = self.state.copy(), self.level.copy()
        hot, open_ = verdict >= 1, self.open
        new = hot & ~open_ & (verdict > self.shut)
        better = ~open_ & (verdict >= 0)
        self.shut[better] = np.minimum(self.shut, verdict)[better]
        self.shut[new] = 0
        self.silent = np.where(verdict >= 0, 0, self.silent + 1)
        self.finish(new & self.began)
        self.opened[new], self.peak[new], self.alerts[new], self.least[new] = t, 0, 0, np.nan
        hot &= open_ | new
        raised, lowered = open_ & (verdict > self.level), open_ & hot & (verdict < self.level)
        calm = open_ & (verdict == 0)
        self.state[new], self.state[raised] = _OPENED, _RAISED
        self.state[lowered & (self.state <= _LOWERED)] = _LOWERED
        self.trend[hot] = np.select([new, raised, lowered], [0, 1, 2], default=_HELD)[hot]
        self.trend[calm] = _QUIET
        self.level[hot] = verdict[hot]
        self.peak[hot] = np.maximum(self.peak, verdict)[hot]
        self.least[hot] = np.fmin(self.least, p)[hot]
        self.alerts[hot] += 1
        self.quiet[hot] = 0
        self.quiet[calm] += 1
        self.last[hot | calm] = t
        again = hot & (self.state != _RESOLVED) & (ordinal - self.due_month >= self.remind)
        self._tell(new | raised | lowered | again, t, ordinal)
        review = calm & (self.state == _RESOLVED)
        self._close(review, t, _BY_REVIEW)
        self._close(calm & (self.quiet >= self.close_after), t, _BY_QUIET)
        self._close(self.silent >= self.patience, t, _BY_NOBODY)
        self._note((self.state != was) | (self.open & (self.level != level)) | new, t, -1)

    def act(self, t: int, ordinal: int, who: Ints, kind: Ints, act: Ints) -> None:
        """One round of what people did: of each identity at most one act."""
        was, row = self.state.copy(), np.full(self.size, -1, dtype=np.int64)
        row[who] = act

        def did(name: str) -> Bools:
            mask = np.zeros(self.size, dtype=bool)
            mask[who[kind == ACTS.index(name)]] = True
            return mask

        open_ = self.open
        self.state[did("acknowledge") & open_ & (self.state < _ACKNOWLEDGED)] = _ACKNOWLEDGED
        self.state[did("take") & open_] = _IN_HAND
        self.state[did("resolve") & open_] = _RESOLVED
        again = did("reopen") & (self.state == _CLOSED)
        self.state[again], self.trend[again], self.quiet[again] = _OPENED, _REOPENED, 0
        self.shut[again], self.silent[again] = 0, 0
        self._tell(again, t, ordinal)
        by_person = did("close") & open_
        self.shut[by_person] = self.level[by_person]
        self._close(by_person, t, _BY_PERSON)
        self._note(self.state != was, t, row)

    def finish(self, which: Bools) -> None:
        """Write down these episodes: another follows, or the months are over."""
        if which.any():
            episode = {name: getattr(self, name)[which].copy() for name in self._KEPT}
            episode["who"] = np.flatnonzero(which)
            self.episodes.append(episode)

    def _tell(self, which: Bools, t: int, ordinal: int) -> None:
        self.due[which], self.due_month[which] = t, ordinal

    def _close(self, which: Bools, t: int, closer: int) -> None:
        which = which & self.open
        self.state[which], self.closed[which], self.closer[which] = _CLOSED, t, closer

    def _note(self, changed: Bools, t: int, act: Ints | int) -> None:
        if changed.any():
            who = np.flatnonzero(changed)
            months = np.full(len(who), t, dtype=np.int64)
            acts = np.broadcast_to(act, self.size)[who].astype(np.int64)
            closer = np.where(self.state == _CLOSED, self.closer, _OPEN)[who]
            self.changes.append((who, months, self.opened[who], self.state[who], self.level[who], closer, acts))


def _identity(frame: pd.DataFrame) -> pd.Series:
    found: pd.Series = frame["rule"] + ":" + frame["entity_kind"] + ":" + frame["entity"] + ":" + frame["source"]
    return found


def _alerts(story: _Story, state: _State) -> pd.DataFrame:
    if not state.episodes:
        return pd.DataFrame({name: pd.Series(dtype="int16" if name == "level" else "str") for name in COLUMNS})
    joined = {name: np.concatenate([episode[name] for episode in state.episodes]) for name in state.episodes[0]}
    order = np.lexsort((joined["opened"], joined["who"]))
    e = {name: values[order] for name, values in joined.items()}
    period = np.array([*story.periods, None], dtype=object)  # index −1: not closed
    done, opened = e["state"] == _CLOSED, period[e["opened"]]
    closed = np.where(done, e["closed"], -1)
    who = story.identities.iloc[e["who"]].reset_index(drop=True)
    proof = story.verdicts["evidence"].to_numpy(dtype=object)[story.row[e["who"], e["last"]]]
    texts = extend(
        proof,
        {
            "since": opened,
            "trend": np.where(done, "closed", _TRENDS[e["trend"]]).astype(object),
            "peak": e["peak"],
            "alerts": e["alerts"],
            "quiet": e["quiet"],
            "due": period[e["due"]],
            "p_least": e["least"],
            "closed_by": _CLOSERS[np.where(done, e["closer"], _OPEN)],
        },
    )
    frame = who.assign(
        alert_id=_identity(who) + ":" + pd.Series(opened, dtype="str"),
        level=e["level"].astype(np.int16),
        state=_STATES[e["state"]],
        opened=opened,
        period=period[np.where(done & (e["closer"] != _BY_NOBODY), e["closed"], e["last"])],
        closed=period[closed],
        evidence=texts,
    )
    return frame[COLUMNS].astype({name: "str" for name in COLUMNS if name != "level"})
