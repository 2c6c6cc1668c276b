"""Simulated series with and without shifts of level: what the level-shift detector was chosen on.

Each kind is a way in which a series moves without any shift: noise that forgets and noise that does not, slopes that
bend, cycles, a season that changes over decades, wild months, noise that grows, a scale that is not a logarithm's,
and the calibrated firms of a simulated town. Into half of the series of every kind that has a level to speak of, one
to three steps of two to six standard deviations of the noise are put. Short and long series, some not monthly at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qxmonitor.evaluation.scores import change_point_f1
from qxmonitor.indicators.smoothing import YEAR, Floats
from qxmonitor.signals.level_shift import Shifts, level_shifts
from qxmonitor.simulate.series import simulate

LENGTHS = (50, 84, 144, 240, 480)
"""Months of the series."""
SHIFTS = (1, 3)
SIZES = (2.0, 6.0)
"""Standard deviations of the noise."""
APART = 10
"""Fewest months between two shifts, and before the first and after the last."""
BURN = 100

Random = np.random.Generator
Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A way to move: ``make(rng, n, m)`` gives logarithms without and with the noise's own sd, ``(n, m)`` and ``(n,)``.

    Attributes:
        make: as said.
        level: whether shifts can be put in: a walk has no level.
        plain: the series is ``make``'s own, not its exponential.
    """

    make: Callable[[Random, int, int], tuple[Floats, Floats]]
    level: bool = True
    plain: bool = False


def _season(rng: Random, n: int, m: int) -> Floats:
    pattern = rng.normal(size=(n, YEAR))
    pattern -= pattern.mean(axis=1, keepdims=True)
    size = rng.uniform(0.0, 0.3, (n, 1))
    return np.asarray((size * pattern)[:, np.arange(m) % YEAR])


def _trend(rng: Random, n: int, m: int) -> Floats:
    return np.asarray(rng.normal(5, 1, (n, 1)) + rng.normal(0.03, 0.05, (n, 1)) * np.arange(m) / YEAR)


def _memory(rng: Random, n: int, m: int, first: float, second: float = 0.0) -> Floats:
    """Autoregression of order two with errors of unit sd, in its steady state."""
    errors = rng.standard_t(6, (n, m + BURN)) / np.sqrt(1.5)
    out = np.zeros(errors.shape)
    for t in range(2, out.shape[1]):
        out[:, t] = first * out[:, t - 1] + second * out[:, t - 2] + errors[:, t]
    return out[:, BURN:]


def _noise(rng: Random, n: int) -> Floats:
    return np.asarray(np.exp(rng.uniform(np.log(0.02), np.log(0.2), (n, 1))))


