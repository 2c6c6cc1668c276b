"""Firms' own reports beside their returns and the approved figure: worked by hand, with the rows on both sides."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from qxmonitor import validation
from qxmonitor.cli_validation import reconcile
from qxmonitor.period import Period
from qxmonitor.quality import mirror
from qxmonitor.warehouse.load import load
from tests.pipeline.conftest import in_process
from tests.quality.test_approved_gap import approved
from tests.warehouse.conftest import Make, make  # noqa: F401

MARCH, FEBRUARY = Period("2026-03"), Period("2026-02")
FIRMS = pd.Index(["A", "B", "C"])
SPANS = ("m", "ytd", "ly_m", "ly_ytd")
ALL = pd.DataFrame([(firm, item) for firm in "ABC" for item in ("output", "export")], columns=["entity", "item"])


def rows(file_id: int, figures: dict[str, dict[str, float]], period: Period = MARCH) -> pd.DataFrame:
    """Firms' figures by column; the lines of a sheet in their order from the fourth on."""
    columns = [f"{item}_{span}" for item in ("output", "export") for span in SPANS]
    lines = [
        {"entity": firm, "period": str(period), "file_id": file_id, "sheet": "表", "row": 4 + at, **own}
        for at, (firm, own) in enumerate(figures.items())
    ]
    frame = pd.DataFrame(lines, columns=["entity", "period", "file_id", "sheet", "row", *columns])
    return frame.astype(dict.fromkeys(columns, "float64"))


def test_what_a_year_before_was_is_compared_too_and_a_blank_return_is_a_gap() -> None:
    """2 % of the larger and more than 100 thousand: A's base differs by 300 of 10,000, B left its export blank."""
    returns = rows(1, {
        "A": {"output_m": 10_000, "output_ly_m": 9_700, "output_ly_ytd": 20_000},
        "B": {"output_m": 5_000, "output_ytd": 15_000},
        "C": {"output_m": 1.0},
    })  # fmt: skip
    own = rows(2, {
        "B": {"output_m": 5_090, "output_ytd": 15_000, "export_m": 900, "export_ytd": 60},
        "A": {"output_m": 10_000, "output_ly_m": 10_000, "output_ly_ytd": 20_400},
    })  # fmt: skip
    found = mirror.own_report(returns, own, MARCH, ALL)
    gaps = found.gaps.set_index(["entity", "item"])[["left", "right", "reason"]]
    assert gaps.loc[("A", "工业总产值（上年同期本月）")].tolist() == [9_700.0, 10_000.0, "两边之差超过容差"]
    blank = gaps.loc[("B", "出口交货值（本月）")]
    assert pd.isna(blank["left"]) and blank["reason"] == "产销总值表该项为空，企业自报表有数"
    assert len(gaps) == 2
    sides = found.details.groupby(["entity", "side"])[["file_id", "row", "column"]].agg(list)
    assert sides.loc[("A", "left")].tolist() == [[1], [4], ["output_ly_m"]]
    assert sides.loc[("A", "right")].tolist() == [[2], [5], ["output_ly_m"]]


def test_a_month_the_return_has_no_column_for_is_not_asked_for() -> None:
    """February: the return has the two months together only."""
    returns = rows(1, {"A": {"output_ytd": 9_000}}, FEBRUARY)
    own = rows(2, {"A": {"output_m": 4_000, "output_ytd": 9_000}}, FEBRUARY)
    assert mirror.own_report(returns, own, FEBRUARY, ALL).gaps.empty
    found = mirror.own_report(returns, own.assign(output_ytd=9_500.0), FEBRUARY, ALL)
    assert found.gaps["item"].tolist() == ["工业总产值（1—本月）"]


@pytest.mark.parametrize(
    ("printed", "gaps"), [(2.0, 0), (0.05, 0), (0.041, 0), (0.039, 1)]
)  # 3,000 + 2,000 thousand yuan = 0.05 亿; more than 1,000 above
def test_a_part_above_the_whole_is_a_gap_and_below_it_none(printed: float, gaps: int) -> None:
    own = rows(2, {"A": {"output_m": 3_000}, "B": {"output_m": 2_000}, "X": {"output_m": 9e9}, "C": {"output_m": 9e9}})
    found = mirror.own_approved(own, approved(("output", "m", printed)), MARCH, FIRMS, ALL[ALL["entity"] != "C"])
    assert len(found.gaps) == gaps
    assert found.gaps["reason"].tolist() == ["部分企业自报之和大于全镇规上数"] * gaps
    assert found.details["row"].tolist() == [4, 5, 3] * gaps
    if gaps:
        (gap,) = found.gaps.to_dict("records")
        assert (gap["entity"], gap["left"], gap["right"], gap["gap"]) == ("town", 5_000.0, 3_900.0, 1_100.0)


def test_both_kinds_from_the_warehouse_and_in_words(warehouse: Any, make: type[Make]) -> None:  # noqa: F811
    """A authorised its output to 统计办, B to 工信局 only: B's own report is looked at by no kind."""
    grants = pd.DataFrame(
        [
            {"sheet": "自报授权", "row": 2 + at, "subject": firm, "items": "output", "readers": reader,
             "since": "2026-01", "until": None}
            for at, (firm, reader) in enumerate(((make.A, "stats"), (make.B, "gxj")))
        ]
    )  # fmt: skip
    reports = [
        {"subject": firm, "period": "2026-03", "output_m": value, "output_ytd": 3 * value}
        for firm, value in ((make.B, 9e6), (make.A, 400_000.0))
    ]
    figure = {"indicator": "output", "name": "规上工业总产值", "unit": "亿元", "period": "2026-03", "measure": "m",
              "value": 3.0, "scope": "", "vintage": ""}  # fmt: skip
    load(warehouse, [
        make.item("reg", 0, make.register({make.A: {}, make.B: {}}, more={"authorisation": grants})),
        make.item("b204", 1, make.output({make.A: 100_000.0, make.B: 200_000.0})),
        make.item("own", 2, make.batch("self_report", reports, feed="self_report")),
        make.item("bureau", 3, make.batch("approved_figure", [figure], feed="approved", origin=None)),
    ])  # fmt: skip
    found = validation.reconcile(warehouse, MARCH)
    gaps = {(gap["kind"], gap["item"]): gap for gap in validation.rows(found.gaps)}
    assert set(gaps) == {
        ("self_report", "工业总产值（本月）"), ("self_report", "工业总产值（1—本月）"),
        ("self_report_approved", "规上工业总产值（本月）"),
    }  # fmt: skip
    own, part = gaps["self_report", "工业总产值（本月）"], gaps["self_report_approved", "规上工业总产值（本月）"]
    assert (own["entity"], own["left"], own["right"]) == (make.A, 100_000.0, 400_000.0)
    assert own["left_rows"].endswith("b204.xlsx Sheet1 第4行") and own["right_rows"].endswith("own.xlsx Sheet1 第5行")
    assert (part["left"], part["right"]) == (400_000.0, 300_000.0)
    assert part["left_rows"].endswith("own.xlsx Sheet1 第5行") and part["right_rows"].endswith(
        "bureau.xlsx Sheet1 第4行"
    )
    for details in ((), ("--details",)):
        said = in_process(warehouse.settings, "reconcile", "2026-03", *details)
        assert said.code == 0 and "自报与直报" in said.out and "自报与反馈数" in said.out


def test_every_kind_has_words_and_can_be_asked_for() -> None:
    (option,) = [param for param in reconcile.params if param.name == "kind"]
    assert set(getattr(option.type, "choices", ())) == set(validation.KINDS) == set(validation.KIND_NAMES)
