"""Level shifts: found where they are, not found where there is none, and the same whatever scale or company."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from qxmonitor.signals import level_shift
from qxmonitor.signals.level_shift import level_shifts

MONTHS = 96


def _noise(count: int, phi: float, seed: int) -> np.ndarray:
    errors = default_rng(seed).normal(size=(count, MONTHS + 50))
    out = np.zeros(errors.shape)
    for t in range(1, out.shape[1]):
        out[:, t] = phi * out[:, t - 1] + errors[:, t]
    return out[:, 50:]


def _season() -> np.ndarray:
    return 0.15 * np.sin(2 * np.pi * np.arange(MONTHS) / 12) + 0.003 * np.arange(MONTHS)


def test_a_fall_of_a_quarter_is_found_in_its_month() -> None:
    values = _season() + 0.04 * _noise(40, 0.3, 1)
    values[:20, 60:] += np.log(0.75)
    found = level_shifts(np.exp(values))
    near = (found.series < 20) & (np.abs(found.month - 60) <= 1)
    assert len(np.unique(found.series[near])) >= 18
    assert (found.series >= 20).sum() <= 1
    np.testing.assert_allclose(found.size[near], np.log(0.75), atol=0.12)


def test_two_shifts_of_one_series() -> None:
    values = _season() + 0.03 * _noise(10, 0.0, 2)
    values[:, 30:] -= 0.4
    values[:, 70:] += 0.3
    found = level_shifts(np.exp(values))
    assert [sorted(found.month[found.series == row]) for row in range(10)] == [[30, 70]] * 10


def test_a_random_walk_and_one_wild_month_are_no_shift() -> None:
    walk = np.cumsum(0.05 * default_rng(3).standard_t(4, size=(60, MONTHS)), axis=1)
    spiked = _season() + 0.03 * _noise(60, 0.3, 4)
    spiked[:, 50] -= 1.5
    found = level_shifts(np.exp(np.concatenate([walk, spiked])))
    assert (found.series < 60).sum() <= 3 and (found.series >= 60).sum() <= 1


def test_scale_and_company_do_not_matter() -> None:
    values = np.exp(_season() + 0.05 * _noise(12, 0.5, 5))
    values[::2, 50:] *= 0.6
    together = level_shifts(values)
    for row in range(12):
        alone = level_shifts(1000 * values[row : row + 1])
        assert alone.month.tolist() == together.month[together.series == row].tolist()


def test_short_constant_and_broken_series_have_none() -> None:
    values = np.full((3, 30), 5.0)
    values[1, ::2] = np.nan
    values[2] = np.nan
    assert not len(level_shifts(values).series) and not len(level_shifts(np.ones((2, 10))).series)


def test_the_ratio_against_plain_least_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """White noise alone in the grid, no wild error: the scan is the ordinary regression with one step more."""
    monkeypatch.setattr(level_shift, "MEMORIES", ((0.0, 0.0),))
    monkeypatch.setattr(level_shift, "BENDS", (0.0,))
    monkeypatch.setattr(level_shift, "WILD", 1e9)
    level_shift._kept.cache_clear()
    values = default_rng(6).normal(size=(1, 30)) * 0.1
    values[:, 18:] += 0.3
    t = np.arange(30)
    base = np.stack([np.ones(30), t / 30], axis=1)
    best = level_shift._scan(values, np.arange(1), np.zeros((1, 0), dtype=np.int64))
    level_shift._kept.cache_clear()

    def left(columns: np.ndarray) -> float:
        fit = np.linalg.lstsq(columns, values[0], rcond=None)[0]
        return float(((values[0] - columns @ fit) ** 2).sum())

    beside = [left(np.column_stack([base, t >= tau])) for tau in range(6, 25)]
    assert best.month[0] == 6 + int(np.argmin(beside))
    np.testing.assert_allclose(best.ratio[0], 28 * np.log(left(base) / min(beside)))


def test_a_second_step_is_measured_beside_the_first() -> None:
    """What is left of a series once a found step is among its columns: as if the base had held it from the start."""
    values = _season()[None] + 0.05 * _noise(1, 0.5, 7)
    values[:, 40:] += 0.5
    chosen = np.array([[40 - level_shift.EDGE]])
    shifted = values + np.where(np.arange(MONTHS) >= 40, 3.0, 0.0)
    one, other = (level_shift._scan(worked, np.arange(1), chosen) for worked in (values, shifted))
    assert one.month[0] == other.month[0]
    np.testing.assert_allclose([one.ratio[0], one.size[0]], [other.ratio[0], other.size[0]], rtol=1e-6)


def test_a_season_that_grows_over_decades_is_no_shift() -> None:
    t = np.arange(264)
    season = np.sin(2 * np.pi * t / 12) * np.linspace(0.05, 0.5, 264) + 0.2 * np.cos(np.pi * t / 6) * (t > 120)
    values = np.exp(season + 0.002 * t + 0.03 * default_rng(8).normal(size=(6, 264)))
    assert not len(level_shifts(values).series)


@pytest.mark.parametrize("months", [24, 31])
def test_wild_errors_are_drawn_in_to_the_limit(months: int) -> None:
    errors = default_rng(7).standard_t(2, size=(50, months))
    limit = level_shift.WILD * 1.4826 * np.median(np.abs(errors), axis=1, keepdims=True)
    expected = np.clip(errors, -limit, limit)
    assert (expected != errors).any()
    np.testing.assert_allclose(level_shift._tamed(errors), expected, rtol=1e-14)
