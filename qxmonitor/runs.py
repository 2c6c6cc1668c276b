"""Runs: the figures and verdicts of months, computed as known at one time and stored once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from qxmonitor import indicators, signals
from qxmonitor.catalog.release import release_calendar
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, proving, store
from qxmonitor.warehouse.panel import read_panel

AT_ONCE = 12
"""Months computed and stored together: what a killed call has to do again, and what has to fit in memory."""


@dataclass(frozen=True)
class Done:
    """Months that have their run.

    Attributes:
        stamps: one a month, with its run.
        recorded_at: the newest thing recorded that they stand on.
        panel: what was read for those that had to be computed; None when none had.
    """

    stamps: list[store.Stamp]
    recorded_at: datetime | None = None
    panel: Panel | None = None


def compute(wh: Warehouse, periods: Sequence[Period], known_at: datetime | None) -> Done:
    """Compute and store months as known at one time, unless they stand already for the same inputs.

    A month all of whose files are withdrawn is taken back instead: it ends as if they had never come.

    The panel is read once for all of them; each month comes out as from a panel of its own.

    Args:
        wh: an open warehouse.
        periods: the months, in any order.
        known_at: as known then; None is newest.

    Raises:
        NothingKnown: no return of a month or an earlier one is known by then.
    """
    if not periods:
        return Done([])
    recorded_at = wh.newest_recorded()
    found = store.stamps(wh, sorted(periods), known_at=known_at, recorded_at=recorded_at)
    gone = [stamp for stamp in found if stamp.run_id is None and stamp.nothing]
    done = store.take_back(wh, gone) if gone else []
    new = [stamp for stamp in found if stamp.run_id is None and not stamp.nothing]
    panel = None
    if new:
        first, last = new[0].period, new[-1].period
        width = HISTORY + _between(first, last)
        panel = read_panel(wh, last, months=width, known_at=known_at, recorded_at=recorded_at)
        active = proving.active_rules(wh, known_at=known_at, recorded_at=recorded_at)
        for at in range(0, len(new), AT_ONCE):
            done += _store(wh, panel, active, new[at : at + AT_ONCE])
    stored = {stamp.period: stamp for stamp in done}
    return Done([stored.get(stamp.period, stamp) for stamp in found], recorded_at, panel)


def _store(wh: Warehouse, panel: Panel, active: Collection[str], stamps: Sequence[store.Stamp]) -> list[store.Stamp]:
    periods = [stamp.period for stamp in stamps]
    # An index stands on all months it sees: on no more than when its month is computed alone.
    found = indicators.computed(panel, periods, look_back=HISTORY)
    figures = {period: found.packed(period) for period in periods}
    return store.write_runs(wh, stamps, figures, signals.judge(panel, periods, active, look_back=HISTORY))


def outdated(wh: Warehouse, period: Period) -> list[Period]:
    """Later months that have a run, but none that stands on what is known now."""
    done = store.periods_run(wh)
    later = [period + ahead for ahead in range(1, HISTORY) if period + ahead in done]
    return _stale(wh, later)


def never_run(wh: Warehouse, period: Period, known_at: datetime | None) -> list[tuple[Period, datetime | None]]:
    """Earlier months with output returns that have no run at all, each with the time to run it as known at.

    That is its own release day, so that it comes out as if it had been run then, whatever month is asked for first;
    a month whose returns came only later (a history in one file, or loaded in bulk) is run as known at the time asked
    for. Months further back than a run looks are left to whoever wants them (:func:`out_of_reach`).
    """
    first = store.first_spoken_of(wh, "b204_1", known_at)
    done = store.periods_run(wh)
    missing = []
    for month in (period - back for back in range(HISTORY - 1, 0, -1)):
        if month in first.index and month not in done:
            released = release_calendar().released_at(month)
            missing.append((month, released if first[month] <= released else known_at))
    return missing


def out_of_reach(wh: Warehouse, period: Period) -> list[Period]:
    """Months with output returns and no run that lie too far back for a run of this one to bring them along."""
    done = store.periods_run(wh)
    there = [Period(month) for month in store.first_spoken_of(wh, "b204_1").index]
    return [month for month in there if month not in done and month <= period - HISTORY]


def restated(wh: Warehouse, period: Period) -> list[Period]:
    """Earlier months with a run that no longer stands: something of theirs changed since, or a file of this month did.

    A file changes the month it is of, one of statistics every month it speaks of. What this month's notices tell began
    in those months, so they come first.
    """
    done = store.periods_run(wh)
    spoken = store.months_with(wh, period, _restating())
    mine = sorted({*spoken, *store.changed_since(wh, _restating())} & done)
    return _stale(wh, [Period(month) for month in mine if period - HISTORY < month < period])


def changed(wh: Warehouse) -> list[Period]:
    """Months of which something changed since their run, and that would come out otherwise now."""
    return _stale(wh, store.changed_since(wh, _restating()))


def _restating() -> list[str]:
    return sorted(release_calendar().family("statistics"))


def _stale(wh: Warehouse, months: Sequence[Period]) -> list[Period]:
    return [stamp.period for stamp in store.stamps(wh, months) if stamp.run_id is None] if months else []


def _between(first: Period, last: Period) -> int:
    return last.ordinal - first.ordinal
