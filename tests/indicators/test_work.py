"""Tasks and appeals: by hand, and in plain loops on random sheets."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from qxmonitor.calendar import DatumState
from qxmonitor.indicators import compute
from qxmonitor.panel import TASK_COLUMNS, VISIT_COLUMNS, Panel
from qxmonitor.period import Period
from tests.indicators.town import random_town

MONTHS = ("2022-01", "2022-03", "2022-04")
Line = tuple[str, object, object, object]


def panel(tasks: list[Line], visits: list[Line], here: set[str]) -> Panel:
    plain = random_town(1, count=5).panel()
    at = {str(p): n for n, p in enumerate(plain.months)}
    state = np.where([str(p) in here for p in plain.months], DatumState.VALUE, DatumState.LATE).astype(np.uint8)
    shape = plain.authorised.shape
    frames = [
        pd.DataFrame([(at[m], *rest) for m, *rest in lines], columns=columns).astype({"month": np.int64})
        for lines, columns in ((tasks, TASK_COLUMNS), (visits, VISIT_COLUMNS))
    ]
    states = plain.states | {form: np.broadcast_to(state, shape).copy() for form in ("tasks", "visits")}
    return replace(plain, tasks=frames[0].astype({"percent": np.float64}), visits=frames[1], states=states)


def told(found: Panel, month: str) -> dict[str, tuple[float | None, str]]:
    frame = compute(found, [Period(month)])
    mine = frame[frame["source"].isin(["tasks", "visits"])]
    assert set(mine["entity_kind"]) == {"town"}
    return {
        str(r["indicator"]): (None if math.isnan(r["value"]) else r["value"], r["state"])
        for r in mine.to_dict("records")
    }


def test_a_month_by_hand() -> None:
    tasks: list[Line] = [
        ("2022-03", 1, "done", 100.0), ("2022-03", 2, "on_track", 40.0), ("2022-03", 2, "behind", 20.0),
        ("2022-03", 3, "not_started", None), ("2022-03", 4, "on_track", 50.0), ("2022-02", 5, "behind", 1.0),
    ]  # fmt: skip
    visits: list[Line] = [
        ("2022-01", "甲", True, "closed"), ("2022-02", "乙", True, "declined"), ("2022-03", "丙", False, None),
        ("2022-03", "丁", True, "working"), ("2022-03", "甲", True, "closed"), ("2021-12", "甲", True, "open"),
    ]  # fmt: skip
    found = panel(tasks, visits, {"2022-01", "2022-02", "2022-03"})
    assert told(found, "2022-03") == {
        "tasks_reported": (4.0, "value"), "tasks_done": (1.0, "value"), "tasks_behind": (1.0, "value"),
        "tasks_on_track_share": (0.5, "value"), "tasks_percent": (pytest.approx((1.0 + 0.3 + 0.5) / 3), "value"),
        "visits_m": (3.0, "value"), "appeals_ytd": (4.0, "value"), "appeals_closed_ytd": (2.0, "value"),
        "appeals_closed_share": (0.5, "value"),
    }  # fmt: skip


def test_a_missing_ledger_leaves_sums_since_january_empty_and_says_so() -> None:
    lines: list[Line] = [("2022-01", "甲", True, "closed"), ("2022-03", "乙", True, "open")]
    found = told(panel([], lines, {"2022-01", "2022-03"}), "2022-03")
    assert found["visits_m"] == (1.0, "value")
    assert found["appeals_ytd"] == (None, "expected-absent")
    late = told(panel([], lines, {"2022-01"}), "2022-04")
    assert late["visits_m"] == (None, "late")
    assert late["tasks_reported"] == (None, "late")


def test_states_of_too_few_are_not_told() -> None:
    tasks: list[Line] = [("2022-03", n, "done" if n < 3 else None, None) for n in range(1, 11)]
    found = told(panel(tasks, [], {"2022-03"}), "2022-03")
    assert found["tasks_reported"] == (10.0, "value")
    assert found["tasks_on_track_share"][0] is None and found["tasks_percent"][0] is None


@pytest.mark.parametrize("seed", range(3))
def test_against_plain_loops(seed: int) -> None:
    dice = random.Random(seed)
    months = [f"{year}-{m:02d}" for year in (2021, 2022) for m in range(1, 13) if f"{year}-{m:02d}" <= "2022-04"]
    here = {m for m in months if dice.random() < 0.9}
    words = ["done", "on_track", "behind", "not_started", None]
    tasks: list[Line] = [
        (dice.choice(sorted(here)), dice.randint(1, 19), dice.choice(words), dice.choice([None, dice.uniform(0, 100)]))
        for _ in range(200)
    ]
    visits: list[Line] = [
        (dice.choice(sorted(here)), dice.choice("甲乙丙丁戊"), dice.random() < 0.7,
         dice.choice(["open", "working", "closed", "declined", None])) for _ in range(60)
    ]  # fmt: skip
    found = panel(tasks, visits, here)
    for month in MONTHS:
        stood = told(found, month)
        by_clause: dict[object, list[Line]] = {}
        for line in tasks:
            if line[0] == month:
                by_clause.setdefault(line[1], []).append(line)
        states = [[line[2] for line in lines if line[2]] for lines in by_clause.values()]
        known = [s for s in states if s]
        if known and len(known) >= 0.6 * len(states):
            good = sum(all(word in ("done", "on_track") for word in s) for s in known)
            assert stood["tasks_on_track_share"][0] == pytest.approx(good / len(known), rel=1e-9)
            assert stood["tasks_done"][0] == sum(all(word == "done" for word in s) for s in known)
            assert stood["tasks_behind"][0] == sum("behind" in s for s in known)
        year = [m for m in months if m[:4] == month[:4] and m <= month]
        mine = [line for line in visits if line[0] in year and line[2]]
        if not set(year) <= here:
            assert stood["appeals_ytd"][0] is None
            continue
        assert stood["appeals_ytd"][0] == len(mine)
        said = [line for line in mine if line[3]]
        if mine and len(said) >= 0.6 * len(mine):
            closed = sum(line[3] == "closed" for line in said)
            assert stood["appeals_closed_share"][0] == pytest.approx(closed / len(said), rel=1e-9)
