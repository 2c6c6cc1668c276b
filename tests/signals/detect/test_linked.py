"""Whether a set of firms lies low together, by hand and against a slow way of saying the same."""

from __future__ import annotations

import numpy as np
import pytest

from qxmonitor.signals.detect import together
from qxmonitor.signals.detect.linked import FEWEST_OTHERS, LOW, lowness

RNG = np.random.default_rng(5)


def test_a_set_is_held_against_the_others_of_the_month() -> None:
    p = RNG.random((60, 7))
    p[RNG.random(p.shape) < 0.2] = np.nan
    sets = np.zeros((2, 60), dtype=bool)
    sets[0, :9], sets[1, 5:20] = True, True
    got = together(p, sets)
    for k in range(2):
        for t in range(7):
            low = [float(np.log1p(0.05 / (x + 0.005))) for x in p[:, t] if not np.isnan(x)]
            who = [bool(sets[k, i]) for i in range(60) if not np.isnan(p[i, t])]
            mine = [x for x, is_in in zip(low, who, strict=True) if is_in]
            rest = [x for x, is_in in zip(low, who, strict=True) if not is_in]
            wide = np.std(rest) * np.sqrt(len(mine) * (1 + len(mine) / len(rest)))
            assert got[k, t] == pytest.approx((sum(mine) - len(mine) * np.mean(rest)) / wide)


def test_what_lowers_everybody_says_nothing_of_a_set() -> None:
    rng = np.random.default_rng(6)
    p = rng.random((400, 400))
    sets = np.zeros((1, 400), dtype=bool)
    sets[0, :30] = True
    struck = p.copy()
    struck[:8] = 0.001
    assert together(struck, sets).min() > 3.5
    for quiet in (p, np.minimum(p, rng.random(p.shape) ** 4)):
        said = together(quiet, sets)
        assert abs(said.mean()) < 0.2 and said.std() == pytest.approx(1.0, abs=0.15) and (said > 3.5).mean() < 0.01


def test_one_firm_counts_for_no_more_than_its_bound() -> None:
    assert lowness(np.array([0.0, LOW])) == pytest.approx([np.log(11), np.log(21 / 11)])


def test_nobody_to_compare_with_says_nothing() -> None:
    sets = np.zeros((2, FEWEST_OTHERS + 2), dtype=bool)
    sets[0, :2], sets[1] = True, False
    p = RNG.random((FEWEST_OTHERS + 2, 3))
    p[5, 1] = np.nan
    p[:, 2] = np.nan
    got = together(p, sets)
    assert np.isfinite(got[0, 0]) and np.isnan(got[0, 1:]).all() and np.isnan(got[1]).all()
