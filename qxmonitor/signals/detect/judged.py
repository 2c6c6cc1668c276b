"""What the detectors say of each series and month: quiet, fall, drift or stop, and how severe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.calendar import festival_share
from qxmonitor.indicators.january import fold, shares
from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.period import Period
from qxmonitor.signals.detect.expect import EARLIER, Expected, expect
from qxmonitor.signals.detect.shift import combined, evidence

FEWEST = 20
"""Values before a month from which on it is judged: two years, of eleven months where January goes with February."""
THRESHOLD = 2.47
"""Evidence (log of a mean likelihood ratio) from which a month speaks: at most 1 % of quiet months of simulated
series, at calibrated noise."""
STOPPED = 0.03
"""Share of the expectation at or below which a firm has stopped, if it stood above it before."""
LOSSES = (0.0, 0.25, 0.4, 0.6)
"""Share of the expectation lost from which a month that speaks is blue, yellow, orange, red."""
BLOCK = 16384
"""Series worked on together."""

NOT_JUDGED, QUIET, DRIFT, FALL, STOP = range(-1, 4)
WORDS = {QUIET: "quiet", DRIFT: "drift", FALL: "fall", STOP: "stop"}


@dataclass(frozen=True)
class Detected:
    """Verdicts on ``n`` series × ``m`` months.

    Attributes:
        kind: ``NOT_JUDGED``, ``QUIET``, ``DRIFT``, ``FALL`` or ``STOP``.
        level: 0 quiet, 1 blue … 4 red; −1 not judged.
        evidence: log likelihood ratio, infinite for a stop, at most nought where the month lies above what was
            expected (what is back at its height speaks no more); NaN where not judged.
        expected: what the month should have been, in the series' own unit.
        loss: share of that which is missing (negative: more than expected).
    """

    kind: npt.NDArray[np.int8]
    level: npt.NDArray[np.int8]
    evidence: Floats
    expected: Floats
    loss: Floats


def festival_shares(axis: Sequence[Period]) -> Floats:
    """Shares of the usual and of the early window of the Spring Festival in each month, ``(2, m)``."""
    return np.array([[festival_share(p, days) for p in axis] for days in (0, EARLIER)])


@dataclass(frozen=True)
class Looked:
    """What stands behind the verdicts on ``n`` series × ``m`` months.

    Attributes:
        seen: errors, scales and signatures.
        evidence: as in :class:`Detected`.
        fell: whether a fall is likelier than a drift.
        age: months since the likeliest beginning of the shift.
        judged: months that can be judged.
        stop: months of a stop.
        expected: in the series' own unit.
    """

    seen: Expected
    evidence: Floats
    fell: Flags
    age: npt.NDArray[np.int8]
    judged: Flags
    stop: Flags
    expected: Floats


def detect(
    values: Floats, festival: Floats, january: int, *, merged: Flags | None = None, threshold: float = THRESHOLD
) -> Detected:
    """Judge every month of every series on the months before it.

    Args:
        values: ``(n, m)`` of what is positive by nature (output, sales, power …); NaN is a month without a value,
            nought is a value.
        festival: ``(2, m)`` of :func:`festival_shares`; all nought for series that know no such calendar.
        january: the column of any January (may lie outside).
        merged: ``(n, m)`` Februaries whose value is the sum of January and February; such a series has no January in
            any year, as in :func:`~qxmonitor.indicators.forecast.forecast`.
        threshold: evidence from which a month speaks.

    Raises:
        ValueError: shapes that do not fit.
    """
    parts = [
        _detected(series, look(series, share, january), threshold)
        for series, share in blocks(values, festival, january, merged)
    ]
    return Detected(*(np.concatenate([getattr(part, name) for part in parts]) for name in Detected.__annotations__))


def blocks(values: Floats, festival: Floats, january: int, merged: Flags | None) -> Iterator[tuple[Floats, Floats]]:
    """Some series at a time, ``(b, m)``, January folded into February, and their festival shares, ``(2, b, m)``.

    Args:
        values: as in :func:`detect`, like the others.
        festival: likewise.
        january: likewise.
        merged: likewise.

    Raises:
        ValueError: shapes that do not fit.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or festival.shape != (2, values.shape[1]):
        raise ValueError("values must be (series, months), the festival (2, months)")
    flags = np.zeros(values.shape, dtype=np.bool_) if merged is None else merged
    if flags.shape != values.shape:
        raise ValueError("flags must have the shape of the values")
    folded = np.asarray(flags.any(axis=1))
    values = fold(values, flags, folded, january)
    share = np.stack([np.asarray(shares(window, folded, january)) for window in festival])
    for at in range(0, max(len(values), 1), BLOCK):
        yield values[at : at + BLOCK], share[:, at : at + BLOCK]


def look(values: Floats, share: Floats, january: int) -> Looked:
    """Expect, and weigh the evidence: of one block."""
    positive = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(positive, values, 1.0))
    seen = expect(np.where(positive, logs, np.nan), share, january)
    expected = np.exp(np.minimum(seen.value, 700.0))
    with np.errstate(invalid="ignore"):
        gone = np.isfinite(values) & (values <= STOPPED * expected)
    stop = gone & _stood(values, gone, seen.seen)
    kinds = evidence(seen)
    both = combined(kinds.ratio, seen.scale)
    judged = (positive & (seen.seen >= FEWEST)) | stop
    above = seen.error > 0
    both = np.where(judged, np.where(stop, np.inf, np.where(above, np.minimum(both, 0.0), both)), np.nan)
    with np.errstate(invalid="ignore"):
        fell = stop | (kinds.ratio["fall"] >= kinds.ratio["drift"])
    age = np.where(fell, kinds.age["fall"], kinds.age["drift"])
    return Looked(seen, both, fell, age, judged, stop, np.where(judged, expected, np.nan))


def _detected(values: Floats, seen: Looked, threshold: float) -> Detected:
    judged = seen.judged
    with np.errstate(invalid="ignore"):
        loss = np.where(judged, 1 - values / seen.expected, np.nan)
        speaks = judged & (seen.evidence >= threshold)
    kind = np.select([~judged, seen.stop, speaks & seen.fell, speaks], [NOT_JUDGED, STOP, FALL, DRIFT], QUIET)
    steps = np.sum([np.nan_to_num(loss) >= step for step in LOSSES[1:]], axis=0) + 1
    level = np.where(judged, np.where(speaks, steps, 0), -1)
    return Detected(kind.astype(np.int8), level.astype(np.int8), seen.evidence, seen.expected, loss)


def _stood(values: Floats, gone: Flags, seen: npt.NDArray[np.int64]) -> Flags:
    """Whether a series has run in all of its last three months with a value, or is in a run of stopped months."""
    count, span = values.shape
    running, stopped = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    out = np.zeros(values.shape, dtype=np.bool_)
    for t in range(span):
        here = np.isfinite(values[:, t])
        out[:, t] = stopped | ((running >= 3) & (seen[:, t] >= 3))
        stopped = np.where(here, gone[:, t] & out[:, t], stopped)
        running = np.where(here, np.where(gone[:, t], 0, running + 1), running)
    return out
