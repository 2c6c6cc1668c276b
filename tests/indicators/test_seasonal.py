"""Seasonal adjustment on series of known truth."""

from __future__ import annotations

import calendar
from datetime import timedelta

import numpy as np
import pytest

from qxmonitor.calendar import spring_festival
from qxmonitor.errors import QxError
from qxmonitor.indicators.seasonal import YEARS, Adjusted, adjust, slots
from qxmonitor.period import Period, months

SPAN = months(Period("2015-01"), Period("2021-12"))
SEASON = np.log(np.array([0.9, 0.9, 1.05, 1.0, 1.0, 1.1, 0.97, 1.0, 1.02, 1.0, 1.05, 1.1]))


def active_days(period: Period, lost: float) -> float:
    """Activity in normal months, counted day by day."""
    length, day = calendar.monthrange(period.year, period.month)[1], spring_festival(period.year)
    window = {day + timedelta(days=d) for d in range(-5, 16)}
    days = [period.first_day + timedelta(days=d) for d in range(length)]
    return sum(1 - lost * (d in window) for d in days) / 30.4375


def series(
    lost: float = 0.5, slope: float = 0.004, noise: float = 0.0, seed: int = 0, season: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """True level without season and festival, and monthly figures with them; both (m,)."""
    level = 1e6 * np.exp(slope * np.arange(len(SPAN)))
    bump = np.exp(np.random.default_rng(seed).normal(0, noise, len(SPAN)))
    factor = np.array([np.exp(SEASON[p.month - 1] * season) * active_days(p, lost) for p in SPAN])
    return level, level * factor * bump


def run(monthly: np.ndarray) -> Adjusted:
    """As the office has it: no January, and February only as the sum of both."""
    monthly = np.atleast_2d(monthly)
    cumulative = np.full(monthly.shape, np.nan)
    single = monthly.copy()
    for j, p in enumerate(SPAN):
        if p.month == 2:
            cumulative[:, j] = monthly[:, j - 1] + monthly[:, j]
        if p.month <= 2:
            single[:, j] = np.nan
    return adjust(*slots(SPAN, single, cumulative))


def test_the_festival_alone_leaves_the_adjusted_series_quiet() -> None:
    """No growth, no season of its own: only the festival moves, and nothing of it is left."""
    _, monthly = series(slope=0.0, season=False)
    found = run(monthly)
    raw = found.original[0] / found.original[0].mean() - 1
    assert np.ptp(raw) > 0.1
    assert np.abs(found.change[0, 1:]).max() < 1e-6
    assert found.lost[0] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("lost", [0.0, 0.3, 0.7])
def test_a_known_trend_comes_back(lost: float) -> None:
    level, monthly = series(lost=lost)
    found = run(monthly)
    kept = [p.month != 1 for p in SPAN]
    ratio = found.adjusted[0] / level[kept]
    # January and February stand for a time half a month before February, and the scale of a season is free.
    assert np.ptp(ratio) / ratio.mean() < 0.005
    assert found.lost[0] == pytest.approx(lost, abs=0.02)


def test_a_real_fall_stays_in_the_adjusted_series() -> None:
    level, monthly = series()
    step = np.array([0.8 if p >= Period("2019-06") else 1.0 for p in SPAN])
    found = run(monthly * step)
    at = found.periods.index(Period("2019-06"))
    assert found.change[0, at] == pytest.approx(-0.2, abs=0.03)
    others = np.delete(np.abs(found.change[0]), [0, at])
    assert others.max() < 0.06
    assert level[0] > 0


def test_one_shut_down_month_bends_neither_season_nor_trend() -> None:
    _, monthly = series(noise=0.01, seed=3)
    hit = monthly.copy()
    hit[SPAN.index(Period("2018-08"))] *= 0.2
    clean, found = run(monthly), run(hit)
    assert found.factor[0] == pytest.approx(clean.factor[0], rel=0.01)
    at = found.periods.index(Period("2018-08"))
    assert found.adjusted[0, at] / clean.adjusted[0, at] == pytest.approx(0.2, rel=0.02)


def test_noise_is_not_taken_for_season() -> None:
    raw, kept = [], []
    for seed in range(5):
        level, monthly = series(noise=0.02, seed=seed)
        found = run(monthly)
        slot = np.array([p.month != 1 for p in SPAN])
        kept.append(np.std(np.diff(np.log(found.adjusted[0]))))
        raw.append(np.std(np.diff(np.log(monthly[slot] / level[slot]))))
    assert np.mean(kept) < 0.035  # √2 · 2 % and a little
    assert np.mean(raw) > 3 * np.mean(kept)


def test_gaps_stay_gaps_and_zeros_have_no_logarithm() -> None:
    _, monthly = series()
    for month, value in (("2017-05", np.nan), ("2018-09", 0.0), ("2019-10", -5.0)):
        monthly[SPAN.index(Period(month))] = value
    found = run(monthly)
    empty = {str(p) for p, v in zip(found.periods, found.adjusted[0], strict=True) if np.isnan(v)}
    assert empty == {"2017-05", "2018-09", "2019-10"}
    assert np.isfinite(found.trend).all()


def test_a_short_history_says_so() -> None:
    _, monthly = series()
    single, cumulative = np.atleast_2d(monthly).copy(), np.full((1, len(SPAN)), 1e6)
    last = YEARS * 12
    assert not adjust(*slots(SPAN[: last - 1], single[:, : last - 1], cumulative[:, : last - 1])).enough.any()
    found = adjust(*slots(SPAN[:last], single[:, :last], cumulative[:, :last]))
    assert found.enough.all()
    mixed = adjust(*slots(SPAN, np.vstack([monthly, np.full(len(SPAN), np.nan)]), np.full((2, len(SPAN)), 1e6)))
    assert mixed.enough.tolist() == [True, False]
    assert np.isnan(mixed.adjusted[1]).all()


def test_many_series_at_once_are_each_alone() -> None:
    stack = np.vstack([series(lost=h, noise=0.02, seed=i)[1] for i, h in enumerate((0.2, 0.4, 0.6))])
    stack[1, 40] = np.nan
    together = run(stack)
    for i in range(3):
        assert together.adjusted[i] == pytest.approx(run(stack[i]).adjusted[0], rel=1e-9, nan_ok=True)


def test_scale_is_kept_and_does_not_matter() -> None:
    _, monthly = series(noise=0.01)
    found, thousand = run(monthly), run(monthly * 1e3)
    assert thousand.adjusted == pytest.approx(found.adjusted * 1e3, rel=1e-9)


@pytest.mark.parametrize("lost", [0.0, 0.5])
def test_adjusted_years_add_up_to_the_original_ones(lost: float) -> None:
    """With a calculator: ten months and twice the mean of January and February are a year."""
    found = run(series(lost=lost, slope=0.0)[1])
    months_of = np.array([2.0 if p.month == 2 else 1.0 for p in found.periods])
    assert months_of @ found.adjusted[0] == pytest.approx(months_of @ found.original[0], rel=1e-3)
    assert months_of @ found.trend[0] == pytest.approx(months_of @ found.original[0], rel=1e-3)
    rising = run(series(lost=lost)[1])
    assert months_of @ rising.adjusted[0] == pytest.approx(months_of @ rising.original[0], rel=2e-3)


def test_months_out_of_order_are_refused() -> None:
    with pytest.raises(QxError, match="连续"):
        adjust([Period("2020-03"), Period("2020-05")], np.ones((1, 2)))
