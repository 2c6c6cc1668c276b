"""Verdicts on output by class and product, and on approved figures, each by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from qxmonitor import quality
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.period import SHANGHAI, Period

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, tzinfo=SHANGHAI)


def detail(row: int, code: str = "3911", kind: str = "industry", **changed: Any) -> dict[str, Any]:
    figures = {"m": 60.0, "ytd": 600.0, "ly_m": 50.0, "ly_ytd": 500.0}
    unit = "千元" if kind == "industry" else "台"
    head = {
        "sheet": "表",
        "row": row,
        "subject": "A",
        "period": "2026-10",
        "kind": kind,
        "code": code,
        "name": f"第{code}类",
    }
    return head | {"unit": unit} | figures | changed


def total(m: float, ytd: float, subject: str = "A") -> dict[str, Any]:
    spans = {f"{item}_{span}": float("nan") for item in ("output", "sales", "export", "power")
             for span in ("m", "ytd", "ly_m", "ly_ytd")}  # fmt: skip
    head = {"sheet": "总", "row": 4, "subject": subject, "period": "2026-10"}
    return head | spans | {"output_m": m, "output_ytd": ytd}


def approved(row: int, measure: str, value: float, growth: float, **changed: Any) -> dict[str, Any]:
    head = {
        "sheet": "表",
        "row": row,
        "indicator": "output",
        "name": "规上工业总产值",
        "unit": "亿元",
        "period": "2026-10",
    }
    return head | {"measure": measure, "value": value, "growth": growth, "scope": "", "vintage": ""} | changed


def batch(**tables: list[dict[str, Any]]) -> Batch:
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    lines = pd.concat([frame[["sheet", "row"]] for frame in frames.values()]).drop_duplicates(ignore_index=True)
    nothing = pd.DataFrame(columns=REJECT_COLUMNS)
    return Batch("x", "x", Period("2026-10"), frames, lines, nothing, pd.DataFrame(columns=["sheet", "row", "text"]))


def judged(*batches: Batch) -> list[Batch]:
    outcomes = quality.check(batches, NOW)
    for outcome in outcomes:
        assert isinstance(outcome, Batch)
        assert outcome.accepted + outcome.rejected == outcome.rows_read
    return outcomes  # type: ignore[return-value]


def rules(outcome: Batch) -> list[list[Any]]:
    return sorted(outcome.rejects[["row", "rule"]].to_numpy().tolist())


def test_classes_need_the_shape_of_a_class_and_nothing_is_negative() -> None:
    rows = [
        detail(4), detail(5, "0510"), detail(6, "4700"), detail(7, "391"), detail(8, "C391"), detail(9, "0610"),
        detail(10, "77", kind="product"), detail(11, "3912", m=-1.0), detail(12, "9", kind="product", ytd=-0.5),
    ]  # fmt: skip
    (outcome,) = judged(batch(output_detail=rows))
    assert rules(outcome) == [
        [5, "detail.class_code"], [6, "detail.class_code"], [7, "detail.class_code"], [8, "detail.class_code"],
        [11, "detail.negative"], [12, "detail.negative"],
    ]  # fmt: skip


def test_a_class_twice_under_two_names_is_nobodys() -> None:
    rows = [detail(4), detail(5, name="另一名称", m=1.0), detail(6, "3982"), detail(7, "3982")]
    (outcome,) = judged(batch(output_detail=rows))
    assert rules(outcome) == [[4, "detail.class_repeated"], [5, "detail.class_repeated"], [7, "duplicate.repeated"]]


def test_a_class_in_two_files_is_a_filing_and_its_correction() -> None:
    first, second = judged(batch(output_detail=[detail(4)]), batch(output_detail=[detail(4, m=61.0)]))
    assert (first.rejected, second.rejected) == (0, 0)


@pytest.mark.parametrize(
    ("m", "ytd", "noted"),
    [(100.0, 1000.0, []), (80.0, 980.0, []), (79.9, 1000.0, ["本月"]), (50.0, 900.0, ["本月", "1—本月"])],
)
def test_classes_sum_to_no_more_than_the_total_within_rounding(m: float, ytd: float, noted: list[str]) -> None:
    """Classes 60 + 40 and 600 + 400; twenty thousand yuan are rounding; products and other firms are not summed."""
    rows = [
        detail(5), detail(6, "3982", m=40.0, ytd=400.0), detail(7, "9", kind="product", m=1e9, ytd=1e9),
        detail(8, "3911", subject="B", m=7e6, ytd=7e6),
    ]  # fmt: skip
    wanted = [f"行业产值（{span}）：各行业产值之和大于工业总产值，共 1 行（第 5 行）" for span in noted]
    (form,) = judged(batch(output_return=[total(m, ytd)], output_detail=rows))
    assert form.rejected == 0
    assert [note for note in form.notes if "之和" in note] == wanted
    _, listed = judged(batch(output_return=[total(m, ytd)]), batch(output_detail=rows))
    assert [note for note in listed.notes if "之和" in note] == wanted


def test_a_forms_totals_may_fall_without_its_details() -> None:
    form = batch(output_return=[total(-1.0, 5.0)], output_detail=[detail(5)])
    (outcome,) = judged(form)
    assert rules(outcome) == [[4, "output.negative"]]
    assert len(outcome.tables["output_detail"]) == 1


def test_approved_growth_is_a_percentage_and_a_line_stands_as_a_whole() -> None:
    rows = [
        approved(4, "m", 61.0, -101.0), approved(4, "ytd", 510.0, 4.0),
        approved(5, "m", 61.0, 4.0, period="2026-09"), approved(5, "ytd", 60.0, 4.0, period="2026-09"),
        approved(6, "m", 1.0, 4.0, indicator="sales"), approved(7, "m", 2.0, 4.0, indicator="sales"),
    ]  # fmt: skip
    (outcome,) = judged(batch(approved_figure=rows))
    assert rules(outcome) == [[4, "approved.growth"], [6, "duplicate.conflict"], [7, "duplicate.conflict"]]
    assert outcome.tables["approved_figure"]["row"].tolist() == [5, 5]
    assert any("1—本月累计小于本月，共 1 行（第 5 行）" in note for note in outcome.notes)
