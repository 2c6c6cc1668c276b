"""The timetable of reporting periods: keys, release days, backfills, and the way through Airflow's serialisation."""

from __future__ import annotations

import pytest

from tests.airflow_home import prepare

prepare()

import pendulum  # noqa: E402
import time_machine  # noqa: E402
from airflow.exceptions import InvalidPartitionKeyError  # noqa: E402
from airflow.sdk import Asset  # noqa: E402
from airflow.serialization.decoders import decode_timetable  # noqa: E402
from airflow.serialization.encoders import encode_timetable  # noqa: E402
from airflow.timetables.base import DagRunInfo, TimeRestriction  # noqa: E402
from reporting_period import ReportingPeriodTimetable  # noqa: E402

from qxmonitor.period import Period  # noqa: E402

SHANGHAI = "Asia/Shanghai"
NOW = pendulum.datetime(2026, 11, 24, 9, 30, tz=SHANGHAI)
ANYTIME = TimeRestriction(earliest=pendulum.datetime(2020, 1, 1, tz=SHANGHAI), latest=None, catchup=False)


def monthly(**more: object) -> ReportingPeriodTimetable:
    return ReportingPeriodTimetable(day=18, hour=10, **more)  # type: ignore[arg-type]


def quarterly() -> ReportingPeriodTimetable:
    return ReportingPeriodTimetable(day=25, hour=9, every="quarter")


def keys(table: ReportingPeriodTimetable, first: str, last: str) -> list[str | None]:
    earliest, latest = (pendulum.parse(text) for text in (first, last))
    return [info.partition_key for info in table.iter_partition_dagrun_infos(earliest=earliest, latest=latest)]  # type: ignore[arg-type]


def following(table: ReportingPeriodTimetable, last: str | None, restriction: TimeRestriction = ANYTIME) -> DagRunInfo:
    info = None if last is None else table.info(table.start(last))
    found = table.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
    assert found is not None
    return found


def test_a_month_is_run_on_its_release_day() -> None:
    info = monthly().info(Period("2026-10"))
    assert info.partition_key == "2026-10"
    assert info.partition_date == pendulum.datetime(2026, 10, 1, tz=SHANGHAI)
    assert info.run_after == pendulum.datetime(2026, 11, 18, 10, tz=SHANGHAI)
    assert info.data_interval is None


def test_december_is_released_in_the_next_year() -> None:
    assert monthly().info(Period("2026-12")).run_after == pendulum.datetime(2027, 1, 18, 10, tz=SHANGHAI)


def test_a_quarter_is_released_after_its_last_month() -> None:
    info = quarterly().info(Period("2026-07"))
    assert info.partition_key == "2026-Q3"
    assert info.partition_date == pendulum.datetime(2026, 7, 1, tz=SHANGHAI)
    assert info.run_after == pendulum.datetime(2026, 10, 25, 9, tz=SHANGHAI)


@pytest.mark.parametrize(
    ("moment", "month", "quarter"),
    [
        ("2026-11-18T09:59:59+08:00", "2026-09", "2026-07"),
        ("2026-11-18T10:00:00+08:00", "2026-10", "2026-07"),
        ("2026-10-25T08:59:59+08:00", "2026-09", "2026-04"),
        ("2027-01-01T00:00:00+08:00", "2026-11", "2026-07"),
        ("2027-01-25T09:00:00+08:00", "2026-12", "2026-10"),
    ],
)
def test_the_newest_released_period(moment: str, month: str, quarter: str) -> None:
    now = pendulum.parse(moment)
    assert monthly().newest(now) == month  # type: ignore[arg-type]
    assert quarterly().newest(now) == quarter  # type: ignore[arg-type]


@time_machine.travel(NOW, tick=False)
def test_a_fresh_dag_runs_the_newest_released_month_at_once() -> None:
    info = following(monthly(), None)
    assert (info.partition_key, info.run_after <= NOW) == ("2026-10", True)


@time_machine.travel(NOW, tick=False)
def test_the_month_after_the_newest_waits_for_its_release_day() -> None:
    assert following(monthly(), "2026-10").run_after == pendulum.datetime(2026, 12, 18, 10, tz=SHANGHAI)


@time_machine.travel(NOW, tick=False)
def test_missed_months_are_passed_over_without_catchup_and_made_up_with_it() -> None:
    assert following(monthly(), "2026-06").partition_key == "2026-10"
    assert following(monthly(), "2026-06", ANYTIME._replace(catchup=True)).partition_key == "2026-07"


