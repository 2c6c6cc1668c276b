"""The revision report: values, kinds and places worked by hand on a town of a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qxmonitor import revisions
from qxmonitor.errors import QxError
from qxmonitor.indicators.changes import refilings
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, decided
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel
from tests.warehouse.conftest import Make

BY = {"who": "某", "why": "某"}
MARCH = Period("2026-03")
A, B, C, D, E, F = (f"91000000MA0000000{n}" for n in range(1, 7))
day = Make.day

Row = dict[str, Any]


def trade(text: str, at: int, lines: list[tuple[str, str, float]]) -> Any:
    """A customs sheet of March: firm, flow, dollars."""
    rows = [
        {"subject": firm, "period": "2026-03", "flow": flow, "mode": "0110", "hs": "85340010", "partner": "116",
         "quantity": None, "unit": None, "usd": usd, "rmb": None}
        for firm, flow, usd in lines
    ]  # fmt: skip
    return Make.item(text, at, Make.batch("trade_line", rows, feed="customs_monthly"))


def output(text: str, at: int, figures: dict[str, Row], period: str = "2026-03") -> Any:
    """A B204-1 file with the columns named; its first row is row 4."""
    rows = [{"subject": subject, "period": period, **columns} for subject, columns in figures.items()]
    return Make.item(text, at, Make.batch("output_return", rows, period=period))


@pytest.fixture(scope="module")
def town(embedded: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Known on day 110: A 100, B 200 (190 before), F 60 with a base of 50. On day 120 all the rest."""
    import psycopg

    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute("create database revisions template warehouse strategy file_copy")
    url = embedded.dsn("psycopg", "revisions")
    settings = Settings(home=tmp_path_factory.mktemp("revisions"), database_url=url, fixed_now=day(130))
    with Warehouse(replace(settings)) as wh:
        firms = {firm: {"chain": "C01", "since": "2020-01"} for firm in (A, B, C, D, E, F)}
        for firm in (C, D, E):  # not owed, so that the town has a figure without them
            firms[firm]["above_scale"] = False
        firms[E]["name"] = "戊"
        load(wh, [
            Make.item("register", 0, Make.register(firms)),
            output("a1", 100, {A: {"output_m": 100.0}}),
            output("b0", 100, {B: {"output_m": 190.0}}),
            output("b1", 101, {B: {"output_m": 200.0}}),
            output("d", 100, {D: {"output_m": 70.0}}),
            output("e", 100, {"name:戊厂": {"output_m": 5.0}}),
            output("f1", 100, {F: {"output_m": 60.0, "output_ly_m": 50.0}}),
            output("c0", 60, {C: {"output_m": 44.0}}, period="2025-03"),
            output("a2", 111, {C: {"output_m": 30.0, "output_ly_m": 48.0}, A: {"output_m": 120.0}}),
            output("f2", 112, {F: {"output_m": 60.0, "output_ly_m": 55.0}}),
            trade("t1", 100, [(A, "E", 7.0), (A, "E", 1.0), (B, "E", 3.0), (A, "E", 2.0), (A, "I", 4.0)]),
            trade("t2", 114, [(A, "I", 4.0), (A, "E", 9.5)]),
            Make.item("register2", 113, Make.register({A: firms[A] | {"chain": "C02"}})),
        ])  # fmt: skip
        decided.flag(wh, Make.sha("d"), "withdraw", known_at=day(105), **BY)
        decided.flag(wh, Make.sha("d"), "reinstate", known_at=day(115), **BY)
        decided.flag(wh, Make.sha("b1"), "withdraw", known_at=day(115), **BY)
        decided.decide_identity(wh, "name:戊厂", E, known_at=day(115), **BY)
        yield wh
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute("drop database revisions with (force)")


@pytest.fixture(scope="module")
def rows(town: Warehouse) -> list[Row]:
    return revisions.rows(town, MARCH, since=day(110), until=day(120))


def test_each_figure_says_what_it_was_what_it_is_and_why(rows: list[Row]) -> None:
    found = {
        (row["entity"], row["measure"]): (row["kind"], row["before"], row["after"], row["change"], row["percent"])
        for row in rows
        if row["what"] == "figure"
    }
    assert found == {
        (A, "output_m"): ("refiled", 100.0, 120.0, 20.0, 20.0),
        (B, "output_m"): ("withdrawn", 200.0, 190.0, -10.0, -5.0),
        (C, "output_m"): ("late", None, 30.0, 30.0, None),
        (C, "output_ly_m"): ("restated", None, 48.0, 48.0, None),
        (D, "output_m"): ("reinstated", None, 70.0, 70.0, None),
        (E, "output_m"): ("identity", None, 5.0, 5.0, None),
        (F, "output_ly_m"): ("restated", 50.0, 55.0, 5.0, 10.0),
        (A, "export_usd"): ("refiled", 10.0, 9.5, -0.5, -5.0),
    }


