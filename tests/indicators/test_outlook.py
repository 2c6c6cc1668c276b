"""Where targets are heading: sums of months by hand, the share-out as a property, a planted trend that arrives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.indicators import needs, progress
from qxmonitor.indicators.outlook import (
    Ending,
    apportion,
    ending,
    ending_growth,
    ending_year,
    single_months,
    year_change,
)
from qxmonitor.period import Period, months
from tests.indicators.town import Town, firm, usccs

NAN = float("nan")


def test_single_months_by_hand() -> None:
    span = months(Period("2021-11"), Period("2022-04"))
    ytd = np.array([[10.0, 12.0, NAN, 3.0, 5.0, 9.0], [NAN, 8.0, NAN, NAN, 6.0, 5.0]])
    found = single_months(span, ytd)
    np.testing.assert_array_equal(found[0], [NAN, 2.0, NAN, 3.0, 2.0, 4.0])
    # Late in February: its first three months are told in March, then it corrects itself downwards.
    np.testing.assert_array_equal(found[1], [NAN, NAN, NAN, NAN, 6.0, -1.0])


def test_the_change_of_a_year_by_hand() -> None:
    single = np.array([[*range(12), *range(1, 13)], [NAN] * 24])
    assert year_change(single).tolist() == [12.0, 0.0]
    assert np.isnan(year_change(single[:, 1:])).all()


def test_a_chance_is_read_off_the_interval() -> None:
    low, high = {80: np.array([80.0]), 95: np.array([70.0])}, {80: np.array([125.631]), 95: np.array([140.0])}
    end = Ending(np.array([100.0]), low, high)
    assert end.chance(100.0) == pytest.approx(0.5)
    assert end.chance(125.631) == pytest.approx(0.1, abs=1e-4)
    assert end.chance(80.0) == pytest.approx(0.9, abs=1e-4)
    still = dict.fromkeys((80, 95), np.array([2.0]))
    assert (Ending(still[80], still, still).chance(3.0), Ending(still[80], still, still).chance(2.0)) == (0.0, 1.0)
    none = dict.fromkeys((80, 95), np.array([NAN]))
    assert math.isnan(Ending(none[80], none, none).chance(1.0))


def test_a_year_is_what_is_known_and_what_is_foretold() -> None:
    """A firm that makes ten every month, and twenty in January and February: 120 in every year."""
    span = months(Period("2019-07"), Period("2022-05"))
    single = np.array([[NAN if p.month == 1 else 20.0 if p.month == 2 else 10.0 for p in span]])
    for left, wanted in ((7, 120.0), (12, 120.0), (1, 120.0)):
        end = ending_year(span, single, left)
        assert end.expected[0] == pytest.approx(wanted)
        assert end.low[80][0] == pytest.approx(wanted) and end.high[95][0] == pytest.approx(wanted)
    gone = single.copy()
    gone[0, -1] = NAN  # a month of the year that nobody told
    assert math.isnan(ending_year(span, gone, 7).expected[0])


def test_no_time_left_or_no_history_is_no_forecast() -> None:
    span = months(Period("2022-01"), Period("2022-05"))
    for end in (
        ending(np.ones((1, 30)), 0),
        ending_year(span, np.full((1, 5), NAN), 3),
        ending(np.full((1, 9), NAN), 3),
    ):
        assert math.isnan(end.expected[0]) and math.isnan(end.chance(1.0))


def test_growth_never_falls_below_nothing() -> None:
    wild = np.random.default_rng(4).uniform(-90.0, 250.0, size=(5, 30))
    end = ending_growth(wild, 12, 100.0)
    assert (end.low[95] > -100.0).all() and (end.high[95] > end.expected).all()


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0.0, 100.0),
    st.lists(
        st.tuples(st.floats(-20.0, 20.0) | st.just(NAN), st.floats(-1.0, 30.0) | st.just(NAN)), min_size=1, max_size=7
    ),
)
def test_what_is_shared_out_adds_up_and_nobody_gives_more_than_his_room(
    gap: float, chains: list[tuple[float, float]]
) -> None:
    recent, room = (np.array(part) for part in zip(*chains, strict=True))
    given_, beyond = apportion(gap, recent, room)
    limit = np.maximum(np.nan_to_num(room), 0.0)
    assert given_.sum() + beyond == pytest.approx(gap, abs=1e-6)
    assert (given_ >= 0).all() and (given_ <= limit + 1e-6).all()
    if beyond > 1e-6:
        assert given_ == pytest.approx(limit, abs=1e-6)


def test_the_share_out_by_hand() -> None:
    given_, beyond = apportion(10.0, np.array([6.0, 2.0, -5.0]), np.array([4.0, 100.0, 100.0]))
    assert given_.tolist() == pytest.approx([4.0, 6.0, 0.0]) and beyond == 0.0
    given_, beyond = apportion(10.0, np.array([6.0, NAN, -5.0]), np.array([4.0, 1.0, 3.0]))
    assert given_.tolist() == pytest.approx([4.0, 1.0, 3.0]) and beyond == pytest.approx(2.0)


def growing(factor: float) -> Town:
    """One chain of five firms whose months grow by ``factor`` a year, 2019-06 to 2022-06; 30 亿元 in the last year."""
    codes, span = usccs(5), months(Period("2019-06"), Period("2022-06"))
    firms = {c: firm(c, chain="C01") for c in codes}
    forms: dict[str, dict[tuple[str, str], dict[str, float | None]]] = {
        s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")
    }
    for code in codes:
        total = 0.0
        for period in span:
            total = 0.0 if period.month == 1 else total
            total += 50_000 * factor ** ((period.ordinal - span[-1].ordinal) / 12)
            if period.month > 1:
                forms["returns"][code, str(period)] = {"output_ytd": total}
    return Town(span, firms, forms, chains={"C01": "光电通讯产业"})


def test_a_cluster_on_its_way_and_what_it_lacks() -> None:
    town = growing(1.1)
    table = progress(town.panel(), Period("2022-06")).set_index("target")
    cluster = table.loc["cluster_optoelectronics"]
    wanted = sum(5 * 0.5 * 1.1 ** (ahead / 12) for ahead in range(-5, 7))
    assert cluster["expected"] == pytest.approx(wanted, rel=0.02)
    assert cluster["low95"] <= cluster["low80"] <= cluster["expected"] <= cluster["high80"] <= cluster["high95"]
    assert cluster["outlook"] == "难以达到"
    mine = needs(town.panel(), Period("2022-06"))
    assert mine["target"].tolist() == ["cluster_optoelectronics"]
    assert mine["gap"].iloc[0] == pytest.approx(500 - cluster["expected"])
    assert mine["more"].iloc[0] + mine["beyond"].iloc[0] == pytest.approx(mine["gap"].iloc[0])
    assert needs(town.panel(), Period("2022-06"))["more"].iloc[0] == pytest.approx(mine["room"].iloc[0])
