"""What the watch finds late or not sent in a town's files, and that its mail names no firm and no figure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor import watch as watching
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Ingested, TakenIn, Town

pytestmark = [pytest.mark.slow, pytest.mark.long]

Found = list[dict[str, Any]]


@pytest.fixture
def at(new_database: Callable[..., Settings], taken_in: dict[str, TakenIn]) -> Callable[[datetime, str], Any]:
    """A warehouse at a moment, which took in what arrived by a day."""

    @contextmanager
    def opened(now: datetime, arrived: str) -> Iterator[Warehouse]:
        with Warehouse(replace(new_database(taken_in[arrived].settings), fixed_now=now)) as wh:
            yield wh

    return opened


def keys(found: Found, kind: str) -> set[str]:
    return {row["finding"].removeprefix(f"{kind}:") for row in found if row["finding"].startswith(f"{kind}:")}


def test_a_feed_that_is_due_is_late_and_one_without_a_return_in_january_is_not(
    at: Callable[[datetime, str], Any],
) -> None:
    with at(datetime(2025, 3, 1, tzinfo=SHANGHAI), "2025-01-18") as wh:
        found = pipeline.watch(wh)
        # January's B204-1, B203 and self-reports do not exist, February's are not due before 12 March.
        monthly = {entry.feed for entry in release_calendar().feeds if entry.returns_in(Period("2025-01"))}
        late = keys(found, "feed_late")
        assert {"customs_monthly:2025-01", "bonded_inv101:2025-01"} <= late
        assert late <= {f"{feed}:2025-01" for feed in monthly}
        assert {"b204_1", "b203", "self_report"}.isdisjoint(monthly)
        assert keys(pipeline.watch(wh), "feed_late") == late
        assert not any(row["told"] for row in pipeline.watch(wh))


def test_what_landed_and_waits_to_be_taken_in_is_not_late(at: Callable[[datetime, str], Any], town: Town) -> None:
    with at(datetime(2025, 3, 1, tzinfo=SHANGHAI), "2025-01-18") as wh:
        for folder in town.folders:
            if "2025-01-18" < folder.name <= "2025-02-28":
                shutil.copytree(folder, wh.settings.landing_dir / folder.name)
        pipeline.land(wh)
        assert keys(pipeline.watch(wh), "feed_late") == set()


def test_the_last_moment_of_the_due_day_is_not_late(at: Callable[[datetime, str], Any]) -> None:
    due = release_calendar().feed("customs_monthly").due(Period("2025-04"))
    with at(due - timedelta(seconds=1), "2025-05-01") as wh:
        assert "customs_monthly:2025-04" not in keys(pipeline.watch(wh), "feed_late")
        wh.settings = replace(wh.settings, fixed_now=due)
        assert "customs_monthly:2025-04" in keys(pipeline.watch(wh), "feed_late")


def test_what_was_not_sent_is_told_without_firm_or_figure(
    ingested: Ingested, town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wh, released = ingested.wh, release_calendar().released_at(town.last)
    hours = office().watch
    wh.settings = replace(wh.settings, home=tmp_path, fixed_now=released + timedelta(hours=hours.alerts_hours))
    assert keys(pipeline.watch(wh), "not_delivered") == set()  # files came a moment ago, and no mail was ever planned
    monkeypatch.setattr(watching, "_begun", lambda wh, span: True)
    first = keys(pipeline.watch(wh), "not_delivered")
    assert f"alerts:{town.last}" in first
    later = released + timedelta(hours=max(hours.alerts_hours, hours.briefing_hours))
    wh.settings = replace(wh.settings, fixed_now=later)
    assert keys(pipeline.watch(wh), "not_delivered") == {f"alerts:{town.last}", f"briefing:{town.last}"}
    pipeline.deliver(wh)
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in tmp_path.rglob("new/*")]
    told = [mail.get_body(("plain",)).get_content() for mail in mails]
    assert told and all("未" in text or "逾期" in text for text in told)
    names = wh.frame("select name from register_entry")["name"].tolist()
    for text in told:
        assert not any(name in text for name in names)
        assert not re.search(r"[0-9A-HJ-NPQRTUWXY]{18}", text)
        assert not re.search(r"\d[\d,]*\.\d|亿元|万元|千元|%", text)
