"""The detectors against slow implementations of their own, by hand, and by what must hold of any series."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.period import Period, months
from qxmonitor.signals.detect import detect, festival_shares
from qxmonitor.signals.detect import expect as model
from qxmonitor.signals.detect.expect import Expected, expect
from qxmonitor.signals.detect.judged import FALL, NOT_JUDGED, QUIET, STOP
from qxmonitor.signals.detect.shift import Shape, evidence

AXIS = months(Period("2014-01"), Period("2017-12"))
FESTIVAL = festival_shares(AXIS)


def drawn(count: int, seed: int, noise: float = 0.06, gaps: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    log = 8 + rng.normal(0, 0.1, (count, 12))[:, np.arange(len(AXIS)) % 12] + rng.normal(0, noise, (count, len(AXIS)))
    values = np.exp(log - 0.3 * FESTIVAL[0])
    values[rng.random(values.shape) < gaps] = np.nan
    return values


def slow(logs: np.ndarray, january: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Errors, scales, signatures and the last new normal of one series by textbook algebra, model by model."""
    grid = list(product(model.WANDERS, model.SEASONS, zip(model.SLOPES, model.FESTIVALS, strict=True)))
    size = 16
    filters = []
    for wander, season, (slope, festival) in grid:
        prior = [100.0, slope**2, *[season**2] * 12, festival**2, (model.TIMING * festival) ** 2]
        filters.append(
            {"x": np.r_[np.zeros(14), model.FESTIVAL_EFFECT, 0.0], "p": np.diag(prior), "fit": 0.0, "past": [],
             "square": model.SCALE**2, "q": np.diag([wander**2, 0, *[(model.SEASON_STEP * season) ** 2] * 12, 0, 0]),
             "festival": festival, "step": np.zeros((model.AGES, size))}
        )  # fmt: skip
    move = np.eye(size)
    move[0, 1] = 1
    errors, scales, marks, free, begun, renewed = [], [], [], model.SCALE_WEIGHT, False, -1
    for t, value in enumerate(logs):
        share = np.array([FESTIVAL[0, t], FESTIVAL[1, t] - FESTIVAL[0, t]])
        h = np.zeros(size)
        h[0] = h[2 + (t - january) % 12] = 1
        h[14:] = share
        fresh = np.isfinite(value) and not begun
        ahead, spread = [], []
        for f in filters:
            if fresh:
                f["x"][0] = value - model.FESTIVAL_EFFECT * share[0]
            f["x"] = move @ f["x"]
            f["p"] = move @ f["p"] @ move.T + f["q"]
            noise = 1 + (model.FESTIVAL_NOISE * f["festival"] * np.abs(share).sum()) ** 2
            f["s"] = h @ f["p"] @ h + noise
            f["step"] = np.r_[np.zeros((1, size)), f["step"][:-1]] @ move.T
            f["mark"] = 1 - f["step"] @ h
            ahead.append(h @ f["x"])
            spread.append(f["s"] * f["square"])
        fits = np.array([f["fit"] for f in filters])
        weight = np.exp(fits - fits.max())
        weight /= weight.sum()
        middle = weight @ ahead
        errors.append(value - middle)
        scales.append(np.sqrt(weight @ (spread + (ahead - middle) ** 2) + (model.UNSURE * share[1]) ** 2))
        marks.append(weight @ [f["mark"] for f in filters])
        begun |= bool(np.isfinite(value))
        if np.isfinite(value):
            free += not fresh
            for f, a, total in zip(filters, ahead, spread, strict=True):
                off = 0.0 if fresh else value - a
                ratio = off**2 / total
                if not fresh:
                    square = off**2 / f["s"]
                    f["past"].append(square)
                    f["square"] += ((model.TAIL + 1) / (model.TAIL + ratio) * square - f["square"]) / free
                    f["fit"] -= 0.5 * np.log(total) + (model.TAIL + 1) / 2 * np.log1p(ratio / model.TAIL)
                gain = f["p"] @ h / f["s"]
                f["x"] = f["x"] + gain * off * min(1, model.HUBER / max(np.sqrt(ratio), 1e-150))
                f["p"] = f["p"] - np.outer(gain, h @ f["p"])
                f["step"] = f["step"] + np.outer(f["mark"], gain)
        if t % model.REFINED == model.REFINED - 1:
            for f in filters:
                past = np.array(f["past"])
                for _ in range(model.ROUNDS):
                    part = ((model.TAIL + 1) * past / (model.TAIL + past / f["square"])).sum()
                    f["square"] = (model.SCALE_WEIGHT * model.SCALE**2 + part) / free
        late = range(t + 1 - model.AGES, t + 1)
        told = [at for at in late if at >= 0 and np.isfinite(errors[at])]
        if late[0] > renewed and len(told) >= model.AGES - 2 and late[0] >= 0:
            shown = {at: marks[at][at - late[0]] for at in told}
            much = sum(shown[at] ** 2 / scales[at] ** 2 for at in told)
            stays = sum(shown[at] * errors[at] / scales[at] ** 2 for at in told) / much
            if abs(stays) * np.sqrt(much) > model.RENEWED and all(errors[at] * stays > 0 for at in told):
                renewed = t
                for f in filters:
                    f["x"] = f["x"] - stays * f["step"][-1]
                    f["x"][0] += stays
    return np.array(errors), np.array(scales), np.array(marks).T, renewed


