"""Keeps what was computed: runs with their values and verdicts, what people did, and the alerts folded from both.

A run is stamped with the newest ``known_at`` among the files it used and a fingerprint of all that decides its outcome,
so computing the same again is recognised and changes nothing. Values and verdicts are appended; the run that counts for
a month is the newest by ``known_at``, then by ``recorded_at``. Alerts are a projection, made anew as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from sqlalchemy import Connection, text

from qxmonitor import __version__
from qxmonitor.catalog._yaml import HERE as CATALOGUE
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import NothingKnown
from qxmonitor.packed import FIGURE_COLUMNS, Packed
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, LOCK_ALERT, LOCK_RUN, Warehouse, fetch, lock, run
from qxmonitor.warehouse.load import append

VALUE_COLUMNS = ["indicator", "entity_kind", "entity", "source", *FIGURE_COLUMNS]
VERDICT_COLUMNS = ["rule", "entity_kind", "entity", "source", "level", "evidence"]
ALERT_COLUMNS = [
    "alert_id", "rule", "entity_kind", "entity", "source", "level", "state", "opened", "period", "closed", "evidence",
]  # fmt: skip


_NOTHING = "nothing "
"""Marks the fingerprint of a run that takes a month back; ``reads.newest_run`` knows it."""


@dataclass(frozen=True)
class Stamp:
    """What a run of one month stands on.

    Attributes:
        period: the month.
        known_at: newest known_at among the files used, those withdrawn, and what was decided about them.
        fingerprint: sha256 over the files, what is due, the catalogue and the version; marked where nothing is left.
        run_id: the identical run, when there is one already.
    """

    period: Period
    known_at: datetime
    fingerprint: str
    run_id: int | None = None

    @property
    def nothing(self) -> bool:
        """Whether all the month stood on was withdrawn: its run holds nothing, and the month counts as never run."""
        return self.fingerprint.startswith(_NOTHING)


def stamps(
    wh: Warehouse,
    periods: Sequence[Period],
    *,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> list[Stamp]:
    """Stamp runs of some months on what is known and decided; a run that exists already carries its ``run_id``.

    The files used for a month are those known that speak of it, of an earlier month, or of no single month; a file of
    a later month may hold rows of it. What the
    calendar calls due by then is stamped too, since a return becomes late without any file arriving.

    A month that has a run and whose files, with those of all earlier months, are withdrawn by then has a stamp as well.

    Raises:
        NothingKnown: no return of the month or an earlier one is known by then, and nothing has to be taken back.
    """
    files = wh.frame(sql.query("files_known"), known_at or FOREVER, recorded_at or FOREVER)
    decided = wh.frame(sql.query("decisions_known"), known_at or FOREVER, recorded_at or FOREVER)
    there = wh.frame(sql.query("runs"))
    runs = dict(zip(zip(there["period"], there["fingerprint"], strict=True), there["run_id"], strict=True))
    stated = files["known_at"].map(pd.Timestamp.isoformat)
    found = []
    for period in periods:
        spoken = files["since"] <= period
        taken_back = decided["arrived"][decided["period"] <= period].notna().any() and period in set(there["period"])
        if not spoken.any() and not taken_back:
            raise NothingKnown(f"{period.label}及以前没有任何已知报表，无法计算")
        used = spoken | files["since"].isna() | (files["feed"] == "register")
        lines = files["sha256"].str.cat(files["reading"]).str.cat(stated, sep=" ")[used]
        of_it = decided[(decided["period"] <= period) | decided["period"].isna() | (decided["feed"] == "register")]
        words = of_it["words"] + " " + of_it["known_at"].map(pd.Timestamp.isoformat).astype("str")
        stood_on = "\n".join(
            [period, __version__, _catalogue(), *_due(period, known_at or wh.settings.now()), *lines, *words]
        )
        mark = "" if spoken.any() else _NOTHING
        fingerprint = mark + hashlib.sha256(stood_on.encode()).hexdigest()
        run_id = runs.get((str(period), fingerprint))
        times = pd.concat([files.loc[used, "known_at"], of_it["known_at"], of_it["arrived"].dropna()])
        newest = times.max().to_pydatetime().astimezone(SHANGHAI)
        found.append(Stamp(period, newest, fingerprint, None if run_id is None else int(run_id)))
    return found


def write_runs(
    wh: Warehouse, found: Sequence[Stamp], figures: Mapping[Period, Packed], verdicts: pd.DataFrame
) -> list[Stamp]:
    """Store the figures and verdicts of the stamped months, each month once, all in one transaction.

    Args:
        wh: an open warehouse.
        found: stamps from :func:`stamps`, taken BEFORE the panel was read, with the same known_at and recorded_at.
        figures: those of each stamped month that has any.
        verdicts: ``period`` and :data:`VERDICT_COLUMNS`; rows of other months are left out.

    Returns:
        The stamps with their ``run_id``; a month whose identical run exists keeps that run untouched.
    """
    with wh.adbc() as connection:
        lock(connection, LOCK_RUN)
        there = fetch(connection, sql.query("runs")).to_pandas()
        runs = dict(zip(zip(there["period"], there["fingerprint"], strict=True), there["run_id"], strict=True))
        head = fetch(connection, sql.query("run_head")).to_pylist()[0]
        done: list[Stamp] = []
        fresh: dict[str, int] = {}
        for stamp in found:
            run_id = runs.get((str(stamp.period), stamp.fingerprint))
            if run_id is None:
                run_id = fresh[str(stamp.period)] = int(head["run_id"]) + len(fresh) + 1
            done.append(replace(stamp, run_id=int(run_id)))
        new = [stamp for stamp in done if str(stamp.period) in fresh]
        if new:
            frame = pd.DataFrame(
                {
                    "run_id": [stamp.run_id for stamp in new],
                    "period": [str(stamp.period) for stamp in new],
                    "known_at": pd.to_datetime([stamp.known_at for stamp in new], utc=True),
                    "recorded_at": head["recorded_at"],
                    "fingerprint": [stamp.fingerprint for stamp in new],
                }
            )
            append(connection, "run", frame)
            for stamp in new:
                if stamp.period in figures:
                    _write_figures(connection, int(stamp.run_id or 0), figures[stamp.period])
            ids = verdicts["period"].astype(object).map(fresh)
            kept = verdicts.loc[ids.notna(), VERDICT_COLUMNS].assign(run_id=ids[ids.notna()].astype("int64"))
            if len(kept):
                append(connection, "verdict", kept)
            connection.commit()
    return done


def take_back(wh: Warehouse, found: Sequence[Stamp]) -> list[Stamp]:
    """Store that months stand on nothing any more; their earlier runs stay readable as known before."""
    return write_runs(wh, found, {}, pd.DataFrame(columns=["period", *VERDICT_COLUMNS]))


def _write_figures(connection: dbapi.Connection, run_id: int, packed: Packed) -> None:
    lists = {"list": list(packed.lists.values()), "entities": [list(entities) for entities in packed.lists]}
    for table, columns in (("indicator_entities", pa.table(lists)), ("indicator_block", packed.table())):
        schema = connection.adbc_get_table_schema(table)
        whole = columns.append_column("run_id", pa.array([run_id] * len(columns), pa.int64()))
        with connection.cursor() as cursor:
            cursor.adbc_ingest(table, whole.select(schema.names).cast(schema), mode="append")


def read_indicators(
    wh: Warehouse,
    period: Period | None = None,
    *,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> pd.DataFrame:
    """The values of the run that counts, of one month or all: run_id, period, known_at and :data:`VALUE_COLUMNS`."""
    return _of_newest_runs(wh, "indicators", period, known_at, recorded_at)


def read_verdicts(
    wh: Warehouse,
    period: Period | None = None,
    *,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> pd.DataFrame:
    """The verdicts of the run that counts, likewise: run_id, period, known_at and :data:`VERDICT_COLUMNS`."""
    return _of_newest_runs(wh, "verdicts", period, known_at, recorded_at)


def read_raised(
    wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None
) -> pd.DataFrame:  # fmt: skip
    """As :func:`read_verdicts` of all months, of whatever was ever raised alone: what alerts are folded from."""
    return local(wh.frame(sql.query("verdicts_raised"), known_at or FOREVER, recorded_at or FOREVER))


def read_alerts(wh: Warehouse) -> pd.DataFrame:
    """The alerts as folded last, by period opened and id: :data:`ALERT_COLUMNS`."""
    return wh.frame(sql.query("alerts"))


def known_contents(wh: Warehouse) -> set[str]:
    """The sha256 of every content that was accepted."""
    return set(wh.arrow(sql.query("contents"))["sha256"].to_pylist())


def rejected_now(wh: Warehouse) -> dict[str, int]:
    """Lines rejected as of now, unmatched identity included, by the sha256 of every accepted content."""
    found = wh.arrow(sql.query("contents_rejected"))
    return dict(zip(found["sha256"].to_pylist(), found["rejected"].to_pylist(), strict=True))


def first_known(wh: Warehouse, feed: str) -> pd.Series:
    """When the first file of each month of a feed became known, by period; a file belongs to one month."""
    files = wh.frame(sql.query("files_known"), FOREVER, FOREVER)
    return files[files["feed"] == feed].groupby("period")["known_at"].min()


def first_spoken_of(wh: Warehouse, feed: str, known_at: datetime | None = None) -> pd.Series:
    """When each month of a feed was first spoken of, by period, as known then; a file may speak of many months."""
    found = wh.frame(sql.query("months_known"), feed, known_at or FOREVER)
    return found.set_index("period")["known_at"].sort_index()


def months_with(wh: Warehouse, period: Period, feeds: Sequence[str]) -> list[Period]:
    """The earlier months of which files of a month speak as well, of some feeds."""
    found = wh.arrow(sql.query("months_with"), str(period), list(feeds))
    return [Period(month) for month in found["period"].to_pylist()]


def periods_run(wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None) -> set[str]:
    """The months that have a run as known and recorded by then."""
    return set(wh.arrow(sql.query("periods_run"), known_at or FOREVER, recorded_at or FOREVER)["period"].to_pylist())


def changed_since(wh: Warehouse, feeds: Sequence[str]) -> list[Period]:
    """Months with something new since they were computed, earliest first.

    A file of theirs was loaded (of some feeds one that speaks of them at all) or withdrawn, a firm identified, or the
    unit or a heading of a file ruled. Whether they come out otherwise, :func:`stamps` says.
    """
    return [Period(month) for month in wh.arrow(sql.query("changed_since"), list(feeds))["period"].to_pylist()]


def was_planned(wh: Warehouse, kind: str, period: Period, run_id: int) -> bool:
    """Whether the regular mails of a month were decided on for this run of it already."""
    return bool(wh.arrow(sql.query("planned_there"), kind, str(period), run_id)["there"][0].as_py())


def note_planned(conn: Connection, kind: str, period: Period, run_id: int, mails: int, now: datetime) -> None:
    """Note that they were; in the transaction that plans them."""
    conn.execute(
        text(sql.query("planned_note")),
        {"kind": kind, "period": str(period), "run_id": run_id, "mails": mails, "now": now},
    )


def run_counts(wh: Warehouse, run_id: int) -> dict[str, int]:
    """How many values and verdicts a run holds: ``values``, ``verdicts``."""
    row = wh.arrow(sql.query("run_counts"), run_id).to_pylist()[0]
    return {"values": int(row["values"]), "verdicts": int(row["verdicts"])}


def read_receipts(wh: Warehouse) -> pd.DataFrame:
    """Every arrival in the order recorded, with live counts; ``reasons`` is JSON text, times are Shanghai's."""
    return local(wh.frame(sql.query("receipts")))


