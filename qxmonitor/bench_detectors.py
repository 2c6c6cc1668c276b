"""``qxmonitor bench --scale detectors``: all detectors over a city's firms, month by month, beside STL on some of them.

What is timed is what the rules call: falls, drifts and how long they stand (``told``), whether suppliers lie low
together, and the scan for shifts of level, which no rule reads. All months are told of, as a backtest asks; each is
judged on the months before it alone. STL (Cleveland et al. 1990; statsmodels) is timed with one decomposition a
series, and with one a month from the third year on, as verdicts that know no later month would need it.
"""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from qxmonitor.bench import Row, row
from qxmonitor.catalog.rules import rules
from qxmonitor.errors import QxError
from qxmonitor.indicators.smoothing import YEAR, Floats
from qxmonitor.signals.detect import together
from qxmonitor.signals.expectation import told
from qxmonitor.signals.level_shift import level_shifts
from qxmonitor.simulate.series import Series, simulate

_RULE, _FIRST = "output_drop", "falls, drifts, stops"


class _Clock:
    """Clock and processor seconds of this process, summed over its uses."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def measure(firms: int = 14_000, length: int = 60, indicators: int = 6, sample: int = 300) -> list[Row]:
    """Run it.

    Args:
        firms: how many; one simulated town of them for each indicator.
        length: months of each series.
        indicators: series of each firm.
        sample: series of the first town that STL decomposes too.

    Returns:
        Rows of ``what``, ``figure`` and ``unit``.

    Raises:
        QxError: statsmodels is not installed.
    """
    rule = rules().rule(_RULE)
    watch = rule.watching("firm", "returns")
    clocks = {name: _Clock() for name in (_FIRST, "leaders and suppliers", "level shifts")}
    beside, monthly = _Clock(), _Clock()
    for number in range(indicators):
        town = simulate(firms, length, seed=5001 + number)
        february = town.merged[:, None] & np.array([month.month == 2 for month in town.axis])
        values = np.where(february, 2 * town.values, town.values)
        with clocks[_FIRST].running():
            found = told(rule, watch, values, town.axis, february)
        with clocks["leaders and suppliers"].running():
            together(found.p, np.unique(town.lead[town.lead >= 0])[:, None] == town.lead)
        with clocks["level shifts"].running():
            level_shifts(values)
        if not number:
            decompose, whole = _stl(), _whole(town, sample)
            with beside.running():
                for series in whole:
                    decompose(series)
            with monthly.running():
                for series in whole:
                    for known in range(2 * YEAR + 1, length + 1):
                        decompose(series[:known])
    count, peak = firms * indicators, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [row("detectors: series", count, "series"), row("detectors: months", length, "months")]
    for name, clock in clocks.items():
        rows.append(row(f"detectors: {name}", clock.wall, "s"))
        rows.append(row(f"detectors: {name}, processor", clock.cpu, "s"))
    wall, cpu = (sum(getattr(clock, what) for clock in clocks.values()) for what in ("wall", "cpu"))
    stl, ours = beside.cpu / len(whole), clocks[_FIRST].cpu / count
    each = monthly.cpu / len(whole)
    rows += [
        row("detectors: all", wall, "s"),
        row("detectors: all, processor", cpu, "s"),
        row("detectors: peak memory, simulating included", peak, "MiB"),
        row("detectors: all, processor, a series", 1e3 * cpu / count, "ms"),
        row("detectors: STL, processor, a series", 1e3 * stl, "ms"),
        row(f"detectors: STL / {_FIRST}", stl / ours, "times"),
        row("detectors: STL / all", stl / (cpu / count), "times"),
        row("detectors: STL a month, processor, a series", 1e3 * each, "ms"),
        row(f"detectors: STL a month / {_FIRST}", each / ours, "times"),
        row("detectors: STL a month / all", each / (cpu / count), "times"),
    ]
    return rows


def _stl() -> Callable[[Floats], object]:
    try:
        from statsmodels.tsa.seasonal import STL
    except ImportError:
        raise QxError("未安装 statsmodels（开发依赖），不能与 STL 比较") from None

    def decompose(series: Floats) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return STL(series, period=YEAR).fit()

    return decompose


def _whole(town: Series, sample: int) -> list[Floats]:
    """Logarithms of some series, gaps bridged as STL needs it."""
    months = np.arange(len(town.axis))
    logs = np.log(np.maximum(town.values[:sample], 1.0))
    return [np.interp(months, months[np.isfinite(line)], line[np.isfinite(line)]) for line in logs]
