"""A month's mail tells each alert's story, so it waits for every month of the story that can be computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from qxmonitor import readiness
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period

SEPTEMBER, OCTOBER = Period("2026-09"), Period("2026-10")


@pytest.mark.parametrize(("missing", "said"), [([(SEPTEMBER, None)], "2026年9月已有报表、尚未计算，暂不发"), ([], "")])
def test_mails_wait_for_a_month_between_that_was_never_run(
    monkeypatch: pytest.MonkeyPatch, missing: list[Any], said: str
) -> None:
    """A run of August computes October again while September's files are in and its own run is still to come."""
    wh: Any = object()
    monkeypatch.setattr(readiness.store, "periods_run", lambda _: {OCTOBER})
    monkeypatch.setattr(readiness.store, "stamps", lambda *_: [SimpleNamespace(run_id=1)])
    monkeypatch.setattr(readiness.landed, "pending", lambda _: pd.DataFrame({"period": pd.Series([], dtype="str")}))
    monkeypatch.setattr(readiness.runs, "never_run", lambda *_: missing)
    assert readiness.objection(wh, OCTOBER, release_calendar().released_at(OCTOBER)) == said
