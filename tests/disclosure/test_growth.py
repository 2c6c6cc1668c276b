"""Why output grew, for whom: exact parts stay with the statistics office, others get what follows from the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.catalog.briefing import briefing_forms
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.growth import derived_pulls, derived_waterfall, exact_pulls, exact_waterfall
from qxmonitor.disclosure.rounding import apportion
from tests.delivery import town

Gates = Callable[..., Gate]
FORM = briefing_forms().waterfall
ROW: dict[str, Any] = {str(k): v for k, v in town.decomposition().iloc[0].items()}


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(0.0)), min_size=1, max_size=12),
    st.integers(0, 2),
)
def test_shown_parts_add_up_to_the_shown_whole_and_none_moves_a_digit(parts: list[float], decimals: int) -> None:
    shown = apportion(parts, decimals)
    unit = 10**decimals
    assert sum(round(value * unit) for value in shown) == round(round(sum(parts), decimals) * unit)
    for part, value in zip(parts, shown, strict=True):
        assert abs(value - part) <= 1.0 / unit + 1e-6
        assert part or not value


@given(st.floats(0, 1e6), st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=6))
def test_shown_parts_lead_from_one_shown_level_to_the_other(base: float, parts: list[float]) -> None:
    level = base + sum(parts)
    shown = apportion(parts, 2, round(level, 2) - round(base, 2))
    assert round(base, 2) + sum(shown) == pytest.approx(round(level, 2), abs=1e-6) or not any(parts)


def test_the_office_sees_the_parts_and_they_add_up_as_shown(gate: Gates) -> None:
    view = exact_waterfall(gate("stats"), FORM, ROW)
    assert view is not None
    assert [step.name.text for step in view.parts] == ["同企业增减", "升规新增", "退规减少", "缺报影响", "上年基数修订"]
    assert [step.amount.text for step in view.steps] == ["270.00", "12.34", "4.00", "-2.00", "-3.33", "0.99", "282.00"]
    assert view.growth.text == "4.4"
    assert sum(round((step.points.number or 0.0) * 10) for step in view.parts) == 44


@pytest.mark.parametrize("reader", ["gxj", "leaders", "joint"])
def test_nobody_else_sees_the_parts(gate: Gates, reader: str) -> None:
    assert exact_waterfall(gate(reader), FORM, ROW) is None
    assert exact_pulls(gate(reader), town.contributions(), town.PERIOD) == ()
    assert len(exact_pulls(gate("stats"), town.contributions(), town.PERIOD)) == 3


def test_without_a_base_there_is_no_picture(gate: Gates) -> None:
    for changed in ({"state": "late"}, {"base": 0.0}, {"base": -5.0}):
        assert exact_waterfall(gate("stats"), FORM, ROW | changed) is None


def test_others_get_what_follows_from_the_printed_figures_and_no_more(gate: Gates) -> None:
    """Changing every figure behind the print, but not the print, changes nothing."""
    joint = gate("joint")
    frame = town.frame()
    view = derived_waterfall(joint, FORM, joint.clear(frame), town.PERIOD)
    assert view is not None
    level, then, growth = (
        joint.clear(frame).get(key, month, source="returns")
        for key, month in (
            ("output_ytd", town.PERIOD), ("output_ytd", town.PERIOD - 12), ("output_growth_ytd", town.PERIOD),
        )
    )  # fmt: skip
    assert level.number is not None and then.number is not None and growth.number is not None
    same = level.number * growth.number / (100 + growth.number)
    assert view.parts[0].amount.number == pytest.approx(same, abs=0.11)
    assert [step.name.text for step in view.parts] == ["同口径企业增减", "口径、缺报及修订"]
    shaken = frame.assign(value=frame["value"].where(frame["indicator"] != "output_ytd", frame["value"] + 40.0))
    shaken["value"] = shaken["value"].where(shaken["indicator"] != "output_growth_ytd", shaken["value"] + 2e-5)
    again = derived_waterfall(joint, FORM, joint.clear(shaken), town.PERIOD)
    assert again == view


def test_a_town_that_prints_as_nothing_has_no_pulls(gate: Gates) -> None:
    frame = town.frame()
    frame["value"] = frame["value"].where(frame["indicator"] != "output_ytd", 1.0)
    joint = gate("joint")
    assert derived_pulls(joint, joint.clear(frame), town.PERIOD, joint.word(FORM, "rest")) == ()
    assert derived_waterfall(joint, FORM, joint.clear(frame), town.PERIOD) is None


def test_pulls_of_shown_chains_add_up_to_the_printed_growth(gate: Gates) -> None:
    joint = gate("joint")
    figures = joint.clear(town.frame())
    pulls = derived_pulls(joint, figures, town.PERIOD, joint.word(FORM, "rest"))
    growth = figures.get("output_growth_ytd", town.PERIOD, source="returns")
    assert sum(pull.points.number or 0.0 for pull in pulls) == pytest.approx(growth.number)
    shown = [
        c for c in figures.entities("chain") if figures.get("output_ytd", town.PERIOD, "chain", c, "returns").shown
    ]
    assert "婴幼童玩具用品" not in {pull.name.text for pull in pulls}
    assert len(pulls) == len(shown) + 1
    assert pulls[-1].name.text == "其余产业链（不单列）"