def read_quarantine(wh: Warehouse) -> pd.DataFrame:
    """Every rejected line with each of its reasons, unknown firms included, live."""
    return wh.frame(sql.query("quarantine"))


def refold(wh: Warehouse, fold: Callable[[pd.DataFrame, pd.DataFrame, set[str]], pd.DataFrame]) -> pd.DataFrame:
    """Make the alerts anew from the verdicts that count, all events and the months run; one process at a time.

    Args:
        wh: an open warehouse.
        fold: (verdicts of :func:`read_raised`, events, months) → :data:`ALERT_COLUMNS`, which reads nothing that
            another process may be changing.

    Returns:
        The alerts written.
    """
    with wh.adbc() as connection:
        lock(connection, LOCK_ALERT)
        verdicts = fetch(connection, sql.query("verdicts_raised"), FOREVER, FOREVER).to_pandas()
        events = local(fetch(connection, sql.query("alert_events"), FOREVER, FOREVER).to_pandas())
        months = fetch(connection, sql.query("periods_run"), FOREVER, FOREVER)["period"].to_pylist()
        alerts = fold(verdicts, events, set(months))
        run(connection, sql.query("alerts_clear"))
        if len(alerts):
            append(connection, "alert", alerts[ALERT_COLUMNS])
        connection.commit()
    return alerts


def local(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its times in Shanghai's."""
    times = frame.select_dtypes("datetimetz").columns
    return frame.assign(**{name: frame[name].dt.tz_convert(SHANGHAI) for name in times})


def _of_newest_runs(
    wh: Warehouse, name: str, period: Period | None, known_at: datetime | None, recorded_at: datetime | None
) -> pd.DataFrame:
    first, last = (str(period), str(period)) if period else ("0000-00", "9999-99")
    return local(wh.frame(sql.query(name), first, last, known_at or FOREVER, recorded_at or FOREVER))


def _due(period: Period, now: datetime) -> list[str]:
    """Per feed, the newest month up to ``period`` whose return is due."""
    marks = []
    for feed in release_calendar().feeds:
        late = next((p for p in (period - back for back in range(24)) if feed.due(p) <= now), "")
        marks.append(f"{feed.feed} {late}")
    return marks


@cache
def _catalogue() -> str:
    content = b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sorted(CATALOGUE.glob("*.yml")))
    return hashlib.sha256(content).hexdigest()
