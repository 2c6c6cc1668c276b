"""Seeded monthly series on which method and parameters of the forecast were chosen, and a table of methods on them.

    python -m tests.indicators.synthetic_series --seed 1 --count 400

Six kinds, as industry has them, every one with a season of random strength and shape, lengths 60 to 130 months: a level
that wanders (random walk in noise), a trend that damps, a straight trend with autocorrelated noise, a business cycle
(second-order autoregression), a level that shifts now and then, and heavy-tailed noise with spikes. A third have a
season that slowly changes. None of them was shaped on any outside data.
"""

from __future__ import annotations

import argparse

import numpy as np

from qxmonitor.evaluation.forecast import smape, textbook
from qxmonitor.indicators.forecast import LEVELS_OF_COVER, forecast
from qxmonitor.indicators.smoothing import Floats

KINDS = ("wander", "damped", "straight", "cycle", "shift", "spikes")


def series(count: int, seed: int, months: int = 130, ahead: int = 18, shortest: int = 60) -> tuple[Floats, Floats]:
    """History ``(count, months)``, aligned at its end with NaN before a series begins, and what follows."""
    rng = np.random.default_rng(seed)
    total = months + ahead
    t = np.arange(total)
    kind = np.arange(count) % len(KINDS)
    sigma = np.exp(rng.normal(np.log(0.05), 0.6, count))
    noise = rng.normal(size=(count, total))
    level = np.zeros((count, total))

    def of(name: str) -> Floats:
        return (kind == KINDS.index(name))[:, None]

    ratio = rng.uniform(0.1, 0.6, (count, 1))
    steps = rng.normal(size=(count, total)) * ratio
    level += of("wander") * np.cumsum(steps, axis=1)
    slope = np.zeros(count)
    damped = np.zeros((count, total))
    damping = rng.uniform(0.85, 0.98, count)
    for at in range(1, total):
        slope = damping * slope + rng.normal(size=count) * 0.08
        damped[:, at] = damped[:, at - 1] + slope + steps[:, at] * 0.5
    level += of("damped") * damped
    level += of("straight") * (rng.normal(0, 0.05, (count, 1)) * t)
    level += of("cycle") * _autoregression(rng, count, total, 1.75, -0.80) * 0.3
    jumps = (rng.random((count, total)) < 1 / 60) * rng.normal(0, 4, (count, total))
    level += of("shift") * (np.cumsum(jumps, axis=1) + np.cumsum(steps * 0.3, axis=1))
    level += of("spikes") * np.cumsum(steps, axis=1) * 0.5
    coloured = np.where(of("straight"), _autoregression(rng, count, total, 0.6, 0.0), noise)
    heavy = rng.standard_t(3, (count, total)) + (rng.random((count, total)) < 0.02) * rng.normal(0, 6, (count, total))
    rough = np.where(of("spikes"), heavy, coloured)
    strength = rng.choice([0.0, 0.05, 0.15], (count, 1), p=[0.3, 0.4, 0.3])
    season = rng.normal(size=(count, 12)) * strength
    drift = rng.normal(size=(count, 12)) * strength * (rng.random((count, 1)) < 1 / 3) * 0.05
    seasonal = season[:, t % 12] + drift[:, t % 12] * (t // 12)
    growth = rng.normal(0.002, 0.003, (count, 1)) * t * (rng.random((count, 1)) < 0.5)
    values = np.exp(8 + growth + seasonal + sigma[:, None] * (level + rough))
    length = rng.integers(shortest, months + 1, count)
    values[:, :months][t[:months] < (months - length)[:, None]] = np.nan
    return values[:, :months], values[:, months:]


def _autoregression(rng: np.random.Generator, count: int, total: int, one: float, two: float) -> Floats:
    out = np.zeros((count, total + 60))
    for at in range(2, total + 60):
        out[:, at] = one * out[:, at - 1] + two * out[:, at - 2] + rng.normal(size=count)
    return out[:, 60:]


def table(count: int, seed: int) -> list[str]:
    """A line a kind and method: mean sMAPE; then how often the intervals hold."""
    history, ahead = series(count, seed)
    made = forecast(history, ahead.shape[1])
    methods = {"qxmonitor": made.value, **textbook(history, ahead.shape[1])}
    kind = np.arange(count) % len(KINDS)
    lines = ["  ".join([f"{'sMAPE %':10}", *(f"{name:>9}" for name in KINDS), f"{'all':>9}"])]
    for name, value in methods.items():
        error = smape(ahead, value)
        cells = [error[kind == place].mean() for place in range(len(KINDS))] + [error.mean()]
        lines.append("  ".join([f"{name:10}", *(f"{cell:9.2f}" for cell in cells)]))
    for level in LEVELS_OF_COVER:
        inside = (made.low[level] <= ahead) & (ahead <= made.high[level])
        cells = [inside[kind == place].mean() for place in range(len(KINDS))] + [inside.mean()]
        lines.append("  ".join([f"cover {level:<4}", *(f"{cell:9.3f}" for cell in cells)]))
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=600)
    given = parser.parse_args()
    print("\n".join(table(given.count, given.seed)))