def test_both_sides_are_named_by_file_and_row(rows: list[Row]) -> None:
    def places(entity: str, measure: str) -> tuple[Any, ...]:
        [row] = [row for row in rows if (row["entity"], row["measure"], row["what"]) == (entity, measure, "figure")]
        return tuple(row[f"{side}_{part}"] for side in ("before", "after") for part in ("file", "sheet", "row"))

    assert places(A, "output_m") == ("/landing/a1.xlsx", "Sheet1", "4", "/landing/a2.xlsx", "Sheet1", "5")
    assert places(B, "output_m") == ("/landing/b1.xlsx", "Sheet1", "4", "/landing/b0.xlsx", "Sheet1", "4")
    assert places(C, "output_m") == (None, None, None, "/landing/a2.xlsx", "Sheet1", "4")
    assert places(A, "export_usd") == ("/landing/t1.xlsx", "Sheet1", "4—5、7", "/landing/t2.xlsx", "Sheet1", "5")
    assert places(D, "output_m") == (None, None, None, "/landing/d.xlsx", "Sheet1", "4")


def test_a_restated_base_stands_beside_what_the_firm_filed_then(rows: list[Row]) -> None:
    filed = {row["entity"]: row["filed"] for row in rows if row["kind"] == "restated"}
    assert filed == {C: 44.0, F: None}


def test_figures_come_by_their_share_in_the_town(rows: list[Row]) -> None:
    of_output = [
        (row["entity"], row["effect"]) for row in rows if row["measure"] == "output_m" and row["what"] == "figure"
    ]
    # Before: 100 + 200 + 60 = 360; after: 120 + 190 + 30 + 70 + 5 + 60 = 475.
    changes = ((D, 70.0), (C, 30.0), (A, 20.0), (B, 10.0), (E, 5.0))
    assert of_output == [(firm, pytest.approx(change / 475.0 * 100.0)) for firm, change in changes]


def test_the_indicators_that_moved_move_by_as_much(rows: list[Row]) -> None:
    found = {
        (row["entity_kind"], row["entity"]): (row["before"], row["after"], row["change"])
        for row in rows
        if row["what"] == "indicator" and row["measure"] == "output_m"
    }
    assert found[("town", "town")] == (360.0, 475.0, 115.0)
    assert found[("chain", "C01")] == (360.0, 355.0, -5.0)  # A has gone to C02
    assert found[("chain", "C02")] == (None, 120.0, None)
    assert found[("firm", A)] == (100.0, 120.0, 20.0)
    assert found[("firm", C)] == (None, 30.0, None)
    assert ("firm", F) not in found
    sizes = [row["effect"] for row in rows if row["what"] == "indicator" and row["entity_kind"] == "town"]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes


def test_the_register_says_the_firm_has_moved(rows: list[Row]) -> None:
    [move] = [row for row in rows if row["what"] == "register"]
    assert (move["entity"], move["kind"], move["measure"]) == (A, "identity", "chain")
    assert (move["before"], move["after"]) == ("C01", "C02")
    assert (move["before_file"], move["after_file"]) == ("/landing/register.xlsx", "/landing/register2.xlsx")


def test_returns_that_came_late_or_again_are_counted(town: Warehouse) -> None:
    then, now = (read_panel(town, MARCH, months=2, known_at=day(known)) for known in (110, 120))
    # C, D and E were not here; A, B and F say something else. All firms are groups of their own.
    expected = {"late": (3, 3), "refiled": (3, 3), "gone": (0, 0)}
    found = refilings(then, now, [MARCH])
    assert dict(zip(found["kind"], zip(found["returns"], found["groups"], strict=True), strict=True)) == expected
    back = refilings(now, then, [MARCH])
    assert back["returns"].tolist() == [0, 3, 3]


def test_nothing_between_two_times_is_nothing(town: Warehouse) -> None:
    assert revisions.rows(town, MARCH, since=day(120), until=day(125)) == []


def test_times_the_wrong_way_round_are_refused(town: Warehouse) -> None:
    with pytest.raises(QxError, match="早于"):
        revisions.rows(town, MARCH, since=day(120), until=day(120))


def test_the_workbook_says_the_same_and_whom_it_is_for(town: Warehouse, rows: list[Row], tmp_path: Path) -> None:
    assert revisions.write(town, MARCH, tmp_path / "out", since=day(110), until=day(120)) == rows
    [path] = (tmp_path / "out").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["汇总", "报表数变动", "登记变动", "指标变动"]
    assert all("限统计渠道内使用" in sheet["A1"].value and "模拟数据" in sheet["A1"].value for sheet in book)
    counts = {line[0]: line[2] for line in book["汇总"].iter_rows(min_row=3, values_only=True)}
    assert [counts[word] for word in ("首报后更正", "新收", "撤回", "恢复", "上年同期重述")] == [2, 1, 1, 1, 2]
    sheet = book["报表数变动"]
    at = {word.value: number for number, word in enumerate(sheet[2])}
    lines = list(sheet.iter_rows(min_row=3, values_only=True))
    mine = next(
        line for line in lines if line[at["统一社会信用代码"]] == A and line[at["指标"]] == "工业总产值（本月）"
    )
    assert (mine[at["变动类别"]], mine[at["原数"]], mine[at["现数"]]) == ("首报后更正", 100, 120)
    assert mine[at["现出处"]] == "/landing/a2.xlsx Sheet1!5"
