"""Forecasts: worked cases, states, what must not matter, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from qxmonitor.calendar import festival_share
from qxmonitor.evaluation.forecast import smape
from qxmonitor.indicators.forecast import LEVELS_OF_COVER, Forecast, State, expect, forecast
from qxmonitor.period import Period, months
from tests.indicators.synthetic_series import series


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, np.ndarray, Forecast]:
    history, ahead = series(300, seed=21)
    return history, ahead, forecast(history, 18)


def _numbers(made: Forecast) -> list[np.ndarray]:
    return [made.value, *made.low.values(), *made.high.values()]


def test_intervals_hold_what_they_promise_at_every_horizon(many: tuple[np.ndarray, np.ndarray, Forecast]) -> None:
    _, ahead, made = many
    for level, (least, most) in {80: (0.75, 0.85), 95: (0.92, 0.98)}.items():
        inside = (made.low[level] <= ahead) & (ahead <= made.high[level])
        assert least < inside.mean() < most
        thirds = inside.reshape(-1, 3, 6).mean(axis=(0, 2))
        assert (np.abs(thirds - level / 100) < 0.06).all()


def test_short_series_have_honest_intervals() -> None:
    history, ahead = series(600, seed=22, months=23, ahead=6, shortest=5)
    made = forecast(history, 6)
    assert set(np.unique(made.state)) == {State.SHORT, State.VERY_SHORT}
    for level in LEVELS_OF_COVER:
        inside = (made.low[level] <= ahead) & (ahead <= made.high[level])
        assert inside.mean() > level / 100 - 0.05


def test_better_than_last_year_and_last_month(many: tuple[np.ndarray, np.ndarray, Forecast]) -> None:
    history, ahead, made = many
    ours = smape(ahead, made.value).mean()
    last_year = smape(ahead, history[:, -12:][:, np.arange(18) % 12]).mean()
    last_month = smape(ahead, history[:, -1:]).mean()
    assert ours < 0.9 * min(last_year, last_month)


def test_intervals_are_nested_and_widen(many: tuple[np.ndarray, np.ndarray, Forecast]) -> None:
    _, _, made = many
    assert (made.low[95] < made.low[80]).all() and (made.low[80] < made.value).all()
    assert (made.value < made.high[80]).all() and (made.high[80] < made.high[95]).all()
    assert (made.low[95] > 0).all()
    assert made.spread[:, -1].mean() > made.spread[:, 0].mean()


def test_scale_order_and_company_do_not_matter(many: tuple[np.ndarray, np.ndarray, Forecast]) -> None:
    history, _, made = many
    order = np.random.default_rng(1).permutation(len(history))
    for ours, theirs in zip(_numbers(forecast(history[order] * 1e4, 18)), _numbers(made), strict=True):
        np.testing.assert_allclose(ours, theirs[order] * 1e4, rtol=1e-9)
    for ours, theirs in zip(_numbers(forecast(history[7:8], 18)), _numbers(made), strict=True):
        np.testing.assert_allclose(ours, theirs[7:8], rtol=1e-9)


def test_an_additive_series_moves_with_its_zero_and_its_sign() -> None:
    values = np.random.default_rng(4).normal(size=(20, 60)).cumsum(axis=1)
    values -= values[:, :1]
    made = forecast(values, 6)
    assert not made.logarithmic.any()
    lowered = forecast(values - 1e4, 6)
    for ours, theirs in zip(_numbers(lowered), _numbers(made), strict=True):
        np.testing.assert_allclose(ours + 1e4, theirs, atol=1e-6)
    turned = forecast(-values, 6)
    np.testing.assert_allclose(turned.value, -made.value, atol=1e-9)
    np.testing.assert_allclose(turned.low[80], -made.high[80], atol=1e-9)


def test_zeros_choose_the_additive_way_and_stay_finite() -> None:
    values = np.random.default_rng(4).poisson(0.7, size=(20, 60)).astype(float)
    made = forecast(values, 6)
    assert not made.logarithmic.any() and np.isfinite(_numbers(made)).all()


def test_a_straight_line_goes_on() -> None:
    made = forecast(100 + 2.0 * np.arange(120)[None] - 500, 6)  # crosses zero: additive
    assert made.value[0, 0] == pytest.approx(-160, abs=1)
    pace = np.diff(made.value[0])  # Theta alone goes on at half the pace, damped trend slows down
    assert (pace > 1).all() and (pace < 2).all()


def test_every_state_is_said() -> None:
    nan = np.nan
    full = 100 + np.random.default_rng(0).normal(size=60)
    rows = {
        State.VALUE: full,
        State.SHORT: np.where(np.arange(60) < 45, nan, full),
        State.VERY_SHORT: np.where(np.arange(60) < 54, nan, full),
        State.CONSTANT: np.full(60, 7.3),
        State.TOO_SHORT: np.where(np.arange(60) < 57, nan, full),
        State.STALE: np.where(np.arange(60) > 30, nan, full),
    }
    made = forecast(np.stack(list(rows.values())), 3)
    assert made.state.tolist() == [[state] * 3 for state in rows]
    has = made.state[:, 0] <= State.CONSTANT
    assert all(np.isfinite(part[has]).all() and np.isnan(part[~has]).all() for part in _numbers(made))
    np.testing.assert_allclose([part[3] for part in _numbers(made)], 7.3, rtol=1e-12)
    assert made.spread[1, 0] > 0 and made.surprise(np.full((6, 3), 7.3))[3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("count", range(6))
def test_nothing_at_all_is_no_accident(count: int) -> None:
    assert forecast(np.full((count, 0), np.nan), 2).state.tolist() == [[State.TOO_SHORT] * 2] * count
    made = forecast(np.full((count, 30), np.nan), 2)
    assert np.isnan(made.value).all() and (made.state == State.TOO_SHORT).all()
    hostile = np.tile([0.0, 1e-300, 1e300, -1e300, np.inf, -np.inf], (count, 6))
    assert all(np.isfinite(part).all() for part in _numbers(forecast(hostile, 2)))


def test_a_gap_is_no_zero_and_an_excluded_month_teaches_nothing() -> None:
    history = series(12, seed=9, months=72, shortest=72)[0]
    gone, flags = history.copy(), np.zeros(history.shape, dtype=bool)
    gone[:, 30:33] = np.nan
    flags[:, 30:33] = True
    wrong = np.where(flags, 0.0, history)
    for ours, theirs in zip(_numbers(forecast(wrong, 6, excluded=flags)), _numbers(forecast(gone, 6)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.abs(np.log(forecast(gone, 1).value / forecast(history, 1).value)).max() < 0.1


def test_months_missing_at_the_end_lengthen_the_horizon() -> None:
    history = series(40, seed=10, months=90, shortest=90)[0]
    cut = history.copy()
    cut[:, -6:] = np.nan
    late, early = forecast(cut, 1), forecast(cut[:, :-6], 7)
    np.testing.assert_allclose(late.value[:, 0], early.value[:, 6], rtol=1e-12)
    assert (late.spread > forecast(history, 1).spread * 0.8).mean() > 0.9


def test_the_newest_month_is_judged_without_itself() -> None:
    history = series(30, seed=11)[0]
    changed = history.copy()
    changed[:, -1] *= 3
    made = expect(changed)
    for ours, theirs in zip(_numbers(made), _numbers(expect(history)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    usual, unusual = made.surprise(history[:, -1:]), made.surprise(changed[:, -1:])
    assert np.abs(usual).mean() < 2 < np.median(unusual)
    np.testing.assert_allclose(unusual - usual, np.log(3) / made.spread, rtol=1e-9)
    assert np.isneginf(made.surprise(np.zeros((30, 1)))).all()
    assert np.isnan(made.surprise(np.full((30, 1), np.nan))).all()


AXIS = months(Period("2019-01"), Period("2026-04"))
SHARES = np.array([festival_share(period) for period in AXIS])


def _festive(effect: float) -> np.ndarray:
    rng = np.random.default_rng(12)
    season = rng.normal(0, 0.05, (60, 12))[:, np.arange(len(AXIS)) % 12]
    return np.asarray(np.exp(8 + season + effect * SHARES + rng.normal(0, 0.03, (60, len(AXIS)))))


def test_the_festival_moves_and_the_forecast_with_it() -> None:
    values = _festive(-0.5)
    blind, seeing = forecast(values[:, :-4], 4), forecast(values[:, :-4], 4, festival=SHARES)
    errors = [np.abs(np.log(values[:, -4:-2] / made.value[:, :2])).mean() for made in (blind, seeing)]
    assert errors[1] < 0.6 * errors[0] and errors[1] < 0.05
    assert np.abs(seeing.surprise(values[:, -4:])).mean() < 1.5


def test_a_series_without_a_festival_does_not_get_one() -> None:
    values = _festive(0.0)
    blind, seeing = forecast(values[:, :-4], 4), forecast(values[:, :-4], 4, festival=SHARES)
    assert np.abs(np.log(blind.value / seeing.value)).max() < 0.06


def test_a_short_series_has_the_effect_it_is_told() -> None:
    values = np.exp(8 - 0.4 * SHARES)[None, -18:]  # 2024-11 to 2026-04
    told = forecast(values[:, :15], 3, festival=SHARES[-18:], effect=-0.4)
    np.testing.assert_allclose(told.value, values[:, 15:], rtol=1e-6)


def test_january_with_february_is_forecast_as_their_sum() -> None:
    plain = np.full((1, 84), 100.0) + np.random.default_rng(2).normal(0, 0.5, (1, 84))
    sums, flags = plain.copy(), np.zeros(plain.shape, dtype=bool)
    sums[:, 1::12] += plain[:, 0::12]
    sums[:, 0::12] = np.nan
    flags[:, 1::12] = True
    made = forecast(sums, 14, merged=flags, january=0)
    assert made.state[0, [0, 12]].tolist() == [State.ABSENT] * 2 and np.isnan(made.value[0, [0, 12]]).all()
    np.testing.assert_allclose(made.value[0, [1, 13]], 200, rtol=0.02)
    np.testing.assert_allclose(made.value[0, 2:12], 100, rtol=0.02)
    # Merged in some years only is the same as merged in all.
    some = flags.copy()
    some[:, :36] = False
    mixed = np.where(np.arange(84) < 36, plain, sums)
    np.testing.assert_allclose(forecast(mixed, 14, merged=some, january=0).value, made.value, rtol=1e-12)
    assert forecast(plain, 1).value[0, 0] == pytest.approx(100, rel=0.02)
    february = expect(sums[:, :74], merged=flags[:, :74], january=0)
    assert february.value[0, 0] == pytest.approx(200, rel=0.02)
    # Merged for the first time in the month that is judged.
    first = np.where(np.arange(74) < 72, plain[:, :74], sums[:, :74])
    newest = flags[:, :74] & (np.arange(74) == 73)
    assert expect(first, merged=newest, january=0).value[0, 0] == pytest.approx(200, rel=0.02)
    january = expect(sums[:, :73], merged=flags[:, :73], january=0)
    assert january.state[0, 0] == State.ABSENT


def test_wrong_shapes_are_refused() -> None:
    values = np.ones((2, 30))
    for wrong in (
        {"horizon": 0},
        {"horizon": 1, "excluded": np.zeros((2, 3), dtype=bool)},
        {"horizon": 1, "festival": np.zeros(30)},
        {"horizon": 1, "merged": np.zeros((2, 30), dtype=bool)},
    ):
        with pytest.raises(ValueError):
            forecast(values, **wrong)