def test_the_filter_is_the_textbooks() -> None:
    """Of series in groups alike and of some with gaps of their own; one of each has come to a new normal."""
    logs = np.log(np.concatenate([drawn(model.CHUNK // 4 + 3, 1, gaps=0.0), drawn(6, 1)]))
    logs[[1, -2], 22:] -= 0.9
    seen = expect(logs, np.repeat(FESTIVAL[:, None], len(logs), axis=1), 0)
    for row in (0, 1, len(logs) - 3, len(logs) - 2, len(logs) - 1):
        errors, scales, marks, renewed = slow(logs[row], 0)
        assert (renewed > 0) == (row in (1, len(logs) - 2))
        assert max(seen.renewed[row]) == (renewed if renewed < len(AXIS) - 1 else -1)
        np.testing.assert_allclose(seen.error[row], errors, rtol=0, atol=1e-9)
        np.testing.assert_allclose(seen.scale[row], scales, rtol=1e-9)
        np.testing.assert_allclose(seen.signature[:, row], marks, rtol=0, atol=1e-9)


def test_company_changes_no_number() -> None:
    """Groups alike are filtered together, others each by its own months: the figures are the same alone."""
    values = np.concatenate([drawn(model.CHUNK + 5, 8, gaps=0.0), drawn(40, 9, gaps=0.1)])
    values[-3:, :15] = np.nan
    values[::7, 30:] *= 0.5
    logs, share = np.log(values), np.repeat(FESTIVAL[:, None], len(values), axis=1)
    share[:, ::2, 1] /= 2
    whole = expect(logs, share, 0)
    for rows in ([0], [7, model.CHUNK + 4], list(range(len(logs) - 5, len(logs))), [2, 3]):
        alone = expect(logs[rows], share[:, rows], 0)
        for name in Expected.__annotations__:
            np.testing.assert_allclose(
                getattr(whole, name)[..., rows, :], getattr(alone, name), rtol=1e-10, atol=1e-10, err_msg=name
            )


def test_a_signature_is_what_a_step_leaves_in_the_errors() -> None:
    """Two series, one with a tiny step (too small for robust steps to matter): their errors differ by the signature."""
    logs = np.log(drawn(1, 2, gaps=0.0))
    moved, tiny, began = logs.copy(), 1e-7, 35
    moved[0, began:] += tiny
    share = FESTIVAL[:, None]
    before, after = (expect(one, share, 0) for one in (logs, moved))
    for age in range(3):
        difference = (after.error - before.error)[0, began + age] / tiny
        assert difference == pytest.approx(before.signature[age, 0, began + age], abs=0.12)
    assert before.signature[0, 0, began] == 1.0


def test_evidence_is_the_likelihood_ratio_written_out() -> None:
    rng = np.random.default_rng(3)
    error, scale = rng.normal(0, 0.1, (2, 9)), rng.uniform(0.05, 0.2, (2, 9))
    error[0, 5] = np.nan
    mark = rng.uniform(0.5, 1, (model.AGES, 2, 9))
    renewed = np.full((2, 9), -1)
    renewed[1, 6:] = 5
    seen = Expected(error, error, scale, mark, renewed, renewed)
    shape = Shape("fall", float(np.log(0.75)), 1, (0.5, 0.3, 0.2))
    got = evidence(seen, (shape,)).ratio["fall"]
    t6 = model.TAIL
    for row, t in product(range(2), range(9)):
        if np.isnan(error[row, t]):
            assert np.isnan(got[row, t])
            continue
        total = 0.0
        for age, prior in enumerate(shape.weights):
            began = t - age
            if began < 0 or began <= renewed[row, t]:
                continue
            ratio = 1.0
            for at in range(began, t + 1):
                if np.isfinite(error[row, at]):
                    z0, z1 = error[row, at], error[row, at] - shape.size * mark[at - began, row, at]
                    ratio *= ((1 + z1**2 / t6 / scale[row, at] ** 2) / (1 + z0**2 / t6 / scale[row, at] ** 2)) ** (
                        -(t6 + 1) / 2
                    )
            total += prior * ratio
        assert got[row, t] == pytest.approx(np.log(total))


def test_a_slow_shape_is_a_sum_of_steps() -> None:
    error = np.zeros((1, 4))
    mark = np.ones((model.AGES, 1, 4))
    none = np.full((1, 4), -1)
    seen = Expected(error, error, np.ones((1, 4)), mark, none, none)
    creeping = evidence(seen, (Shape("drift", -0.6, 3, (0.0, 0.0, 0.0, 1.0)),)).ratio["drift"][0, 3]
    marks = np.array([-0.2, -0.4, -0.6, -0.6])
    assert creeping == pytest.approx(-(model.TAIL + 1) / 2 * np.log1p(marks**2 / model.TAIL).sum())


def test_falls_and_stops_are_told_and_quiet_months_are_not() -> None:
    values = drawn(60, 4, noise=0.04, gaps=0.0)
    quiet = detect(values, FESTIVAL, 0)
    assert (quiet.level[:, :20] == -1).all() and (quiet.kind[:, 24:] != NOT_JUDGED).all()
    assert (quiet.level[:, 24:] > 0).mean() <= 0.01
    fallen, stopped = values.copy(), values.copy()
    fallen[:, 40:] *= 0.6
    stopped[:, 40:] = 0.0
    fall = detect(fallen, FESTIVAL, 0)
    assert (fall.kind[:, 40] == FALL).mean() >= 0.95 and (fall.level[:, 41] >= 2).mean() >= 0.95
    assert fall.loss[:, 40].mean() == pytest.approx(0.4, abs=0.03)
    stop = detect(stopped, FESTIVAL, 0)
    assert (stop.kind[:, 40:] == STOP).all() and (stop.level[:, 40:] == 4).all()
    np.testing.assert_array_equal(fall.level[:, :40], quiet.level[:, :40])


def test_a_wandering_festival_is_no_fall() -> None:
    """New Year's Day: 31 January 2014, 19 February 2015, 8 February 2016, 28 January 2017, 16 February 2018."""
    axis = months(Period("2010-01"), Period("2018-12"))
    rng = np.random.default_rng(5)
    share = festival_shares(axis)
    for early in (0.0, 0.5, 1.0):
        effect = -0.5 * ((1 - early) * share[0] + early * share[1])
        values = np.exp(8 + effect + rng.normal(0, 0.03, (40, len(axis))))
        found = detect(values, share, 0)
        winter = np.array([p.month <= 3 for p in axis])
        assert (found.level[:, winter] > 0).mean() <= 0.004


def test_a_shift_that_stays_becomes_the_new_normal() -> None:
    values = drawn(20, 6, noise=0.03, gaps=0.0)
    values[:, 24:] *= 0.4
    found = detect(values, FESTIVAL, 0)
    assert (found.level[:, 25] > 0).all()
    assert (found.level[:, 36:] > 0).mean() <= 0.03
    assert abs(np.median(found.loss[:, 36:])) <= 0.03


def test_january_with_february_is_judged_in_february() -> None:
    values = drawn(30, 7, noise=0.03, gaps=0.0)
    february = np.array([p.month == 2 for p in AXIS])
    merged = np.broadcast_to(february, values.shape)
    values[:, 1::12] += values[:, 0::12]
    values[:, 0::12] = np.nan
    values[:, 37] *= 0.5
    found = detect(values, FESTIVAL, 0, merged=merged)
    assert (found.kind[:, 0::12] == NOT_JUDGED).all()
    assert (found.kind[:, 37] == FALL).mean() >= 0.95 and (found.kind[:, 25] == QUIET).mean() >= 0.95


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(22, 46),
    factor=st.floats(1e-6, 1e6),
    later=st.sampled_from([0.0, 1e-9, 3.0, np.nan, -5.0]),
)
def test_later_values_units_and_company_change_nothing(seed: int, cut: int, factor: float, later: float) -> None:
    values = drawn(3, seed)
    whole = detect(values, FESTIVAL, 0)
    changed = values.copy()
    changed[:, cut:] = later if np.isnan(later) or later <= 0 else changed[:, cut:] * later
    past = detect(changed, FESTIVAL, 0)
    np.testing.assert_array_equal(past.level[:, :cut], whole.level[:, :cut])
    np.testing.assert_allclose(past.evidence[:, :cut], whole.evidence[:, :cut], rtol=0, atol=1e-9)
    scaled = detect(values[::-1] * factor, FESTIVAL, 0)
    np.testing.assert_allclose(scaled.evidence[::-1], whole.evidence, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(detect(values[1:2], FESTIVAL, 0).level, whole.level[1:2])


def test_nothing_in_nothing_out_and_wrong_shapes_are_refused() -> None:
    assert detect(np.empty((0, 48)), FESTIVAL, 0).level.shape == (0, 48)
    assert detect(np.full((2, 48), np.nan), FESTIVAL, 0).level.max() == -1
    for values, festival in ((np.zeros(48), FESTIVAL), (np.zeros((1, 48)), FESTIVAL[:, :-1])):
        with pytest.raises(ValueError):
            detect(values, festival, 0)
    with pytest.raises(ValueError):
        detect(np.zeros((1, 48)), FESTIVAL, 0, merged=np.zeros((2, 48), dtype=bool))
