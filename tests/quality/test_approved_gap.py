"""The sum of the returns beside what the upper bureau approved: worked by hand, with the rows on both sides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from qxmonitor import validation
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.quality import mirror
from qxmonitor.warehouse.load import load
from tests.warehouse.conftest import Make, make  # noqa: F401

MARCH = Period("2026-03")
FIRMS = pd.Index(["A", "B", "C"])


def returns(**output: float) -> pd.DataFrame:
    """Output of the month by firm; three times that cumulative; every firm in a line of one sheet."""
    rows = [
        {"entity": firm, "period": str(MARCH), "file_id": 1, "sheet": "表", "row": 4 + at, "output_m": value,
         "output_ytd": 3 * value, "sales_m": value, "sales_ytd": 3 * value, "export_m": None, "export_ytd": None}
        for at, (firm, value) in enumerate(output.items())
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"export_m": float, "export_ytd": float})


def approved(*figures: tuple[str, str, float]) -> pd.DataFrame:
    rows = [
        {"indicator": indicator, "measure": measure, "value": value, "period": str(MARCH), "file_id": 2, "sheet": "",
         "row": at}
        for at, (indicator, measure, value) in enumerate(figures, start=3)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["indicator", "measure", "value", "period", "file_id", "sheet", "row"])


def test_a_gap_beyond_the_tolerance_names_both_sides() -> None:
    """600 + 400 thousand against 0.5 亿 = 50,000; cumulative 3,000 against 0.03 亿 = 3,000."""
    found = mirror.approved(
        returns(A=600.0, B=400.0, D=9e9), approved(("output", "m", 0.5), ("output", "ytd", 0.03)), MARCH, FIRMS
    )
    (gap,) = found.gaps.to_dict("records")
    assert (gap["entity"], gap["item"], gap["left"], gap["right"], gap["gap"]) == (
        "town", "规上工业总产值（本月）", 1_000.0, 50_000.0, -49_000.0,
    )  # fmt: skip
    assert gap["reason"] == "两边之差超过容差；规上企业缺报 1 家" and gap["tolerance"] == 0.03
    sides = found.details.groupby("side")["row"].apply(list).to_dict()
    assert sides == {"left": [4, 5], "right": [3]}


@pytest.mark.parametrize(
    ("printed", "gaps"), [(10.0, 0), (10.29, 0), (10.32, 1), (9.71, 0), (9.69, 1)]
)  # 3 % of the larger of both, and more than 10 million yuan
def test_the_tolerance_is_of_the_larger_side(printed: float, gaps: int) -> None:
    reported = returns(A=600_000.0, B=300_000.0, C=100_000.0)
    found = mirror.approved(reported, approved(("output", "m", printed)), MARCH, FIRMS)
    assert len(found.gaps) == gaps
    assert found.gaps["reason"].tolist() == ["两边之差超过容差；规上企业已报齐"] * gaps


def test_what_either_side_does_not_have_is_no_gap() -> None:
    nothing = approved(("export_delivery", "m", 5.0), ("gdp", "ytd", 5.0))
    assert mirror.approved(returns(A=1.0), nothing, MARCH, FIRMS).gaps.empty
    assert mirror.approved(returns(A=1.0), approved(), MARCH, FIRMS).gaps.empty
    assert mirror.approved(returns(A=1.0).iloc[:0], approved(("output", "m", 5.0)), MARCH, FIRMS).gaps.empty


def test_a_withdrawn_firm_is_not_expected_and_rows_are_named(warehouse: Any, make: type[Make]) -> None:  # noqa: F811
    register = make.register({make.A: {}, make.B: {"until": "2026-02"}, make.C: {"above_scale": False}})
    figures = make.batch(
        "approved_figure",
        [{"indicator": "output", "name": "规上工业总产值", "unit": "亿元", "period": "2026-03", "measure": "m",
          "value": 2.0, "scope": "", "vintage": ""}],
        feed="approved", origin=None,
    )  # fmt: skip
    load(warehouse, [
        make.item("reg", 0, register), make.item("bureau", 2, figures),
        make.item("b204", 1, make.output({make.A: 100_000.0, make.B: 50_000.0, make.C: 70_000.0})),
    ])  # fmt: skip
    found = validation.reconcile(warehouse, MARCH, kind="approved")
    (gap,) = validation.rows(found.gaps)
    assert (gap["left"], gap["right"], gap["gap"]) == (100_000, 200_000, -100_000)
    assert gap["left_rows"].endswith("Sheet1 第4行") and gap["right_rows"].endswith("Sheet1 第4行")
    earlier = datetime(2026, 1, 2, tzinfo=SHANGHAI)
    assert validation.reconcile(warehouse, MARCH, kind="approved", known_at=earlier).gaps.empty
