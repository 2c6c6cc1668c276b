from datetime import datetime
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
