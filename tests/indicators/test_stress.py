"""The stress index by hand, its monotonicity, and the index of returns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qxmonitor.indicators.finance import stress_of
from qxmonitor.indicators.stress import RATIOS, WEIGHTS, stress, told
from qxmonitor.indicators.view import View
from tests.indicators.town import random_town

COLUMN = hnp.arrays(np.float64, (9, 1), elements=st.floats(-50, 50) | st.just(float("nan")))


def test_two_dimensions_by_hand() -> None:
    found = stress(
        {"debt_ratio": np.array([[0.9], [0.5], [np.nan]]), "operating_return": np.array([[-0.1], [0.1], [0.2]])}
    )
    # debt: shares .25 and .75, the third is missing and counts as average; return: 1/6, 1/2, 5/6; weights 1 and 2
    want = [(-np.log(0.25) - 2 * np.log(1 / 6)) / 3, (-np.log(0.75) - 2 * np.log(0.5)) / 3, (1 - 2 * np.log(5 / 6)) / 3]
    np.testing.assert_allclose(found.value[:, 0], want)
    np.testing.assert_allclose(found.coverage[:, 0], [3 / 7, 3 / 7, 2 / 7])


def test_ties_share_their_place_and_columns_are_months_apart() -> None:
    found = stress({"quick_ratio": np.array([[1.0, 5.0], [1.0, 1.0]])})
    np.testing.assert_allclose(found.worse["quick_ratio"], [[0.5, 0.75], [0.5, 0.25]])


def test_every_dimension_has_a_ratio_and_words() -> None:
    assert {ratio.dimension for ratio in RATIOS.values()} == set(WEIGHTS)
    found = stress({"debt_ratio": np.arange(10.0)[:, None], "net_margin": np.arange(10.0)[:, None]})
    assert told(found, 9).endswith("资产负债率处于最差的 5%")
    assert "均不在最差" in told(found, 5)


@given(st.sampled_from(sorted(RATIOS)), COLUMN, st.integers(0, 8), st.floats(0.1, 9))
def test_a_worse_ratio_never_lowers_the_index(name: str, values: np.ndarray, firm: int, step: float) -> None:
    if np.isnan(values[firm, 0]):
        return
    worse = values.copy()
    worse[firm, 0] += step if RATIOS[name].bad == "high" else -step
    assert stress({name: worse}).value[firm, 0] >= stress({name: values}).value[firm, 0] - 1e-12


@given(COLUMN)
def test_the_order_of_firms_does_not_matter(values: np.ndarray) -> None:
    forth, back = stress({"net_margin": values}), stress({"net_margin": values[::-1]})
    np.testing.assert_allclose(forth.value, back.value[::-1])


def test_returns_give_what_they_have() -> None:
    panel = random_town(1).panel()
    found = stress_of(View(panel, panel.months[-3:]), "returns")
    known = np.isfinite(found.worse["debt_ratio"])
    assert known.any() and np.isfinite(found.value).all()
    assert found.coverage.max() == pytest.approx(
        4 / 7
    )  # profit, debt and turnover: this town files no operating profit
