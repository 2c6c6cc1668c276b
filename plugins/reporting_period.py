"""The timetable of reporting periods: a run a period, on the day the office speaks of it.

The stock cron timetables fire on the 18th about the 18th; statistics are released on the 18th about last month. Here a
run's partition key is the period (``2026-10`` or ``2026-Q3``), its partition date the period's first day in Shanghai,
and it is due on the release day. So a scheduled run, a typed key and a backfill of the same period are the same thing
to Airflow, whatever time zone a browser sends, and no backfill reaches a period that is not released yet: such runs
would stay queued, block every later backfill, and push the schedule past the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pendulum
from airflow.exceptions import InvalidPartitionKeyError
from airflow.partition_mappers.identity import IdentityMapper
from airflow.plugins_manager import AirflowPlugin
from airflow.serialization.encoders import encode_asset_like, ensure_serialized_asset
from airflow.timetables.base import DagRunInfo, DataInterval, PartitionMapperInfo, Timetable

from qxmonitor.period import SHANGHAI, Period

if TYPE_CHECKING:
    from airflow.partition_mappers.base import PartitionMapper
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime

_SPANS = {"month": 1, "quarter": 3}
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")


class ReportingPeriodTimetable(Timetable):
    """A run for every month or quarter, on its release day; and at once for a period whose asset changed.

    Args:
        day: day of the month in which periods are released.
        hour: hour of that day, in Shanghai.
        every: ``month`` or ``quarter``.
        lag: how many months after a period's last month it is released.
        assets: also run for every partition these assets emit (key through unchanged).
        scheduled: False for runs that people ask for only: it can be backfilled but never runs by itself.
    """

    partitioned = True
    run_ordering = ("partition_date", "run_after")

    def __init__(
        self,
        *,
        day: int,
        hour: int,
        every: str = "month",
        lag: int = 1,
        assets: Any = None,
        scheduled: bool = True,
    ) -> None:
        if every not in _SPANS or not 1 <= day <= 28 or not 0 <= hour <= 23 or lag < 1:
            raise ValueError(f"not a release rule: every={every!r}, day={day!r}, hour={hour!r}, lag={lag!r}")
        self.day, self.hour, self.every, self.lag, self.scheduled = day, hour, every, lag, scheduled
        self._span = _SPANS[every]
        if assets is not None:
            self.asset_condition = ensure_serialized_asset(assets)
        self._assets = assets is not None

    # -- what people see -------------------------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        if not self.scheduled:
            return "按期回填"
        word = "每月" if self.every == "month" else "每季后"
        return f"{word}{self.day}日 {self.hour:02d}:00" + (" 或来文即办" if self._assets else "")

    @property
    def description(self) -> str:  # type: ignore[override]
        if not self.scheduled:
            return "One run a reporting period, only when someone asks for it"
        return f"One run a reporting {self.every}, on its release day" + (", and on arrivals" if self._assets else "")

    # -- periods ---------------------------------------------------------------------------------------------------

    def key(self, start: Period) -> str:
        """The partition key of the period that starts with this month."""
        return str(start) if self._span == 1 else f"{start.year}-Q{(start.month + 2) // 3}"

    def start(self, key: str) -> Period:
        """The first month of the period a key names.

        Raises:
            InvalidPartitionKeyError: it names none.
        """
        try:
            if self._span == 1:
                return Period(key)
            if found := _QUARTER.fullmatch(key):
                return Period(f"{found[1]}-{int(found[2]) * 3 - 2:02d}")
        except ValueError:
            pass
        wanted = "2026-10" if self._span == 1 else "2026-Q3"
        raise InvalidPartitionKeyError(f"所属期写法不对：{key[:40]!r}，应如 {wanted}")

    def info(self, start: Period) -> DagRunInfo:
        """The run of the period that starts with this month."""
        return DagRunInfo(
            run_after=self._moment(start + (self._span - 1 + self.lag), self.day, self.hour),
            data_interval=None,
            partition_date=self._moment(start, 1, 0),
            partition_key=self.key(start),
        )

    def newest(self, now: datetime) -> Period:
        """First month of the newest period released by ``now``."""
        start = self._at(Period.of(now))
        while self.info(start).run_after > now:
            start = start - self._span
        return start

    def _at(self, month: Period) -> Period:
        return month - ((month.month - 1) % self._span)

    @staticmethod
    def _moment(month: Period, day: int, hour: int) -> DateTime:
        return pendulum.datetime(month.year, month.month, day, hour, tz=str(SHANGHAI)).in_timezone("UTC")

    # -- what the scheduler asks -----------------------------------------------------------------------------------

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next period in line; without catchup the newest released one when older ones were missed."""
        if not self.scheduled:
            return None
        newest = self.newest(pendulum.now("UTC"))
        candidates = [] if restriction.catchup else [newest]
        if last_dagrun_info is not None and last_dagrun_info.partition_date is not None:
            candidates.append(self._at(Period.of(last_dagrun_info.partition_date)) + self._span)
        if restriction.earliest is not None:
            first = self._at(Period.of(restriction.earliest))
            candidates.append(first if self.info(first).partition_date >= restriction.earliest else first + self._span)
        info = self.info(max(candidates, default=newest))
        late = restriction.latest is not None and info.run_after > restriction.latest
        return None if late else info

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """The runs of the released periods whose first day lies between two moments, both included."""
        first, last = self.localize_partition_datetime(earliest), self.localize_partition_datetime(latest)
        start, newest = self._at(Period.of(first)), self.newest(pendulum.now("UTC"))
        while start <= newest:
            info = self.info(start)
            if info.partition_date is not None and first <= info.partition_date <= last:
                yield info
            start = start + self._span

    def localize_partition_datetime(self, dt: datetime) -> DateTime:
        """A bound as the moment that was meant.

        The first or last moment of a day in UTC is a day that was typed as such (REST), and is read as Shanghai's; any
        other is the moment it says: a browser in China sends the first of May as 30 April, 16:00 UTC.
        """
        moment = pendulum.instance(dt).in_timezone("UTC")
        if (moment.hour, moment.minute, moment.second) in ((0, 0, 0), (23, 59, 59)):
            return moment.naive().replace(tzinfo=pendulum.timezone(str(SHANGHAI))).in_timezone("UTC")
        return moment

    def _decode_partition_date(self, partition_key: str) -> datetime:
        return self._moment(self.start(partition_key), 1, 0)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand has no interval of its own; Airflow wants one nevertheless."""
        return DataInterval.exact(run_after)

    def generate_run_id(self, *, run_type: Any, run_after: DateTime, data_interval: Any, **extra: Any) -> str:
        """``backfill__2026-10__…``: the period first, since that is what an operator looks for."""
        stamp = pendulum.now("UTC").format("YYYYMMDDTHHmmss.SSSSSS")
        return str(run_type.generate_run_id(suffix=f"{extra.get('partition_key') or run_after.isoformat()}__{stamp}"))

    # -- partitions of assets: the key goes through unchanged --------------------------------------------------------

    def get_partition_mapper(self, *, name: str = "", uri: str = "") -> PartitionMapper:
        return IdentityMapper()

    @property
    def partition_mapper_info(self) -> list[PartitionMapperInfo]:
        return [
            PartitionMapperInfo(name=key.name, uri=key.uri, is_rollup=False)
            for key, _ in self.asset_condition.iter_assets()
        ]

    # -- storing ---------------------------------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        return {
            "day": self.day, "hour": self.hour, "every": self.every, "lag": self.lag, "scheduled": self.scheduled,
            "assets": encode_asset_like(self.asset_condition) if self._assets else None,
        }  # fmt: skip

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ReportingPeriodTimetable:
        from airflow.serialization.decoders import decode_asset_like

        assets = data.get("assets")
        return cls(**{**data, "assets": decode_asset_like(assets) if assets else None})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReportingPeriodTimetable):
            return NotImplemented
        return self.serialize() == other.serialize()

    def __hash__(self) -> int:
        return hash((self.day, self.hour, self.every, self.lag, self.scheduled))


class ReportingPeriodPlugin(AirflowPlugin):
    name = "reporting_period"
    timetables: ClassVar[list[type[Timetable]]] = [ReportingPeriodTimetable]
