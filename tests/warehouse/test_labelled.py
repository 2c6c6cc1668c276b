"""Verified outcomes prove a rule on an office's own history: no simulated event, no outcome, labels alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from qxmonitor import alerting, backtesting, pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import rules
from qxmonitor.errors import QxError
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, issues, proving
from qxmonitor.warehouse.load import load
from tests.warehouse.conftest import Make

FIRMS = [f"91000000MA{number:08d}" for number in range(10)]
MONTHS = [month for month in months(Period("2024-11"), Period("2025-12")) if month.month != 1]
STOPPED = {
    0: ("2025-03", "2025-04"), 1: ("2025-04", "2025-05"), 2: ("2025-05", "2025-06"), 3: ("2025-06", "2025-07"),
    4: ("2025-07", "2025-07"), 5: ("2025-08", "2025-08"), 6: ("2025-09", "2025-09"), 7: ("2025-10", "2025-10"),
}  # fmt: skip
"""Firms of which the returns say zero; of the ninth they say nothing when it stood still."""


@pytest.fixture
def office(settings: Settings, make: type[Make]) -> Iterator[Warehouse]:
    """A real town of ten firms; every month ran on its release day."""
    now = release_calendar().released_at(MONTHS[-1]) + timedelta(days=20)
    with Warehouse(replace(settings, fixed_now=now)) as wh:
        items = [make.item("register", -900, make.register({firm: {} for firm in FIRMS}, origin="real"))]
        for month in MONTHS:
            values = {
                firm: 0.0 if number in STOPPED and STOPPED[number][0] <= month <= STOPPED[number][1] else 90_000.0
                for number, firm in enumerate(FIRMS)
            }
            item = make.item(str(month), 0, make.output(values, period=str(month), origin="real"))
            items.append(item._replace(known_at=release_calendar().released_at(month) - timedelta(days=1)))
        assert {receipt["state"] for receipt in load(wh, items)} == {"accepted"}
        pipeline.run(wh, MONTHS[-1])
        yield wh


def note(wh: Warehouse, number: int, label: str, month: str = "", day: int = 1) -> None:
    opened = month or STOPPED[number][0]
    alerting.act(
        wh, label, f"stop:firm:{FIRMS[number]}:returns:{opened}", who="王工", why="走访",
        known_at=wh.settings.now() - timedelta(days=10 - day),
    )  # fmt: skip


@pytest.mark.long
def test_labels_alone_prove_an_edited_rule(
    office: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    edited = rules().rule("stop").model_copy(update={"close_after": 3})
    shipped = [edited if rule.id == "stop" else rule for rule in rules().rules]
    monkeypatch.setitem(rules().__dict__, "rules", tuple(shipped))
    with pytest.raises(QxError, match="尚未回测"):
        backtesting.activate(office, "stop", who="王工", why="试用")
    for number in (0, 1, 2, 3, 4):
        note(office, number, "true")
    note(office, 5, "false")
    note(office, 6, "explained")
    note(office, 8, "true", "2025-06")  # said nothing, and stood still: a miss
    then = issues.newest_recorded(office)
    (row,) = backtesting.backtest(office, ["stop"])
    # Ten firms have thirteen returns each. Troubles with the month after them: four of three months, two of two.
    quiet = 10 * 13 - (4 * 3 + 2 * 2)
    assert {name: row[name] for name in ("alerts", "true_alerts", "explained", "verified", "unverified", "misses")} == {
        "alerts": 8, "true_alerts": 5, "explained": 1, "verified": 7, "unverified": 1, "misses": 1,
    }  # fmt: skip
    assert (row["labels"], row["verified_share"]) == ("核实结果", 0.875)
    assert row["precision"] == pytest.approx(5 / 7, abs=1e-4), "what was explained asked somebody for nothing"
    assert (row["cases"], row["caught"], row["recall"]) == (6, 5, pytest.approx(5 / 6, abs=1e-4))
    assert row["false_share"] == pytest.approx(2 / (quiet - 1), abs=1e-4), "the month nobody looked at is not quiet"
    assert row["false_share_most"] == pytest.approx(3 / quiet, abs=1e-4)
    assert "登记过的 1 起" in row["doubt"] and "1 项提示未核实" in row["doubt"] and "1 项可解释的" in row["doubt"]
    with pytest.raises(QxError, match=r"准确率 0\.714.*命中率 0\.833.*误报率（未核实的按误报计） 0\.0263"):
        backtesting.activate(office, "stop", who="王工", why="试用")
    assert proving.false_shares(office).get("stop") is None, "a briefing prints no rate of what was not verified"

    for number in (5, 6, 7):
        note(office, number, "true", day=2)
    note(office, 8, "false", "2025-06", day=2)
    note(office, 5, "explained", day=1)  # written down later, found out earlier
    (later,) = backtesting.backtest(office, ["stop"], out=tmp_path)
    assert (later["precision"], later["recall"], later["verified"], later["misses"]) == (1.0, 1.0, 8, 0)
    assert later["precision_lo"] == pytest.approx(8 / (8 + 1.96**2), abs=1e-3), "eight of eight is not certainty"
    assert "没有登记漏报，命中率是上限" in later["doubt"]
    assert backtesting.activate(office, "stop", who="王工", why="核实达标")["doubt"] == later["doubt"]
    told = next(entry for entry in backtesting.listing(office) if entry["rule"] == "stop")
    assert (told["labels"], told["met"], told["verified_share"], told["doubt"]) == ("核实结果", True, 1, later["doubt"])
    page = (tmp_path / "backtest.html").read_text(encoding="utf-8")
    assert "依据：核实结果" in page and later["doubt"] in page and "模拟" not in page.split("各规则成绩")[1]

    assert backtesting.backtest(office, ["stop"], recorded_at=then) == [row], "what was found out since moves nothing"
    assert proving.newest_card(office, edited)["card"]["precision"] == 1.0  # type: ignore[index]
