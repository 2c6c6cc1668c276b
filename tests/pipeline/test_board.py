"""The receipts board of a whole town, against what the simulator knows, and its workbook read back."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import openpyxl
import pytest

from qxmonitor import board, look
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.board import Board, FormSummary, board_xlsx
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from tests.pipeline.conftest import Ingested, in_process

pytestmark = pytest.mark.slow

FORMS = ["b204_1", "b203", "self_report", "customs_monthly", "bonded_inv101"]
MONTH = Period("2025-04")


def test_every_firm_and_form_has_one_state(ingested: Ingested) -> None:
    rows = look.listing(ingested.wh, "board", period=MONTH)
    assert Counter(row["form"] for row in rows) == dict.fromkeys(FORMS, 36)
    assert {row["state"] for row in rows} <= {"value", "late", "expected-absent", "failed"}
    calendar = release_calendar()
    for row in rows:
        assert list(row) == board.COLUMNS
        assert row["due"] == calendar.feed(row["form"]).due_date(MONTH).isoformat()
        if row["state"] == "value":
            assert Path(row["file"]).is_relative_to(ingested.town.landing)
            assert row["since"][:10] == Path(row["file"]).parent.name
        elif row["state"] == "late":
            assert row["since"] == calendar.feed(row["form"]).due(MONTH).isoformat()
            assert row["file"] is None
        else:
            assert row["since"] is row["file"] is None


def test_who_filed_is_here_and_who_was_silent_is_late(ingested: Ingested) -> None:
    silent = {
        (event["entity"], month)
        for event in ingested.town.truth["events"]
        for month in ingested.town.periods
        if event["type"] == "silence" and event["from"] <= month <= event["to"] and month[5:] != "01"
    }
    assert silent
    found = board.rows(ingested.wh, ingested.town.periods)
    output = found[found["form"] == "b204_1"].set_index(["entity", "period"])["state"]
    assert {output[key] for key in silent} == {"late"}
    filed = {
        (row[1], row[2])
        for figures in ingested.town.truth["figures"]
        for row in figures["rows"]
        if "B204-1_2" in figures["file"] and row[0] not in figures["rejected_rows"]
    }
    assert set(output[output == "value"].index) == filed & set(output.index)


def test_january_has_no_returns_and_the_day_before_the_deadline_nobody_is_late(ingested: Ingested) -> None:
    january = look.listing(ingested.wh, "board", period="2025-01", form="b204_1")
    assert {(row["state"], row["due"]) for row in january} == {("expected-absent", None)}
    early = datetime(2025, 5, 12, 23, 59, tzinfo=SHANGHAI)
    assert look.listing(ingested.wh, "board", period=MONTH, form="b204_1", state="late", known_at=early) == []
    after = datetime(2025, 5, 13, tzinfo=SHANGHAI)
    assert look.listing(ingested.wh, "board", period=MONTH, form="b204_1", state="late", known_at=after) != []


def test_the_workbook_says_what_the_list_says(ingested: Ingested, tmp_path: Path) -> None:
    out = tmp_path / "看板.xlsx"
    answer = in_process(ingested.wh.settings, "board", MONTH, "--out", out, "--json")
    assert answer.code == 0, answer.err
    (said,) = answer.rows
    rows = look.listing(ingested.wh, "board", period=MONTH)
    late = Counter(row["form"] for row in rows if row["state"] == "late")
    assert (said["firms"], said["late"], said["failed"]) == (36, late.total(), 0)
    assert out.stat().st_mode & 0o077 == 0
    page = openpyxl.load_workbook(out).worksheets[0]
    cells = [list(row) for row in page.iter_rows(values_only=True)]
    assert "模拟数据" in cells[1][0]
    summary = {row[1]: row[2:8] for row in cells[4:9]}
    output = [row for row in rows if row["form"] == "b204_1"]
    here = sum(row["state"] == "value" for row in output)
    wanted = ("2025年05月12日", here + late["b204_1"], here, late["b204_1"], 0)
    assert tuple(summary["工业产销总值表"][:5]) == wanted
    assert summary["工业产销总值表"][5] == pytest.approx(here / (here + late["b204_1"]))
    head = next(at for at, row in enumerate(cells) if row[0] == "序号")
    firms = {row[1]: row for row in cells[head + 1 :]}
    assert len(firms) == 36
    for row in output:
        words = {"value": "已报", "late": "逾期未报 5月13日起", "expected-absent": "不需报"}[row["state"]]
        assert str(firms[row["entity"]][4]).startswith(words)


@pytest.mark.parametrize(("name", "reason"), [("a.csv", "xlsx"), ("no/a.xlsx", "文件夹不存在")])
def test_a_place_that_is_none(ingested: Ingested, tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(QxError, match=reason):
        board.write(ingested.wh, MONTH, tmp_path / name)


def test_a_form_that_is_not_due_and_hostile_names(tmp_path: Path) -> None:
    shown = Board(
        period=Period("2026-10"), at=datetime(2026, 11, 10, 9, tzinfo=SHANGHAI), simulated=False,
        forms=(
            FormSummary("财务状况表", date(2026, 11, 16), True, True, (1, 2, 0, 0, 0)),
            FormSummary("工业产销总值表", None, True, False, (0, 3, 0, 0, 0)),
        ),
        firms=(("1", "=1+1", ""), ("2", "+cmd", "C01"), ("3", "丙公司", "")),
        states=np.array([[0, 1], [1, 1], [4, 2]], dtype=np.uint8),
        since=np.array([[datetime(2026, 11, 9, tzinfo=SHANGHAI), None], [None, None], [None, None]], dtype=object),
    )  # fmt: skip
    content = board_xlsx(shown)
    assert content == board_xlsx(shown)
    page = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
    cells = [list(row) for row in page.iter_rows(values_only=True)]
    head = next(at for at, row in enumerate(cells) if row[0] == "序号")
    assert [row[2] for row in cells[head + 1 :]] == ["=1+1", "+cmd", "丙公司"]
    assert [row[4:6] for row in cells[head + 1 :]] == [
        ["已报 11月9日", "不需报"], ["未到期", "不需报"], ["退回待改", "逾期未报"],
    ]  # fmt: skip
    assert [row[3] for row in cells[4:6]] == ["未到期", "—"]
    assert b"<f>" not in ZipFile(BytesIO(content)).read("xl/worksheets/sheet1.xml")