@time_machine.travel(NOW, tick=False)
def test_nothing_is_run_before_the_start_nor_after_the_end() -> None:
    later = TimeRestriction(earliest=pendulum.datetime(2027, 3, 2, tz=SHANGHAI), latest=None, catchup=False)
    assert following(monthly(), None, later).partition_key == "2027-04"
    ended = ANYTIME._replace(latest=pendulum.datetime(2026, 12, 1, tz=SHANGHAI))
    assert monthly().next_dagrun_info_v2(last_dagrun_info=monthly().info(Period("2026-10")), restriction=ended) is None


@time_machine.travel(NOW, tick=False)
def test_a_dag_for_people_only_never_runs_by_itself_but_can_be_backfilled() -> None:
    table = monthly(scheduled=False)
    assert table.next_dagrun_info_v2(last_dagrun_info=None, restriction=ANYTIME) is None
    assert table.periodic
    assert keys(table, "2026-08-01T00:00Z", "2026-10-31T00:00Z") == ["2026-08", "2026-09", "2026-10"]


@time_machine.travel(NOW, tick=False)
def test_a_backfill_never_reaches_what_is_not_released() -> None:
    assert keys(monthly(), "2026-08-01T00:00Z", "2027-12-31T00:00Z") == ["2026-08", "2026-09", "2026-10"]
    assert keys(quarterly(), "2026-01-01T00:00Z", "2027-12-31T00:00Z") == ["2026-Q1", "2026-Q2", "2026-Q3"]


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-05-01T00:00:00+00:00", "2026-07-31T23:59:59+00:00"),  # typed in UTC
        ("2026-05-01T00:00:00+08:00", "2026-07-31T23:59:59+08:00"),  # a browser in China sends 30 April, 16:00 UTC
        ("2026-05-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00"),  # months given by their first days
        ("2026-05-01T00:00:00+08:00", "2026-07-01T00:00:00+08:00"),  # the same in a browser in China
    ],
)
def test_a_backfill_covers_the_same_months_from_any_time_zone(first: str, last: str) -> None:
    bounds = (pendulum.parse(text).in_timezone("UTC").isoformat() for text in (first, last))  # type: ignore[union-attr]
    assert keys(monthly(), *bounds) == ["2026-05", "2026-06", "2026-07"]


@pytest.mark.parametrize("key", ["2026-13", "2026-1", "2026-Q1", "202610", "", "2026-10-01", "二〇二六年十月"])
def test_a_key_that_is_no_month_is_refused(key: str) -> None:
    with pytest.raises(InvalidPartitionKeyError, match="2026-10"):
        monthly().start(key)


@pytest.mark.parametrize("key", ["2026-Q5", "2026-Q0", "2026-10", "Q3"])
def test_a_key_that_is_no_quarter_is_refused(key: str) -> None:
    with pytest.raises(InvalidPartitionKeyError, match="2026-Q3"):
        quarterly().start(key)


def test_a_typed_key_has_the_date_of_the_scheduled_run() -> None:
    for table, key in ((monthly(), "2026-02"), (quarterly(), "2026-Q1")):
        assert table.resolve_partition_date(key) == table.info(table.start(key)).partition_date


@pytest.mark.parametrize("rule", [{"day": 31}, {"day": 0}, {"hour": 24}, {"every": "week"}, {"lag": 0}])
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="release rule"):
        ReportingPeriodTimetable(**{"day": 18, "hour": 10, **rule})  # type: ignore[arg-type]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "table", [monthly(), quarterly(), monthly(scheduled=False), monthly(assets=Asset("a") | Asset("b"))]
)
def test_it_survives_serialisation(table: ReportingPeriodTimetable, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.serialization import encoders, helpers

    for module in (encoders, helpers):
        if hasattr(module, "find_registered_custom_timetable"):
            monkeypatch.setattr(module, "find_registered_custom_timetable", lambda _: ReportingPeriodTimetable)
    monkeypatch.setattr("airflow.serialization.decoders.find_registered_custom_timetable", lambda _: type(table))
    back = decode_timetable(encode_timetable(table))
    assert back == table
    assert [key.name for key, _ in back.asset_condition.iter_assets()] == [
        key.name for key, _ in table.asset_condition.iter_assets()
    ]
    assert back.info(Period("2026-01")) == table.info(Period("2026-01"))
