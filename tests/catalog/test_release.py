from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from qxmonitor.catalog._yaml import load
from qxmonitor.catalog.release import ReleaseCalendar, release_calendar
from qxmonitor.errors import CatalogError
from qxmonitor.period import SHANGHAI, Period


def test_january_has_no_return_and_february_no_month_column() -> None:
    output = release_calendar().feed("b204_1")
    assert not output.returns_in(Period("2026-01"))
    assert output.returns_in(Period("2026-02"))
    assert not output.month_column_in(Period("2026-02"))
    assert output.month_column_in(Period("2026-03"))


def test_a_return_is_late_only_after_its_due_day_has_ended() -> None:
    assert release_calendar().feed("b204_1").due(Period("2025-12")) == datetime(2026, 1, 13, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2026, 11, 18, 9, 59, tzinfo=SHANGHAI), "2026-09"),
        (datetime(2026, 11, 18, 10, 0, tzinfo=SHANGHAI), "2026-10"),
        (datetime(2026, 1, 1, tzinfo=SHANGHAI), "2025-11"),
    ],
)
def test_newest_released_period(now: datetime, newest: str) -> None:
    assert release_calendar().newest_released(now) == newest


def test_a_later_vintage_changes_only_later_months() -> None:
    calendar = ReleaseCalendar.model_validate({
        "release": {"day": 18, "hour": 10},
        "feeds": [{"feed": "x", "name": "测试表", "family": "customs", "due_day": 12, "vintages": [
            {"from": "2000-01", "no_return": [1], "no_month_column": [2]},
            {"from": "2025-01", "no_return": [], "no_month_column": []},
        ]}],
    })  # fmt: skip
    assert not calendar.feed("x").returns_in(Period("2024-01"))
    assert calendar.feed("x").returns_in(Period("2025-01"))


def one_feed(**changed: object) -> ReleaseCalendar:
    vintage = {"from": "2000-01", "no_return": [], "no_month_column": []}
    feed = {"feed": "x", "name": "测试表", "family": "customs", "vintages": [vintage], **changed}
    return ReleaseCalendar.model_validate({"release": {"day": 18, "hour": 10}, "feeds": [feed]})


@pytest.mark.parametrize(
    ("due", "period", "day"),
    [
        ({"day": 12}, "2026-08", date(2026, 9, 12)),  # a Saturday
        ({"day": 12, "roll": "next_workday"}, "2026-08", date(2026, 9, 14)),
        ({"day": 12, "roll": "next_workday"}, "2026-10", date(2026, 11, 12)),
        ({"day": 5, "roll": "next_workday"}, "2026-09", date(2026, 10, 8)),  # National Day, to the 7th
        ({"day": 14, "roll": "next_workday"}, "2026-01", date(2026, 2, 14)),  # a Saturday that is worked
        ({"day": 16, "roll": "next_workday"}, "2026-01", date(2026, 2, 24)),  # Spring Festival, to the 23rd
        ({"day": 2, "roll": "next_workday"}, "2029-05", date(2029, 6, 4)),  # not known yet: by the week
    ],
)
def test_a_due_day_moves_to_the_next_working_day_where_the_calendar_says_so(
    due: dict[str, object], period: str, day: date
) -> None:
    feed = one_feed(due=due).feed("x")
    assert feed.due_date(Period(period)) == day
    assert feed.due(Period(period)) == datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)


def test_a_vintage_may_have_a_due_day_of_its_own() -> None:
    vintages = [
        {"from": "2000-01", "no_return": [], "no_month_column": []},
        {"from": "2026-06", "no_return": [], "no_month_column": [], "due": {"day": 10, "roll": "next_workday"}},
    ]
    feed = one_feed(due_day=12, vintages=vintages).feed("x")
    assert feed.due_date(Period("2026-05")) == date(2026, 6, 12)
    assert feed.due_date(Period("2026-09")) == date(2026, 10, 10)  # a Saturday that is worked


@pytest.mark.parametrize("due", [{}, {"due_day": 12, "due": {"day": 12}}, {"due": {"day": 12, "roll": "later"}}])
def test_one_due_day_is_wanted(due: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"due_day|literal"):
        one_feed(**due)


def test_the_shipped_due_days_are_plain_days_and_the_release_never_moves() -> None:
    for feed in release_calendar().feeds:
        for period in ("2026-01", "2026-04", "2026-09"):
            assert feed.due_date(Period(period)).day == feed.due_day
    assert release_calendar().released_at(Period("2026-06")) == datetime(2026, 7, 18, 10, tzinfo=SHANGHAI)  # Saturday


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "release:\n  day: 18\n  hour: 10\nfeeds:\n"
            "  - {feed: a, name: 测试表, family: customs,\n     due_day: 31, vintages: []}\n",
            "第 6 行",
        ),
        ("release:\n  day: 18\n  hours: 10\nfeeds: []\n", "第 3 行"),
        ("release: [\n", "不是有效的 YAML"),
    ],
)
def test_a_wrong_catalogue_names_its_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "calendar.yml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=reason):
        load("calendar", ReleaseCalendar, tmp_path)
