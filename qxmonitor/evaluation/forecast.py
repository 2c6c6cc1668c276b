"""Forecast any file of monthly series and score it where its labels are known.

The file is csv with the columns series, t, part (train or test) and value, in any order of rows: months are whole
numbers, a month that is not there (or blank) is a gap. Test values may be blank; they are read for the score only,
after everything has been forecast.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import Refused
from qxmonitor.evaluation.files import read_text, write_csv
from qxmonitor.indicators.forecast import LEVELS_OF_COVER, State, forecast
from qxmonitor.indicators.smoothing import DAMPINGS, Floats, damped, drift, seasonal, spread_out

COLUMNS = ("series", "t", "part", "value")
OUT_COLUMNS = ("series", "t", "value", "lo80", "hi80", "lo95", "hi95")
MAX_MONTHS = 1200
MAX_AHEAD = 60
MAX_CELLS = 20_000_000
_LARGEST = 1e30


@dataclass(frozen=True)
class Problem:
    """A file's series, all ending in the last column of their history.

    Attributes:
        names: ``n`` names, in the file's order.
        last: ``(n,)`` month number of the last column.
        history: ``(n, m)``; NaN is a gap.
        asked: ``(n, h)`` months to forecast.
        labels: ``(n, h)``; NaN where blank or not asked.
    """

    names: list[str]
    last: npt.NDArray[np.int64]
    history: Floats
    asked: npt.NDArray[np.bool_]
    labels: Floats


def read(path: Path) -> Problem:
    """Read a file of series.

    Raises:
        Refused: with the line, when anything is not as described; a file is never read in part.
    """
    rows: dict[str, tuple[dict[int, float], dict[int, float]]] = {}
    for line, name, month, part, value in _rows(path):
        train, test = rows.setdefault(name, ({}, {}))
        if month in train or month in test:
            raise Refused(f"第 {line} 行：序列 {name[:40]} 的月份 {month} 重复")
        (train if part == "train" else test)[month] = value
    if not rows:
        raise Refused("文件中没有数据行")
    return _laid_out(rows)


def _rows(path: Path) -> Iterable[tuple[int, str, int, str, float]]:
    reader = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        head = [cell.strip().lower() for cell in next(reader, [])]
        missing = [column for column in COLUMNS if column not in head]
        if missing:
            raise Refused(f"缺少列：{'、'.join(missing)}")
        if any(head.count(column) > 1 for column in COLUMNS):
            raise Refused("表头中有重复的列")
        places = [head.index(column) for column in COLUMNS]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            line = reader.line_num
            if len(cells) != len(head):
                raise Refused(f"第 {line} 行：有 {len(cells)} 列，表头为 {len(head)} 列")
            name, month, part, value = (cells[place].strip() for place in places)
            if not name:
                raise Refused(f"第 {line} 行：没有序列名")
            if part.lower() not in ("train", "test"):
                raise Refused(f"第 {line} 行：part 应为 train 或 test")
            yield line, name, _month(month, line), part.lower(), _value(value, line)
    except csv.Error:
        raise Refused(f"第 {reader.line_num} 行：不是完整的 csv 记录") from None


def _month(text: str, line: int) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise Refused(f"第 {line} 行：t 应为整数月份序号")
    return int(text)


def _value(text: str, line: int) -> float:
    if not text:
        return math.nan
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise Refused(f"第 {line} 行：value 不是数")
    return value


def _laid_out(rows: dict[str, tuple[dict[int, float], dict[int, float]]]) -> Problem:
    long = ahead = 0
    last = np.zeros(len(rows), dtype=np.int64)
    for place, (name, (train, test)) in enumerate(rows.items()):
        end = max(train) if train else min(test) - 1
        if test and min(test) <= end:
            raise Refused(f"序列 {name[:40]}：test 的月份 {min(test)} 不晚于 train 的最后月份 {end}")
        long = max(long, end - min(train, default=end) + 1)
        ahead = max(ahead, max(test, default=end) - end)
        last[place] = end
    if long > MAX_MONTHS:
        raise Refused(f"有序列跨 {long} 个月，超过 {MAX_MONTHS} 个月上限")
    if ahead > MAX_AHEAD:
        raise Refused(f"需预测至 {ahead} 个月之后，超过 {MAX_AHEAD} 个月上限")
    if len(rows) * (long + ahead) > MAX_CELLS:
        raise Refused(f"{len(rows)} 条序列 × {long + ahead} 个月，超过 {MAX_CELLS} 个单元上限")
    if not ahead:
        raise Refused("没有要预测的月份（part 为 test 的行）")
    history, labels = np.full((len(rows), long), np.nan), np.full((len(rows), ahead), np.nan)
    asked = np.zeros(labels.shape, dtype=np.bool_)
    for place, (train, test) in enumerate(rows.values()):
        end = int(last[place])
        for month, value in train.items():
            history[place, long - 1 - (end - month)] = value
        for month, value in test.items():
            labels[place, month - end - 1], asked[place, month - end - 1] = value, True
    return Problem(list(rows), last, history, asked, labels)


def evaluate(path: Path, out: Path | None = None, *, compare: bool = False) -> list[dict[str, Any]]:
    """Forecast a file's test months, write them, and score those whose labels are known.

    Args:
        path: the file.
        out: the csv to write, :data:`OUT_COLUMNS`, in the file's order of series; blank where nothing is forecast.
        compare: also a row for each of the textbook methods, without intervals.

    Returns:
        A row a method: mean sMAPE (%) overall and by horizon, shares of labels inside the intervals, seconds of
        forecasting alone; None where no label is known.

    Raises:
        Refused: the file is not as :func:`read` describes, or ``out`` cannot be written.
    """
    problem = read(path)
    horizon = problem.asked.shape[1]
    begun = time.perf_counter()
    made = forecast(problem.history, horizon)
    seconds = time.perf_counter() - begun
    if out is not None:
        sides = [side[k] for k in LEVELS_OF_COVER for side in (made.low, made.high)]
        write_csv(out, OUT_COLUMNS, _lines(problem, [made.value, *sides]), read=[path])
    known = problem.asked & ~np.isnan(problem.labels)
    rows = [_scored("qxmonitor", problem, made.value, seconds)]
    judged = known & ~np.isnan(made.value)
    for level in LEVELS_OF_COVER:
        inside = (made.low[level] <= problem.labels) & (problem.labels <= made.high[level])
        rows[0][f"cover{level}"] = _share(inside[judged])
    counts = made.state[problem.asked]
    rows[0] |= {f"state_{state.word}": int((counts == state).sum()) for state in State if (counts == state).any()}
    if compare:
        for name, value in textbook(problem.history, horizon).items():
            rows.append(_scored(name, problem, value, None))
    return rows


def _scored(method: str, problem: Problem, value: Floats, seconds: float | None) -> dict[str, Any]:
    error = smape(problem.labels, value)
    error[~problem.asked] = np.nan
    row: dict[str, Any] = {
        "method": method,
        "smape": _share(error[~np.isnan(error)]),
        "series": len(problem.names),
        "months": int(problem.asked.sum()),
        "labels": int((problem.asked & ~np.isnan(problem.labels)).sum()),
        "forecasts": int((problem.asked & ~np.isnan(value)).sum()),
        "cover80": None,
        "cover95": None,
        "seconds": None if seconds is None else round(seconds, 3),
    }
    for place, column in enumerate(error.T, start=1):
        row[f"smape_{place}"] = _share(column[~np.isnan(column)])
    return row


def _share(values: npt.NDArray[Any]) -> float | None:
    return round(float(values.mean()), 4) if values.size else None


def smape(actual: Floats, value: Floats) -> Floats:
    """Symmetric absolute error in per cent, 200 |a − f| ÷ (|a| + |f|) (Makridakis & Hibon 2000); 0 where both are 0."""
    size = np.abs(actual) + np.abs(value)
    return np.asarray(200 * np.abs(actual - value) / np.where(size > 0, size, 1.0))


def textbook(history: Floats, horizon: int) -> dict[str, Floats]:
    """Plain methods to compare with: Naive2, Theta, damped trend; ours in parts, additive or in logarithms alike.

    Season by the same decomposition, no spikes set aside, parameters by one-step errors, no combination.
    """
    positive = np.where(np.isnan(history), 1.0, history).min(axis=1, initial=1.0) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        worked = np.where(positive[:, None], np.log(history), history)
    months = worked.shape[1]
    long = (~np.isnan(worked)).sum(axis=1) >= 24
    season = np.where(long[:, None], seasonal(worked)[0], 0.0)
    adjusted = worked - spread_out(season, months)
    smoothed, slope = damped(adjusted), drift(adjusted)[:, -1:]
    place = np.maximum.accumulate(np.where(np.isnan(adjusted), 0, np.arange(months)), axis=1)[:, -1:]
    ahead = np.arange(1, horizon + 1)
    reach = np.stack([np.cumsum(damping**ahead) for damping in DAMPINGS])
    made = {
        "naive2": np.repeat(np.take_along_axis(adjusted, place, axis=1), horizon, axis=1),
        "theta": smoothed.simple[:, -1, :1] + slope / 2 * (ahead - 1 + np.minimum(smoothed.lag[:, :1], months)),
        "damped": smoothed.level[:, -1, :1] + smoothed.slopes[:, -1, 0] @ reach,
    }
    forecastable = (~np.isnan(worked)).sum(axis=1, keepdims=True) >= 4
    made = {name: value + spread_out(season, horizon, months) for name, value in made.items()}
    return {
        name: np.where(forecastable, np.where(positive[:, None], np.exp(np.minimum(value, 700.0)), value), np.nan)
        for name, value in made.items()
    }


def _lines(problem: Problem, columns: list[Floats]) -> Iterable[list[object]]:
    for row, step in zip(*np.nonzero(problem.asked), strict=True):
        cells = [float(column[row, step]) for column in columns]
        month = int(problem.last[row]) + int(step) + 1
        yield [problem.names[row], month, *("" if math.isnan(c) else repr(c) for c in cells)]
