"""The lag scan: a planted lead is found, noise is not taken for one, and the interval is worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qxmonitor.indicators.lead import scan, worth


def test_a_planted_lead_of_two_slots_is_found() -> None:
    noise = np.random.default_rng(5)
    leader = noise.normal(size=40)
    follower = np.full(40, np.nan)
    follower[2:] = leader[:-2] + 0.5 * noise.normal(size=38)
    found = scan(leader, follower, 6, 0.95, 24)
    assert found.best == 2
    assert found.low[2] > 0 and found.pairs[2] == 38
    assert all(low <= 0 for lag, low in enumerate(found.low) if lag != 2)


def test_the_interval_by_hand() -> None:
    """White noise of one lag alone: Fisher's interval of n pairs, at 1.959964 standard errors."""
    x = np.array([1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0] * 3)
    y = x.copy()
    y[::6] = -y[::6]
    found = scan(x, y, 0, 0.95, 8)
    r = float(np.corrcoef(x, y)[0, 1])
    reach = 1.959963985 / math.sqrt(worth(x, y) - 3)
    assert found.correlation[0] == pytest.approx(r)
    assert found.low[0] == pytest.approx(math.tanh(math.atanh(r) - reach))
    assert found.high[0] == pytest.approx(math.tanh(math.atanh(r) + reach))


def test_series_that_drift_are_worth_fewer_pairs() -> None:
    drift = np.sin(np.arange(40) / 6)
    assert worth(drift, drift) < 20
    jump = np.random.default_rng(1).normal(size=40)
    assert 20 < worth(jump, np.random.default_rng(2).normal(size=40)) <= 40


def test_noise_leads_nothing_at_the_confidence_said() -> None:
    """All lags at once: about 2.5 % of scans may find a positive lead by chance; half as much again is the limit."""
    noise = np.random.default_rng(11).normal(size=(400, 2, 33))
    found = [scan(x, y, 6, 0.95, 24) for x, y in noise]
    assert sum(f.low[f.best] > 0 for f in found if f.best is not None) / len(found) <= 0.0375


@pytest.mark.parametrize("values", [np.full(30, np.nan), np.ones(30), np.r_[np.ones(5), np.full(25, np.nan)]])
def test_too_little_or_what_never_moves_tells_nothing(values: np.ndarray) -> None:
    found = scan(values, np.arange(30.0), 6, 0.95, 24)
    assert found.best is None and np.isnan(found.low).all()
