"""The panel: arrays by hand, states by the calendar, the same as known then."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qxmonitor.calendar import DatumState
from qxmonitor.period import Period
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel

V, ABSENT, LATE = DatumState.VALUE, DatumState.EXPECTED_ABSENT, DatumState.LATE


@pytest.fixture
def town(warehouse, make):
    """Three firms; C left in 2026-02, B is below scale; returns of February and March 2026 from A and C."""
    firms = {
        make.A: {
            "name": "甲",
            "group_name": "甲集团",
            "chain": "C01",
            "node": "C01-N1",
            "since": "2020-01",
            "key_firm": True,
        },
        make.B: {"name": "乙", "above_scale": False},
        make.C: {"name": "丙", "until": "2026-02"},
    }
    grants = pd.DataFrame(
        [
            {"sheet": "自报授权", "row": 3, "subject": make.A, "items": "output、export", "readers": "gxj",
             "since": "2026-02", "until": "2026-02"},
            {"sheet": "自报授权", "row": 4, "subject": make.B, "items": "employees", "readers": "hr",
             "since": "2026-01", "until": None},
        ]
    )  # fmt: skip
    chains = pd.DataFrame(
        [{"sheet": "产业链图谱", "row": 3, "chain": "C01", "chain_name": "光电通讯", "node": "C01-N1",
          "node_name": "模组", "upstream": None}]
    )  # fmt: skip
    point = {
        "series": "X1",
        "name": "n",
        "frequency": "月",
        "unit": "%",
        "source": "s",
        "period": "2026-01",
        "value": 1.5,
    }
    trade = [
        {"subject": s, "period": "2026-03", "flow": f, "mode": "0110", "hs": "85", "partner": "x", "usd": u, "rmb": r}
        for s, f, u, r in [
            (make.A, "I", 1.0, 7.0), (make.A, "I", 2.0, 14.0), (make.A, "E", 4.0, None),
            ("name:无此企业", "E", 9.0, 9.0),
        ]
    ]  # fmt: skip
    bonded = [
        {"subject": make.A, "period": "2026-03", "document": d, "declared_on": "2026-03-09", "flow": f, "living": alive,
         "mode": "5000", "hs": "85", "usd": u}
        for d, f, alive, u in [
            ("D1", "I", True, 1.0), ("D1", "I", True, 2.0), ("D2", "E", True, 4.0), ("D3", "I", False, 8.0),
        ]
    ]  # fmt: skip
    finance = [{"subject": make.A, "period": "2026-02", "revenue": 10.0, "employees": 5}]
    own = [{"subject": make.A, "period": "2026-02", "output_m": 99.0}]
    register = make.register(firms, more={"authorisation": grants, "chain_node": chains})
    items = [
        make.item("register", 0, register),
        make.item("feb", 70, make.output({make.A: 20.0, make.C: 30.0}, period="2026-02")),
        make.item("mar", 100, make.output({make.A: 21.0}, period="2026-03")),
        make.item("feb2", 110, make.output({make.A: 25.0}, period="2026-02")),
        make.item("finance", 70, make.batch("finance_return", finance, feed="b203", period="2026-02")),
        make.item("own", 70, make.batch("self_report", own, feed="self_report", period="2026-02")),
        make.item("trade", 100, make.batch("trade_line", trade, feed="customs_monthly")),
        make.item("bonded", 100, make.batch("bonded_line", bonded, feed="bonded_inv101")),
        make.item("ref", 1, make.batch("reference_point", [point], feed="reference", period=None, origin=None)),
    ]
    assert {r["state"] for r in load(warehouse, items)} == {"accepted"}
    return warehouse


def test_values_lie_where_they_belong(town, make):
    panel = read_panel(town, Period("2026-03"), months=3, known_at=make.day(200))
    assert panel.months == ("2026-01", "2026-02", "2026-03") and panel.simulated
    assert panel.firms.index.tolist() == [make.A, make.B, make.C]
    assert panel.firms["group"].tolist() == ["甲集团", make.B, make.C]
    assert panel.firms["chain"].tolist() == ["C01", "", ""]
    assert panel.firms["key_firm"].tolist() == [True, False, False] and panel.firms["key_firm"].dtype == bool
    nan = np.nan
    expected = {
        "returns.output_m": [[nan, 25.0, 21.0], [nan] * 3, [nan, 30.0, nan]],
        "returns.output_ytd": [[nan, 75.0, 63.0], [nan] * 3, [nan, 90.0, nan]],
        "returns.revenue": [[nan, 10.0, nan], [nan] * 3, [nan] * 3],
        "self_report.output_m": [[nan, 99.0, nan], [nan] * 3, [nan] * 3],
        "customs.import_usd": [[nan, nan, 3.0], [nan] * 3, [nan] * 3],
        "customs.import_rmb": [[nan, nan, 21.0], [nan] * 3, [nan] * 3],
        "customs.export_usd": [[nan, nan, 4.0], [nan] * 3, [nan] * 3],
        "customs.export_rmb": [[nan] * 3] * 3,
        "bonded.tickets": [[nan, nan, 2.0], [nan] * 3, [nan] * 3],
        "bonded.in_usd": [[nan, nan, 3.0], [nan] * 3, [nan] * 3],
        "bonded.out_usd": [[nan, nan, 4.0], [nan] * 3, [nan] * 3],
    }
    for key, grid in expected.items():
        np.testing.assert_array_equal(panel.values[key], grid, err_msg=key)
    assert panel.authorised.tolist() == [[False, True, False], [False] * 3, [False] * 3]
    assert panel.reference[["series", "period", "value"]].to_numpy().tolist() == [["X1", "2026-01", 1.5]]
    assert panel.chains["node_name"].tolist() == ["模组"]


def test_states_follow_calendar_scope_and_time(town, make):
    panel = read_panel(town, Period("2026-03"), months=3, known_at=make.day(200))
    assert panel.states["b204_1"].tolist() == [[ABSENT, V, V], [ABSENT] * 3, [ABSENT, V, ABSENT]]
    assert panel.states["b203"].tolist() == [[ABSENT, V, LATE], [ABSENT] * 3, [ABSENT, LATE, ABSENT]]
    assert panel.states["self_report"].tolist() == [[ABSENT, V, ABSENT], [ABSENT, LATE, LATE], [ABSENT] * 3]
    assert panel.states["customs_monthly"].tolist() == [[LATE, LATE, V], [ABSENT] * 3, [LATE, LATE, ABSENT]]
    assert panel.states["b204_1"].dtype == np.uint8


def test_the_same_panel_as_known_then(town, make):
    early = read_panel(town, Period("2026-03"), months=2, known_at=make.day(75))
    np.testing.assert_array_equal(early.values["returns.output_m"][0], [20.0, np.nan])
    assert early.states["b204_1"][0].tolist() == [V, ABSENT], "March was not due by mid-March"
    assert early.known_at == make.day(75)
    recorded = town.newest_recorded()
    before = read_panel(town, Period("2026-03"), months=2, recorded_at=recorded)
    load(town, [make.item("feb3", 60, make.output({make.A: 1.0, make.B: 2.0}, period="2026-02"))])
    after = read_panel(town, Period("2026-03"), months=2, recorded_at=recorded)
    for key, grid in before.values.items():
        np.testing.assert_array_equal(grid, after.values[key])
    assert read_panel(town, Period("2026-03"), months=2).values["returns.output_m"][1, 0] == 2.0


def test_a_window_is_what_would_have_been_read(town, make):
    then = make.day(200)
    wide = read_panel(town, Period("2026-03"), months=4, known_at=then)
    for last, width in (("2026-03", 2), ("2026-02", 3), ("2026-01", 1)):
        read = read_panel(town, Period(last), months=width, known_at=then)
        seen = wide.window(Period(last), width)
        assert (seen.months, seen.known_at) == (read.months, read.known_at)
        for part in ("values", "states"):
            assert getattr(seen, part).keys() == getattr(read, part).keys()
            for key, grid in getattr(read, part).items():
                np.testing.assert_array_equal(getattr(seen, part)[key], grid)
        np.testing.assert_array_equal(seen.authorised, read.authorised)
        for part in ("firms", "reference", "chains", "parameters", "trade", "projects"):
            pd.testing.assert_frame_equal(getattr(seen, part).astype(object), getattr(read, part).astype(object))
    for last, width in (("2026-04", 1), ("2025-12", 2)):
        with pytest.raises(ValueError, match="do not lie within"):
            wide.window(Period(last), width)


def test_an_empty_warehouse_gives_an_empty_panel(warehouse):
    panel = read_panel(warehouse, Period("2026-03"), months=3)
    assert panel.firms.empty and not panel.simulated
    assert panel.values["returns.output_m"].shape == (0, 3)


@pytest.mark.slow
def test_sums_do_not_depend_on_the_order_of_loading(warehouse, make):
    """The same messages, for one firm loaded forwards and for another backwards: the same sums to the last bit."""
    values = [round(0.1 * n + 1000.0 / (n + 7), 2) for n in range(60)]

    def message(firm: str, number: int) -> object:
        lines = [
            {"subject": firm, "period": "2026-03", "document": f"{firm}-{number:03d}", "declared_on": "2026-03-09",
             "flow": "I", "living": True, "mode": "5000", "hs": "85", "usd": values[number] + line / 100}
            for line in range(3)
        ]  # fmt: skip
        return make.item(f"{firm} {number}", 100, make.batch("bonded_line", lines, feed="bonded_inv101"))

    load(warehouse, [make.item("register", 0, make.register({make.A: {"name": "甲"}, make.B: {"name": "乙"}}))])
    for firm, order in ((make.A, range(60)), (make.B, reversed(range(60)))):
        for number in order:
            load(warehouse, [message(firm, number)])
    sums = read_panel(warehouse, Period("2026-03"), months=1).values["bonded.in_usd"][:, 0]
    assert sums[0] == sums[1]