def _autoregressive(first: float) -> Callable[[Random, int, int], tuple[Floats, Floats]]:
    def make(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
        sd = _noise(rng, n) / np.sqrt(1 - first**2)
        noise = _memory(rng, n, m, first) * np.sqrt(1 - first**2) * sd
        return _trend(rng, n, m) + _season(rng, n, m) + noise, sd[:, 0]

    return make


def _walk(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    sd = _noise(rng, n)
    steps = rng.standard_t(4, (n, m)) / np.sqrt(2) * sd
    seen = rng.uniform(0, 2, (n, 1)) * sd * rng.normal(size=(n, m)) * (rng.random((n, 1)) < 0.5)
    return 5 + _season(rng, n, m) + np.cumsum(steps, axis=1) + seen, sd[:, 0]


def _bent(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Growth that speeds up, slows down or turns, smoothly or at a corner."""
    sd, t = _noise(rng, n), np.arange(m) / m
    corner = np.maximum(t - rng.uniform(0.2, 0.8, (n, 1)), 0) * rng.normal(0, 1.5, (n, 1))
    smooth = rng.normal(0, 1, (n, 1)) * np.tanh((t - rng.uniform(0.2, 0.8, (n, 1))) * rng.uniform(2, 5, (n, 1)))
    path = np.where(rng.random((n, 1)) < 0.5, corner, smooth)
    return _trend(rng, n, m) + path + _season(rng, n, m) + _memory(rng, n, m, 0.3) * sd, sd[:, 0]


def _cycle(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Business cycles: an autoregression that swings in three to eight years."""
    sd, parts = _noise(rng, n), []
    for _ in range(n):
        angle = 2 * np.pi / rng.uniform(3 * YEAR, 8 * YEAR)
        parts.append(_memory(rng, 1, m, 2 * 0.97 * np.cos(angle), -(0.97**2))[0])
    swing = np.array(parts)
    swing *= sd * rng.uniform(1, 4, (n, 1)) / swing.std(axis=1, keepdims=True)
    return _trend(rng, n, m) + _season(rng, n, m) + swing + rng.normal(size=(n, m)) * sd, sd[:, 0]


def _evolving(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """A season that wanders, and grows or shrinks, as over decades."""
    sd = _noise(rng, n)
    years = m // YEAR + 1
    steps = rng.normal(size=(n, years, YEAR)) * np.r_[1.0, np.full(years - 1, 0.15)][:, None]
    pattern = np.cumsum(steps, axis=1)
    pattern -= pattern.mean(axis=2, keepdims=True)
    season = pattern.reshape(n, -1)[:, :m] * rng.uniform(1, 6, (n, 1)) * sd
    season *= np.exp(rng.normal(0, 0.7, (n, 1)) * np.linspace(0, 1, m))
    return _trend(rng, n, m) + season + _memory(rng, n, m, 0.4) * sd, sd[:, 0]


def _wild(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Single months, now and then two in a row, far off."""
    sd = _noise(rng, n)
    hit = rng.random((n, m)) < 0.02
    hit[:, 1:] |= hit[:, :-1] & (rng.random((n, m - 1)) < 0.3)
    off = np.where(hit, rng.choice([-1, 1], (n, m)) * rng.uniform(4, 12, (n, m)), 0.0)
    return _trend(rng, n, m) + _season(rng, n, m) + (_memory(rng, n, m, 0.2) + off) * sd, sd[:, 0]


def _uneven(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Noise that becomes stronger or weaker, at once or slowly, and clusters."""
    sd, t = _noise(rng, n), np.arange(m) / m
    slow = np.exp(rng.normal(0, 1, (n, 1)) * (t - 0.5))
    sudden = np.where(t > rng.uniform(0.3, 0.7, (n, 1)), np.exp(rng.normal(0, 0.9, (n, 1))), 1.0)
    cluster = np.exp(0.25 * _memory(rng, n, m, 0.8))
    scale = np.where(rng.random((n, 1)) < 0.5, slow, sudden) * cluster
    noise = _memory(rng, n, m, 0.3) * sd * scale
    return _trend(rng, n, m) + _season(rng, n, m) + noise, sd[:, 0] * scale.mean(axis=1)


def _additive(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Counts and the like: noise and season do not grow with a level that does, and may be negative."""
    level = rng.uniform(3, 30, (n, 1)) + rng.uniform(0, 100, (n, 1)) * np.arange(m) / m
    return level + 10 * _season(rng, n, m) + _memory(rng, n, m, 0.3), np.full(n, 1.05)


def _unseasonal(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    """Not monthly: no season, or one of seven; heavy tails."""
    weekly = rng.normal(size=(n, 7))[:, np.arange(m) % 7] * rng.uniform(0, 1.5, (n, 1)) * (rng.random((n, 1)) < 0.5)
    return 100 + weekly + rng.standard_t(3, (n, m)) / np.sqrt(3), np.ones(n)


def _town(rng: Random, n: int, m: int) -> tuple[Floats, Floats]:
    town = simulate(4 * n + 40, m, int(rng.integers(10_000, 10**6)), events=False)
    rows = np.flatnonzero(~town.merged)[:n]  # who reports January
    return np.log(town.quiet[rows]), town.temper.one_step[rows]


KINDS = {
    "white": Kind(_autoregressive(0.0)),
    "ar_0.5": Kind(_autoregressive(0.5)),
    "ar_0.9": Kind(_autoregressive(0.9)),
    "walk": Kind(_walk, level=False),
    "bent": Kind(_bent),
    "cycle": Kind(_cycle),
    "evolving": Kind(_evolving),
    "wild": Kind(_wild),
    "uneven": Kind(_uneven),
    "additive": Kind(_additive, plain=True),
    "unseasonal": Kind(_unseasonal, plain=True),
    "town": Kind(_town),
}


@dataclass(frozen=True)
class Sample:
    """``n`` series of ``m`` months of one kind, and where each shifts."""

    kind: str
    values: Floats
    places: tuple[tuple[int, ...], ...]


def samples(count: int, seed: int, lengths: Sequence[int] = LENGTHS) -> list[Sample]:
    """Series of every kind and length, ``count`` each, without shifts and (where there is a level) with them."""
    out = []
    for number, (name, kind) in enumerate(KINDS.items()):
        for months in lengths:
            for shifted in (False, True) if kind.level else (False,):
                rng = np.random.default_rng([seed, number, months, shifted])
                values, sd = kind.make(rng, count, months)
                places = tuple(_places(rng, months) if shifted else () for _ in range(count))
                for row, mine in enumerate(places):
                    sizes = rng.choice([-1, 1], len(mine)) * rng.uniform(*SIZES, len(mine)) * sd[row]
                    for place, size in zip(mine, sizes, strict=True):
                        values[row, place:] += size
                out.append(Sample(name, values if kind.plain else np.exp(values), places))
    return out


def _places(rng: Random, months: int) -> tuple[int, ...]:
    most = min(SHIFTS[1], months // APART - 2)
    number = int(rng.integers(SHIFTS[0], most + 1))
    free = months - (number + 1) * APART
    cuts = np.sort(rng.integers(0, free + 1, number))
    return tuple(int(cut + APART * (k + 1)) for k, cut in enumerate(cuts))


def score(count: int, seed: int, detector: Callable[[Floats], Shifts] = level_shifts) -> list[Row]:
    """How a detector does on each kind.

    Args:
        count: series of each kind and length, with and without shifts.
        seed: of the draw.
        detector: the detector.

    Returns:
        Rows kind, false (share of series without a shift that got a mark), f1 and never (mean F1 of the detector, and
        of saying nothing, over the series with shifts), none (the same over those without) and a last row ``all``:
        means over the kinds.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for sample in samples(count, seed):
        found = detector(sample.values)
        row = rows.setdefault(sample.kind, {"false": [], "f1": [], "never": [], "none": []})
        for number, places in enumerate(sample.places):
            mine = found.month[found.series == number].tolist()
            f1 = change_point_f1(mine, {"truth": places})[0]
            if places:
                row["f1"].append(f1)
                row["never"].append(change_point_f1([], {"truth": places})[0])
            else:
                row["false"].append(float(bool(mine)))
                row["none"].append(f1)
    table = [{"kind": kind, **{name: _mean(values) for name, values in row.items()}} for kind, row in rows.items()]
    whole = {
        name: _mean([row[name] for row in table if row[name] is not None]) for name in ("false", "f1", "never", "none")
    }
    return [*table, {"kind": "all", **whole}]


def _mean(values: list[Any]) -> float | None:
    return float(np.mean(values)) if values else None
