"""Smoothing against plain loops, worked cases and what must not change it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qxmonitor.indicators.smoothing import (
    ANCHOR_SHARES,
    ANCHORS,
    DAMPINGS,
    GRID,
    _median_of_four,
    damped,
    drift,
    local_line,
    median,
    seasonal,
    smoothing_step,
    starts,
    without_spikes,
)
from tests.indicators.synthetic_series import series


@pytest.fixture(scope="module")
def logs() -> np.ndarray:
    values = np.log(series(8, seed=5, months=50, shortest=30)[0])
    values[1, 20:23] = values[3, -2:] = values[4, ::7] = np.nan
    return values


def test_one_month_by_hand() -> None:
    # φ = 0.9, α = 0.2, β = 0.3: level 100, slope 10 → expected 109, seen 119, error 10 → level 111, slope 9.6
    place = int(np.flatnonzero((GRID.level == 0.2) & (GRID.trend == 0.3) & (GRID.damping == 0.9))[0])
    level, slope = np.full((1, GRID.level.size), 100.0), np.full((1, GRID.level.size), 10.0)
    level, slope, error = smoothing_step(level, slope, np.array([119.0]), GRID, np.array([True]))
    assert error[0, place] == pytest.approx(10, rel=1e-12)
    assert level[0, place] == pytest.approx(111, rel=1e-12)
    assert slope[0, place] == pytest.approx(9.6, rel=1e-12)
    level, slope, error = smoothing_step(level, slope, np.array([np.nan]), GRID, np.array([True]))
    assert error[0, place] == 0
    assert level[0, place] == pytest.approx(111 + 0.9 * 9.6, rel=1e-12)


def _slowly(values: list[float], level: float, slope: float) -> tuple[np.ndarray, ...]:
    """The same as loops over combinations, for one series."""
    states, months = {}, len(values)
    for place, (alpha, beta, phi) in enumerate(zip(GRID.level, GRID.trend, GRID.damping, strict=True)):
        now, moving, started = level, slope if beta > 0 else 0.0, False
        for t, value in enumerate(values):
            if math.isnan(value) and not started:
                states[place, t] = (now, moving)
                continue
            started_before, started = started, True
            ahead = now + phi * moving
            error = 0.0 if math.isnan(value) else value - ahead
            now, moving = ahead + alpha * error, phi * moving + alpha * beta * error
            assert started_before or not math.isnan(value)
            states[place, t] = (now, moving)
    burn = min(6, sum(not math.isnan(v) for v in values) // 3)
    weights = np.zeros((len(ANCHORS), GRID.level.size))
    for k, anchor in enumerate(ANCHORS):
        squares, number = np.zeros(GRID.level.size), 0
        for t in range(anchor, months):
            seen = sum(not math.isnan(v) for v in values[: t - anchor + 1])
            if math.isnan(values[t]) or seen == 0 or seen < burn:
                continue
            number += 1
            for place in range(GRID.level.size):
                now, moving = states[place, t - anchor]
                ahead = now + sum(GRID.damping[place] ** i for i in range(1, anchor + 1)) * moving
                squares[place] += (values[t] - ahead) ** 2
        likelihood = np.array([(s / squares.min()) ** (-number * ANCHOR_SHARES[k] / 2) for s in squares])
        weights[k] = likelihood / likelihood.sum()
    combinations = range(GRID.level.size)
    levels, slopes = np.zeros((months, len(ANCHORS))), np.zeros((months, len(ANCHORS), len(DAMPINGS)))
    for t in range(months):
        for k in range(len(ANCHORS)):
            levels[t, k] = sum(weights[k, g] * states[g, t][0] for g in combinations)
            for d, phi in enumerate(DAMPINGS):
                slopes[t, k, d] = sum(weights[k, g] * states[g, t][1] for g in combinations if GRID.damping[g] == phi)
    return weights, levels, slopes


def test_recursions_agree_with_plain_loops(logs: np.ndarray) -> None:
    smoothed = damped(logs)
    level, slope = starts(logs)
    for row in (0, 1, 3):
        weights, levels, slopes = _slowly(list(logs[row]), level[row], slope[row])
        np.testing.assert_allclose(smoothed.weight[row], weights, rtol=0, atol=1e-9)
        np.testing.assert_allclose(smoothed.level[row], levels, rtol=0, atol=1e-9)
        np.testing.assert_allclose(smoothed.slopes[row], slopes, rtol=0, atol=1e-9)


def test_drift_is_the_line_through_what_was_seen(logs: np.ndarray) -> None:
    got = drift(logs)
    for row in range(len(logs)):
        for t in range(logs.shape[1]):
            x = np.flatnonzero(~np.isnan(logs[row, : t + 1]))
            want = np.polyfit(x, logs[row, x], 1)[0] if x.size >= 6 else 0.0
            assert got[row, t] == pytest.approx(want, abs=1e-9)


def test_local_line_is_weighted_least_squares(logs: np.ndarray) -> None:
    kernel = np.array([1.0, 2, 3, 2, 1])
    got = local_line(logs, kernel, 0.6)
    for row in (0, 1, 4):
        for t in range(logs.shape[1]):
            x = np.array([u for u in range(max(t - 2, 0), min(t + 3, logs.shape[1])) if not math.isnan(logs[row, u])])
            weight = kernel[x - t + 2] if x.size else np.zeros(0)
            if weight.sum() < 0.6 * kernel.sum():
                assert math.isnan(got[row, t])
            elif x.size > 1:
                want = np.polyval(np.polyfit(x - t, logs[row, x], 1, w=np.sqrt(weight)), 0)
                assert got[row, t] == pytest.approx(want, abs=1e-9)


def test_a_clean_season_is_found_and_noise_is_not_called_one() -> None:
    rng = np.random.default_rng(3)
    pattern = np.array([-3.0, -2, -1, 0, 1, 2, 3, 2, 1, 0, -1, -2])
    months = np.arange(72)
    clean = np.broadcast_to(5 + 0.1 * months + pattern[months % 12], (1, 72))
    np.testing.assert_allclose(seasonal(clean)[0][0], pattern, atol=0.02)
    noise = rng.normal(size=(200, 72))
    found = seasonal(noise)[0]
    plain = np.stack([noise[:, phase::12].mean(axis=1) for phase in range(12)], axis=1)
    assert (found**2).mean() < 0.3 * (plain**2).mean()


def test_a_phase_never_seen_has_no_deviation() -> None:
    values = np.arange(60.0)[None] + np.tile([5.0, *[0.0] * 11], 5)
    values[0, 3::12] = np.nan
    deviation = seasonal(values)[0][0]
    assert deviation[3] == 0 and deviation[0] > 4


def test_a_spike_is_set_to_its_neighbours_and_a_shift_stays() -> None:
    rng = np.random.default_rng(0)
    spike = rng.normal(size=(1, 40))
    shift = spike + np.where(np.arange(40) >= 20, 50.0, 0.0)
    spiked = spike.copy()
    spiked[0, 20] = 50
    assert without_spikes(spiked, 5.0)[0, 20] == np.median(spike[0, [18, 19, 21, 22]])
    np.testing.assert_array_equal(without_spikes(shift, 5.0), shift)


def test_the_median_of_four_is_the_median() -> None:
    values = np.random.default_rng(3).normal(size=(4, 40, 30)).round(1)
    values[np.random.default_rng(4).random(values.shape) < 0.4] = np.nan
    np.testing.assert_array_equal(_median_of_four(values), median(values, axis=0))
