"""Two real processes at the same months and notices: one history, no extra mail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, life, store
from tests.pipeline.conftest import TakenIn, environment

pytestmark = [pytest.mark.slow, pytest.mark.long]

MONTHS = [Period("2024-10"), Period("2024-11"), Period("2024-12")]


def state(wh: Warehouse) -> dict[str, Any]:
    """What must not depend on who did it when, and how often."""
    return {
        "alerts": store.read_alerts(wh).to_dict("records"),
        "events": life.events(wh).drop(columns=["event_id", "recorded_at"]).to_dict("records"),
        "told": life.told(wh).drop(columns=["planned_at"]).astype(object).fillna("").to_dict("records"),
        "ledger": wh.frame("select message_id, reader, subject, body from message order by 1").to_dict("records"),
    }


def both(wh: Warehouse, *scripts: list[list[str]]) -> None:
    """Run each script of commands in a process of its own, all at once."""
    code = (
        "import sys, json\nfrom qxmonitor.cli import cli\n"
        "for words in json.loads(sys.argv[1]):\n    cli(words, standalone_mode=False)\n"
    )
    import json

    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(script)], env=environment(wh.settings), stdout=subprocess.DEVNULL
        )
        for script in scripts
    ]
    assert [process.wait(timeout=240) for process in running] == [0] * len(scripts)


def test_two_processes_leave_one_history_and_no_extra_mail(
    taken_in: dict[str, TakenIn], new_database: Callable[..., Settings]
) -> None:
    now = release_calendar().released_at(MONTHS[-1]) + timedelta(hours=2)
    with Warehouse(replace(new_database(taken_in[f"{now:%Y-%m-%d}"].settings), fixed_now=now)) as wh:
        runs = [["run", month] for month in MONTHS]
        both(wh, runs, list(reversed(runs)))
        first = state(wh)
        readers = [row["reader"] for row in first["ledger"]]
        assert readers == sorted(set(readers)) and first["told"]
        alert = next(row["alert_id"] for row in first["alerts"] if row["state"] == "opened")
        acts = [
            [
                "alert",
                kind,
                alert,
                "--who",
                "张某",
                "--why",
                "走访",
                "--known-at",
                f"{now - timedelta(minutes=back)}",
            ]
            for back, kind in ((30, "acknowledge"), (20, "take"), (10, "resolve"))
        ]
        both(wh, [*acts, *runs], [*reversed(acts), *reversed(runs)])
        second = state(wh)
        assert [row["kind"] for row in sorted(second["events"], key=lambda row: row["known_at"])] == [
            "acknowledge", "take", "resolve",
        ]  # fmt: skip
        assert {row["alert_id"]: row["state"] for row in second["alerts"]}[alert] == "resolved"
        assert (second["ledger"], second["told"]) == (first["ledger"], first["told"])
