"""Published customs figures by hand: published growth, on a restated year ago, on last year's; odd months; states."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.indicators.published import KINDS, ROW, published_rows, stands_on
from qxmonitor.indicators.view import View
from qxmonitor.panel import PUBLISHED_COLUMNS, Panel
from qxmonitor.period import SHANGHAI, Period, months
from tests.indicators.town import random_town

Line = tuple[str, str, str, float | None, float | None, float | None, str, datetime]
DAY = [datetime(2026, 4, day, tzinfo=SHANGHAI) for day in range(1, 4)]
MONTHS = months(Period("2024-01"), Period("2026-03"))
PLAIN = replace(random_town(1, count=5).panel(), months=MONTHS)


def panel(*lines: Line, now: datetime = datetime(2026, 4, 18, tzinfo=SHANGHAI)) -> Panel:
    at = {str(p): n for n, p in enumerate(MONTHS)}
    rows = pd.DataFrame([(at[month], *rest) for month, *rest in lines], columns=PUBLISHED_COLUMNS)
    typed = rows.astype({"month": np.int64, "value": np.float64, "base": np.float64, "growth": np.float64})
    return replace(PLAIN, published=typed, known_at=now)


def line(month: str, item: str, value: float | None = None, base: float | None = None, growth: float | None = None,
         place: str = "清溪镇", told: str = "table", day: int = 0) -> Line:  # fmt: skip
    return (month, place, item, value, base, growth, told, DAY[day])


def figures(panel: Panel, month: str, stem: str = "export_rmb", place: str = "town") -> dict[str, Any]:
    """Kind → its number, or the word of its state."""
    rows = published_rows(View(panel, [Period(month)]))
    mine = rows[(rows["entity"] == place) & rows["indicator"].str.startswith(f"public_{stem}_")]
    found = mine.set_index(mine["indicator"].str.removeprefix(f"public_{stem}_"))
    assert (found["value"].notna() == (found["state"] == "value")).all()
    told = found["value"].astype(object).where(found["state"] == "value", found["state"])
    return {str(kind): value for kind, value in told.items()}


def test_the_published_rate_then_the_restated_year_ago_then_the_one_published() -> None:
    """Cumulative 120 on 100 published and 96 restated: 25 % as restated, 20 % as levels, 24.9 % where it is printed."""
    then = line("2025-03", "export_rmb_ytd", 100.0)
    assert figures(panel(then, line("2026-03", "export_rmb_ytd", 120.0, 96.0, 24.9)), "2026-03") == {
        "m": "expected-absent", "growth": "expected-absent",
        "ytd": 120.0, "growth_ytd": pytest.approx(0.249), "ratio_ytd": pytest.approx(0.2),
    }  # fmt: skip
    restated = panel(then, line("2026-03", "export_rmb_ytd", 120.0, 96.0))
    assert figures(restated, "2026-03")["growth_ytd"] == pytest.approx(0.25)
    levels = panel(then, line("2026-03", "export_rmb_ytd", 120.0))
    assert figures(levels, "2026-03")["growth_ytd"] == pytest.approx(0.2)
    asked = ("public_export_rmb_growth_ytd", "town", Period("2026-03"))
    assert [stands_on(case, *asked) for case in (restated, levels)] == [
        [("export_rmb_ytd", "value", "2026-03"), ("export_rmb_ytd", "base", "2026-03")],
        [("export_rmb_ytd", "value", "2026-03"), ("export_rmb_ytd", "value", "2025-03")],
    ]  # fmt: skip
    nought, alone = line("2026-03", "export_rmb_ytd", 120.0, 0.0), line("2026-03", "export_rmb_ytd", 1.0)
    for bare in (panel(then, nought), panel(alone)):
        assert figures(bare, "2026-03")["growth_ytd"] == "expected-absent"


def test_january_is_not_judged_and_february_is_the_two_months() -> None:
    """10 + 12 against 11 + 9: +10 %, whatever February alone did."""
    lines = [
        line("2025-01", "export_rmb_m", 11.0), line("2025-02", "export_rmb_m", 9.0),
        line("2026-01", "export_rmb_m", 10.0, None, -9.1), line("2026-02", "export_rmb_m", 12.0, None, 33.3),
    ]  # fmt: skip
    january, february = (figures(panel(*lines), month) for month in ("2026-01", "2026-02"))
    assert january == {
        "m": 10.0, "ytd": 10.0, "growth": "expected-absent", "growth_ytd": "expected-absent",
        "ratio_ytd": "expected-absent",
    }  # fmt: skip
    assert february == {
        "m": 12.0, "ytd": 22.0, "growth": pytest.approx(0.1), "growth_ytd": pytest.approx(0.1),
        "ratio_ytd": pytest.approx(0.1),
    }  # fmt: skip
    together = panel(line("2026-02", "export_rmb_ytd", 22.0, None, 4.5))
    assert figures(together, "2026-02") == {
        "m": "expected-absent", "ytd": 22.0, "growth": pytest.approx(0.045), "growth_ytd": pytest.approx(0.045),
        "ratio_ytd": "expected-absent",
    }  # fmt: skip


def test_months_add_up_only_where_all_are_there() -> None:
    whole = [line(f"2025-{m:02d}", "import_rmb_m", float(m), told="download") for m in range(1, 13)]
    assert figures(panel(*whole), "2025-12", "import_rmb")["ytd"] == 78.0
    assert figures(panel(*whole[:4], *whole[5:]), "2025-12", "import_rmb")["ytd"] == "expected-absent"
    told = panel(*whole, line("2025-12", "import_rmb_ytd", 80.0), line("2025-12", "import_rmb_m", 13.0))
    assert (figures(told, "2025-12", "import_rmb")["ytd"], figures(told, "2025-12", "import_rmb")["m"]) == (80.0, 13.0)
    assert len(stands_on(panel(*whole), "public_import_rmb_ytd", "town", Period("2025-12"))) == 12
    assert figures(panel(*whole), "2026-03", "import_rmb")["ytd"] == "expected-absent", "a year's sum ends"


def test_both_flows_are_their_sum_and_the_first_name_counts() -> None:
    sides = [line("2025-05", "import_usd_m", 3.0), line("2025-05", "export_usd_m", 4.0)]
    assert figures(panel(*sides), "2025-05", "trade_usd")["m"] == 7.0
    assert figures(panel(*sides, line("2025-05", "trade_usd_m", 7.2)), "2025-05", "trade_usd")["m"] == 7.2
    assert stands_on(panel(*sides), "public_trade_usd_m", "town", Period("2025-05")) == [
        ("import_usd_m", "value", "2025-05"), ("export_usd_m", "value", "2025-05"),
    ]  # fmt: skip
    told = (("东莞", 2.0), ("东莞市", 1.0), ("别处", 9.0))
    names = panel(*(line("2025-05", "export_rmb_m", value, place=place) for place, value in told))
    assert figures(names, "2025-05", place="city")["m"] == 1.0
    assert set(published_rows(View(names, [Period("2025-05")]))["entity"]) == {"city"}
    again = [line("2025-05", "export_rmb_m", 2.5, place="东莞", day=1),
             line("2025-05", "export_rmb_m", 7.0, place="东莞市", told="download", day=2)]  # fmt: skip
    newer = panel(line("2025-05", "export_rmb_m", 1.0, place="东莞市"), *again)
    assert figures(newer, "2025-05", place="city")["m"] == 2.5, "told anew under another name"


def test_not_yet_due_overdue_and_not_whole() -> None:
    """Due on the 20th: absent until the day is over, late from then on; January is never due by itself."""
    before = [line("2025-12", "export_rmb_m", 5.0)]
    for day, state in ((20, "expected-absent"), (21, "late")):
        now = datetime(2026, 4, day, 0, 0, 1, tzinfo=SHANGHAI)
        assert figures(panel(*before, now=now), "2026-03") == dict.fromkeys(KINDS, state)
    now = datetime(2026, 4, 21, tzinfo=SHANGHAI)
    assert set(figures(panel(*before, now=now), "2026-01").values()) == {"expected-absent"}
    assert set(figures(panel(*before, now=now), "2025-06").values()) == {"expected-absent"}, "before there was any"
    short = panel(line("2025-11", "export_rmb_m", 4.0), line("2025-12", "export_rmb_m", 5.0, told="short"))
    assert figures(short, "2025-12") == dict.fromkeys(KINDS, "failed")
    assert figures(short, "2025-12", "trade_rmb")["m"] == "failed"
    mended = panel(line("2025-12", "export_rmb_m", 6.0), line("2025-12", "export_rmb_m", 5.0, told="short"))
    assert figures(mended, "2025-12")["m"] == 6.0


def test_nothing_published_has_no_rows() -> None:
    rows = published_rows(View(PLAIN, [Period("2025-05")]))
    assert rows.empty and list(rows.columns) == list(ROW)
