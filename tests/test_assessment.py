"""The ladder and the evaluation for a department: rights first, reasons, and not one byte that hangs on a return."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import openpyxl
import pandas as pd
import pytest

from qxmonitor.assessment import Assessment, assess
from qxmonitor.calendar import DatumState
from qxmonitor.catalog.ladder import ladder
from qxmonitor.catalog.scorecards import scorecards
from qxmonitor.delivery.assessment import Sheet, assessment_xlsx
from qxmonitor.disclosure import Gate, permitted
from qxmonitor.errors import DisclosureError
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from tests.indicators.town import random_town, usccs

PERIOD = Period("2022-04")
CODES = usccs(14)
GRANTED = pd.DataFrame(
    [
        (CODES[0], "output、export、employees", "gxj、swj", "2020-01", None),
        (CODES[1], "output", "gxj", "2021-06", "2022-12"),
        (CODES[2], "output、employees", "swj", "2020-01", None),
        (CODES[3], "output", "gxj", "2020-01", "2021-12"),  # has run out
        (CODES[4], "export", "gxj", "2020-01", None),  # for another item
    ],
    columns=["subject", "items", "readers", "since", "until"],
)


@pytest.fixture(scope="module")
def panel() -> Panel:
    one = random_town(5)
    for code in CODES:
        one.firms[code] |= {"since": None, "until": None}
        for period, big in (("2021-12", 9e5), ("2022-04", 4e5)):
            one.forms["self_report"][code, period] = {
                "output_ytd": big, "output_ly_ytd": 3e5, "export_ytd": 50.0, "export_ly_ytd": 40.0, "employees": 100.0,
            }  # fmt: skip
    return one.panel()


def gate(panel: Panel, reader: str, purpose: str = "support") -> Gate:
    return Gate(reader, purpose, authorisations=GRANTED, simulated=True, firms=panel.firms)


def told(panel: Panel, reader: str) -> Assessment:
    return assess(panel, PERIOD, gate(panel, reader), ladder(), scorecards())


def paper(found: Assessment) -> bytes:
    sheet = Sheet(PERIOD, "工信局", None, "模拟数据", found.notes, tuple(p.name for p in scorecards().firm.components))
    return assessment_xlsx(sheet, found.ladder, found.scores)


@pytest.mark.parametrize("reader", ["gxj", "swj"])
def test_changing_every_return_changes_no_byte(panel: Panel, reader: str) -> None:
    rng = np.random.default_rng(3)
    other = replace(
        panel,
        values={
            name: rng.uniform(1, 1e7, grid.shape) if name.startswith(("returns.", "power.", "rd.", "stock.")) else grid
            for name, grid in panel.values.items()
        },
        states={
            form: np.full_like(codes, DatumState.LATE) if form in ("b204_1", "b203", "rd_yearly", "power") else codes
            for form, codes in panel.states.items()
        },
    )  # fmt: skip
    one, two = told(panel, reader), told(other, reader)
    assert one.notes == two.notes
    assert paper(one) == paper(two)
    pd.testing.assert_frame_equal(one.scores, two.scores)
    pd.testing.assert_frame_equal(one.ladder, two.ladder)
    touched = replace(
        panel, values=panel.values | {"self_report.output_ytd": panel.values["self_report.output_ytd"] * 2}
    )
    assert paper(told(touched, reader)) != paper(one), "the test would not notice anything"


def test_only_what_the_register_authorises_is_there(panel: Panel) -> None:
    cut = permitted(panel, gate(panel, "gxj"))
    assert {name.partition(".")[0] for name in cut.values} == {
        "self_report"
    }  # customs is not 工信局's for this purpose
    here = np.isfinite(cut.values["self_report.output_ytd"][:, -1])
    assert panel.firms.index[here].tolist() == CODES[:2]
    assert np.isfinite(cut.values["self_report.export_ytd"][:, -1]).nonzero()[0].tolist() == [0, 4]
    then = panel.months.index(Period("2021-12"))
    assert np.isfinite(cut.values["self_report.output_ytd"][:, then]).nonzero()[0].tolist() == [0, 1, 3]
    assert not cut.states
    swj = permitted(panel, gate(panel, "swj"))
    assert {name.partition(".")[0] for name in swj.values} == {"self_report", "customs", "bonded"}


def test_rows_with_their_authority_and_distance(panel: Panel) -> None:
    found = told(panel, "gxj").ladder
    ten = found[found["step"] == "10亿元企业"].set_index("entity")
    assert sorted(ten.index) == CODES[:2]  # 4 + 9 − 3 亿 = 10 亿
    assert "2022年4月企业自报产值（近12个月）10.00亿元；已超10.00亿元" in ten.loc[CODES[0], "reason"]
    assert "名录载明授权使用产值：2021-06起至2022-12" in ten.loc[CODES[1], "reason"]
    doubling = found[found["step"] == "倍增企业"]
    assert doubling["reason"].str.contains("基期未配置").all()
    assert set(doubling["state"]) <= {"在册", "无可用数据"}


def test_what_is_missing_is_said_and_too_little_gives_no_score(panel: Panel) -> None:
    scores = told(panel, "gxj").scores.set_index("entity")
    assert "缺进出口增速，已知权重90%" in scores.loc[CODES[0], "reason"]
    assert scores.loc[CODES[1], "known"] == pytest.approx(0.6)
    poor = scores.loc[CODES[4]]
    assert pd.isna(poor["score"]) and poor["class"] == "" and "不评分；缺：产值增速" in poor["reason"]
    notes = " ".join(told(panel, "gxj").notes)
    for words in ("不使用联网直报数", "已评2家", "本部门无权使用、因而缺项的：进出口增速", "本期不分类"):
        assert words in notes


def test_who_has_no_such_purpose_gets_nothing(panel: Panel) -> None:
    with pytest.raises(DisclosureError):
        gate(panel, "stats")


def test_the_workbook_has_texts_as_texts_and_dashes_for_nothing(panel: Panel) -> None:
    firms = panel.firms.assign(name=["=1+1" if code == CODES[0] else code for code in panel.firms.index])
    book = openpyxl.load_workbook(BytesIO(paper(told(replace(panel, firms=firms), "gxj"))))
    assert book.sheetnames == ["成长梯队", "综合评价", "说明"]
    cells = [cell for sheet in book for row in sheet.iter_rows(min_row=5) for cell in row if cell.value is not None]
    assert any(cell.value == "=1+1" and cell.data_type == "s" for cell in cells)
    assert not {"nan", "None", "inf"} & {str(cell.value) for cell in cells}
    empty = Assessment(told(panel, "gxj").ladder.iloc[:0], told(panel, "gxj").scores.iloc[:0], ("无",))
    book = openpyxl.load_workbook(BytesIO(paper(empty)))
    assert "没有" in str(book["成长梯队"]["A5"].value) and "没有" in str(book["综合评价"]["A5"].value)
