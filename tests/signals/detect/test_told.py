"""How sure evidence is, what stands and for how long; and what false-discovery control then lets through."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from qxmonitor.evaluation.marks import _episodes, quiet_evidence
from qxmonitor.period import Period, months
from qxmonitor.signals.detect import festival_shares
from qxmonitor.signals.detect.sure import LEAST, PASSED, p_value
from qxmonitor.signals.detect.told import LASTS, _recent, _stood, tell
from qxmonitor.signals.triage import doubtful

AXIS = months(Period("2014-01"), Period("2018-12"))
FESTIVAL = festival_shares(AXIS)
NAN = float("nan")


def told(values: np.ndarray, **more: float):  # type: ignore[no-untyped-def]
    marks = {"mark": 0.001, "least": -0.05, "leave": -0.05} | more
    return tell(values, FESTIVAL, 0, **marks)  # type: ignore[arg-type]


def wobbling(count: int = 1, size: float = 0.002) -> np.ndarray:
    """About 100, by turns a little more and less."""
    return np.tile(100 * (1 + size * (-1.0) ** np.arange(len(AXIS))), (count, 1))


def test_the_table_is_read_between_its_points_and_beyond() -> None:
    share, evidence = (np.array(part) for part in zip(*PASSED, strict=True))
    np.testing.assert_allclose(p_value(evidence), share, rtol=1e-12)
    assert np.all(np.diff(p_value(np.linspace(-2, 9, 400))) <= 0)
    middle = (evidence[8] + evidence[9]) / 2
    assert p_value(np.array([middle]))[0] == pytest.approx(np.sqrt(share[8] * share[9]))
    assert p_value(np.array([50.0, np.inf])).tolist() == [LEAST, LEAST]
    assert np.isnan(p_value(np.array([NAN]))).all()


def test_a_p_value_is_the_share_of_quiet_months() -> None:
    """Other towns than the table was counted on."""
    p = p_value(quiet_evidence(200, 49, range(2001, 2004)))
    for share in (0.2, 0.05, 0.01):
        assert 0.6 * share <= (p <= share).mean() <= 1.5 * share


def test_a_fall_of_two_fifths_by_hand() -> None:
    values = wobbling()
    values[0, 40:46] *= 0.6
    found = told(values)
    assert np.flatnonzero(found.stands[0]).tolist() == [40, 41, 42, 43, 44, 45]
    assert (found.since[0, 40:46] == 40).all() and (found.since[0, 46:] == -1).all()
    np.testing.assert_allclose(found.expected[0, 40:46], 100, rtol=0.01)
    np.testing.assert_allclose(found.gap[0, 40:46], -0.4, atol=0.01)
    np.testing.assert_allclose(found.size[0, 40:46], -0.4, atol=0.01)
    assert found.fell[0, 40:46].all()
    assert (found.low < found.high)[found.judged].all()


def test_after_a_year_a_shift_is_the_new_usual() -> None:
    values = wobbling()
    values[0, 40:] *= 0.6
    assert np.flatnonzero(told(values).stands[0]).tolist() == list(range(40, 40 + LASTS))


def test_too_small_a_loss_does_not_speak_however_sure() -> None:
    values = wobbling()
    values[0, 40:] *= 0.93
    assert told(values).p[0, 42] < 0.001
    assert told(values).stands[0, 42]
    assert not told(values, least=-0.08).stands.any()


def test_a_drift_is_said_to_be_one() -> None:
    values = wobbling(size=0.01)
    values[0, 36:] *= np.exp(-0.02 * np.arange(1, 25))
    found = told(values)
    first = int(found.stands[0].argmax())
    assert 37 <= first <= 41
    assert not found.fell[0, first]


def test_what_stands_ends_when_a_month_is_back_and_what_is_too_small_never_stood() -> None:
    """Two shifts told in month 2: one back in month 5, one of which only two hundredths are missing on the mean."""
    below = np.array([[0.0, -0.3, -0.5, NAN, -0.2, 0.0, -0.4], [0.0, 0.02, -0.06, 0.0, 0.0, 0.0, 0.0]])
    speaks = np.zeros(below.shape, dtype=bool)
    speaks[:, 2] = True
    stands, mean, until = _stood(below, speaks, np.array([1, 1]), np.array([2, 2]), -0.05, -0.05)
    assert stands.tolist() == [[False, False, True, False, True, False, False], [False] * 7]
    assert until.tolist() == [5, 3]
    assert mean[0, 2] == pytest.approx(-0.4) and mean[0, 4] == pytest.approx(-0.35)
    assert mean[1, 2] == pytest.approx(-0.02)


def test_recent_sums_by_hand() -> None:
    assert _recent(np.array([[1.0, 2, 3, 4, 5]])).tolist() == [[1, 3, 6, 9, 12]]


def test_an_episode_ends_with_two_quiet_verdicts() -> None:
    stands = np.array([[0, 1, 0, 1, 0, 0, 1, 0, 0, 1]], dtype=bool)
    judged = np.array([[1, 1, 1, 1, 1, 1, 1, 1, 0, 1]], dtype=bool)
    begins, number = _episodes(stands, judged)
    assert np.flatnonzero(begins[0]).tolist() == [1, 6]
    assert number[0][stands[0]].tolist() == [1, 1, 2, 2]


def test_where_nothing_happens_false_discoveries_stay_under_the_declared_rate() -> None:
    """Firms of all noises, nothing befalls them: in a tenth of the months at most is anything discovered."""
    rate, found, tried = 0.1, 0, 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        noise = np.exp(rng.uniform(np.log(0.03), np.log(0.3), (300, 1)))
        season = rng.normal(0, 0.15, (300, 12))[:, np.arange(len(AXIS)) % 12]
        values = np.exp(8 + season - 0.3 * FESTIVAL[0] + 0.7 * noise * rng.standard_t(6, (300, len(AXIS))))
        p = told(values).p
        for t in range(24, len(AXIS)):
            found += bool((~doubtful(p[:, t], int(np.isfinite(p[:, t]).sum()), rate)).any())
            tried += 1
    assert tried == 108
    assert binomtest(found, tried, rate, alternative="greater").pvalue > 0.001


def test_among_true_falls_the_false_share_stays_under_it_too() -> None:
    rng = np.random.default_rng(9)
    values = np.exp(8 + 0.05 * rng.standard_normal((400, len(AXIS))))
    values[:20, 40:] *= 0.55
    p = told(values).p[:, 40:42]
    false, all_ = 0, 0
    for t in range(2):
        sure = ~doubtful(p[:, t], 400, 0.1)
        false, all_ = false + int(sure[20:].sum()), all_ + int(sure.sum())
    assert all_ >= 30
    assert false <= 0.2 * all_
