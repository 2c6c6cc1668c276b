"""Judging batches: each verdict by hand, the split back to the files, and what it costs."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor import quality
from qxmonitor.catalog import rates
from qxmonitor.errors import Refused
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.period import SHANGHAI, Period

pytestmark = pytest.mark.slow

ITEMS = ("output", "sales", "export", "power")
COLUMNS = [f"{item}_{part}" for item in ITEMS for part in ("m", "ytd", "ly_m", "ly_ytd")]
NOW = datetime(2021, 9, 20, 10, tzinfo=SHANGHAI)


def output_row(row: int, subject: str, period: str = "2021-08", **changed: float) -> dict[str, Any]:
    """A sound return: output 100, sales 90, export 30, power 5 a month; eight months; last year a tenth less."""
    level = {"output": 100.0, "sales": 90.0, "export": 30.0, "power": 5.0}
    part = {"m": 1.0, "ytd": 8.0, "ly_m": 0.9, "ly_ytd": 7.2}
    figures = {f"{item}_{p}": level[item] * part[p] for item in ITEMS for p in ("m", "ytd", "ly_m", "ly_ytd")}
    return {"sheet": "表", "row": row, "subject": subject, "period": period, **figures, **changed}


def batch_of(table: str, rows: list[dict[str, Any]], **changed: Any) -> Batch:
    frame = pd.DataFrame(rows)
    given = {
        "feed": "b204_1",
        "form": "b204_1",
        "period": Period("2021-08"),
        "tables": {table: frame},
        "lines": frame[["sheet", "row"]].copy(),
        "rejects": pd.DataFrame(columns=REJECT_COLUMNS),
        "control": pd.DataFrame(columns=["sheet", "row", "text"]),
    }
    return Batch(**{**given, **changed})


def returns(*rows: dict[str, Any], **changed: Any) -> Batch:
    return batch_of("output_return", list(rows), **changed)


def check(*batches: Batch) -> list[Batch]:
    """Judge batches of which none is refused; every line stays accounted for."""
    outcomes = quality.check(batches, NOW)
    for before, after in zip(batches, outcomes, strict=True):
        assert isinstance(after, Batch)
        assert after.rows_read == before.rows_read == after.accepted + after.rejected
        assert not after.rejects.duplicated(["sheet", "row", "field", "rule"]).any()
        rejected = set(map(tuple, after.rejects[["sheet", "row"]].to_numpy().tolist()))
        for frame in after.tables.values():
            assert not rejected & set(map(tuple, frame[["sheet", "row"]].to_numpy().tolist()))
    return outcomes  # type: ignore[return-value]


def untouched(after: Batch, before: Batch) -> None:
    """Nothing but the verdicts was added."""
    assert after.tables == before.tables and after.rejects is before.rejects
    assert (after.notes, after.period) == (before.notes, before.period)


def rules(batch: Batch) -> list[list[Any]]:
    return sorted(batch.rejects[["row", "rule"]].to_numpy().tolist())


def test_sound_rows_pass_untouched() -> None:
    batch = returns(output_row(4, "A"), output_row(5, "B"))
    untouched(check(batch)[0], batch)


def test_no_figure_may_be_negative() -> None:
    wrong = [output_row(5 + at, f"F{at}", **{column: -0.5}) for at, column in enumerate(COLUMNS)]
    judged = check(returns(output_row(4, "A"), *wrong))[0]
    assert rules(judged) == [[5 + at, "output.negative"] for at in range(len(COLUMNS))]
    assert judged.tables["output_return"]["subject"].tolist() == ["A"]
    assert set(judged.rejects["raw"]) == {"-0.5"}
    assert set(judged.rejects["reason"]) == {"产值、销售产值、出口交货值和用电量不能是负数"}
    labels = judged.rejects.set_index("row")["field"]
    assert (labels[5], labels[8], labels[20]) == (
        "工业总产值（本月）",
        "工业总产值（上年同期1—本月）",
        "企业用电量（上年同期1—本月）",
    )


def test_blanks_are_never_judged() -> None:
    batch = returns(output_row(4, "A", **dict.fromkeys(COLUMNS, np.nan)), output_row(5, "B", output_m=np.nan))
    untouched(check(batch)[0], batch)


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"output_m": 900.0}, "工业总产值：1—本月累计小于本月，共 1 行（第 5 行）"),
        ({"export_m": 111.0}, "出口交货值（本月）：出口交货值大于工业销售产值，共 1 行（第 5 行）"),
        ({"output_m": 0.0}, "企业用电量（本月）：本月产值为零但有用电，共 1 行（第 5 行）"),
        ({"power_ytd": 36000.0}, "企业用电量：累计数与上年同期相差 8 倍以上，可能计量单位填错，共 1 行（第 5 行）"),
    ],
)
def test_warnings_are_notes_with_rows_and_no_values(changed: dict[str, float], note: str) -> None:
    judged = check(returns(output_row(4, "A"), output_row(5, "B", **changed)))[0]
    assert judged.notes == [note]
    assert judged.rejected == 0 and len(judged.tables["output_return"]) == 2


def test_rounding_in_ten_thousands_is_no_warning() -> None:
    assert check(returns(output_row(4, "A", output_ytd=100.0 - 19, output_ly_ytd=80.0)))[0].notes == []


def test_a_stop_is_a_value_and_no_jump_of_the_unit() -> None:
    stopped = {f"{item}_{part}": 0.0 for item in ("output", "sales", "export", "power") for part in ("m", "ytd")}
    assert check(returns(output_row(4, "A", **stopped)))[0].notes == []


def test_long_lists_of_rows_are_cut() -> None:
    judged = check(returns(*(output_row(4 + i, f"F{i}", export_m=300.0, export_ytd=700.0) for i in range(20))))[0]
    assert "出口交货值（本月）：出口交货值大于工业销售产值，共 20 行（第 4、5、6、7、8、9、10、11… 行）" in judged.notes


def test_a_repeat_is_rejected_from_its_second_appearance() -> None:
    judged = check(returns(output_row(4, "A"), output_row(5, "B"), output_row(6, "A"), output_row(9, "A")))[0]
    assert rules(judged) == [[6, "duplicate.repeated"], [9, "duplicate.repeated"]]


def test_blanks_repeat_too() -> None:
    judged = check(returns(output_row(4, "A", export_m=np.nan), output_row(5, "A", export_m=np.nan)))[0]
    assert rules(judged) == [[5, "duplicate.repeated"]]


def test_contradicting_rows_are_all_rejected() -> None:
    judged = check(
        returns(
            output_row(4, "A"),
            output_row(5, "A", output_m=101.0),
            output_row(6, "A"),
            output_row(7, "A", "2021-07"),
            output_row(8, "B"),
        )
    )[0]
    assert rules(judged) == [[4, "duplicate.conflict"], [5, "duplicate.conflict"], [6, "duplicate.repeated"]]
    assert judged.tables["output_return"]["row"].tolist() == [7, 8]


def test_the_same_row_in_two_files_is_no_repeat() -> None:
    first, second = check(returns(output_row(4, "A")), returns(output_row(4, "A", output_m=101.0)))
    assert first.rejected == second.rejected == 0


def test_trade_lines_of_a_firm_repeat_only_when_identical() -> None:
    line = {
        "sheet": "",
        "row": 2,
        "subject": "A",
        "period": "2021-08",
        "flow": "E",
        "mode": "0110",
        "hs": "95030089",
        "partner": "美国",
        "quantity": 1.0,
        "unit": "台",
        "usd": 5000.0,
        "rmb": 32000.0,
    }
    lines = [line, line | {"row": 3, "usd": 5001.0}, line | {"row": 4}, line | {"row": 5, "rmb": 320.0}]
    lines.append(line | {"row": 6, "usd": -1.0})
    judged = check(batch_of("trade_line", lines))[0]
    assert rules(judged) == [[4, "duplicate.repeated"], [6, "customs.negative"]]
    assert judged.notes == ["人民币值：人民币值与美元值折算的汇率明显不合理，共 1 行（第 5 行）"]


def test_future_rows_go_and_a_file_of_them_is_refused() -> None:
    future = output_row(5, "B", "2099-08")
    mixed = returns(output_row(4, "A"), future)
    alone = returns(future)
    this_month = returns(output_row(4, "A", "2021-09"))
    outcomes = quality.check([mixed, alone, this_month], NOW)
    assert isinstance(outcomes[0], Batch) and rules(outcomes[0]) == [[5, "period.future"]]
    assert outcomes[0].rejects["raw"].tolist() == ["2099-08"]
    assert isinstance(outcomes[1], Refused) and str(outcomes[1]) == "报告期 2099年8月 晚于当前月份，整份不收"
    assert isinstance(outcomes[2], Batch)
    untouched(outcomes[2], this_month)


def test_quarters_and_years_have_a_future_too() -> None:
    point = {
        "sheet": "",
        "row": 9,
        "series": "S",
        "name": "某指标",
        "frequency": "季",
        "unit": "%",
        "source": "某局",
        "value": 1.0,
    }
    rows = [
        point | {"row": 9 + i, "period": p} for i, p in enumerate(["2021-Q3", "2021-Q4", "2021", "2022", "2021-09"])
    ]
    assert rules(check(batch_of("reference_point", rows, period=None))[0]) == [
        [10, "period.future"],
        [12, "period.future"],
    ]


def test_series_side_by_side_share_the_fate_of_their_line() -> None:
    point = {"sheet": "", "name": "某指标", "frequency": "月", "unit": "%", "source": "某局", "value": 1.0}
    rows = [
        point | {"row": row, "series": series, "period": period}
        for row, series, period in [
            (9, "S", "2021-07"),
            (9, "T", "2021-07"),
            (10, "S", "2021-08"),
            (10, "T", "2021-08"),
        ]
    ]
    rows.append(point | {"row": 11, "series": "S", "period": "2021-08", "value": 2.0})
    lines = pd.DataFrame({"sheet": "", "row": [9, 10, 11]})
    judged = check(batch_of("reference_point", rows, period=None, lines=lines))[0]
    assert rules(judged) == [[10, "duplicate.conflict"], [11, "duplicate.conflict"]]
    assert judged.tables["reference_point"]["row"].tolist() == [9, 9]


def test_an_offending_figure_is_quoted_as_it_is_printed() -> None:
    rows = [output_row(5, "A", output_m=-44.0), output_row(6, "B", sales_m=-0.3)]
    judged = check(returns(*rows, factors={"表|output_m": 10.0, "别的表|sales_m": 10.0}))[0]
    assert judged.rejects["raw"].tolist() == ["-4.4", "-0.3"]


@pytest.mark.parametrize(("period", "remarks"), [("2021-01", 1), ("2021-02", 0)])
def test_a_month_without_a_return_is_taken_with_a_remark(period: str, remarks: int) -> None:
    judged = check(returns(output_row(5, "A", period), period=Period(period)))[0]
    said = [note for note in judged.notes if "按发布日历" in note]
    assert said == ["按发布日历，工业产销总值表没有 2021年1月 的报表，仍照收，请核对报告期"][:remarks]
    assert len(judged.tables["output_return"]) == 1


def test_a_firms_form_is_rejected_with_all_its_lines() -> None:
    lines = pd.DataFrame({"sheet": "表", "row": [9, 10, 11, 12, 13]})
    control = pd.DataFrame({"sheet": ["表"], "row": [13], "text": ["说明"]})
    cells = {"表|output_m": "C9", "表|sales_m": "C10"}
    form = returns(output_row(9, "A", sales_m=-3.0), lines=lines, control=control, cells=cells)
    judged = check(form)[0]
    assert rules(judged) == [[row, "output.negative"] for row in (9, 10, 11, 12)]
    assert judged.rejects.set_index("row")["raw"].to_dict() == {9: "", 10: "-3", 11: "", 12: ""}
    assert judged.accepted == 1


def test_rows_already_rejected_stay_so() -> None:
    earlier = pd.DataFrame(
        [{"sheet": "表", "row": 6, "field": "报告期", "rule": "period.unreadable", "reason": "看不懂", "raw": "x"}]
    )
    lines = pd.DataFrame({"sheet": "表", "row": [4, 5, 6]})
    judged = check(returns(output_row(4, "A"), output_row(5, "B", sales_m=-1.0), rejects=earlier, lines=lines))[0]
    assert rules(judged) == [[5, "output.negative"], [6, "period.unreadable"]]


def test_a_row_with_two_faults_is_counted_once() -> None:
    judged = check(returns(output_row(4, "A", sales_m=-1.0, power_m=-2.0, output_ytd=10.0), output_row(5, "B")))[0]
    assert len(judged.rejects) == 2 and judged.rejected == 1
    assert judged.notes == []


def test_the_inputs_are_left_as_they_are() -> None:
    batch = returns(output_row(4, "A", sales_m=-1.0), output_row(5, "B", "2099-01"), output_row(6, "C"))
    before = deepcopy(batch)
    check(batch)
    assert batch.tables["output_return"].equals(before.tables["output_return"])
    assert batch.rejects.empty and batch.notes == []


def test_the_register() -> None:
    flags = ("above_scale", "hightech_firm", "advanced_mfg", "hightech_mfg", "specialised", "doubling", "listed")
    firm = {
        "sheet": "企业名录",
        "row": 4,
        "subject": "A",
        "name": "甲",
        "former_names": "",
        "customs_code": None,
        "group_name": None,
        "industry": "3970",
        "chain": "C01",
        "node": "C01-N1",
        "ownership": "私营",
        **dict.fromkeys([*flags, "rd_institution"], False),
        "key_firm": False,
        "leader": None,
        "since": "2020-01",
        "until": None,
    }
    rows = [
        firm,
        firm | {"row": 5, "subject": "B", "until": "2019-12"},
        firm | {"row": 6, "subject": "C", "key_firm": True},
        firm | {"row": 7, "subject": "D", "since": "2021-01", "until": "2021-01"},
        firm | {"row": 8, "subject": "D"},
    ]
    judged = check(batch_of("register_entry", rows, period=None))[0]
    assert rules(judged) == [
        [5, "register.until_before_since"],
        [7, "duplicate.conflict"],
        [8, "duplicate.conflict"],
    ]
    assert judged.notes == ["挂点领导：重点企业没有挂点领导，共 1 行（第 6 行）"]


def test_no_batches_and_empty_tables() -> None:
    assert quality.check([], NOW) == []
    empty = returns(output_row(4, "A"))
    empty.tables["output_return"] = empty.tables["output_return"].iloc[:0]
    empty.rejects.loc[0] = ["表", 4, "报告期", "period.unreadable", "看不懂", ""]
    untouched(check(empty)[0], empty)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from("AB"),
                st.sampled_from(["2021-07", "2021-08", "2099-01"]),
                st.sampled_from([1.0, 2.0, -1.0, np.nan]),
            ),
            min_size=1,
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_judging_together_or_alone_is_the_same(files: list[list[tuple[str, str, float]]]) -> None:
    batches = [
        batch_of("output_return", [output_row(4 + i, who, when, sales_m=x) for i, (who, when, x) in enumerate(rows)])
        for rows in files
    ]
    together = quality.check(batches, NOW)
    alone = [quality.check([batch], NOW)[0] for batch in batches]
    for ours, theirs in zip(together, alone, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, Batch) and isinstance(theirs, Batch):
            assert rules(ours) == rules(theirs) and ours.notes == theirs.notes
            assert ours.tables["output_return"].equals(theirs.tables["output_return"])
            assert ours.accepted + ours.rejected == ours.rows_read


TRADE = {
    "sheet": "", "subject": "A", "period": "2021-08", "flow": "E", "mode": "0110", "hs": "95030089", "partner": "美国",
    "quantity": 1.0, "unit": "台", "usd": 10000.0, "rmb": 64000.0, "vintage": "monthly",
}  # fmt: skip


def test_the_implied_rate_is_held_against_the_months_where_it_is_known() -> None:
    lines = [TRADE | {"row": 2 + n, "rmb": yuan} for n, yuan in enumerate([61000.0, 64000.0, 68000.0, 300.0])]
    lines.append(TRADE | {"row": 6, "period": "2021-07", "rmb": 68000.0})
    assert check(batch_of("trade_line", lines))[0].notes == [
        "人民币值：人民币值与美元值折算的汇率明显不合理，共 1 行（第 5 行）"
    ]
    with rates.given({"2021-08": 6.4}):  # 6.1 is 4.7 % below, 6.8 is 6.25 % above
        assert check(batch_of("trade_line", lines))[0].notes == [
            "人民币值：人民币值与美元值折算的汇率偏离当月汇率 5% 以上，共 2 行（第 4、5 行）"
        ]


def test_modes_that_go_one_way_are_held_against_the_flow() -> None:
    pairs = [("9710", "E"), ("9710", "I"), ("0644", "I"), ("0644", "E"), ("4400", "I"), ("0615", "E"), ("0615", "I")]
    lines = [TRADE | {"row": 2 + n, "mode": mode, "flow": flow} for n, (mode, flow) in enumerate(pairs)]
    assert check(batch_of("trade_line", lines))[0].notes == [
        "贸易方式：监管方式与进出口方向不符，共 2 行（第 3、5 行）"
    ]


DECLARED = {
    "sheet": "000020210000000001", "subject": "A", "period": "2021-08", "entry_id": "000020210000000001", "flow": "E",
    "mode": "0110", "hs": "95030089", "partner": "美国", "quantity": 3000.0, "price": 0.3333, "amount": 1000.0,
    "currency": "USD", "usd": 1000.0, "rmb": np.nan, "gross_kg": 10.0, "net_kg": 9.0,
}  # fmt: skip


def test_declarations_by_hand() -> None:
    changed = [
        {},  # 999.9, within a price printed to four places
        {"amount": 980.0},  # 1.9 % less than price times quantity
        {"amount": 0.0},
        {"price": np.nan, "amount": 5.0},
        {"net_kg": 10.5},
        {"gross_kg": 0.0},
        {"entry_id": "000020190000000001"},
        {"mode": "9710", "flow": "I"},
        {"amount": -1.0},
    ]
    lines = [DECLARED | {"row": 1 + n} | more for n, more in enumerate(changed)]
    (judged,) = check(batch_of("declaration_line", lines))
    assert rules(judged) == [[9, "declaration.negative"]]
    assert judged.notes == [
        "申报总价：申报总价与单价乘数量不符，共 2 行（第 2、3 行）",
        "净重：净重大于毛重，共 1 行（第 5 行）",
        "报关单号：报关单号里的年份与进出口日期相差一年以上，共 1 行（第 7 行）",
        "监管方式：监管方式与进出口方向不符，共 1 行（第 8 行）",
    ]


def test_equal_lines_of_a_declaration_are_no_repeat() -> None:
    (judged,) = check(batch_of("declaration_line", [DECLARED | {"row": 1}, DECLARED | {"row": 2}]))
    assert judged.rejected == 0


def test_a_published_figure_stands_once() -> None:
    line = {"sheet": "", "period": "2021-08", "flow": "E", "hs": "95030089", "partner": "美国", "mode": "0110",
            "district": "", "quantity": 1.0, "quantity2": np.nan, "usd": 5000.0, "rmb": np.nan}  # fmt: skip
    lines = [
        line | {"row": 2},
        line | {"row": 3},
        line | {"row": 4, "flow": "I"},
        line | {"row": 5, "flow": "I", "usd": 1.0},
    ]
    (judged,) = check(batch_of("trade_total", lines))
    assert rules(judged) == [[3, "duplicate.repeated"], [4, "duplicate.conflict"], [5, "duplicate.conflict"]]
