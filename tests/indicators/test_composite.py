"""Composite and diffusion indices: values by hand, loops of their own in exact arithmetic, and properties."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.indicators import composite
from qxmonitor.indicators.view import Floats

ONE = np.array([1.0])
NAN = float("nan")


def slow_changes(series: list[Fraction | None], rate: bool) -> list[Fraction | None]:
    out: list[Fraction | None] = []
    last: Fraction | None = None
    for value in series:
        if value is None or (not rate and value <= 0):
            out.append(None)
            continue
        out.append(None if last is None else value - last if rate else 200 * (value - last) / (value + last))
        last = value
    return out


def slow_index(
    group: list[list[Fraction | None]], rates: list[bool], weights: list[Fraction], least: Fraction
) -> tuple[list[Fraction | None], list[Fraction | None]]:
    """The chain (scale 1) and the diffusion index, by the book; one slot, one series after the other."""
    count, whole = len(group[0]), sum(weights)
    stands = [sum(w for s, w in zip(group, weights, strict=True) if s[t] is not None) >= least * whole
              for t in range(count)]  # fmt: skip
    kept = [[v if ok else None for v, ok in zip(s, stands, strict=True)] for s in group]
    change = [slow_changes(s, rate) for s, rate in zip(kept, rates, strict=True)]
    index: list[Fraction | None] = []
    breadth: list[Fraction | None] = []
    level: Fraction | None = Fraction(100)
    begun = False
    for t in range(count):
        here = [(c, w) for c, w in zip(change, weights, strict=True) if c[t] is not None]
        weight = sum((w for _, w in here), Fraction(0))
        mean = up = None
        if here and weight >= least * whole:
            mean, up = Fraction(0), Fraction(0)
            for c, w in here:
                known = [abs(x) for x in c if x is not None]
                size = sum(known, Fraction(0)) / len(known)
                mean += w * c[t] / size if size else 0  # type: ignore[operator]
                up += w * (Fraction(1, 2) if c[t] == 0 else int(c[t] > 0))  # type: ignore[operator]
            mean, up = mean / weight, up / weight
        breadth.append(up)
        if not stands[t] or all(s[t] is None for s in kept):
            index.append(None)
        elif not begun:
            begun = True
            index.append(level)
        else:
            level = None if level is None or mean is None or abs(mean) >= 200 else level * (200 + mean) / (200 - mean)
            index.append(level)
    return index, breadth


def plain(values: Floats) -> list[float]:
    return [None if np.isnan(v) else v for v in values.tolist()]  # type: ignore[misc]


def test_changes_by_hand() -> None:
    values = np.array([[100.0, 120.0, NAN, 80.0, 80.0], [0.5, 0.4, 0.4, NAN, 0.6], [5.0, 0.0, -1.0, 5.0, 15.0]])
    found = composite.changes(values, np.array([False, True, False]))
    assert plain(found[0]) == pytest.approx([None, 200 * 20 / 220, None, 200 * -40 / 200, 0.0])
    assert plain(found[1]) == pytest.approx([None, -0.1, 0.0, None, 0.2])
    assert plain(found[2]) == pytest.approx([None, None, None, 0.0, 100.0])  # no change of what is not positive


def test_one_series_that_doubles_and_halves_comes_back() -> None:
    values = np.array([[100.0, 200.0, 100.0, 200.0]])
    change = composite.changes(values, np.array([False]))
    assert change[0, 1:].tolist() == pytest.approx([200 / 3, -200 / 3, 200 / 3])
    mean = composite.mean_change(change, ONE, 0.6)
    assert mean[1:].tolist() == pytest.approx([1.0, -1.0, 1.0])  # in units of its own mean size
    index = composite.chained(mean, 1.0, np.ones(4, dtype=bool))
    assert index.tolist() == pytest.approx([100.0, 100 * 201 / 199, 100.0, 100 * 201 / 199])
    base = np.array([True, True, False, False])
    assert composite.rebased(index, base)[:2].mean() == pytest.approx(100.0)
    assert np.isnan(composite.rebased(index, np.zeros(4, dtype=bool))).all()


def test_diffusion_counts_what_stands_still_by_half() -> None:
    change = np.array([[NAN, 1.0, 0.0], [NAN, -2.0, 0.0], [NAN, 3.0, NAN]])
    weights = np.array([1.0, 1.0, 2.0])
    assert plain(composite.diffusion(change, weights, 0.5)) == [None, pytest.approx(0.75), pytest.approx(0.5)]
    assert plain(composite.diffusion(change, weights, 0.6)) == [None, pytest.approx(0.75), None]  # 2 of 4 is too little


def test_a_slot_short_of_its_weight_is_passed_over() -> None:
    values = np.array([[100.0, 999.0, 110.0], [50.0, NAN, 55.0]])
    weights = np.array([1.0, 1.0])
    kept = composite.told(values, weights, 0.6)
    assert plain(kept[0]) == [100.0, None, 110.0]
    change = composite.changes(kept, np.array([False, False]))
    assert plain(change[0]) == [None, None, pytest.approx(2000 / 210)]


def same(found: Floats, wanted: list[Fraction | None]) -> None:
    np.testing.assert_allclose(found, [NAN if v is None else float(v) for v in wanted], rtol=1e-9, atol=0)


CELLS = st.one_of(st.none(), st.integers(-3, 40).map(lambda n: Fraction(n, 4)))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_against_loops_in_fractions(data: st.DataObject) -> None:
    count, slots = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9))
    group = [data.draw(st.lists(CELLS, min_size=slots, max_size=slots)) for _ in range(count)]
    rates = [data.draw(st.booleans()) for _ in range(count)]
    weights = [Fraction(data.draw(st.integers(1, 4))) for _ in range(count)]
    least = data.draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1)]))
    index, breadth = slow_index(group, rates, weights, least)
    values = np.array([[NAN if v is None else float(v) for v in s] for s in group])
    w = np.array([float(x) for x in weights])
    kept = composite.told(values, w, float(least))
    change = composite.changes(kept, np.array(rates))
    mean = composite.mean_change(change, w, float(least))
    chain = composite.chained(mean, 1.0, np.isfinite(kept).any(axis=0))
    same(chain, index)
    found = composite.diffusion(change, w, float(least))
    same(found, breadth)
    assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()


@given(st.lists(st.floats(1.0, 1e6), min_size=4, max_size=12), st.floats(0.01, 1e4))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_a_level_does_not_matter(series: list[float], unit: float) -> None:
    values = np.array([series, [v * unit for v in series]])
    change = composite.changes(values, np.array([False, False]))
    assert change[0, 1:].tolist() == pytest.approx(change[1, 1:].tolist(), abs=1e-7)


@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_went_up_by_as_much_as_it_went_down_stands_where_it_was(steps: list[float]) -> None:
    mean = np.array([NAN, *steps, *(-s for s in reversed(steps))])
    index = composite.chained(mean, 1.0, np.ones(mean.size, dtype=bool))
    assert index[-1] == pytest.approx(100.0)
