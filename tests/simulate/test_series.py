"""The published series: noise as real firms have it, events at the fixed prevalence, lead firms before suppliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from statsmodels.tsa.seasonal import STL

from qxmonitor.period import Period
from qxmonitor.simulate.model import live
from qxmonitor.simulate.population import populate
from qxmonitor.simulate.series import (
    CALIBRATION,
    DRIFTS,
    FALLS,
    IMPORT_LEAD,
    JUDGED_FROM,
    LEAD_FALL,
    SHARES,
    STOPS,
    Event,
    effects,
    simulate,
)


def _robust(values: np.ndarray) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def scored() -> np.ndarray:
    town = simulate(420, 120, 5, events=False)
    return town.quiet[~town.merged]


def town_of_the_feeds() -> np.ndarray:
    first, last = Period("2009-01"), Period("2017-12")  # with the hidden year ten years, none of them 2020's shock
    return live(populate(200, first, last, 5), [], first, last, 5).month["output"]


@pytest.mark.parametrize("source", [scored, town_of_the_feeds])
def test_noise_change_and_season_have_the_quantiles_of_real_firms(source: Callable[[], np.ndarray]) -> None:
    """As they were measured: robust STL of ten years.

    Within a fifth: of 200 firms drawn at random the lowest quantile has a standard error of a tenth, the others of five
    to nine per cent. What the town adds, whole thousand yuan and seasons shared within a chain, must be no more.
    """
    found = []
    for row in np.log(source()):
        parts = STL(row, period=12, robust=True).fit()
        found.append((_robust(parts.resid), _robust(np.diff(row - parts.seasonal)), parts.seasonal.std()))
    for name, measured in zip(("irregular", "change", "season"), np.array(found).T, strict=True):
        np.testing.assert_allclose(np.quantile(measured, SHARES), CALIBRATION[name], rtol=0.2, err_msg=name)


def test_events_come_at_the_fixed_prevalence() -> None:
    towns = [simulate(800, 60, seed) for seed in range(30)]
    years = sum(800 * (60 - JUDGED_FROM) / 12 for _ in towns)
    for kind, share in (("fall", FALLS), ("stop", STOPS), ("drift", DRIFTS)):
        planted = [e for town in towns for e in town.events if e.kind == kind]
        # Firms of the shocked chain, and those already hit, are spared: a few per cent less.
        assert len(planted) / years == pytest.approx(0.95 * share, abs=4 * np.sqrt(share / years))
        assert all(e.start >= JUDGED_FROM - 1 and e.size >= (0.25 if kind == "fall" else 0.1) for e in planted)
    assert all(sum(e.kind == "lead" for e in town.events) == 1 for town in towns)


def test_a_lead_firms_shock_reaches_its_suppliers_with_a_lag() -> None:
    town = simulate(800, 60, 3)
    (shock,) = [e for e in town.events if e.kind == "lead"]
    echoes = [e for e in town.events if e.kind == "supplier"]
    assert shock.size == LEAD_FALL and len(echoes) == (town.lead == shock.firm).sum() > 5
    for echo in echoes:
        assert town.lead[echo.firm] == shock.firm and 0 <= echo.start - shock.start <= 3
        assert 0.3 * LEAD_FALL <= echo.size <= 0.8 * LEAD_FALL


def test_the_truth_is_what_was_done_to_the_quiet_series() -> None:
    town = simulate(800, 60, 4)
    kept = effects(town.events, 800, 60)
    sound = ~town.merged
    np.testing.assert_allclose(town.values[sound], (town.quiet * kept)[sound])
    touched = np.zeros(kept.shape, dtype=bool)
    for event in town.events:
        touched[event.firm, event.start : event.end + 2] = True  # a merged February may hold half an event
    untouched = ~touched & np.isfinite(town.values)
    np.testing.assert_allclose(town.values[untouched], town.quiet[untouched])
    january = np.array([p.month == 1 for p in town.axis])
    assert np.isnan(town.values[town.merged][:, january]).all() and np.isfinite(town.values[:, ~january]).all()
    assert 0.4 < town.merged.mean() < 0.6
    fall = next(e for e in town.events if e.kind == "stop")
    assert (town.imports[fall.firm, fall.start - IMPORT_LEAD : fall.end + 1 - IMPORT_LEAD] == 0).all()


def test_a_drift_creeps_and_a_seed_is_a_seed() -> None:
    kept = effects((Event("drift", 0, 2, 9, 0.12), Event("fall", 1, 3, 4, 0.5)), 2, 12)
    np.testing.assert_allclose(kept[0], [1, 1, 0.98, 0.96, 0.94, 0.92, 0.90, 0.88, 0.88, 0.88, 1, 1])
    np.testing.assert_allclose(kept[1], [1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1])
    one, two, other = simulate(60, 40, 8), simulate(60, 40, 8), simulate(60, 40, 9)
    np.testing.assert_array_equal(one.values, two.values)
    assert one.events == two.events and not np.allclose(one.quiet, other.quiet, equal_nan=True)
